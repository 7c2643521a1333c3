//! A merchant's keys: readable, fitting together, not ending soon, and those that WeChat has.

use domain::{MchId, Timestamp};
use setup::SigningKeys;
use setup::layout::CertificatesSecret;
use verify::MerchantCertificate;
use wechat::v3::SecurityEcho;
use wechat::{CallError, Client, ErrorKind, Hosts, Http, Keys, Moment};

use super::{At, Finding};
use crate::keys::{Held, KeyStore, Shown, describe};

/// As the alarm `certificate-expiry`.
const DAYS_TO_RENEW: i64 = 30;

/// Looks at the keys of a merchant, and asks WeChat at these hosts whether they are the right ones.
pub(super) async fn check(store: &KeyStore, mch_id: &MchId, now: Timestamp, hosts: &str, http: Http) -> Vec<Finding> {
    let at = At::new("secrets", mch_id.as_str());
    let echo = At::new("WeChat", mch_id.as_str());
    let not_asked = |why: &str| echo.unchecked(why, "mend the secrets first");
    let held = match store.read(mch_id).await {
        Ok(Some(held)) => held,
        Ok(None) => {
            return vec![at.failure("are not there", import(mch_id)), not_asked("there are no keys to ask with")];
        }
        Err(wrong) if wrong.problem == "AccessDeniedException" => {
            let denied = at.unchecked(
                format_args!("{wrong}: these credentials may not ask: secretsmanager:GetSecretValue"),
                "ask with a role that may read the secrets",
            );
            return vec![
                denied,
                echo.unchecked("without the keys nobody can ask", "ask with a role that may read the secrets"),
            ];
        }
        Err(wrong) => return vec![at.failure(wrong, import(mch_id)), not_asked("the keys cannot be read")],
    };
    let fetched = store.certificates(mch_id).await;
    let keys = match store.keys(mch_id, &held) {
        Ok(keys) => keys,
        Err(wrong) => return vec![at.failure(wrong, import(mch_id)), not_asked("no function starts with these keys")],
    };
    let mut findings = vec![at.ok("a function starts with them")];
    let fetched = match fetched {
        Ok(fetched) => fetched,
        Err(wrong) => {
            findings.push(at.warning(wrong, "the worker writes it anew; its log says why it did not"));
            None
        }
    };
    let shown = describe(mch_id, &held, fetched.as_ref(), now);
    findings.extend(pair(&held, mch_id));
    findings.push(ending(&shown));
    findings.push(wechats(&shown, now));
    let keys = with_fetched(store, mch_id, held, fetched).unwrap_or(keys);
    findings.push(ask(&echo, &keys, now, hosts, http).await);
    findings
}

/// The keys and what the worker fetched, as functions have them.
fn with_fetched(
    store: &KeyStore,
    mch_id: &MchId,
    mut held: Held,
    fetched: Option<CertificatesSecret>,
) -> Option<SigningKeys> {
    held.verify.platform_certificates.extend(fetched?.platform_certificates);
    store.keys(mch_id, &held).ok()
}

fn import(mch_id: &MchId) -> String {
    format!("papay keys import --mch-id {mch_id}: docs/keys.md")
}

/// Whether certificate, private key and serial are of one piece.
fn pair(held: &Held, mch_id: &MchId) -> Vec<Finding> {
    let at = At::new("key and certificate", mch_id.as_str());
    let fix = format!("papay keys rotate merchant --mch-id {mch_id}, with both files of one archive");
    let Some(client) = &held.sign.client else {
        return vec![at.left_out("there is no client certificate: no V2 refunds")];
    };
    let certificate = match MerchantCertificate::read(&client.certificate) {
        Ok(certificate) => certificate,
        Err(error) => return vec![at.failure(error, fix)],
    };
    if !certificate.certifies(&client.private_key).unwrap_or(false) {
        return vec![at.failure("the client certificate is not for its private key", fix)];
    }
    match &held.sign.merchant {
        Some(merchant) if merchant.serial != certificate.serial => {
            vec![at.warning(
                format_args!("V3 calls name {}, V2 refunds show {}", merchant.serial, certificate.serial),
                fix,
            )]
        }
        Some(merchant) if !certificate.certifies(&merchant.private_key).unwrap_or(false) => {
            vec![at.failure(format_args!("V3 calls name {} and are signed by another key", merchant.serial), fix)]
        }
        _ => vec![at.ok(format_args!("{} is for its private key", certificate.serial))],
    }
}

/// When the client certificate ends.
fn ending(shown: &Shown) -> Finding {
    let at = At::new("expiry", shown.mch_id.as_str());
    let fix = "papay keys rotate merchant, with the new one of the merchant platform: docs/runbook/expiry.md";
    match &shown.client_certificate {
        None => at.left_out("there is no client certificate"),
        Some(client) if client.days_left < 0 => {
            at.failure(format_args!("the client certificate ended on {:.10}", client.ends.to_string()), fix)
        }
        Some(client) if client.days_left < DAYS_TO_RENEW => {
            at.warning(format_args!("the client certificate ends in {} days", client.days_left), fix)
        }
        Some(client) => at.ok(format_args!("the client certificate has {} days left", client.days_left)),
    }
}

