//! The layout of a merchant's secrets: what the functions read, and what `papay keys` writes.

use std::collections::BTreeMap;

use domain::{MchId, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Misconfigured;

/// What a secret of a merchant is for: the last part of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// [`VerifySecret`]
    Verify,
    /// [`SignSecret`]
    Sign,
    /// [`CertificatesSecret`]
    Certificates,
}

impl Purpose {
    /// `<prefix><mch_id>/<purpose>`
    #[must_use]
    pub fn secret_name(self, prefix: &str, mch_id: &MchId) -> String {
        let purpose = match self {
            Self::Verify => "verify",
            Self::Sign => "sign",
            Self::Certificates => "certificates",
        };
        format!("{prefix}{mch_id}/{purpose}")
    }
}

/// `<prefix><mch_id>/verify`: what verifies WeChat's messages. The APIv2 key signs, too.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifySecret {
    /// APIv2 keys.
    pub api_v2_key: Option<Generation>,
    /// APIv3 keys.
    pub api_v3_key: Option<Generation>,
    /// WeChat Pay public keys (微信支付公钥), PEM by `PUB_KEY_ID_…`.
    #[serde(default)]
    pub public_keys: BTreeMap<String, String>,
    /// Platform certificates (平台证书), PEM.
    #[serde(default)]
    pub platform_certificates: Vec<String>,
}

/// The key in force, and one that is accepted beside it: the one before, or the next.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generation {
    /// Signs, and is tried first.
    pub current: String,
    /// Is tried when `current` does not fit.
    pub previous: Option<String>,
}

/// `<prefix><mch_id>/sign`: what signs; a merchant that makes no V3 calls and no refunds needs none.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignSecret {
    /// For V3 calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merchant: Option<MerchantSecret>,
    /// For V2 refunds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientSecret>,
}

/// 商户API私钥
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MerchantSecret {
    /// The serial of the merchant's certificate.
    pub serial: String,
    /// PEM, PKCS#8.
    pub private_key: String,
}

/// 商户API证书, `apiclient_cert.pem` and `apiclient_key.pem`
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientSecret {
    /// PEM.
    pub certificate: String,
    /// PEM.
    pub private_key: String,
}

/// `<prefix><mch_id>/certificates`: the platform certificates that the worker fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificatesSecret {
    /// PEM.
    pub platform_certificates: Vec<String>,
    /// When WeChat told them.
    pub fetched_at: Timestamp,
}

/// The shortest secret that an issuer of tokens may share: bytes. HS256 is as strong as its secret, up to the hash's 32 bytes (RFC
/// 7518, 3.2).
pub const SHORTEST_ISSUER_SECRET: usize = 32;

/// Reads what an issuer of tokens shares, `<prefix>issuers/<name>`: a [`Generation`] whose texts are secrets of HS256.
///
/// # Errors
/// As [`read_secret`], and where one of them is too short to protect anything.
pub fn read_issuer_secret(name: &str, text: &str) -> Result<Generation, Misconfigured> {
    let secret: Generation = read_secret(name, text)?;
    match [Some(&secret.current), secret.previous.as_ref()].into_iter().flatten().map(String::len).min() {
        Some(SHORTEST_ISSUER_SECRET..) => Ok(secret),
        _ => Err(Misconfigured::new(name, format_args!("has under {SHORTEST_ISSUER_SECRET} bytes"))),
    }
}

/// Reads the text of a secret.
///
/// # Errors
/// [`Misconfigured`] names the secret and the place in it: serde_json's own message would quote what it read.
pub fn read_secret<S: DeserializeOwned>(name: &str, text: &str) -> Result<S, Misconfigured> {
    serde_json::from_str(text).map_err(|error| {
        let place =
            format_args!("not the documented JSON, line {} column {}", error.line(), error.column()).to_string();
        Misconfigured::new(name, place)
    })
}
