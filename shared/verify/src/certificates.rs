//! The answer of `GET /v3/certificates`: platform certificates, encrypted with the APIv3 key.

use std::borrow::Cow;

use serde::Deserialize;

use crate::keys::{KeyError, MerchantKeys};
use crate::refusal::Refusal;
use crate::resource::Sealed;
use crate::v3::{V3Headers, check_signature};
use crate::wechatpay_keys::{Validity, WechatpayKeys, read_certificate};

/// A platform certificate as WeChat hands it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformCertificate {
    /// Serial, as in the certificate itself.
    pub serial: String,
    /// The certificate, PEM.
    pub pem: String,
    /// RFC 3339: used from then on. Encrypt with the certificate whose time is the latest.
    pub effective_time: String,
    /// RFC 3339: retired then. WeChat moves it forward before a change, so it may precede the certificate's own end.
    pub expire_time: String,
    /// From when to when the certificate itself is valid.
    pub validity: Validity,
}

impl PlatformCertificate {
    /// A certificate that was stored as PEM. WeChat's own times of use are not in it.
    ///
    /// ```
    /// # let vectors = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/wechat");
    /// # let pem = std::fs::read_to_string(format!("{vectors}/java_wechat_pay_certificate.pem"))?;
    /// let certificate = verify::PlatformCertificate::read(&pem)?;
    /// assert_eq!(certificate.serial, "440024045C4A427599D09BB4E3DE0279F2E813FD");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`KeyError::Pem`], [`KeyError::Certificate`].
    pub fn read(pem: &str) -> Result<Self, KeyError> {
        let read = read_certificate(pem)?;
        let (effective_time, expire_time) = (String::new(), String::new());
        Ok(Self { serial: read.serial, pem: pem.to_owned(), effective_time, expire_time, validity: read.validity })
    }
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    data: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    serial_no: Cow<'a, str>,
    #[serde(borrow, default)]
    effective_time: Cow<'a, str>,
    #[serde(borrow, default)]
    expire_time: Cow<'a, str>,
    #[serde(borrow)]
    encrypt_certificate: Sealed<'a>,
}

impl MerchantKeys {
    /// Opens the certificates in an answer of `GET /v3/certificates`, and verifies the answer with the key that its headers
    /// name: one that we knew, or one that came in this very answer. Without the latter a client that missed a
    /// change would be locked out; what protects the first fetch is the APIv3 key and TLS.
    ///
    /// ```
    /// use verify::{MerchantKeys, Refusal, V3Headers, WechatpayKeys};
    /// let keys = MerchantKeys::new("1230000109", None, None, WechatpayKeys::default())?;
    /// let unsigned = keys.open_certificates(&V3Headers::default(), b"{\"data\":[]}", 1_722_850_421);
    /// assert_eq!(unsigned, Err(Refusal::MissingHeader("Wechatpay-Timestamp")));
    /// # Ok::<(), verify::KeyError>(())
    /// ```
    ///
    /// # Errors
    /// [`Refusal::MalformedEnvelope`], [`Refusal::Undecryptable`], [`Refusal::UnsupportedAlgorithm`] (SM4), and those of
    /// [`MerchantKeys::verify_v3_answer`].
    pub fn open_certificates(
        &self,
        headers: &V3Headers<'_>,
        body: &[u8],
        now: i64,
    ) -> Result<Vec<PlatformCertificate>, Refusal> {
        let answer: Answer<'_> = serde_json::from_slice(body).map_err(|_| Refusal::MalformedEnvelope)?;
        let mut received = WechatpayKeys::default();
        let certificates: Vec<_> =
            answer.data.iter().map(|entry| self.open_entry(entry, &mut received)).collect::<Result<_, _>>()?;
        let known = headers.serial.is_some_and(|serial| self.wechatpay.contains(serial));
        check_signature(if known { &self.wechatpay } else { &received }, headers, body, now)?;
        Ok(certificates)
    }

    fn open_entry(&self, entry: &Entry<'_>, received: &mut WechatpayKeys) -> Result<PlatformCertificate, Refusal> {
        let plaintext = entry.encrypt_certificate.open(self.v3.as_ref())?;
        let pem = String::from_utf8(plaintext).map_err(|_| Refusal::NotUtf8)?;
        let serial = received.insert_certificate(&pem).map_err(|_| Refusal::MalformedEnvelope)?;
        if serial != entry.serial_no {
            return Err(Refusal::MalformedEnvelope);
        }
        let certificate = PlatformCertificate::read(&pem).map_err(|_| Refusal::MalformedEnvelope)?;
        Ok(PlatformCertificate {
            effective_time: entry.effective_time.clone().into_owned(),
            expire_time: entry.expire_time.clone().into_owned(),
            ..certificate
        })
    }
}
