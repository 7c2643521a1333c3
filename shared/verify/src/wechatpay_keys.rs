//! WeChat's own keys: public keys by id and platform certificates by serial, in one map.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode};

use crate::keys::{KeyError, header_safe};
use crate::pem;

/// Any number of WeChat Pay public keys (`PUB_KEY_ID_…`) and platform certificates, parsed once.
///
/// During a change several of them sign in the same hour, so a message's key is looked up by the exact id that the
/// message names, whatever its form.
#[derive(Default)]
pub struct WechatpayKeys {
    by_id: BTreeMap<String, WechatpayKey>,
}

struct WechatpayKey {
    public_key: ParsedPublicKey,
    spki_der: Vec<u8>,
    validity: Option<Validity>,
}

/// From when to when an X.509 certificate is valid, Unix seconds, both ends included.
///
/// It is told, not enforced: WeChat decides what it signs with, and an expired certificate on our side is an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// First second.
    pub not_before: i64,
    /// Last second.
    pub not_after: i64,
}

impl WechatpayKeys {
    /// Adds a WeChat Pay public key (微信支付公钥) under its id. The same key again is no error.
    ///
    /// ```
    /// let mut keys = verify::WechatpayKeys::default();
    /// assert!(keys.insert_public_key("PUB_KEY_ID_0116571234562024052000123400000000", "no PEM").is_err());
    /// ```
    ///
    /// # Errors
    /// [`KeyError::Pem`], [`KeyError::Rsa`], [`KeyError::Id`], [`KeyError::TwoKeysOneId`].
    pub fn insert_public_key(&mut self, id: &str, pem: &str) -> Result<(), KeyError> {
        header_safe(id, "public key id")?;
        let spki = pem::public_key(pem)?;
        self.insert(id.to_owned(), spki.as_ref(), None)
    }

    /// Adds a platform certificate (微信支付平台证书) under the serial that stands in it, and answers the serial. The same
    /// certificate again is no error, and an expired one neither.
    ///
    /// ```
    /// # let vectors = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/wechat");
    /// # let read = |name: &str| std::fs::read_to_string(format!("{vectors}/{name}"));
    /// let mut keys = verify::WechatpayKeys::default();
    /// let serial = keys.insert_certificate(&read("java_wechat_pay_certificate.pem")?)?;
    /// assert_eq!(serial, "440024045C4A427599D09BB4E3DE0279F2E813FD");
    /// assert!(keys.contains(&serial) && keys.validity(&serial).is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`KeyError::Pem`], [`KeyError::Certificate`], [`KeyError::Rsa`], [`KeyError::TwoKeysOneId`].
    pub fn insert_certificate(&mut self, pem: &str) -> Result<String, KeyError> {
        let read = read_certificate(pem)?;
        self.insert(read.serial.clone(), &read.spki_der, Some(read.validity))?;
        Ok(read.serial)
    }

    fn insert(&mut self, id: String, spki_der: &[u8], validity: Option<Validity>) -> Result<(), KeyError> {
        let public_key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, spki_der).map_err(|_| KeyError::Rsa)?;
        if self.by_id.get(&id).is_some_and(|known| known.spki_der != spki_der) {
            return Err(KeyError::TwoKeysOneId(id));
        }
        self.by_id.insert(id, WechatpayKey { public_key, spki_der: spki_der.to_vec(), validity });
        Ok(())
    }

    /// Whether there is a key with exactly this serial or id.
    ///
    /// ```
    /// assert!(!verify::WechatpayKeys::default().contains("PUB_KEY_ID_0116571234562024052000123400000000"));
    /// ```
    #[must_use]
    pub fn contains(&self, id: &str) -> bool {
        self.by_id.contains_key(id)
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Serials and ids, in alphabetical order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.by_id.keys().map(String::as_str)
    }

    /// From when to when the certificate with this serial is valid; nothing for a public key.
    #[must_use]
    pub fn validity(&self, id: &str) -> Option<Validity> {
        self.by_id.get(id)?.validity
    }

    /// What `Wechatpay-Serial` of a request names: the key that WeChat shall sign its answer with, and that encrypts sensitive fields. A
    /// public key where there is one (of several the one with the highest id), else the newest of the certificates that are valid
    /// at `now` (Unix seconds). Nothing before the first certificate was fetched.
    ///
    /// ```
    /// # let vectors = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/wechat");
    /// # let read = |name: &str| std::fs::read_to_string(format!("{vectors}/{name}"));
    /// let mut keys = verify::WechatpayKeys::default();
    /// assert_eq!(keys.preferred(1_722_850_421), None);
    /// let serial = keys.insert_certificate(&read("java_wechat_pay_certificate.pem")?)?;
    /// assert_eq!(keys.preferred(1_722_850_421), Some(serial.as_str()));
    /// keys.insert_public_key("PUB_KEY_ID_1", &read("java_wechat_pay_public_key.pem")?)?;
    /// assert_eq!(keys.preferred(1_722_850_421), Some("PUB_KEY_ID_1"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn preferred(&self, now: i64) -> Option<&str> {
        let (public_keys, certificates): (Vec<_>, Vec<_>) =
            self.by_id.iter().map(|(id, key)| (id.as_str(), key.validity)).partition(|(_, valid)| valid.is_none());
        if let Some((id, _)) = public_keys.last() {
            return Some(id);
        }
        let in_force = certificates.into_iter().filter_map(|(id, valid)| Some((id, valid?)));
        let in_force = in_force.filter(|(_, valid)| (valid.not_before..=valid.not_after).contains(&now));
        in_force.max_by_key(|(_, valid)| valid.not_before).map(|(id, _)| id)
    }

    pub(crate) fn public_key(&self, id: &str) -> Option<&ParsedPublicKey> {
        Some(&self.by_id.get(id)?.public_key)
    }

    pub(crate) fn spki_der(&self, id: &str) -> Option<&[u8]> {
        Some(&self.by_id.get(id)?.spki_der)
    }
}

impl std::fmt::Debug for WechatpayKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.by_id.keys()).finish()
    }
}

/// What stands in a certificate.
pub(crate) struct ReadCertificate {
    pub(crate) serial: String,
    pub(crate) spki_der: Vec<u8>,
    pub(crate) validity: Validity,
    pub(crate) common_name: Option<String>,
}

pub(crate) fn read_certificate(pem: &str) -> Result<ReadCertificate, KeyError> {
    let der = pem::certificate(pem)?;
    let certificate = Certificate::from_der(&der).map_err(|_| KeyError::Certificate)?;
    let content = certificate.tbs_certificate();
    let seconds = |time: x509_cert::time::Time| {
        i64::try_from(time.to_unix_duration().as_secs()).map_err(|_| KeyError::Certificate)
    };
    let validity = content.validity();
    Ok(ReadCertificate {
        serial: serial_text(content.serial_number().as_bytes()),
        spki_der: content.subject_public_key_info().to_der().map_err(|_| KeyError::Certificate)?,
        validity: Validity { not_before: seconds(validity.not_before)?, not_after: seconds(validity.not_after)? },
        common_name: content.subject().common_name().ok().flatten().map(|name| name.value().into_owned()),
    })
}

/// As WeChat writes serials: upper-case hexadecimal, without the zero byte that DER puts before a high bit.
fn serial_text(bytes: &[u8]) -> String {
    let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    hex::encode_upper(bytes.get(first..).unwrap_or_default())
}
