//! What follows from our own calls about the notices of a contract's deductions.

use jiff::Timestamp;

use super::called::quietly;
use super::{Contract, ContractState};
use crate::{Decision, DeductionNotice, Fen, Refusal};

/// We are about to have the user told: on record before WeChat is asked, and only of a contract in force.
pub(crate) fn asked(contract: &Contract, amount: Fen, now: Timestamp) -> Decision {
    match contract.state {
        ContractState::Signed => match in_force(contract, now) {
            None => with(contract, Some(DeductionNotice::asked(amount, now))),
            // The identical call may be repeated.
            Some(notice) if notice.amount == amount => Decision::Duplicate,
            Some(notice) => Decision::Refused(Refusal::OtherNotice { amount: notice.amount }),
        },
        ContractState::Terminating | ContractState::Terminated => Decision::Refused(Refusal::Ended),
        ContractState::Created | ContractState::Pending | ContractState::NotSigned => {
            Decision::Refused(Refusal::NotSigned)
        }
    }
}

/// The user was told, whatever became of the contract since.
pub(crate) fn sent(contract: &Contract, amount: Fen, already: bool, now: Timestamp) -> Decision {
    match contract.state {
        ContractState::Signed | ContractState::Terminating | ContractState::Terminated => {
            let fresh = || DeductionNotice::asked(amount, now);
            let notice = in_force(contract, now).cloned().unwrap_or_else(fresh);
            match notice.confirmed_at {
                _ if notice.amount != amount => Decision::Stale,
                Some(_) => Decision::Duplicate,
                None => with(contract, Some(notice.confirmed(already, now))),
            }
        }
        ContractState::Created | ContractState::Pending | ContractState::NotSigned => Decision::Stale,
    }
}

/// WeChat refused to send it, for good. What an earlier call sent stays.
pub(crate) fn refused(contract: &Contract, amount: Fen) -> Decision {
    match &contract.notice {
        Some(notice) if notice.amount == amount && notice.confirmed_at.is_none() => with(contract, None),
        Some(_) => Decision::Stale,
        None => Decision::Duplicate,
    }
}

/// Why the notice on record forbids to deduct this.
pub(crate) fn forbids(contract: &Contract, amount: Fen, now: Timestamp) -> Option<Refusal> {
    let notice = in_force(contract, now)?;
    if amount > notice.amount {
        Some(Refusal::MoreThanNoticed { noticed: notice.amount })
    } else {
        notice.waits(now).then_some(Refusal::TooEarly { first_day: notice.first_day })
    }
}

fn in_force(contract: &Contract, now: Timestamp) -> Option<&DeductionNotice> {
    contract.notice.as_ref().filter(|notice| notice.is_in_force(now))
}

fn with(contract: &Contract, notice: Option<DeductionNotice>) -> Decision {
    quietly(Contract { notice, ..contract.clone() })
}
