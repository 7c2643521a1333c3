//! Back ends: the principal that AWS recognised (SigV4), and what configuration lets it do.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use domain::MchId;
use lambda_http::RequestExt;
use lambda_http::http::header::{HOST, ORIGIN};
use lambda_http::http::request::Parts;
use lambda_http::http::{HeaderMap, StatusCode, Uri};
use lambda_http::request::RequestContext;
use serde::{Deserialize, Serialize};
use setup::{Env, Misconfigured};

use crate::{Arrival, Problem, arrival};

/// The variable with the grants, JSON.
const GRANTS: &str = "PAPAY_PRINCIPALS";

/// The variable with the name of the one caller of a local stack.
const LOCAL: &str = "PAPAY_LOCAL_PRINCIPAL";

/// What a back end may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Ask for contracts, orders and refunds.
    Read,
    /// Charge, and announce a charge.
    Deduct,
    /// Give money back.
    Refund,
    /// End a contract.
    Terminate,
    /// Have events sent again.
    Replay,
}

/// Who may do what, and nobody else anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Principals {
    grants: Vec<Grant>,
    local: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Grant {
    /// An IAM ARN; `…:assumed-role/Billing/*` is every session of that role.
    principal: String,
    merchants: BTreeSet<MchId>,
    actions: BTreeSet<Action>,
}

/// A back end that was recognised, for a merchant that it has a grant for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// The merchant of the path.
    pub mch_id: MchId,
    /// Who it is, as configuration names it: the same for every session of a role.
    pub principal: String,
    actions: BTreeSet<Action>,
}

impl Principals {
    /// Reads `PAPAY_PRINCIPALS`, such as
    /// `[{"principal": "arn:aws:sts::123456789012:assumed-role/Billing/*", "merchants": ["10000100"], "actions": ["read", "deduct"]}]`,
    /// and `PAPAY_LOCAL_PRINCIPAL`, which the local stack alone sets.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`] names the variable and the field.
    pub fn read(env: &Env) -> Result<Arc<Self>, Misconfigured> {
        let text = env.optional(GRANTS).unwrap_or_else(|| "[]".to_owned());
        let grants: Vec<Grant> = serde_json::from_str(&text).map_err(|error| Misconfigured::new(GRANTS, error))?;
        for (index, grant) in grants.iter().enumerate() {
            let stars = grant.principal.matches('*').count();
            let named = !grant.principal.is_empty() && !grant.principal.contains('#');
            if !named || stars > 1 || (stars == 1 && !is_role(&grant.principal)) {
                let field = format!("{GRANTS}[{index}].principal");
                return Err(Misconfigured::new(field, "is an ARN, or …:assumed-role/<role>/* for all its sessions"));
            }
        }
        Ok(Arc::new(Self { grants, local: env.optional(LOCAL) }))
    }

    fn admit(&self, parts: &Parts) -> Result<Backend, Problem> {
        let mch_id = arrival::merchant(parts.uri.path()).ok_or_else(Problem::not_found)?;
        let arn = iam_arn(parts);
        let caller = arn.or_else(|| self.local_caller(parts)).ok_or_else(unknown)?;
        let grants = self.grants.iter().filter(|grant| grant.names(caller) && grant.merchants.contains(&mch_id));
        let mut principal = None;
        let mut actions = BTreeSet::new();
        for grant in grants {
            principal.get_or_insert_with(|| grant.principal.clone());
            actions.extend(grant.actions.iter().copied());
        }
        // Which merchants there are is nobody's business who has no grant for them.
        let principal = principal.ok_or_else(Problem::not_found)?;
        Ok(Backend { mch_id, principal, actions })
    }

    /// The fixed caller of a local stack. A page in the browser must not become it: neither by its origin nor by a name that it
    /// had pointed to this machine.
    fn local_caller(&self, parts: &Parts) -> Option<&str> {
        let from_here = Arrival::of(parts).client_ip.is_some_and(|address| address.is_loopback());
        (from_here && names_this_machine(&parts.headers)).then_some(self.local.as_deref()?)
    }
}

impl Grant {
    fn names(&self, caller: &str) -> bool {
        match self.principal.strip_suffix('*') {
            Some(role) => {
                caller.strip_prefix(role).is_some_and(|session| !session.is_empty() && !session.contains('/'))
            }
            None => self.principal == caller,
        }
    }
}

impl Backend {
    /// Whether it may do this.
    ///
    /// # Errors
    ///
    /// 403 where configuration does not say so.
    pub fn may(&self, action: Action) -> Result<(), Problem> {
        if self.actions.contains(&action) {
            return Ok(());
        }
        Err(Problem::new(StatusCode::FORBIDDEN, "not_allowed", "The configuration does not grant this action"))
    }
}

impl<S: Sync> FromRequestParts<S> for Backend
where
    Arc<Principals>: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Arc::<Principals>::from_ref(state).admit(parts)
    }
}

fn is_role(pattern: &str) -> bool {
    pattern
        .split_once(":assumed-role/")
        .is_some_and(|(_, rest)| rest.strip_suffix("/*").is_some_and(|role| !role.is_empty() && !role.contains('/')))
}

fn iam_arn(parts: &Parts) -> Option<&str> {
    let RequestContext::ApiGatewayV2(context) = parts.request_context_ref()? else { return None };
    context.authorizer.as_ref()?.iam.as_ref()?.user_arn.as_deref()
}

fn unknown() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "unknown_principal", "The request is not signed by a known principal")
}

fn names_this_machine(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let is_here =
        |address: &str| address.parse::<Uri>().ok().and_then(|uri| uri.host().map(is_loopback_host)) == Some(true);
    let host = text(HOST).is_some_and(|host| is_here(&format!("http://{host}")));
    host && (!headers.contains_key(ORIGIN) || text(ORIGIN).is_some_and(is_here))
}

/// Whether a host of a URL is this machine whatever a name server says.
pub(crate) fn is_loopback_host(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
