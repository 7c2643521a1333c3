//! What one merchant signs and verifies with.

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use verify::sign::v3::MerchantSigner;
use verify::{ApiV2Key, MerchantKeys, WechatpayKeys};

use crate::{Invalid, Moment};

/// The keys of one merchant; cheap to clone.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The APIv2 key, which signs requests and verifies answers, and WeChat's public keys.
    pub merchant: Arc<MerchantKeys>,
    /// Signs V3 requests.
    pub signer: Option<Arc<MerchantSigner>>,
    /// What V2 refunds are asked for with.
    pub certificate: Option<Arc<ClientCertificate>>,
}

impl Keys {
    /// Enough for every V2 call but refunds.
    #[must_use]
    pub fn new(merchant: Arc<MerchantKeys>) -> Self {
        Self { merchant, signer: None, certificate: None }
    }

    /// For V3 calls too.
    #[must_use]
    pub fn with_signer(self, signer: Arc<MerchantSigner>) -> Self {
        Self { signer: Some(signer), ..self }
    }

    /// For refunds too.
    #[must_use]
    pub fn with_certificate(self, certificate: Arc<ClientCertificate>) -> Self {
        Self { certificate: Some(certificate), ..self }
    }

    /// Merchant number.
    #[must_use]
    pub fn mch_id(&self) -> &str {
        &self.merchant.mch_id
    }

    /// What signs V3 requests and launch parameters.
    pub(crate) fn v3(&self) -> Result<&MerchantSigner, Invalid> {
        self.signer.as_deref().ok_or(Invalid::new("key", "the merchant's V3 key"))
    }

    /// What fields of a V3 request are encrypted with.
    pub(crate) fn sealing(&self, at: &Moment) -> Result<Sealing<'_>, Invalid> {
        let wechatpay = &self.merchant.wechatpay;
        let serial = wechatpay.preferred(at.seconds());
        let serial = serial.ok_or(Invalid::new("key", "a public key or a valid platform certificate of WeChat's"))?;
        Ok(Sealing { wechatpay, serial })
    }

    /// The key that signs V2 requests: the current one. Answers may still come under the previous one.
    pub(crate) fn v2(&self) -> Result<&ApiV2Key, Invalid> {
        let generations = self.merchant.v2.as_ref().ok_or(Invalid::new("key", "an APIv2 key of the merchant"))?;
        Ok(&generations.current)
    }
}

impl From<Arc<MerchantKeys>> for Keys {
    fn from(merchant: Arc<MerchantKeys>) -> Self {
        Self::new(merchant)
    }
}

/// One of WeChat's keys, to encrypt with.
pub(crate) struct Sealing<'k> {
    wechatpay: &'k WechatpayKeys,
    serial: &'k str,
}

impl Sealing<'_> {
    pub(crate) fn serial(&self) -> &str {
        self.serial
    }

    pub(crate) fn seal(&self, field: &'static str, value: &str) -> Result<String, Invalid> {
        let sealed = self.wechatpay.encrypt_sensitive(self.serial, value);
        sealed.map_err(|_| Invalid::new(field, "short enough to be encrypted"))
    }
}

/// The merchant's API certificate as a TLS client shows it (`apiclient_cert.pem`, `apiclient_key.pem`).
pub struct ClientCertificate {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    fingerprint: [u8; 32],
}

impl ClientCertificate {
    /// Takes the two files that the merchant platform gives out.
    ///
    /// # Errors
    /// [`Invalid`] names which of them is no PEM of its kind.
    pub fn parse(certificate_pem: &str, private_key_pem: &str) -> Result<Self, Invalid> {
        let no_certificate = Invalid::new("apiclient_cert", "one or more PEM certificates");
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate_pem.as_bytes()).collect();
        let chain = chain.map_err(|_| no_certificate.clone())?;
        let first = chain.first().ok_or(no_certificate)?;
        let fingerprint = verify::sha256(first);
        let key = PrivateKeyDer::from_pem_slice(private_key_pem.as_bytes())
            .map_err(|_| Invalid::new("apiclient_key", "a PEM private key"))?;
        Ok(Self { chain, key, fingerprint })
    }

    pub(crate) fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.chain.clone()
    }

    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        self.key.clone_key()
    }

    pub(crate) fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
