//! An RSA key of either side: it signs, and opens what was sealed for it.

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;

use crate::Error;

/// A private key with its public half. Sensitive fields are RSAES-OAEP with SHA-1, as WeChat's own libraries do it
/// (<https://pay.weixin.qq.com/doc/v3/merchant/4013053257>).
#[derive(Clone)]
pub(crate) struct RsaKey {
    signs: Arc<RsaKeyPair>,
    opens: Arc<OaepPrivateDecryptingKey>,
    seals: Arc<OaepPublicEncryptingKey>,
}

impl RsaKey {
    /// Reads a PKCS#8 PEM; `id` is for the error.
    pub(crate) fn read(id: &str, pkcs8_pem: &str) -> Result<Self, Error> {
        let unreadable = |reason: String| Error::Key { id: id.to_owned(), reason };
        let der = PrivatePkcs8KeyDer::from_pem_slice(pkcs8_pem.as_bytes()).map_err(|e| unreadable(e.to_string()))?;
        let der = der.secret_pkcs8_der();
        let signs = RsaKeyPair::from_pkcs8(der).map_err(|e| unreadable(e.to_string()))?;
        let opens = PrivateDecryptingKey::from_pkcs8(der).map_err(|e| unreadable(e.to_string()))?;
        let seals = OaepPublicEncryptingKey::new(opens.public_key()).map_err(|e| unreadable(e.to_string()))?;
        let opens = OaepPrivateDecryptingKey::new(opens).map_err(|e| unreadable(e.to_string()))?;
        Ok(Self { signs: Arc::new(signs), opens: Arc::new(opens), seals: Arc::new(seals) })
    }

    /// Base64 of the RSA-SHA256 signature.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<String, Error> {
        let mut signature = vec![0; self.signs.public_modulus_len()];
        let signed = self.signs.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature);
        signed.map_err(|_| Error::Crypto("sign"))?;
        Ok(STANDARD.encode(signature))
    }

    /// Whether this key has signed the message.
    pub(crate) fn has_signed(&self, message: &[u8], signature: &str) -> bool {
        let Ok(signature) = STANDARD.decode(signature) else { return false };
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.signs.public_key().as_ref());
        key.verify(message, &signature).is_ok()
    }

    /// A sensitive field for the owner of this key.
    pub(crate) fn seal(&self, text: &str) -> Result<String, Error> {
        let mut sealed = vec![0; self.seals.ciphertext_size()];
        let sealed = self.seals.encrypt(&OAEP_SHA1_MGF1SHA1, text.as_bytes(), &mut sealed, None);
        Ok(STANDARD.encode(sealed.map_err(|_| Error::Crypto("seal a sensitive field"))?))
    }

    /// A sensitive field that was sealed for the owner of this key.
    pub(crate) fn open(&self, sealed: &str) -> Result<String, Error> {
        let refused = Error::Crypto("open a sensitive field");
        let Ok(sealed) = STANDARD.decode(sealed) else { return Err(refused) };
        let mut text = vec![0; self.opens.min_output_size()];
        let Ok(text) = self.opens.decrypt(&OAEP_SHA1_MGF1SHA1, &sealed, &mut text, None) else { return Err(refused) };
        String::from_utf8(text.to_vec()).map_err(|_| refused)
    }
}
