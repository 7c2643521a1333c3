//! Guards: one live contract for each user and plan, since WeChat takes a second payment and signs nothing for it.

use std::fmt;

use crate::{AppId, Contract, ContractState, OpenId, PlanId, UserId};

/// Who signs which plan. Its item on record points at the contract of the last attempt; whether that one is live, the contract
/// itself says.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guard {
    /// A user of the merchant's app.
    User(PlanId, UserId),
    /// A user of WeChat under one application.
    Payer(PlanId, AppId, OpenId),
}

impl Guard {
    /// The guards of an attempt: of the app's user, and of WeChat's where he is known.
    #[must_use]
    pub fn of(contract: &Contract, openid: Option<&OpenId>) -> Vec<Self> {
        let user = contract.user.clone().map(|user| Self::User(contract.plan_id.clone(), user));
        let payer = openid.map(|openid| Self::payer(contract, openid));
        user.into_iter().chain(payer).collect()
    }

    /// The guards that point at a contract once it is signed: who signed is known only then, and a late ADD signs an attempt that
    /// another one has followed.
    #[must_use]
    pub fn revealed(before: &Contract, after: &Contract) -> Vec<Self> {
        let is_signed = |contract: &Contract| match contract.state {
            ContractState::Signed | ContractState::Terminating => true,
            ContractState::Created | ContractState::Pending | ContractState::NotSigned | ContractState::Terminated => {
                false
            }
        };
        if is_signed(before) || !is_signed(after) {
            return Vec::new();
        }
        let late = before.state == ContractState::NotSigned;
        let user = after.user.clone().filter(|_| late).map(|user| Self::User(after.plan_id.clone(), user));
        let payer = after.openid.as_ref().map(|openid| Self::payer(after, openid));
        user.into_iter().chain(payer).collect()
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
