//! Bearer tokens: JWS compact serialisation (RFC 7515), claims of RFC 7519.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{AppId, MchId, OpenId, Timestamp, UserId};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{DecodingKey, TokenData, Validation};
use serde::Deserialize;

use super::User;
use super::issuer::Issuer;

/// The longest token: bytes.
const LONGEST: usize = 8 * 1024;

/// How far an issuer's clock may differ from ours: seconds.
const LEEWAY: f64 = 30.0;

/// The longest display account (开通账号): characters (V2 `contract_display_account`, s32).
const LONGEST_ACCOUNT: usize = 32;

/// Why a token proves nobody. No value of the token is in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// There is none.
    #[error("no Authorization header")]
    Missing,
    /// It is not `Bearer` and a JWS in compact form.
    #[error("not a bearer token in compact form")]
    Malformed,
    /// It is longer than any issuer's.
    #[error("longer than 8 KiB")]
    TooLong,
    /// `iss` is not configured.
    #[error("iss is not known")]
    UnknownIssuer,
    /// `alg` is not its issuer's.
    #[error("alg is not its issuer's")]
    OtherAlgorithm,
    /// It demands that we understand an extension (`crit`).
    #[error("crit names an extension")]
    Critical,
    /// `kid` is not among its issuer's keys.
    #[error("kid is not among its issuer's keys")]
    UnknownKey,
    /// The signature is not its issuer's.
    #[error("the signature does not verify")]
    Signature,
    /// A claim is missing or wrong.
    #[error("{claim}: {rule}")]
    Claim {
        /// The claim.
        claim: &'static str,
        /// Its rule.
        rule: &'static str,
    },
    /// `exp` has passed.
    #[error("exp has passed")]
    Expired,
    /// Its issuer does not belong to the merchant of the path.
    #[error("its issuer does not belong to this merchant")]
    OtherMerchant,
    /// The issuer's keys were never fetched.
    #[error("the issuer's keys cannot be fetched")]
    NoKeys,
}

/// What a token says, once its signature and its audience are proved.
#[derive(Deserialize)]
pub(super) struct Claims {
    sub: String,
    exp: f64,
    nbf: Option<f64>,
    openid: Option<String>,
    #[serde(default)]
    openids: BTreeMap<String, String>,
    display_account: Option<String>,
}

#[derive(Deserialize)]
struct Unverified {
    iss: String,
}

/// Whom the token says that it is from. It only chooses the keys; the verified claim must say the same.
pub(super) fn unverified_issuer(token: &str) -> Result<String, TokenRefusal> {
    if token.len() > LONGEST {
        return Err(TokenRefusal::TooLong);
    }
    let mut parts = token.split('.');
    let (Some(_), Some(payload), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(TokenRefusal::Malformed);
    };
    let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| TokenRefusal::Malformed)?;
    let unverified: Unverified = serde_json::from_slice(&payload)
        .map_err(|_| TokenRefusal::Claim { claim: "iss", rule: "a text that must be there" })?;
    Ok(unverified.iss)
}

/// Signature, issuer, audience and time.
pub(super) async fn verify(issuer: &Issuer, token: &str, now: Timestamp) -> Result<Claims, TokenRefusal> {
    let id = check_header(issuer, token)?;
    let validation = validation(issuer);
    let keys = issuer.keys.candidates(id.as_deref(), now).await.ok_or(TokenRefusal::NoKeys)?;
    let claims = match decode(token, &keys, &validation) {
        Err(TokenRefusal::Signature) => match issuer.keys.replaced(id.as_deref(), now).await {
            Some(keys) => decode(token, &keys, &validation)?,
            None => return Err(TokenRefusal::Signature),
        },
        decoded => decoded?,
    };
    claims.check_time(now)?;
    Ok(claims)
}

/// The name of the key. `alg` must be the one of the issuer: the key's kind is decided by configuration, never by the token.
fn check_header(issuer: &Issuer, token: &str) -> Result<Option<String>, TokenRefusal> {
    #[derive(Deserialize)]
    struct Extensions {
        crit: Option<serde_json::Value>,
    }
    let encoded = token.split('.').next().unwrap_or_default();
    let raw = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| TokenRefusal::Malformed)?;
    let extensions: Extensions = serde_json::from_slice(&raw).map_err(|_| TokenRefusal::Malformed)?;
    if extensions.crit.is_some() {
        return Err(TokenRefusal::Critical);
    }
    // `none` and names that nobody knows are no header at all to the library.
    let header = jsonwebtoken::decode_header(token).map_err(|_| TokenRefusal::OtherAlgorithm)?;
    if header.alg == issuer.algorithm.as_jwt() { Ok(header.kid) } else { Err(TokenRefusal::OtherAlgorithm) }
}

