//! What follows from our own calls about a password-exempt contract.

use jiff::Timestamp;

use super::told::apply;
use super::{ExemptContract, ExemptState};
use crate::{Decision, Refusal, Schedule};

/// A number that is not signed is offered again with the next prepay_id; one that ended is never used again.
pub(crate) fn opened(known: Option<&ExemptContract>, contract: &ExemptContract) -> Decision {
    if contract.state != ExemptState::Created || contract.request.is_none() {
        return Decision::Refused(Refusal::Inconsistent);
    }
    let Some(known) = known else {
        return apply(contract.clone(), Some(format!("exempt#{}#OPENED", contract.key())));
    };
    let same = known.mode == contract.mode
        && known.appid == contract.appid
        && known.sub_mch_id == contract.sub_mch_id
        && known.sub_appid == contract.sub_appid
        && known.out_trade_no == contract.out_trade_no
        && known.user == contract.user;
    match known.state {
        _ if !same => Decision::Refused(Refusal::Exists),
        _ if known.request == contract.request => Decision::Duplicate,
        ExemptState::Created | ExemptState::Offered | ExemptState::Refused | ExemptState::NotSigned => {
            apply(contract.clone(), None)
        }
        ExemptState::Signed | ExemptState::Terminating | ExemptState::Terminated => Decision::Refused(Refusal::Exists),
    }
}

/// WeChat asks the user after the payment.
pub(crate) fn offered(contract: &ExemptContract) -> Decision {
    match contract.state {
        ExemptState::Created => apply(ExemptContract { state: ExemptState::Offered, ..contract.clone() }, None),
        ExemptState::Offered => Decision::Duplicate,
        ExemptState::Refused
        | ExemptState::NotSigned
        | ExemptState::Signed
        | ExemptState::Terminating
        | ExemptState::Terminated => Decision::Stale,
    }
}

/// WeChat does not ask the user. A refusal of the repetition says nothing of what was offered before.
pub(crate) fn refused(contract: &ExemptContract, code: &str) -> Decision {
    match contract.state {
        ExemptState::Created => {
            let failure = Some(code.to_owned());
            apply(ExemptContract { state: ExemptState::Refused, failure, check: None, ..contract.clone() }, None)
        }
        ExemptState::Refused => Decision::Duplicate,
        ExemptState::Offered
        | ExemptState::NotSigned
        | ExemptState::Signed
        | ExemptState::Terminating
        | ExemptState::Terminated => Decision::Stale,
    }
}

/// We are about to end it.
pub(crate) fn termination_asked(contract: &ExemptContract, now: Timestamp) -> Decision {
    match contract.state {
        ExemptState::Signed => {
            let check = Some(Schedule::Termination.first(now));
            let (state, terminating_at) = (ExemptState::Terminating, Some(now));
            apply(ExemptContract { state, terminating_at, check, ..contract.clone() }, None)
        }
        ExemptState::Terminating | ExemptState::Terminated => Decision::Duplicate,
        ExemptState::Created | ExemptState::Offered | ExemptState::Refused | ExemptState::NotSigned => {
            Decision::Refused(Refusal::NotSigned)
        }
    }
}
