//! The merchants' keys: one secret per merchant and purpose, fetched at start and kept.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use domain::{MchId, Timestamp};
use serde::Deserialize;
use verify::{ApiV2Key, ApiV3Key, Generations, MerchantKeys, WechatpayKeys};

use crate::{Aws, Env, Misconfigured};

/// A key fault is looked into at most this often, since anyone can provoke one: seconds.
pub(crate) const REFETCH_AFTER: i64 = 60;

/// A second look at the secret must leave time to record what it then verifies: WeChat waits.
const REFETCH_TAKES: Duration = Duration::from_millis(1_200);

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The path names a merchant that is not configured.
    #[error("the merchant is not configured")]
    UnknownMerchant,
}

/// What verifies the callbacks of the configured merchants.
#[derive(Debug)]
pub struct Keyring {
    secrets: Secrets,
    merchants: HashMap<MchId, Mutex<Entry>>,
}

#[derive(Debug)]
struct Entry {
    keys: Arc<MerchantKeys>,
    fetched_at: Timestamp,
}

/// The secret `<prefix><mch_id>/verify`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VerifySecret {
    api_v2_key: Option<Generation>,
    api_v3_key: Option<Generation>,
    /// WeChat Pay public keys (微信支付公钥), PEM by `PUB_KEY_ID_…`.
    #[serde(default)]
    public_keys: BTreeMap<String, String>,
    /// Platform certificates (平台证书), PEM.
    #[serde(default)]
    platform_certificates: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Generation {
    current: String,
    previous: Option<String>,
}

impl Keyring {
    /// Fetches the keys of every merchant in `PAPAY_MERCHANTS`; their secrets are `<PAPAY_SECRET_PREFIX><mch_id>/verify`.
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
                let keys = fetch(&secrets, &mch_id).await;
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
    pub fn keys(&self, mch_id: &MchId) -> Result<Arc<MerchantKeys>, KeyringError> {
        let entry = self.merchants.get(mch_id).ok_or(KeyringError::UnknownMerchant)?;
        Ok(entry.lock().unwrap_or_else(PoisonError::into_inner).keys.clone())
    }

    /// The keys as the secret store has them now, unless it was asked within the last minute: after an unknown serial, a
    /// failed V2 signature or a failed decryption. A secret that cannot be read leaves the old keys in force.
    pub async fn refetched(&self, mch_id: &MchId, now: Timestamp) -> Option<Arc<MerchantKeys>> {
        let entry = self.merchants.get(mch_id)?;
        {
            let mut entry = entry.lock().unwrap_or_else(PoisonError::into_inner);
            if now.duration_since(entry.fetched_at).as_secs() < REFETCH_AFTER {
                return None;
            }
            entry.fetched_at = now;
        }
        metrics::counter!("SecretRefetched").increment(1);
        let fetched = tokio::time::timeout(REFETCH_TAKES, fetch(&self.secrets, mch_id)).await;
        let name = self.secrets.name(mch_id, "verify");
        match fetched.unwrap_or_else(|_| Err(Misconfigured::new(name, "timed out"))) {
            Ok(keys) => {
                let keys = Arc::new(keys);
                entry.lock().unwrap_or_else(PoisonError::into_inner).keys = keys.clone();
                Some(keys)
            }
            Err(error) => {
                tracing::error!(%mch_id, %error, "the secret could not be read again: the old keys stay in force");
                None
            }
        }
    }
}

/// The secret store, and what our secrets are called there.
#[derive(Clone, Debug)]
pub(crate) struct Secrets {
    client: aws_sdk_secretsmanager::Client,
    prefix: String,
}

impl Secrets {
    pub(crate) fn new(env: &Env, aws: &Aws) -> Self {
        let prefix = env.optional("PAPAY_SECRET_PREFIX").unwrap_or_else(|| "papay/".to_owned());
        Self { client: aws.secrets(), prefix }
    }

    /// `<prefix><mch_id>/<purpose>`
    pub(crate) fn name(&self, mch_id: &MchId, purpose: &str) -> String {
        format!("{}{mch_id}/{purpose}", self.prefix)
    }

