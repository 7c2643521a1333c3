//! Who issued a platform certificate: Tenpay's certificate authority, whose certificate is compiled in.

use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode};

use crate::certificates::PlatformCertificate;
use crate::pem;
use crate::refusal::Refusal;

/// `Tenpay.com Root CA`, from the trust chain that WeChat Pay publishes (`keys/README.md`).
const TENPAY_CA: &str = include_str!("../keys/tenpay_ca.pem");

/// sha256WithRSAEncryption
const SHA256_WITH_RSA: &str = "1.2.840.113549.1.1.11";

impl PlatformCertificate {
    /// Whether Tenpay's certificate authority issued this certificate and it is valid at `now` (Unix seconds). WeChat Pay advises to
    /// check it when certificates are fetched; a certificate of the local stack's WeChat does not pass.
    ///
    /// ```
    /// # let vectors = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/wechat");
    /// # let pem = std::fs::read_to_string(format!("{vectors}/java_wechat_pay_certificate.pem"))?;
    /// let made_by_ourselves = verify::PlatformCertificate::read(&pem)?;
    /// assert_eq!(made_by_ourselves.check_issuer(1_795_223_700), Err(verify::Refusal::UntrustedCertificate));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Refusal::UntrustedCertificate`].
    pub fn check_issuer(&self, now: i64) -> Result<(), Refusal> {
        let in_force = (self.validity.not_before..=self.validity.not_after).contains(&now);
        let trusted = in_force && is_issued_by(&self.pem, TENPAY_CA).unwrap_or(false);
        if trusted { Ok(()) } else { Err(Refusal::UntrustedCertificate) }
    }
}

/// Name and signature, as RFC 5280 pairs a certificate with its issuer. What stands above a pinned authority adds nothing.
fn is_issued_by(certificate_pem: &str, authority_pem: &str) -> Option<bool> {
    let certificate = read(certificate_pem)?;
    let authority = read(authority_pem)?;
    let authority = authority.tbs_certificate();
    let content = certificate.tbs_certificate();
    if content.issuer() != authority.subject() || certificate.signature_algorithm().oid.to_string() != SHA256_WITH_RSA {
        return Some(false);
    }
    let key = authority.subject_public_key_info().to_der().ok()?;
    let key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key).ok()?;
    let signature = certificate.signature().as_bytes()?;
    Some(key.verify_sig(&content.to_der().ok()?, signature).is_ok())
}

fn read(pem: &str) -> Option<Certificate> {
    Certificate::from_der(&pem::certificate(pem).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wechatpay_keys::Validity;

    fn vector(name: &str) -> String {
        std::fs::read_to_string(format!("{}/../../tests/vectors/wechat/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    /// WeChat's own, which wechatpay-java keeps among its tests.
    fn genuine() -> PlatformCertificate {
        let file: serde_json::Value = serde_json::from_str(&vector("certificates_java.json")).unwrap();
        PlatformCertificate::read(file["decrypted_pem"].as_str().unwrap()).unwrap()
    }

    #[test]
    fn a_genuine_platform_certificate_is_of_tenpays_authority_while_it_is_valid() {
        let genuine = genuine();
        let Validity { not_before, not_after } = genuine.validity;
        for (now, expected) in [
            (not_before, Ok(())),
            (not_after, Ok(())),
            (not_before - 1, Err(Refusal::UntrustedCertificate)),
            (not_after + 1, Err(Refusal::UntrustedCertificate)),
        ] {
            assert_eq!(genuine.check_issuer(now), expected, "{now}");
        }
    }

    #[test]
    fn a_certificate_with_tenpays_name_and_another_signature_is_not_of_its_authority() {
        use base64::Engine as _;
        let mut genuine = genuine();
        let now = genuine.validity.not_before;
        let mut der = pem::certificate(&genuine.pem).unwrap().to_vec();
        *der.last_mut().unwrap() ^= 1;
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        genuine.pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
        assert!(read(&genuine.pem).is_some(), "it can be read all the same");
        assert_eq!(genuine.check_issuer(now), Err(Refusal::UntrustedCertificate));
    }

    #[test]
    fn a_certificate_made_by_oneself_is_not_of_tenpays_authority() {
        for name in ["java_wechat_pay_certificate.pem", "go_platform_cert_F5765756002FDD77.pem"] {
            let own = PlatformCertificate::read(&vector(name)).unwrap();
            assert_eq!(own.check_issuer(own.validity.not_before), Err(Refusal::UntrustedCertificate), "{name}");
        }
    }
}
