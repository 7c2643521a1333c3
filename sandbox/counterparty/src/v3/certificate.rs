//! Platform certificates (微信支付平台证书): <https://pay.weixin.qq.com/doc/v3/merchant/4012068814>.

use std::fmt;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, PKCS_RSA_SHA256, RsaKeySize,
    SerialNumber, date_time_ymd,
};
use serde_json::{Value, json};

use crate::numbers::{derived_nonce, rfc3339};
use crate::{Error, Occasion, WechatPay};

const DAY_S: i64 = 86_400;

/// A platform certificate with its private key, which only WeChat Pay has.
#[derive(Clone, PartialEq, Eq)]
pub struct PlatformCertificate {
    /// Upper-case hexadecimal digits.
    pub serial: String,
    /// X.509 PEM.
    pub certificate_pem: String,
    /// PKCS#8 PEM.
    pub private_key_pem: String,
    /// `effective_time`, Unix seconds.
    pub effective: i64,
    /// `expire_time`, Unix seconds.
    pub expires: i64,
}

impl PlatformCertificate {
    /// Makes one with a new RSA key. Its issuer has the name of WeChat's own and nothing else of it.
    ///
    /// # Errors
    /// A time outside the calendar, or a library that refuses.
    pub fn issue(effective: i64, expires: i64) -> Result<Self, Error> {
        let mut serial = [0_u8; 20];
        SystemRandom::new().fill(&mut serial).map_err(|_| Error::Crypto("draw a serial number"))?;
        // Positive and 20 bytes long, as WeChat's are.
        serial[0] = serial[0] & 0x7f | 0x40;
        let issuer_key = rsa_key()?;
        let mut issuer = CertificateParams::default();
        issuer.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        issuer.distinguished_name = name("Tenpay.com Root CA");
        let issuer = Issuer::new(issuer, issuer_key);
        let key = rsa_key()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = name("Tenpay.com sign");
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        // Whole days: the certificate itself is valid a little longer than it is in use.
        let (from, until) = (day(effective)?, day(expires.saturating_add(DAY_S))?);
        params.not_before = date_time_ymd(from.0, from.1, from.2);
        params.not_after = date_time_ymd(until.0, until.1, until.2);
        let certificate = params.signed_by(&key, &issuer).map_err(refused)?;
        Ok(Self {
            serial: hex::encode_upper(serial),
            certificate_pem: certificate.pem(),
            private_key_pem: key.serialize_pem(),
            effective,
            expires,
        })
    }
}

/// Without the private key.
impl fmt::Debug for PlatformCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlatformCertificate").field("serial", &self.serial).finish_non_exhaustive()
    }
}

impl WechatPay {
    /// The body of `GET /v3/certificates`: every platform certificate under the APIv3 key (<https://pay.weixin.qq.com/doc/v3/merchant/4012551764>).
    ///
    /// # Errors
    /// A time outside the calendar.
    pub fn v3_certificates(&self, occasion: &Occasion) -> Result<Value, Error> {
        let rows = self.platform_certificates().iter().map(|certificate| self.row(certificate, occasion));
        Ok(json!({ "data": rows.collect::<Result<Vec<_>, _>>()? }))
    }

    fn row(&self, certificate: &PlatformCertificate, occasion: &Occasion) -> Result<Value, Error> {
        let digits = derived_nonce(&format!("certificate|{}|{}", certificate.serial, occasion.nonce));
        let nonce: [u8; 12] = std::array::from_fn(|at| digits.as_bytes().get(at).copied().unwrap_or(b'0'));
        Ok(json!({
            "serial_no": certificate.serial,
            "effective_time": rfc3339(certificate.effective)?,
            "expire_time": rfc3339(certificate.expires)?,
            "encrypt_certificate": {
                "algorithm": "AEAD_AES_256_GCM",
                "nonce": String::from_utf8_lossy(&nonce),
                "associated_data": "certificate",
                "ciphertext": self.v3_seal(certificate.certificate_pem.as_bytes(), nonce, "certificate")?,
            },
        }))
    }
}

fn rsa_key() -> Result<KeyPair, Error> {
    KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).map_err(refused)
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CountryName, "CN");
    name.push(DnType::OrganizationName, "Tenpay.com");
    name.push(DnType::CommonName, common);
    name
}

/// Year, month and day of a moment.
fn day(seconds: i64) -> Result<(i32, u8, u8), Error> {
    let date = Timestamp::from_second(seconds)?.to_zoned(TimeZone::UTC).date();
    Ok((date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs()))
}

fn refused(_: rcgen::Error) -> Error {
    Error::Crypto("issue a certificate")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_772_416_800;

    #[test]
    fn a_new_certificate_signs_is_fetched_and_is_opened_by_the_api_v3_key_alone() {
        let issued = PlatformCertificate::issue(NOW, NOW + 1_000_000).unwrap();
        assert_eq!(issued.serial.len(), 40);
        let wechat = WechatPay::test_merchant().unwrap().with_platform_certificate(issued.clone()).unwrap();
        let at = Occasion::derived(NOW, "certificates");
        let signature = wechat.v3_sign(b"{}", Some(&issued.serial), &at).unwrap();
        let timestamp = NOW.to_string();
        assert!(wechat.v3_has_signed(&issued.serial, &timestamp, &at.nonce, b"{}", &signature));
        let other = wechat.public_key_id().unwrap();
        assert!(!wechat.v3_has_signed(other, &timestamp, &at.nonce, b"{}", &signature), "a key of its own");
        let listed = wechat.v3_certificates(&at).unwrap();
        let sealed = &listed["data"][1]["encrypt_certificate"];
        let text = |name: &str| sealed[name].as_str().unwrap();
        let open = |wechat: &WechatPay| wechat.v3_open(text("ciphertext"), text("nonce"), text("associated_data"));
        assert_eq!(open(&wechat).unwrap(), issued.certificate_pem.as_bytes());
        let stranger = wechat.clone().with_api_v3_key("00000000000000000000000000000000").unwrap();
        assert!(open(&stranger).is_err());
        assert_ne!(listed["data"][0]["encrypt_certificate"]["nonce"], sealed["nonce"]);
    }

    #[test]
    fn a_sensitive_field_is_opened_by_the_key_it_was_sealed_for() {
        let wechat = WechatPay::test_merchant().unwrap();
        let issued = PlatformCertificate::issue(NOW, NOW + 1_000_000).unwrap();
        let wechat = wechat.with_platform_certificate(issued.clone()).unwrap();
        let sealed = wechat.seal_sensitive(&issued.serial, "6222000000000000").unwrap();
        assert_eq!(wechat.open_sensitive(&issued.serial, &sealed).unwrap(), "6222000000000000");
        assert!(wechat.open_sensitive(wechat.public_key_id().unwrap(), &sealed).is_err());
        assert!(wechat.open_sensitive(&issued.serial, "bm90IHNlYWxlZA==").is_err());
        assert!(wechat.open_sensitive("0000", &sealed).is_err());
    }
}
