//! What follows from our own calls about a contract.

use jiff::Timestamp;

use super::told::apply;
use super::{Contract, ContractState, NotSignedReason};
use crate::decision::settle;
use crate::{Changes, Decision, Event, Fact, Launch, Refusal, Schedule};

/// The user's client can start signing. Offered again, it starts with the new data.
pub(crate) fn offered(contract: &Contract, launch: Option<&Launch>, now: Timestamp) -> Decision {
    match contract.state {
        ContractState::Created | ContractState::Pending => {
            let check = contract.check.clone().or_else(|| Some(Schedule::ContractAfterOffer.first(now)));
            let launch = launch.cloned();
            let next = Contract { state: ContractState::Pending, launch, check, ..contract.clone() };
            if next == *contract { Decision::Duplicate } else { quietly(next) }
        }
        ContractState::Signed | ContractState::NotSigned | ContractState::Terminating | ContractState::Terminated => {
            Decision::Stale
        }
    }
}

/// It is offered on the page where its first order is paid.
pub(crate) fn offered_with_payment(contract: &Contract) -> Option<Contract> {
    match contract.state {
        ContractState::Created => Some(Contract { state: ContractState::Pending, ..contract.clone() }),
        ContractState::Pending
        | ContractState::Signed
        | ContractState::NotSigned
        | ContractState::Terminating
        | ContractState::Terminated => None,
    }
}

/// WeChat does not offer it. A refusal of the repetition says nothing of what was offered before.
pub(crate) fn refused(contract: &Contract, fact: &Fact) -> Decision {
    match contract.state {
        ContractState::Created => match not_offered(contract, NotSignedReason::PresignFailed, fact) {
            Some((next, events, key)) => {
                apply(Changes { contract: Some(next), ..Changes::default() }, events, Some(key))
            }
            None => Decision::Stale,
        },
        ContractState::NotSigned => Decision::Duplicate,
        ContractState::Pending | ContractState::Signed | ContractState::Terminating | ContractState::Terminated => {
            Decision::Stale
        }
    }
}

/// The contract that nobody can sign, with what tells of it and its business key; nothing where that is decided already.
pub(crate) fn not_offered(
    contract: &Contract,
    reason: NotSignedReason,
    fact: &Fact,
) -> Option<(Contract, Vec<Event>, String)> {
    match contract.state {
        ContractState::Created | ContractState::Pending => {
            let mut next = contract.clone();
            next.state = ContractState::NotSigned;
            next.not_signed_reason = Some(reason);
            next.check = None;
            let mut events = vec![Event::contract_not_signed(&next, fact.cause)];
            settle(&mut next, &mut events, fact);
            Some((next, events, format!("contract#{}#NOT_SIGNED", contract.contract_code)))
        }
        ContractState::Signed | ContractState::NotSigned | ContractState::Terminating | ContractState::Terminated => {
            None
        }
    }
}

/// We are about to end it: no notice and no deduction starts from here.
pub(crate) fn termination_asked(contract: &Contract, now: Timestamp) -> Decision {
    match contract.state {
        ContractState::Signed => quietly(Contract {
            state: ContractState::Terminating,
            terminating_at: Some(now),
            check: Some(Schedule::Termination.first(now)),
            ..contract.clone()
        }),
        ContractState::Terminating | ContractState::Terminated => Decision::Duplicate,
        ContractState::Created | ContractState::Pending | ContractState::NotSigned => {
            Decision::Refused(Refusal::NotSigned)
        }
    }
}

pub(super) fn quietly(next: Contract) -> Decision {
    apply(Changes { contract: Some(next), ..Changes::default() }, Vec::new(), None)
}