/// What verifies WeChat's V3 messages.
fn wechats(shown: &Shown, now: Timestamp) -> Finding {
    let at = At::new("WeChat's keys", shown.mch_id.as_str());
    if shown.api_v3_key.is_none() {
        return at.left_out("there is no APIv3 key: no V3 notices");
    }
    if let Some(id) = shown.public_keys.last() {
        return at.ok(id);
    }
    let fix = "papay keys import --public-key, or let the worker fetch certificates: docs/keys.md";
    let certificates = shown.platform_certificates.iter().chain(&shown.fetched_certificates);
    match certificates.max_by_key(|certificate| certificate.ends) {
        None => at.failure("there are none: every V3 notice is refused", fix),
        Some(last) if last.ends < now => {
            at.failure(format_args!("the last certificate ended on {:.10}", last.ends.to_string()), fix)
        }
        Some(last) if last.days_left < DAYS_TO_RENEW => {
            at.warning(format_args!("the last certificate ends in {} days", last.days_left), fix)
        }
        Some(last) => at.ok(format_args!("{} has {} days left", last.serial, last.days_left)),
    }
}

/// The self-test of WeChat's: signing, verification and encryption, both ways.
async fn ask(at: &At, keys: &SigningKeys, now: Timestamp, hosts: &str, http: Http) -> Finding {
    if keys.v3.is_none() {
        return at.left_out("there is no private key of the merchant's, and WeChat has no self-test for V2");
    }
    match echo(keys, now, hosts, http).await {
        Ok(true) => at.ok(format_args!("{hosts} echoes, signed and encrypted")),
        Ok(false) => at.warning(
            format_args!("{hosts} echoes, but not encrypted"),
            "try again; then look at the merchant's certificate in the platform",
        ),
        Err(EchoError::Unprepared(problem)) => at.unchecked(problem, "papay keys import --public-key: docs/keys.md"),
        Err(EchoError::Call(error)) => refused(at, hosts, &error),
    }
}

enum EchoError {
    Unprepared(String),
    Call(CallError),
}

async fn echo(keys: &SigningKeys, now: Timestamp, hosts: &str, http: Http) -> Result<bool, EchoError> {
    let unprepared = |error: wechat::Invalid| EchoError::Unprepared(error.to_string());
    let client = Client::over(Hosts::parse(hosts).map_err(unprepared)?, http);
    let mut ours = Keys::new(keys.merchant.clone());
    if let Some(signer) = &keys.v3 {
        ours = ours.with_signer(signer.clone());
    }
    let echo = SecurityEcho { message: "papay doctor".to_owned(), notify_url: None };
    let prepared = echo.prepare(&ours, &Moment::new(now)).map_err(unprepared)?;
    client.send(&prepared, &ours, now).await.map(|echoed| echoed.decrypted).map_err(EchoError::Call)
}

fn refused(at: &At, hosts: &str, error: &CallError) -> Finding {
    let code = error.code.as_deref().unwrap_or("no code");
    match error.kind {
        ErrorKind::NotSent | ErrorKind::NoAnswer => at.failure(
            format_args!("{hosts} does not answer from here"),
            "look at the network, the proxy and the firewall",
        ),
        ErrorKind::Unbelievable => at.failure(
            format_args!("its answer is not signed by a key that is known ({code})"),
            "papay keys import --public-key, with the id that the merchant platform shows: docs/keys.md",
        ),
        ErrorKind::Refused { .. } | ErrorKind::Http(400..500) => at.failure(
            format_args!("WeChat refuses: {code}"),
            "compare serial and certificate with the merchant platform; papay keys rotate merchant: docs/keys.md",
        ),
        ErrorKind::Http(_) | ErrorKind::Unreadable => {
            at.unchecked(format_args!("WeChat did not tell: {code}"), "try again")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;
    use crate::keys::{ShownCertificate, ShownKey};

    fn shown(days: Option<i64>) -> (Shown, Timestamp) {
        let now = Timestamp::from_second(1_795_000_000).unwrap();
        let certificate = |days: i64| ShownCertificate {
            serial: "5F1C".to_owned(),
            ends: Timestamp::from_second(now.as_second() + days * 86_400).unwrap(),
            days_left: days,
        };
        let shown = Shown {
            mch_id: MchId::parse("10000100").unwrap(),
            api_v2_key: None,
            api_v3_key: Some(ShownKey { has_previous: false }),
            public_keys: Vec::new(),
            platform_certificates: days.into_iter().map(certificate).collect(),
            fetched_certificates: Vec::new(),
            fetched_at: None,
            merchant_serial: None,
            client_certificate: days.map(certificate),
        };
        (shown, now)
    }

    #[test]
    fn a_certificate_is_told_thirty_days_before_it_ends() {
        let levels = |days| {
            let (shown, now) = shown(days);
            (ending(&shown).level, wechats(&shown, now).level)
        };
        assert_eq!(levels(Some(31)), (Level::Ok, Level::Ok));
        assert_eq!(levels(Some(29)), (Level::Warning, Level::Warning));
        assert_eq!(levels(Some(-1)), (Level::Failure, Level::Failure));
        assert_eq!(levels(None), (Level::LeftOut, Level::Failure), "nothing verifies V3");
    }

    #[test]
    fn with_a_public_key_no_certificate_is_missed() {
        let (mut shown, now) = shown(Some(-1));
        shown.public_keys.push("PUB_KEY_ID_1".to_owned());
        assert_eq!(wechats(&shown, now).level, Level::Ok);
        shown.api_v3_key = None;
        assert_eq!(wechats(&shown, now).level, Level::LeftOut);
    }
}
