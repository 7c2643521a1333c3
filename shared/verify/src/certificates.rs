//! The answer of `GET /v3/certificates`: platform certificates, encrypted with the APIv3 key.

use std::borrow::Cow;

use serde::Deserialize;

use crate::keys::MerchantKeys;
use crate::refusal::Refusal;
use crate::resource::Sealed;
use crate::v3::{V3Headers, check_signature};
use crate::wechatpay_keys::WechatpayKeys;

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
        Ok(PlatformCertificate {
            serial,
            pem,
            effective_time: entry.effective_time.clone().into_owned(),
            expire_time: entry.expire_time.clone().into_owned(),
        })
    }
}
