//! AES-256-GCM: the resource of a V3 notice, and a platform certificate on its way to us.

use std::borrow::Cow;

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::AeadInOut;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::keys::{ApiV3Key, Generations};
use crate::refusal::{Refusal, shortened};

/// Bytes of the tag at the end of every ciphertext.
const TAG_LEN: usize = 16;

/// `resource`, or `encrypt_certificate`: something encrypted with the APIv3 key.
#[derive(Deserialize)]
pub(crate) struct Sealed<'a> {
    #[serde(borrow)]
    pub(crate) algorithm: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) original_type: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) ciphertext: Cow<'a, str>,
    pub(crate) associated_data: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) nonce: Cow<'a, str>,
}

impl Sealed<'_> {
    /// Decrypts with whichever generation fits.
    pub(crate) fn open(&self, keys: Option<&Generations<ApiV3Key>>) -> Result<Vec<u8>, Refusal> {
        if self.algorithm != "AEAD_AES_256_GCM" {
            return Err(Refusal::UnsupportedAlgorithm(shortened(&self.algorithm)));
        }
        let nonce: [u8; 12] = self.nonce.as_bytes().try_into().map_err(|_| Refusal::MalformedNonce)?;
        let associated_data = self.associated_data.as_deref().unwrap_or_default().as_bytes();
        let mut buffer = STANDARD.decode(self.ciphertext.as_bytes()).map_err(|_| Refusal::Undecryptable)?;
        let generations = keys.ok_or(Refusal::NoKey("APIv3 key"))?;
        let text_len = buffer.len().checked_sub(TAG_LEN).ok_or(Refusal::Undecryptable)?;
        // The cipher checks the tag first and leaves the buffer alone if it is wrong, so the next key can be tried.
        let opened =
            generations.iter().any(|key| decrypt(key.cipher(), &nonce, associated_data, &mut buffer).is_some());
        if !opened {
            return Err(Refusal::Undecryptable);
        }
        buffer.truncate(text_len);
        Ok(buffer)
    }
}

fn decrypt(cipher: &Aes256Gcm, nonce: &[u8; 12], associated_data: &[u8], buffer: &mut [u8]) -> Option<()> {
    let (text, tag) = buffer.split_last_chunk_mut::<TAG_LEN>()?;
    let tag = (*tag).into();
    cipher.decrypt_inout_detached(&(*nonce).into(), associated_data, text.into(), &tag).ok()
}
