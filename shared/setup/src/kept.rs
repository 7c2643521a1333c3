//! The configured merchants' keys, of whatever kind: fetched at start, kept, and fetched again when they may have changed.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::{MchId, Timestamp};

use crate::layout::Purpose;
use crate::secrets::Secrets;
use crate::{Aws, Env, Misconfigured};

/// A key fault is looked into at most this often, since anyone can provoke one: seconds.
const REFETCH_AFTER: i64 = 60;

/// A second look at the secrets must leave time to record what is then verified: WeChat waits.
const REFETCH_TAKES: Duration = Duration::from_millis(1_200);

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The path names a merchant that is not configured.
    #[error("the merchant is not configured")]
    UnknownMerchant,
}

/// Keys that are made of a merchant's secrets.
pub trait FromSecrets: Send + Sync + Sized + 'static {
    /// Fetches what they are made of.
    fn fetch(secrets: &Secrets, mch_id: &MchId) -> impl Future<Output = Result<Self, Misconfigured>> + Send;
}

/// The keys of the configured merchants.
#[derive(Debug)]
pub struct Kept<K> {
    secrets: Secrets,
    merchants: HashMap<MchId, Mutex<Entry<K>>>,
}

#[derive(Debug)]
struct Entry<K> {
    keys: Arc<K>,
    fetched_at: Timestamp,
}

impl<K: FromSecrets> Kept<K> {
    /// Fetches the keys of every merchant in `PAPAY_MERCHANTS`; their secrets are `<PAPAY_SECRET_PREFIX><mch_id>/…`.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`] names the secret and the field.
    pub async fn fetch(env: &Env, aws: &Aws) -> Result<Self, Misconfigured> {
        let secrets = Secrets::new(env, aws);
        let mut tasks = tokio::task::JoinSet::new();
        for mch_id in env.merchants()? {
            let secrets = secrets.clone();
            tasks.spawn(async move {
                let keys = K::fetch(&secrets, &mch_id).await;
                (mch_id, keys)
            });
        }
        let mut merchants = HashMap::new();
        while let Some(fetched) = tasks.join_next().await {
            let (mch_id, keys) = fetched.map_err(|error| Misconfigured::new("PAPAY_MERCHANTS", error))?;
            let entry = Entry { keys: Arc::new(keys?), fetched_at: env.clock.now() };
            merchants.insert(mch_id, Mutex::new(entry));
        }
        Ok(Self { secrets, merchants })
    }

    /// The keys of a merchant.
    ///
    /// # Errors
    ///
    /// [`KeyringError::UnknownMerchant`].
    pub fn keys(&self, mch_id: &MchId) -> Result<Arc<K>, KeyringError> {
        let entry = self.merchants.get(mch_id).ok_or(KeyringError::UnknownMerchant)?;
        Ok(entry.lock().unwrap_or_else(PoisonError::into_inner).keys.clone())
    }

    /// The keys as the secret store has them now, unless it was asked within the last minute: after an unknown serial, a signature that
    /// did not fit, ours or WeChat's, or a failed decryption. Secrets that cannot be read leave the old keys in force.
    pub async fn refetched(&self, mch_id: &MchId, now: Timestamp) -> Option<Arc<K>> {
        let entry = self.merchants.get(mch_id)?;
        {
            let mut entry = entry.lock().unwrap_or_else(PoisonError::into_inner);
            if now.duration_since(entry.fetched_at).as_secs() < REFETCH_AFTER {
                return None;
            }
            entry.fetched_at = now;
        }
        metrics::counter!("SecretRefetched").increment(1);
        let fetched = tokio::time::timeout(REFETCH_TAKES, K::fetch(&self.secrets, mch_id)).await;
        match fetched
            .unwrap_or_else(|_| Err(Misconfigured::new(self.secrets.name(mch_id, Purpose::Verify), "timed out")))
        {
            Ok(keys) => {
                let keys = Arc::new(keys);
                entry.lock().unwrap_or_else(PoisonError::into_inner).keys = keys.clone();
                Some(keys)
            }
            Err(error) => {
                tracing::error!(%mch_id, %error, "the secrets could not be read again: the old keys stay in force");
                None
            }
        }
    }
}
