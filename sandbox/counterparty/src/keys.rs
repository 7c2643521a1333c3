//! The keys WeChat Pay holds for one merchant.

use std::fmt;

use crate::rsa::RsaKey;
use crate::{Error, PlatformCertificate};

/// Published test keys of one merchant, with what a verifier needs beside them. See `keys/README.md` for the sources.
#[derive(Clone, Copy)]
pub struct TestMerchant {
    /// Merchant number (`mch_id`).
    pub mch_id: &'static str,
    /// APIv2 key: MD5, HMAC-SHA256 and `req_info`.
    pub api_v2_key: &'static str,
    /// APIv3 key: AES-256-GCM of the resource.
    pub api_v3_key: &'static str,
    /// Id of the WeChat Pay public key (`PUB_KEY_ID_…`).
    pub public_key_id: &'static str,
    /// The WeChat Pay public key, SPKI PEM.
    pub public_key_pem: &'static str,
    /// Serial of the platform certificate.
    pub certificate_serial: &'static str,
    /// The platform certificate, X.509 PEM. It holds the same key as [`TestMerchant::public_key_pem`].
    pub certificate_pem: &'static str,
    signing_key_pem: &'static str,
}

/// Merchant 10000100: WeChat's documented APIv2 key and the key pairs of wechatpay-java.
pub const TEST_MERCHANT: TestMerchant = TestMerchant {
    mch_id: "10000100",
    api_v2_key: "192006250b4c09247ec02edce69f6a2d",
    api_v3_key: "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb",
    public_key_id: "PUB_KEY_ID_0116571234562024052000123400000000",
    public_key_pem: include_str!("../keys/wechat_pay_public_key.pem"),
    certificate_serial: "440024045C4A427599D09BB4E3DE0279F2E813FD",
    certificate_pem: include_str!("../keys/wechat_pay_certificate.pem"),
    signing_key_pem: include_str!("../keys/wechat_pay_private_key.pem"),
};

/// Merchant 10000200, which shares no key with [`TEST_MERCHANT`]: for tests that two merchants never meet.
pub const SECOND_MERCHANT: TestMerchant = TestMerchant {
    mch_id: "10000200",
    api_v2_key: "5f0c83b1d96e4a27b8e2417c09da36f5",
    api_v3_key: "Second0Merchant0ApiV3Key10000200",
    public_key_id: "PUB_KEY_ID_0100002000002026010100000000000001",
    public_key_pem: include_str!("../keys/second_wechat_pay_public_key.pem"),
    certificate_serial: "F5765756002FDD77",
    certificate_pem: include_str!("../keys/second_wechat_pay_certificate.pem"),
    signing_key_pem: include_str!("../keys/second_wechat_pay_private_key.pem"),
};

/// Merchant 10000100's own API key (PKCS#8 PEM), with which it signs V3 requests and launch parameters.
pub const MERCHANT_PRIVATE_KEY_PEM: &str = include_str!("../keys/merchant_private_key.pem");
/// The certificate that belongs to [`MERCHANT_PRIVATE_KEY_PEM`].
pub const MERCHANT_CERTIFICATE_PEM: &str = include_str!("../keys/merchant_certificate.pem");
/// The serial of [`MERCHANT_CERTIFICATE_PEM`].
pub const MERCHANT_CERTIFICATE_SERIAL: &str = "5F1C72E2A8931B72A2E13AF8DEE92471EB397115";

/// 2022-05-10 and 2032-05-10: WeChat may say other dates than the certificate does, and these published ones have run out.
const TEST_CERTIFICATES_FROM: i64 = 1_652_148_270;
const TEST_CERTIFICATES_UNTIL: i64 = 1_967_767_470;

/// WeChat Pay as one merchant knows it: the two shared keys, and the RSA keys WeChat signs with.
#[derive(Clone)]
pub struct WechatPay {
    mch_id: String,
    api_v2_key: String,
    api_v3_key: [u8; 32],
    signing_keys: Vec<SigningKey>,
    certificates: Vec<PlatformCertificate>,
}

#[derive(Clone)]
struct SigningKey {
    id: String,
    key: RsaKey,
}

impl WechatPay {
    /// WeChat Pay for a merchant, not yet able to sign V3 messages: add [`WechatPay::with_signing_key`].
    ///
    /// # Errors
    /// The APIv3 key must have 32 bytes.
    pub fn new(mch_id: &str, api_v2_key: &str, api_v3_key: &str) -> Result<Self, Error> {
        Ok(Self {
            mch_id: mch_id.to_owned(),
            api_v2_key: api_v2_key.to_owned(),
            api_v3_key: api_v3_key_of(api_v3_key)?,
            signing_keys: Vec::new(),
            certificates: Vec::new(),
        })
    }

    /// Adds an RSA key (PKCS#8 PEM) under a certificate serial or `PUB_KEY_ID_…`. The first one added signs unless a notice names another.
    ///
    /// # Errors
    /// The PEM must hold an RSA private key.
    pub fn with_signing_key(mut self, id: &str, pkcs8_pem: &str) -> Result<Self, Error> {
        self.signing_keys.push(SigningKey { id: id.to_owned(), key: RsaKey::read(id, pkcs8_pem)? });
        Ok(self)
    }

    /// Adds a platform certificate: its key can sign, and the certificate can be fetched.
    ///
    /// # Errors
    /// Its private key cannot be read.
    pub fn with_platform_certificate(self, certificate: PlatformCertificate) -> Result<Self, Error> {
        let mut known = self.with_signing_key(&certificate.serial, &certificate.private_key_pem)?;
        known.certificates.push(certificate);
        Ok(known)
    }

