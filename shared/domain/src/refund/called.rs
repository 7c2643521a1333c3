//! What follows from our own calls about a refund.

use jiff::Timestamp;

use super::{Refund, RefundState};
use crate::{Changes, Decision, Protocol, Refusal, RequestText, Schedule};

/// We are about to ask for the repair of an abnormal refund (发起异常退款).
pub(crate) fn repair_asked(refund: &Refund, request: &RequestText, now: Timestamp) -> Decision {
    match refund.state {
        RefundState::Abnormal if refund.protocol == Protocol::V2 => Decision::Refused(Refusal::NoRepair),
        RefundState::Abnormal => {
            let next = Refund {
                state: RefundState::Repairing,
                repairs: refund.repairs.saturating_add(1),
                repairing_at: Some(now),
                repair: Some(request.clone()),
                failure: None,
                given_up: false,
                check: Some(Schedule::Refund.first(now)),
                ..refund.clone()
            };
            let changes = Changes { refund: Some(next), ..Changes::default() };
            Decision::Apply { changes: Box::new(changes), events: Vec::new(), key: None }
        }
        RefundState::Repairing if refund.repair.as_ref() == Some(request) => Decision::Duplicate,
        // By another request, to another card perhaps.
        RefundState::Repairing
        | RefundState::Reported
        | RefundState::Created
        | RefundState::Processing
        | RefundState::Succeeded
        | RefundState::Closed
        | RefundState::Rejected => Decision::Refused(Refusal::NotAbnormal),
    }
}

/// WeChat did not take it, or its repair, and did not end it either: it is sent again.
pub(crate) fn put_off(refund: &Refund, code: &str) -> Decision {
    match refund.state {
        RefundState::Created | RefundState::Repairing if refund.failure.as_deref() != Some(code) => {
            let next = Refund { failure: Some(code.to_owned()), ..refund.clone() };
            let changes = Changes { refund: Some(next), ..Changes::default() };
            Decision::Apply { changes: Box::new(changes), events: Vec::new(), key: None }
        }
        // Overtaken, or known.
        RefundState::Created
        | RefundState::Repairing
        | RefundState::Reported
        | RefundState::Processing
        | RefundState::Succeeded
        | RefundState::Closed
        | RefundState::Abnormal
        | RefundState::Rejected => Decision::Duplicate,
    }
}
