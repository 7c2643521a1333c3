//! Issuers of tokens, from configuration: each has one algorithm, one audience and its merchants.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::MchId;
use jsonwebtoken::Algorithm;
use serde::{Deserialize, Serialize};
use setup::{Aws, Env, Misconfigured};

use super::fetch::{HttpKeys, SecretKeys};
use super::keys::{KeySource, KeyStore};

/// The variable with the issuers, JSON.
const VARIABLE: &str = "PAPAY_ISSUERS";

/// How an issuer signs: one algorithm for each, so that no token can choose another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256; keys by JWKS.
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA on P-256 with SHA-256; keys by JWKS.
    #[serde(rename = "ES256")]
    Es256,
    /// HMAC with SHA-256; a secret that is shared.
    #[serde(rename = "HS256")]
    Hs256,
}

impl SigningAlgorithm {
    pub(super) fn as_jwt(self) -> Algorithm {
        match self {
            Self::Rs256 => Algorithm::RS256,
            Self::Es256 => Algorithm::ES256,
            Self::Hs256 => Algorithm::HS256,
        }
    }
}

/// An issuer of tokens.
pub(super) struct Issuer {
    /// `iss`
    pub(super) name: String,
    /// `aud`
    pub(super) audience: String,
    pub(super) merchants: BTreeSet<MchId>,
    pub(super) algorithm: SigningAlgorithm,
    pub(super) keys: KeyStore,
}

/// One entry of `PAPAY_ISSUERS`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    issuer: String,
    audience: String,
    merchants: BTreeSet<MchId>,
    algorithm: SigningAlgorithm,
    /// Where the public keys are, for RS256 and ES256.
    jwks: Option<String>,
    /// The name of the secret `{"current": "…", "previous": "…"}`, for HS256.
    secret: Option<String>,
}

impl Config {
    pub(super) fn name(&self) -> &str {
        &self.issuer
    }

    pub(super) fn source(&self, aws: &Aws) -> Result<Arc<dyn KeySource>, Misconfigured> {
        match (&self.jwks, &self.secret) {
            (Some(url), _) => Ok(Arc::new(HttpKeys::new(url, self.algorithm)?)),
            (None, name) => Ok(Arc::new(SecretKeys::new(aws.clone(), name.clone().unwrap_or_default()))),
        }
    }

    fn check(&self) -> Result<(), &'static str> {
        let symmetric = self.algorithm == SigningAlgorithm::Hs256;
        match (&self.jwks, &self.secret) {
            _ if self.issuer.is_empty() || self.audience.is_empty() => Err("issuer and audience are needed"),
            _ if self.merchants.is_empty() => Err("merchants: at least one is needed"),
            (None, Some(_)) if symmetric => Ok(()),
            (Some(_), None) if !symmetric => Ok(()),
            _ => Err("HS256 has a secret, RS256 and ES256 have jwks, and none has both"),
        }
    }
}

/// Reads the issuers. Two of them for one merchant would have to agree on every `sub`, so they are refused.
pub(super) fn read(
    env: &Env,
    mut source: impl FnMut(&Config) -> Result<Arc<dyn KeySource>, Misconfigured>,
) -> Result<Vec<Issuer>, Misconfigured> {
    let text = env.required(VARIABLE)?;
    let configs: Vec<Config> = serde_json::from_str(&text).map_err(|error| Misconfigured::new(VARIABLE, error))?;
    let mut issuers: Vec<Issuer> = Vec::new();
    for (index, config) in configs.into_iter().enumerate() {
        let wrong = |problem: &str| Misconfigured::new(format!("{VARIABLE}[{index}]"), problem);
        config.check().map_err(wrong)?;
        if issuers.iter().any(|other| other.name == config.issuer) {
            return Err(wrong("issuer: is there twice"));
        }
        if issuers.iter().any(|other| !other.merchants.is_disjoint(&config.merchants)) {
            return Err(wrong("merchants: one has an issuer already, and two could mean different users by one sub"));
        }
        let keys = KeyStore::new(source(&config)?);
        let Config { issuer: name, audience, merchants, algorithm, .. } = config;
        issuers.push(Issuer { name, audience, merchants, algorithm, keys });
    }
    Ok(issuers)
}