    /// Takes a platform certificate away.
    #[must_use]
    pub fn without_platform_certificate(mut self, serial: &str) -> Self {
        self.signing_keys.retain(|key| key.id != serial);
        self.certificates.retain(|certificate| certificate.serial != serial);
        self
    }

    /// The platform certificates, in the order in which they were added.
    #[must_use]
    pub fn platform_certificates(&self) -> &[PlatformCertificate] {
        &self.certificates
    }

    /// The first signing key that is a WeChat Pay public key.
    #[must_use]
    pub fn public_key_id(&self) -> Option<&str> {
        self.signing_keys.iter().map(|key| key.id.as_str()).find(|id| is_public_key(id))
    }

    /// Whether WeChat Pay has a key of that serial or id.
    #[must_use]
    pub fn has_key(&self, id: &str) -> bool {
        self.signing_key(Some(id)).is_ok()
    }

    /// A sensitive field that the merchant has sealed for the key of that serial or id (<https://pay.weixin.qq.com/doc/v3/merchant/4013053264>).
    ///
    /// # Errors
    /// There is no such key, or it does not open the field.
    pub fn open_sensitive(&self, id: &str, sealed: &str) -> Result<String, Error> {
        self.signing_key(Some(id))?.1.open(sealed)
    }

    /// A sensitive field as the merchant seals it.
    ///
    /// # Errors
    /// There is no such key, or the text is too long for it.
    pub fn seal_sensitive(&self, id: &str, text: &str) -> Result<String, Error> {
        self.signing_key(Some(id))?.1.seal(text)
    }

    /// The same WeChat Pay with another APIv3 key: what a merchant sees that kept a wrong one.
    ///
    /// # Errors
    /// The APIv3 key must have 32 bytes.
    pub fn with_api_v3_key(mut self, api_v3_key: &str) -> Result<Self, Error> {
        self.api_v3_key = api_v3_key_of(api_v3_key)?;
        Ok(self)
    }

    /// The same WeChat Pay with the APIv3 key of another one.
    #[must_use]
    pub fn with_api_v3_key_of(mut self, other: &Self) -> Self {
        self.api_v3_key = other.api_v3_key;
        self
    }

    /// The same WeChat Pay with another APIv2 key.
    #[must_use]
    pub fn with_api_v2_key(mut self, api_v2_key: &str) -> Self {
        api_v2_key.clone_into(&mut self.api_v2_key);
        self
    }

    /// [`TEST_MERCHANT`], signing by public key id unless a notice names the certificate serial.
    ///
    /// # Errors
    /// None in practice: the keys are embedded.
    pub fn test_merchant() -> Result<Self, Error> {
        Self::of(&TEST_MERCHANT)
    }

    /// [`SECOND_MERCHANT`].
    ///
    /// # Errors
    /// None in practice: the keys are embedded.
    pub fn second_merchant() -> Result<Self, Error> {
        Self::of(&SECOND_MERCHANT)
    }

    /// The embedded keys of a test merchant by its number.
    ///
    /// # Errors
    /// Only the two test merchants have embedded keys.
    pub fn by_mch_id(mch_id: &str) -> Result<Self, Error> {
        match [TEST_MERCHANT, SECOND_MERCHANT].iter().find(|merchant| merchant.mch_id == mch_id) {
            Some(merchant) => Self::of(merchant),
            None => Err(Error::UnknownMerchant(mch_id.to_owned())),
        }
    }

    /// The merchant this is WeChat Pay for.
    #[must_use]
    pub fn mch_id(&self) -> &str {
        &self.mch_id
    }

    fn of(merchant: &TestMerchant) -> Result<Self, Error> {
        Self::new(merchant.mch_id, merchant.api_v2_key, merchant.api_v3_key)?
            .with_signing_key(merchant.public_key_id, merchant.signing_key_pem)?
            .with_platform_certificate(PlatformCertificate {
                serial: merchant.certificate_serial.to_owned(),
                certificate_pem: merchant.certificate_pem.to_owned(),
                private_key_pem: merchant.signing_key_pem.to_owned(),
                effective: TEST_CERTIFICATES_FROM,
                expires: TEST_CERTIFICATES_UNTIL,
            })
    }

    /// The first signing key that is named by a certificate serial, not by a public key id.
    #[must_use]
    pub fn certificate_serial(&self) -> Option<&str> {
        self.signing_keys.iter().map(|key| key.id.as_str()).find(|id| !is_public_key(id))
    }

    pub(crate) fn api_v2_key(&self) -> &str {
        &self.api_v2_key
    }

    pub(crate) fn api_v3_key(&self) -> &[u8; 32] {
        &self.api_v3_key
    }

    /// The key to sign with and its id: the named one, or the first.
    pub(crate) fn signing_key(&self, id: Option<&str>) -> Result<(&str, &RsaKey), Error> {
        let key = match id {
            Some(id) => self.signing_keys.iter().find(|key| key.id == id),
            None => self.signing_keys.first(),
        };
        key.map(|key| (key.id.as_str(), &key.key)).ok_or_else(|| Error::NoSigningKey(id.unwrap_or("(any)").to_owned()))
    }
}

impl fmt::Debug for WechatPay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WechatPay").field("mch_id", &self.mch_id).field("keys", &"[redacted]").finish()
    }
}

impl fmt::Debug for TestMerchant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestMerchant").field("mch_id", &self.mch_id).field("keys", &"[redacted]").finish()
    }
}

fn is_public_key(id: &str) -> bool {
    id.starts_with("PUB_KEY_ID_")
}

fn api_v3_key_of(key: &str) -> Result<[u8; 32], Error> {
    key.as_bytes().try_into().map_err(|_| Error::ApiV3KeyLength(key.len()))
}
