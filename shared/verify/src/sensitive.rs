//! Sensitive fields (敏感信息加密): RSAES-OAEP with SHA-1 and MGF1-SHA-1, base64. One FAQ answer recommends SHA-256; the
//! guides and every official SDK use SHA-1.

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey, PublicEncryptingKey,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::keys::KeyError;
use crate::wechatpay_keys::WechatpayKeys;

/// A sensitive field that cannot be encrypted or decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SensitiveError {
    /// No WeChat Pay key with this serial or id.
    #[error("no WeChat Pay key has this serial")]
    UnknownSerial,
    /// Longer than RSA can carry: 214 bytes with 2048 bits.
    #[error("the text is too long for RSA-OAEP")]
    TooLong,
    /// Not encrypted for our key, or altered.
    #[error("the text cannot be decrypted")]
    Undecryptable,
}

impl WechatpayKeys {
    /// Encrypts a field of a request; the same id goes into the request's `Wechatpay-Serial`.
    ///
    /// ```
    /// # let vectors = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/wechat");
    /// # let read = |name: &str| std::fs::read_to_string(format!("{vectors}/{name}"));
    /// let mut keys = verify::WechatpayKeys::default();
    /// keys.insert_public_key("PUB_KEY_ID_1", &read("java_wechat_pay_public_key.pem")?)?;
    /// assert_eq!(keys.encrypt_sensitive("PUB_KEY_ID_1", "张三")?.len(), 344);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`SensitiveError::UnknownSerial`], [`SensitiveError::TooLong`].
    pub fn encrypt_sensitive(&self, id: &str, plaintext: &str) -> Result<String, SensitiveError> {
        let spki = self.spki_der(id).ok_or(SensitiveError::UnknownSerial)?;
        let key = PublicEncryptingKey::from_der(spki).map_err(|_| SensitiveError::UnknownSerial)?;
        let sealed = encrypt(key, plaintext.as_bytes()).map_err(|_| SensitiveError::TooLong)?;
        Ok(STANDARD.encode(sealed))
    }
}

fn encrypt(key: PublicEncryptingKey, plaintext: &[u8]) -> Result<Vec<u8>, Unspecified> {
    let key = OaepPublicEncryptingKey::new(key)?;
    let mut buffer = vec![0; key.ciphertext_size()];
    let sealed = key.encrypt(&OAEP_SHA1_MGF1SHA1, plaintext, &mut buffer, None)?;
    Ok(sealed.to_vec())
}

/// The merchant's private key in its second use: opening the sensitive fields of answers.
pub(crate) struct SensitiveKey(OaepPrivateDecryptingKey);

impl SensitiveKey {
    pub(crate) fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let key = PrivateDecryptingKey::from_pkcs8(der).map_err(|_| KeyError::Rsa)?;
        OaepPrivateDecryptingKey::new(key).map(SensitiveKey).map_err(|_| KeyError::Rsa)
    }

    pub(crate) fn decrypt(&self, sealed: &str) -> Result<String, SensitiveError> {
        let sealed = STANDARD.decode(sealed).map_err(|_| SensitiveError::Undecryptable)?;
        let mut buffer = vec![0; self.0.min_output_size()];
        let plaintext = self.0.decrypt(&OAEP_SHA1_MGF1SHA1, &sealed, &mut buffer, None);
        let plaintext = plaintext.map_err(|_| SensitiveError::Undecryptable)?.to_vec();
        String::from_utf8(plaintext).map_err(|_| SensitiveError::Undecryptable)
    }
}
