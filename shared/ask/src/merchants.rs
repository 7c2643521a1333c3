//! The merchants' keys, as the client of WeChat wants them.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use domain::{MchId, Timestamp};
use setup::{KeyringError, SigningKeyring, SigningKeys};
use wechat::{ClientCertificate, Invalid, Keys};

/// Why a merchant has no keys.
#[derive(Debug, thiserror::Error)]
pub enum NoKeys {
    /// It is not configured.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// Its client certificate cannot be read.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

/// The keys of every configured merchant, made once of each generation that the secret store has.
pub struct Merchants {
    keyring: SigningKeyring,
    made: Mutex<HashMap<MchId, (Arc<SigningKeys>, Keys)>>,
}

impl fmt::Debug for Merchants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Merchants").finish_non_exhaustive()
    }
}

impl Merchants {
    /// The keys in this keyring.
    #[must_use]
    pub fn new(keyring: SigningKeyring) -> Self {
        Self { keyring, made: Mutex::default() }
    }

    /// The keys of a merchant.
    ///
    /// # Errors
    ///
    /// [`NoKeys`]
    pub fn keys(&self, mch_id: &MchId) -> Result<Keys, NoKeys> {
        let current = self.keyring.keys(mch_id)?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, keys)) = made.get(mch_id)
            && Arc::ptr_eq(of, &current)
        {
            return Ok(keys.clone());
        }
        let keys = wechat_keys(&current)?;
        made.insert(mch_id.clone(), (current, keys.clone()));
        Ok(keys)
    }

    /// What the keys are made of.
    pub(crate) fn signing(&self, mch_id: &MchId) -> Result<Arc<SigningKeys>, KeyringError> {
        self.keyring.keys(mch_id)
    }

    /// Looks at the secrets of a merchant again, at most once a minute.
    pub async fn look_again(&self, mch_id: &MchId, now: Timestamp) {
        // What cannot be read leaves the old keys in force, and is logged there.
        let _ = self.keyring.refetched(mch_id, now).await;
    }
}

/// A merchant's keys as the client of WeChat wants them.
///
/// # Errors
///
/// [`Invalid`]: the client certificate cannot be read.
pub fn wechat_keys(keys: &SigningKeys) -> Result<Keys, Invalid> {
    let mut ours = Keys::new(keys.merchant.clone());
    if let Some(signer) = &keys.v3 {
        ours = ours.with_signer(signer.clone());
    }
    if let Some(client) = &keys.client {
        let certificate = ClientCertificate::parse(client.certificate_pem(), client.private_key_pem())?;
        ours = ours.with_certificate(Arc::new(certificate));
    }
    Ok(ours)
}
