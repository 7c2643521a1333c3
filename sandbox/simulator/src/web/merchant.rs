//! The control API of what only V3 has: keys, password-exempt contracts, notices of any kind.

use axum::Json;
use axum::extract::Path;
use counterparty::PlatformCertificate;
use serde::Deserialize;
use serde_json::{Value, json};

use super::State;
use super::control::{Answer, By, Problem, act, done};
use crate::model::{KeyMode, key};
use crate::rules::v3::{AnyNotice, sign_exempt, tell_any, terminate_exempt_by};
use crate::rules::{Refused, Scene};
use crate::time::{DAY, HOUR, seconds};

/// Five years, as WeChat's.
const CERTIFICATE_LIFE: i64 = 5 * 365 * DAY;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", tag = "mode", deny_unknown_fields)]
enum Mode {
    Certificate,
    Grey {
        /// 1 to 7.
        #[serde(default = "first_day")]
        day: i64,
    },
    Confirmed,
    PublicKey,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Renewal {
    serial: String,
    share: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MerchantCertificate {
    serial: String,
    /// WeChat has the certificate alone; a test merchant's private key stands for it.
    private_key: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ApiV3Key {
    key: String,
    #[serde(default)]
    old_share: f64,
}

/// The keys, without what only WeChat Pay has.
pub(crate) async fn keys(shared: State, Path(mch_id): Path<String>) -> Answer {
    let described = act(&shared, &mch_id, |scene| {
        let (now, configured) = (scene.now, &scene.merchant.wechat);
        let keys = scene.world.keys_of(configured.mch_id());
        let wechat = keys.wechat(configured)?;
        let certificates = wechat.platform_certificates().iter().map(|certificate| {
            json!({
                "serial": certificate.serial,
                "pem": certificate.certificate_pem,
                "effective_ms": certificate.effective.saturating_mul(1_000),
                "expire_ms": certificate.expires.saturating_mul(1_000),
                "share": keys.certificate_share(&wechat, &certificate.serial),
            })
        });
        let certificates: Vec<Value> = certificates.collect();
        Ok(json!({
            "mode": keys.mode,
            "share": keys.share(now),
            "public_key_id": wechat.public_key_id(),
            "certificates": certificates,
            "api_v3_key_changed_ms": keys.api_v3_key.as_ref().map(|changed| changed.at_ms),
        }))
    })?;
    Ok(Json(described))
}

/// Changes the keys.
pub(crate) async fn change_keys(
    shared: State,
    Path((mch_id, what)): Path<(String, String)>,
    Json(body): Json<Value>,
) -> Answer {
    match what.as_str() {
        "mode" => {
            let mode: Mode = serde_json::from_value(body)?;
            done(act(&shared, &mch_id, |scene| {
                let mode = mode.at(scene.now);
                scene.world.keys_of(&mch_id).set_mode(mode);
                Ok(())
            }))
        }
        "certificates" => {
            let certificate = act(&shared, &mch_id, issue)?;
            Ok(Json(json!({ "serial": certificate.serial, "pem": certificate.certificate_pem })))
        }
        "renewal" => {
            let Renewal { serial, share } = serde_json::from_value(body)?;
            done(act(&shared, &mch_id, |scene| renew(scene, &serial, share)))
        }
        "merchant" => {
            let MerchantCertificate { serial, private_key } = serde_json::from_value(body)?;
            done(act(&shared, &mch_id, |scene| {
                Ok(scene.world.keys_of(&mch_id).merchant.apply(&serial, &private_key)?)
            }))
        }
        "api-v3-key" => {
            let ApiV3Key { key, old_share } = serde_json::from_value(body)?;
            if key.len() != 32 {
                return Err(Problem::NotUnderstood("an APIv3 key has 32 bytes".to_owned()));
            }
            done(act(&shared, &mch_id, |scene| {
                let now = scene.now;
                scene.world.keys_of(&mch_id).change_api_v3_key(&key, old_share, now);
                Ok(())
            }))
        }
        _ => Err(Refused::Unknown.into()),
    }
}

/// A certificate disappears.
pub(crate) async fn withdraw(shared: State, Path((mch_id, serial)): Path<(String, String)>) -> Answer {
    done(act(&shared, &mch_id, |scene| {
        has_key(scene, &serial)?;
        scene.world.keys_of(&mch_id).withdraw(&serial);
        Ok(())
    }))
}

/// A certificate of the merchant's is revoked.
pub(crate) async fn revoke(shared: State, Path((mch_id, serial)): Path<(String, String)>) -> Answer {
    done(act(&shared, &mch_id, |scene| {
        let in_force = scene.world.merchant_keys(scene.merchant)?;
        in_force.iter().find(|key| key.serial() == serial).ok_or(Refused::Unknown)?;
        scene.world.keys_of(&mch_id).merchant.revoke(&serial);
        Ok(())
    }))
}

/// Sends a notice that no rule leads to.
pub(crate) async fn notify(shared: State, Path(mch_id): Path<String>, Json(body): Json<Value>) -> Answer {
    let wanted: AnyNotice = serde_json::from_value(body)?;
    let id = act(&shared, &mch_id, |scene| Ok(tell_any(scene, wanted)?))?;
    Ok(Json(json!({ "id": id })))
}

/// The password-exempt contracts.
pub(crate) async fn exempt_contracts(shared: State, Path(mch_id): Path<String>) -> Answer {
    shared.look(|inner| {
        let ours: Vec<_> = inner.world.exempt.values().filter(|exempt| exempt.mch_id == mch_id).collect();
        Ok(Json(serde_json::to_value(ours)?))
    })
}

/// One of them.
pub(crate) async fn exempt_contract(shared: State, Path((mch_id, code)): Path<(String, String)>) -> Answer {
    shared.look(|inner| {
        let exempt = inner.world.exempt.get(&key(&mch_id, &code)).ok_or(Refused::Unknown)?;
        Ok(Json(serde_json::to_value(exempt)?))
    })
}

/// What happens to one of them.
pub(crate) async fn change_exempt(
    shared: State,
    Path((mch_id, code, what)): Path<(String, String, String)>,
    Json(body): Json<Value>,
) -> Answer {
    match what.as_str() {
        "sign" => {
            let contract_id = act(&shared, &mch_id, |scene| sign_exempt(scene, &code))?;
            Ok(Json(json!({ "contract_id": contract_id })))
        }
        "terminate" => {
            let By { by } = serde_json::from_value(body)?;
            done(act(&shared, &mch_id, |scene| terminate_exempt_by(scene, &code, by)))
        }
        _ => Err(Refused::Unknown.into()),
    }
}

impl Mode {
    fn at(self, now: i64) -> KeyMode {
        match self {
            Self::Certificate => KeyMode::Certificate,
            Self::Grey { day } => {
                KeyMode::Grey { since_ms: now.saturating_sub(day.saturating_sub(1).saturating_mul(DAY)) }
            }
            Self::Confirmed => KeyMode::Confirmed,
            Self::PublicKey => KeyMode::PublicKey,
        }
    }
}

fn issue(scene: &mut Scene<'_>) -> Result<PlatformCertificate, Refused> {
    let from = seconds(scene.now.saturating_sub(HOUR));
    let certificate = PlatformCertificate::issue(from, from.saturating_add(seconds(CERTIFICATE_LIFE)))?;
    let mch_id = scene.mch_id().to_owned();
    scene.world.keys_of(&mch_id).add(certificate.clone());
    Ok(certificate)
}

fn renew(scene: &mut Scene<'_>, serial: &str, share: f64) -> Result<(), Refused> {
    has_key(scene, serial)?;
    let mch_id = scene.mch_id().to_owned();
    scene.world.keys_of(&mch_id).renew(serial, share);
    Ok(())
}

fn has_key(scene: &mut Scene<'_>, serial: &str) -> Result<(), Refused> {
    let configured = &scene.merchant.wechat;
    let wechat = scene.world.keys_of(configured.mch_id()).wechat(configured)?;
    let mut certificates = wechat.platform_certificates().iter();
    certificates.any(|certificate| certificate.serial == serial).then_some(()).ok_or(Refused::Unknown)
}

fn first_day() -> i64 {
    1
}
