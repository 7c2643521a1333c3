//! Tokens of the app's users, as the merchant's own login would make them: for the local stack only.

use std::collections::BTreeMap;

use domain::{MchId, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;

use crate::Config;

/// The user of a token.
#[derive(Debug, Clone, Default)]
pub struct TokenUser {
    /// `sub`
    pub user: String,
    /// What the signing page shows as 开通账号; the user where nothing is said.
    pub display_account: Option<String>,
    /// openids by appid.
    pub openids: BTreeMap<String, String>,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// No issuer of the configuration belongs to the merchant.
    #[error("no issuer of the configuration belongs to merchant {0}")]
    NoIssuer(MchId),
    /// It could not be signed.
    #[error("the token could not be signed: {0}")]
    Sign(#[from] jsonwebtoken::errors::Error),
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    exp: i64,
    display_account: &'a str,
    openids: &'a BTreeMap<String, String>,
}

/// A token of the merchant's local issuer, good until `expires`.
///
/// # Errors
/// [`TokenError`]
pub fn token(config: &Config, mch_id: &MchId, user: &TokenUser, expires: Timestamp) -> Result<String, TokenError> {
    let issuer = config.issuers.iter().find(|issuer| issuer.merchants.contains(mch_id));
    let issuer = issuer.ok_or_else(|| TokenError::NoIssuer(mch_id.clone()))?;
    let claims = Claims {
        iss: &issuer.issuer,
        aud: &issuer.audience,
        sub: &user.user,
        exp: expires.as_second(),
        display_account: user.display_account.as_deref().unwrap_or(&user.user),
        openids: &user.openids,
    };
    let secret = config.issuer_secret(issuer);
    Ok(jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(secret.as_bytes()))?)
}
