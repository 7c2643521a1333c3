//! What there is, by names, serials and ends; nothing that is secret.

use domain::{MchId, Timestamp};
use serde::Serialize;
use setup::layout::{CertificatesSecret, Generation};
use verify::{MerchantCertificate, PlatformCertificate};

use super::store::Held;

const DAY: i64 = 86_400;

/// A merchant's keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Whose.
    pub mch_id: MchId,
    /// The APIv2 key.
    pub api_v2_key: Option<ShownKey>,
    /// The APIv3 key.
    pub api_v3_key: Option<ShownKey>,
    /// Ids of WeChat Pay's public keys.
    pub public_keys: Vec<String>,
    /// Platform certificates that an operator put there.
    pub platform_certificates: Vec<ShownCertificate>,
    /// Those that the worker fetched.
    pub fetched_certificates: Vec<ShownCertificate>,
    /// When it did.
    pub fetched_at: Option<Timestamp>,
    /// The serial that V3 calls name.
    pub merchant_serial: Option<String>,
    /// The certificate that V2 refunds show.
    pub client_certificate: Option<ShownCertificate>,
}

/// A key that is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ShownKey {
    /// Whether another one is accepted beside it.
    pub has_previous: bool,
}

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownCertificate {
    /// Its serial.
    pub serial: String,
    /// Its last second.
    pub ends: Timestamp,
    /// Whole days until then, negative afterwards.
    pub days_left: i64,
}

/// Describes what is in a merchant's secrets. A certificate that cannot be read is left out.
#[must_use]
pub fn describe(mch_id: &MchId, held: &Held, fetched: Option<&CertificatesSecret>, now: Timestamp) -> Shown {
    let key = |generation: &Option<Generation>| {
        generation.as_ref().map(|generation| ShownKey { has_previous: generation.previous.is_some() })
    };
    let platform = |pems: &[String]| pems.iter().filter_map(|pem| platform_certificate(pem, now)).collect();
    let client = held.sign.client.as_ref().and_then(|client| MerchantCertificate::read(&client.certificate).ok());
    Shown {
        mch_id: mch_id.clone(),
        api_v2_key: key(&held.verify.api_v2_key),
        api_v3_key: key(&held.verify.api_v3_key),
        public_keys: held.verify.public_keys.keys().cloned().collect(),
        platform_certificates: platform(&held.verify.platform_certificates),
        fetched_certificates: fetched.map(|kept| platform(&kept.platform_certificates)).unwrap_or_default(),
        fetched_at: fetched.map(|kept| kept.fetched_at),
        merchant_serial: held.sign.merchant.as_ref().map(|merchant| merchant.serial.clone()),
        client_certificate: client.map(|read| certificate(read.serial, read.validity.not_after, now)),
    }
}

fn platform_certificate(pem: &str, now: Timestamp) -> Option<ShownCertificate> {
    let read = PlatformCertificate::read(pem).ok()?;
    Some(certificate(read.serial, read.validity.not_after, now))
}

fn certificate(serial: String, not_after: i64, now: Timestamp) -> ShownCertificate {
    let days_left = not_after.saturating_sub(now.as_second()).div_euclid(DAY);
    ShownCertificate { serial, ends: Timestamp::from_second(not_after).unwrap_or_default(), days_left }
}
