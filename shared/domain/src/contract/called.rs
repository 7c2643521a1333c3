//! What follows from our own calls about a contract.

use jiff::Timestamp;

use super::told::apply;
use super::{Contract, ContractState, NotSignedReason};
use crate::decision::settle;
use crate::{Changes, Check, ContractCode, Decision, Event, Fact, Launch, PaymentStatus, Refusal, Schedule};

/// The user's client can start signing. Offered again, it starts with the new data, and its questions begin anew.
pub(crate) fn offered(contract: &Contract, launch: Option<&Launch>, until: Timestamp, now: Timestamp) -> Decision {
    match contract.state {
        ContractState::Created | ContractState::Pending => {
            let check = Some(begun_anew(contract.check.as_ref(), now));
            let (launch, offered_until) = (launch.cloned(), Some(until));
            let next = Contract { state: ContractState::Pending, launch, offered_until, check, ..contract.clone() };
            if next == *contract { Decision::Duplicate } else { quietly(next) }
        }
        ContractState::Signed | ContractState::NotSigned | ContractState::Terminating | ContractState::Terminated => {
            Decision::Stale
        }
    }
}

/// A question that is due sooner stays where it is: whoever asks for the offer again and again must not put it off.
fn begun_anew(running: Option<&Check>, now: Timestamp) -> Check {
    let first = Schedule::ContractAfterOffer.first(now);
    match running {
        Some(running) if running.due_at < first.due_at => Check { step: first.step, ..running.clone() },
        Some(_) | None => first,
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
            let key = next.not_signed_key();
            Some((next, events, key))
        }
        ContractState::Signed | ContractState::NotSigned | ContractState::Terminating | ContractState::Terminated => {
            None
        }
    }
}

/// The user wants to sign in another way. WeChat knows of no signing, and what was offered last has run out.
pub(crate) fn withdrawn(contract: &Contract, fact: &Fact, now: Timestamp) -> Decision {
    let run_out = contract.offer_ends_at().is_some_and(|ends_at| ends_at <= now);
    match not_offered(contract, NotSignedReason::Declined, fact).filter(|_| run_out) {
        Some((next, events, key)) => {
            // A lost ADD of the last moment is found by the questions that are left.
            let next = Contract { check: contract.check.clone(), ..next };
            apply(Changes { contract: Some(next), ..Changes::default() }, events, Some(key))
        }
        None if contract.state == ContractState::NotSigned => Decision::Duplicate,
        None => Decision::Stale,
    }
}

/// WeChat does not offer it any more, while somebody may still pay for what was offered before: it stands in the way until its order
/// is closed, and is not signed for this reason then.
pub(crate) fn not_offered_again(contract: &Contract, reason: NotSignedReason) -> Option<Contract> {
    match contract.state {
        ContractState::Created | ContractState::Pending => {
            Some(Contract { not_signed_reason: Some(reason), ..contract.clone() })
        }
        ContractState::Signed | ContractState::NotSigned | ContractState::Terminating | ContractState::Terminated => {
            None
        }
    }
}

/// Its payer has another contract of this plan, in force: WeChat took the money and signs nothing (protocol, 11).
pub(crate) fn signed_before(contract: &Contract, existing: &ContractCode, fact: &Fact) -> Decision {
    let paid = contract.payment.as_ref().is_some_and(|payment| match payment.status {
        PaymentStatus::Paid | PaymentStatus::PartlyRefunded | PaymentStatus::Refunded => true,
        PaymentStatus::Unpaid | PaymentStatus::Closed => false,
    });
    match contract.state {
        ContractState::Created | ContractState::Pending if paid && *existing != contract.contract_code => {
            let mut next = contract.clone();
            next.state = ContractState::NotSigned;
            next.not_signed_reason = Some(NotSignedReason::AlreadySigned);
            next.existing = Some(existing.clone());
            let mut events = vec![Event::contract_not_signed(&next, fact.cause)];
            settle(&mut next, &mut events, fact);
            let key = next.not_signed_key();
            apply(Changes { contract: Some(next), ..Changes::default() }, events, Some(key))
        }
        ContractState::NotSigned if contract.existing.is_some() => Decision::Duplicate,
        ContractState::Created
        | ContractState::Pending
        | ContractState::Signed
        | ContractState::NotSigned
        | ContractState::Terminating
        | ContractState::Terminated => Decision::Stale,
    }
}

/// We are about to end it: no notice and no deduction starts from here.
pub(crate) fn termination_asked(contract: &Contract, now: Timestamp) -> Decision {
    match (contract.state, ending(contract, now)) {
        (_, Some(next)) => quietly(next),
        (ContractState::Signed | ContractState::Terminating | ContractState::Terminated, None) => Decision::Duplicate,
        (ContractState::Created | ContractState::Pending | ContractState::NotSigned, None) => {
            Decision::Refused(Refusal::NotSigned)
        }
    }
}

/// The contract that shall end, if it is in force and nobody asked for its end before.
pub(crate) fn ending(contract: &Contract, now: Timestamp) -> Option<Contract> {
    (contract.state == ContractState::Signed).then(|| Contract {
        state: ContractState::Terminating,
        terminating_at: Some(now),
        check: Some(Schedule::Termination.first(now)),
        ..contract.clone()
    })
}

pub(super) fn quietly(next: Contract) -> Decision {
    apply(Changes { contract: Some(next), ..Changes::default() }, Vec::new(), None)
}
