//! Who makes the tokens of the app's users.

use std::collections::BTreeMap;

use domain::MchId;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Check, Config, ConfigError, SECRET_PREFIX};

/// Who makes the tokens of the app's users, as `PAPAY_ISSUERS` has it; the local stack's share a secret with papay.
#[derive(Debug, Clone, Serialize)]
pub struct TokenIssuer {
    /// `iss`
    pub issuer: String,
    /// `aud`
    pub audience: String,
    /// Whose users they are.
    pub merchants: Vec<MchId>,
    algorithm: &'static str,
    /// The name of the secret.
    pub secret: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Issuer {
    issuer: String,
    audience: String,
    merchants: Vec<String>,
    secret: String,
}

impl Config {
    /// What an issuer signs its tokens with.
    pub(crate) fn issuer_secret(&self, issuer: &TokenIssuer) -> String {
        let secret: Option<serde_json::Value> =
            self.secrets.get(&issuer.secret).and_then(|text| serde_json::from_str(text).ok());
        secret.and_then(|secret| Some(secret.get("current")?.as_str()?.to_owned())).unwrap_or_default()
    }
}

impl Check<'_> {
    /// Their secrets join the others, as `papay/issuers/<index>`.
    pub(super) fn issuers(
        &self,
        issuers: &[Issuer],
        known: &[MchId],
        secrets: &mut BTreeMap<String, String>,
    ) -> Result<Vec<TokenIssuer>, ConfigError> {
        let mut read = Vec::new();
        for (index, entry) in issuers.iter().enumerate() {
            let at = |field: &str| format!("issuers[{index}].{field}");
            let named = |mch_id: &String| known.iter().find(|known| known.as_str() == mch_id).cloned();
            let merchants: Option<Vec<_>> = entry.merchants.iter().map(named).collect();
            let merchants = merchants.ok_or_else(|| self.field(at("merchants"), "names one that is not configured"))?;
            if entry.secret.len() < 32 {
                return Err(self.field(at("secret"), "at least 32 bytes"));
            }
            let secret = format!("{SECRET_PREFIX}issuers/{index}");
            secrets.insert(secret.clone(), json!({ "current": entry.secret }).to_string());
            let (issuer, audience) = (entry.issuer.clone(), entry.audience.clone());
            read.push(TokenIssuer { issuer, audience, merchants, algorithm: "HS256", secret });
        }
        Ok(read)
    }
}
