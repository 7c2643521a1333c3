//! The app's users: a bearer token of an issuer that belongs to the merchant, and a rate for each user.

mod fetch;
mod issuer;
mod keys;
mod token;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use domain::{AppId, MchId, OpenId, Timestamp, UserId};
use lambda_http::http::header::AUTHORIZATION;
use lambda_http::http::request::Parts;
use lambda_http::http::{HeaderMap, StatusCode};
use setup::{Aws, Env, Misconfigured};

pub use fetch::HttpKeys;
pub use issuer::SigningAlgorithm;
pub use keys::{Fetched, KeySource, KeySourceError};
pub use token::TokenRefusal;

use crate::{Arrival, Limiter, Problem, arrival, limited};
use issuer::Issuer;

/// The variable with the calls that a user may make in a minute.
const RATE: &str = "PAPAY_USER_CALLS_PER_MINUTE";

/// A status screen asks every second or two.
const CALLS_PER_MINUTE: u64 = 120;

/// A user of the merchant's app, as the token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The merchant of the path.
    pub mch_id: MchId,
    /// Who vouches for the user.
    pub issuer: String,
    /// `sub`
    pub id: UserId,
    /// `display_account`: what WeChat shows as the account that is opened (开通账号).
    pub display_account: Option<String>,
    openid: Option<OpenId>,
    openids: BTreeMap<AppId, OpenId>,
}

/// Who may call: issuers, and the ledger that counts.
pub struct Users {
    issuers: Vec<Issuer>,
    limiter: Arc<dyn Limiter>,
    per_minute: u64,
}

impl User {
    /// The user's openid under an application: from `openids`, an object by appid, or else `openid`.
    #[must_use]
    pub fn openid(&self, appid: &AppId) -> Option<&OpenId> {
        self.openids.get(appid).or(self.openid.as_ref())
    }

    /// The user's openid under an application, where the token says that it is that application's.
    #[must_use]
    pub fn openid_of(&self, appid: &AppId) -> Option<&OpenId> {
        self.openids.get(appid)
    }
}

impl Users {
    /// Reads `PAPAY_ISSUERS` and `PAPAY_USER_CALLS_PER_MINUTE`. Keys are fetched when the first token comes.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`] names the variable and the field.
    pub fn read(env: &Env, aws: &Aws, limiter: Arc<dyn Limiter>) -> Result<Arc<Self>, Misconfigured> {
        let issuers = issuer::read(env, |config| config.source(aws))?;
        Ok(Arc::new(Self { issuers, limiter, per_minute: per_minute(env)? }))
    }

    /// As [`Users::read`], with a source of keys for each issuer: for tests.
    ///
    /// # Errors
    ///
    /// As [`Users::read`].
    pub fn over(
        env: &Env,
        mut source: impl FnMut(&str) -> Arc<dyn KeySource>,
        limiter: Arc<dyn Limiter>,
    ) -> Result<Arc<Self>, Misconfigured> {
        let issuers = issuer::read(env, |config| Ok(source(config.name())))?;
        Ok(Arc::new(Self { issuers, limiter, per_minute: per_minute(env)? }))
    }

    /// Who sent this? A bearer token of one of the merchant's issuers, within the user's rate.
    ///
    /// # Errors
    ///
    /// 401 where the token proves nobody, 403 where it is another merchant's, 429 where there were too many calls.
    pub async fn admit(&self, mch_id: &MchId, headers: &HeaderMap, now: Timestamp) -> Result<User, Problem> {
        let user = self.recognise(mch_id, headers, now).await.map_err(|refusal| refuse(&refusal))?;
        limited(&*self.limiter, mch_id, user.id.as_str(), now, self.per_minute).await?;
        Ok(user)
    }

    async fn recognise(&self, mch_id: &MchId, headers: &HeaderMap, now: Timestamp) -> Result<User, TokenRefusal> {
        let token = bearer(headers)?;
        let named = token::unverified_issuer(token)?;
        let issuer = self.issuers.iter().find(|issuer| issuer.name == named).ok_or(TokenRefusal::UnknownIssuer)?;
        let claims = token::verify(issuer, token, now).await?;
        if !issuer.merchants.contains(mch_id) {
            return Err(TokenRefusal::OtherMerchant);
        }
        claims.user(mch_id, &issuer.name)
    }
}

impl std::fmt::Debug for Users {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.issuers.iter().map(|issuer| issuer.name.as_str()).collect();
        f.debug_struct("Users").field("issuers", &names).finish_non_exhaustive()
    }
}

impl<S: Sync> FromRequestParts<S> for User
where
    Arc<Users>: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let mch_id = arrival::merchant(parts.uri.path()).ok_or_else(Problem::not_found)?;
        let now = Arrival::of(parts).now;
        Arc::<Users>::from_ref(state).admit(&mch_id, &parts.headers, now).await
    }
}

fn per_minute(env: &Env) -> Result<u64, Misconfigured> {
    let Some(text) = env.optional(RATE) else { return Ok(CALLS_PER_MINUTE) };
    match text.parse() {
        Ok(calls) if calls > 0 => Ok(calls),
        _ => Err(Misconfigured::new(RATE, "is a number from 1")),
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str, TokenRefusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(TokenRefusal::Missing)?.to_str().map_err(|_| TokenRefusal::Malformed)?;
    let (scheme, token) = value.split_once(' ').ok_or(TokenRefusal::Malformed)?;
    match values.next() {
        None if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err(TokenRefusal::Malformed),
    }
}

fn refuse(refusal: &TokenRefusal) -> Problem {
    let problem = |status, code, title| Problem::new(status, code, title).detail(refusal.to_string());
    let unauthorized = StatusCode::UNAUTHORIZED;
    tracing::warn!(reason = %refusal, "token refused");
    match refusal {
        TokenRefusal::Missing => {
            problem(unauthorized, "token_missing", "This call needs a bearer token").challenge("Bearer")
        }
        TokenRefusal::Expired => {
            problem(unauthorized, "token_expired", "The token has expired").challenge(r#"Bearer error="invalid_token""#)
        }
        TokenRefusal::OtherMerchant => {
            problem(StatusCode::FORBIDDEN, "other_merchant", "The token is for another merchant")
        }
        TokenRefusal::NoKeys => {
            problem(StatusCode::SERVICE_UNAVAILABLE, "keys_unavailable", "The issuer's keys cannot be fetched just now")
                .retry_after(5)
        }
        TokenRefusal::Claim { claim, .. } => problem(unauthorized, "token_invalid", "The token proves nobody")
            .field(*claim)
            .challenge(r#"Bearer error="invalid_token""#),
        _ => problem(unauthorized, "token_invalid", "The token proves nobody")
            .challenge(r#"Bearer error="invalid_token""#),
    }
}

#[cfg(test)]
mod tests;
