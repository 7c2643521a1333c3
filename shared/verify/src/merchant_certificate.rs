//! The merchant's own certificate (商户API证书, `apiclient_cert.pem`).

use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::KeyPair as _;

use crate::keys::KeyError;
use crate::pem;
use crate::wechatpay_keys::{Validity, read_certificate};

/// What stands in the certificate that WeChat gave the merchant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MerchantCertificate {
    /// Serial, which V3 requests name.
    pub serial: String,
    /// The subject's common name: WeChat writes the merchant number there.
    pub common_name: Option<String>,
    /// From when to when WeChat takes it.
    pub validity: Validity,
    spki_der: Vec<u8>,
}

impl MerchantCertificate {
    /// Reads a PEM certificate; of several the first.
    ///
    /// ```
    /// # let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/../../sandbox/counterparty/keys");
    /// let pem = std::fs::read_to_string(format!("{keys}/merchant_certificate.pem"))?;
    /// let certificate = verify::MerchantCertificate::read(&pem)?;
    /// assert_eq!(certificate.serial, "5F1C72E2A8931B72A2E13AF8DEE92471EB397115");
    /// assert_eq!(certificate.common_name.as_deref(), Some("test"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`KeyError::Pem`], [`KeyError::Certificate`].
    pub fn read(pem: &str) -> Result<Self, KeyError> {
        let read = read_certificate(pem)?;
        let (common_name, validity) = (read.common_name, read.validity);
        Ok(Self { serial: read.serial, common_name, validity, spki_der: read.spki_der })
    }

    /// Whether it certifies this private key (`apiclient_key.pem`, PKCS#8).
    ///
    /// ```
    /// # let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/../../sandbox/counterparty/keys");
    /// # let read = |name: &str| std::fs::read_to_string(format!("{keys}/{name}"));
    /// let certificate = verify::MerchantCertificate::read(&read("merchant_certificate.pem")?)?;
    /// assert!(certificate.certifies(&read("merchant_private_key.pem")?)?);
    /// assert!(!certificate.certifies(&read("wechat_pay_private_key.pem")?)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`KeyError::Pem`], [`KeyError::Rsa`]: of the private key.
    pub fn certifies(&self, private_key_pem: &str) -> Result<bool, KeyError> {
        let der = pem::private_key(private_key_pem)?;
        let key = KeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| KeyError::Rsa)?;
        // The public key is the last field of the information about it, whatever its parameters are written like.
        Ok(self.spki_der.ends_with(key.public_key().as_ref()))
    }
}