fn validation(issuer: &Issuer) -> Validation {
    let mut validation = Validation::new(issuer.algorithm.as_jwt());
    validation.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
    validation.set_issuer(&[&issuer.name]);
    validation.set_audience(&[&issuer.audience]);
    // The library would read the system's clock; ours is an argument.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation
}

fn decode(token: &str, keys: &[DecodingKey], validation: &Validation) -> Result<Claims, TokenRefusal> {
    let mut refusal = TokenRefusal::UnknownKey;
    for key in keys {
        match jsonwebtoken::decode::<Claims>(token, key, validation) {
            Ok(TokenData { claims, .. }) => return Ok(claims),
            Err(error) => refusal = explain(error.kind()),
        }
        if refusal != TokenRefusal::Signature {
            break;
        }
    }
    Err(refusal)
}

fn explain(kind: &ErrorKind) -> TokenRefusal {
    match kind {
        ErrorKind::MissingRequiredClaim(name) => {
            let claim = ["iss", "aud", "exp", "sub"].into_iter().find(|claim| claim == name).unwrap_or("claims");
            TokenRefusal::Claim { claim, rule: "must be there" }
        }
        ErrorKind::InvalidIssuer => TokenRefusal::Claim { claim: "iss", rule: "the issuer whose keys verify it" },
        ErrorKind::InvalidAudience => TokenRefusal::Claim { claim: "aud", rule: "the audience of this API" },
        ErrorKind::Json(_) => {
            TokenRefusal::Claim { claim: "claims", rule: "iss, aud, exp and sub of the types of RFC 7519" }
        }
        ErrorKind::InvalidAlgorithm => TokenRefusal::OtherAlgorithm,
        ErrorKind::Base64(_) | ErrorKind::InvalidToken => TokenRefusal::Malformed,
        _ => TokenRefusal::Signature,
    }
}

impl Claims {
    fn check_time(&self, now: Timestamp) -> Result<(), TokenRefusal> {
        let now = now.as_millisecond() as f64 / 1_000.0;
        if now >= self.exp + LEEWAY {
            Err(TokenRefusal::Expired)
        } else if self.nbf.is_some_and(|nbf| nbf - LEEWAY > now) {
            Err(TokenRefusal::Claim { claim: "nbf", rule: "not in the future" })
        } else {
            Ok(())
        }
    }

    pub(super) fn user(self, mch_id: &MchId, issuer: &str) -> Result<User, TokenRefusal> {
        let claim = |claim| move |error: domain::InvalidValue| TokenRefusal::Claim { claim, rule: error.rule };
        let openids = self.openids.iter().map(|(appid, openid)| {
            Ok((AppId::parse(appid).map_err(claim("openids"))?, OpenId::parse(openid).map_err(claim("openids"))?))
        });
        let openids = openids.collect::<Result<BTreeMap<_, _>, TokenRefusal>>()?;
        Ok(User {
            mch_id: mch_id.clone(),
            issuer: issuer.to_owned(),
            id: UserId::parse(&self.sub).map_err(claim("sub"))?,
            display_account: self.display_account.map(account).transpose()?,
            openid: self.openid.as_deref().map(OpenId::parse).transpose().map_err(claim("openid"))?,
            openids,
        })
    }
}

/// It is signed and shown to the user; blanks and other characters break the return to the app (V2 page, 1.6).
fn account(text: String) -> Result<String, TokenRefusal> {
    let han = |c: char| matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}');
    let fits = text.chars().all(|c| c.is_ascii_alphanumeric() || han(c));
    if !text.is_empty() && text.chars().count() <= LONGEST_ACCOUNT && fits {
        Ok(text)
    } else {
        Err(TokenRefusal::Claim { claim: "display_account", rule: "1 to 32 letters, digits or Han characters" })
    }
}