    pub(crate) async fn required(&self, name: &str) -> Result<String, Misconfigured> {
        self.optional(name).await?.ok_or_else(|| Misconfigured::new(name, "is not there"))
    }

    /// A secret that a merchant may do without.
    pub(crate) async fn optional(&self, name: &str) -> Result<Option<String>, Misconfigured> {
        match self.client.get_secret_value().secret_id(name).send().await {
            Ok(output) => match output.secret_string {
                Some(text) => Ok(Some(text)),
                None => Err(Misconfigured::new(name, "has no text")),
            },
            Err(error)
                if error.as_service_error().is_some_and(GetSecretValueError::is_resource_not_found_exception) =>
            {
                Ok(None)
            }
            Err(error) => Err(Misconfigured::new(name, error.code().unwrap_or("not reachable"))),
        }
    }
}

async fn fetch(secrets: &Secrets, mch_id: &MchId) -> Result<MerchantKeys, Misconfigured> {
    let name = secrets.name(mch_id, "verify");
    parse(&name, mch_id, &secrets.required(&name).await?)
}

pub(crate) fn parse(name: &str, mch_id: &MchId, text: &str) -> Result<MerchantKeys, Misconfigured> {
    // serde_json's own message quotes what it read: only the place is told.
    let secret: VerifySecret = serde_json::from_str(text).map_err(|error| {
        Misconfigured::new(
            name,
            format_args!("not the documented JSON, line {} column {}", error.line(), error.column()),
        )
    })?;
    let v2 = generations(name, "api_v2_key", secret.api_v2_key, ApiV2Key::parse)?;
    let v3 = generations(name, "api_v3_key", secret.api_v3_key, ApiV3Key::parse)?;
    let mut wechatpay = WechatpayKeys::default();
    for (id, pem) in &secret.public_keys {
        let field = || format!("{name} public_keys.{id}");
        wechatpay.insert_public_key(id, pem).map_err(|error| Misconfigured::new(field(), error))?;
    }
    for (index, pem) in secret.platform_certificates.iter().enumerate() {
        let field = || format!("{name} platform_certificates[{index}]");
        wechatpay.insert_certificate(pem).map_err(|error| Misconfigured::new(field(), error))?;
    }
    MerchantKeys::new(mch_id.as_str(), v2, v3, wechatpay).map_err(|error| Misconfigured::new(name, error))
}

fn generations<K, E: std::fmt::Display>(
    name: &str,
    field: &str,
    generation: Option<Generation>,
    parse: impl Fn(&str) -> Result<K, E>,
) -> Result<Option<Generations<K>>, Misconfigured> {
    let Some(Generation { current, previous }) = generation else { return Ok(None) };
    let key = |which: &str, text: &str| {
        parse(text).map_err(|error| Misconfigured::new(format!("{name} {field}.{which}"), error))
    };
    let previous = previous.map(|text| key("previous", &text)).transpose()?;
    Ok(Some(Generations { current: key("current", &current)?, previous }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(secret: &str) -> String {
        parse("papay/10000100/verify", &MchId::parse("10000100").unwrap(), secret).unwrap_err().to_string()
    }

    #[test]
    fn a_secret_that_is_wrong_is_told_by_field_and_never_by_value() {
        let short = problem(r#"{"api_v2_key": {"current": "short"}, "api_v3_key": null}"#);
        assert!(short.starts_with("papay/10000100/verify api_v2_key.current: "), "{short}");
        assert!(!short.contains("short:"), "{short}");
        let unknown = problem(r#"{"api_v2_key": {"current": "x", "oops": "secret"}}"#);
        assert!(unknown.contains("line 1"), "{unknown}");
        assert!(!unknown.contains("secret\""), "{unknown}");
    }

    #[test]
    fn equal_apiv2_and_apiv3_keys_stop_the_start() {
        let key = "192006250b4c09247ec02edce69f6a2d";
        let equal =
            problem(&format!(r#"{{"api_v2_key": {{"current": "{key}"}}, "api_v3_key": {{"current": "{key}"}}}}"#));
        assert!(equal.starts_with("papay/10000100/verify: "), "{equal}");
        assert!(!equal.contains(key), "{equal}");
    }
}
