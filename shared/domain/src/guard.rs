//! Guards: one live contract for each user and plan, since WeChat takes a second payment and signs nothing for it.

use std::fmt;

use crate::{AppId, Contract, ContractCode, ContractState, OpenId, PlanId, UserId};

/// Who signs which plan. Its item on record points at the contract of the last attempt; whether that one is live, the contract
/// itself says.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guard {
    /// A user of the merchant's app.
    User(PlanId, UserId),
    /// A user of WeChat under one application.
    Payer(PlanId, AppId, OpenId),
}

/// A guard that points elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The guard.
    pub guard: Guard,
    /// The contract that it points at from here.
    pub contract_code: ContractCode,
    /// It stays where it is while it points at a contract in force: that one may be ended only by its user, and this one may come to
    /// nothing. Where it does not yield, WeChat has decided.
    pub yields: bool,
}

impl Guard {
    /// The guards of an attempt: of the app's user, and of WeChat's where he is known.
    #[must_use]
    pub fn of(contract: &Contract, openid: Option<&OpenId>) -> Vec<Self> {
        let user = contract.user.clone().map(|user| Self::User(contract.plan_id.clone(), user));
        let payer = openid.map(|openid| Self::payer(contract, openid));
        user.into_iter().chain(payer).collect()
    }

    /// Where guards point after a contract changed: who signed is known only then, and a late ADD or a late payment is about an
    /// attempt that another one may have followed.
    #[must_use]
    pub fn moved(before: &Contract, after: &Contract) -> Vec<Moved> {
        let to =
            |guard, contract_code: &ContractCode, yields| Moved { guard, contract_code: contract_code.clone(), yields };
        let user = || after.user.clone().map(|user| Self::User(after.plan_id.clone(), user));
        let late =
            before.state == ContractState::NotSigned || after.payment.as_ref().is_some_and(|payment| payment.late);
        if !before.is_in_force() && after.is_in_force() {
            let payer = after.openid.as_ref().map(|openid| Self::payer(after, openid));
            let guards = user().filter(|_| late).into_iter().chain(payer);
            guards.map(|guard| to(guard, &after.contract_code, false)).collect()
        } else if let (None, Some(existing)) = (&before.existing, &after.existing) {
            user().map(|guard| to(guard, existing, false)).into_iter().collect()
        } else if !before.is_live() && after.is_live() {
            user().map(|guard| to(guard, &after.contract_code, true)).into_iter().collect()
        } else {
            Vec::new()
        }
    }

    fn payer(contract: &Contract, openid: &OpenId) -> Self {
        Self::Payer(contract.plan_id.clone(), contract.appid.clone(), openid.clone())
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(plan_id, _) => f.debug_tuple("User").field(plan_id).finish_non_exhaustive(),
            Self::Payer(plan_id, appid, _) => {
                f.debug_tuple("Payer").field(plan_id).field(appid).finish_non_exhaustive()
            }
        }
    }
}
