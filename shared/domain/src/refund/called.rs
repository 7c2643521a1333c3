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
                check: Some(Schedule::Refund.first(now)),
                ..refund.clone()
            };
            let changes = Changes { refund: Some(next), ..Changes::default() };
            Decision::Apply { changes: Box::new(changes), events: Vec::new(), key: None }
        }
        RefundState::Repairing => Decision::Duplicate,
        RefundState::Reported
        | RefundState::Created
        | RefundState::Processing
        | RefundState::Succeeded
        | RefundState::Closed
        | RefundState::Rejected => Decision::Refused(Refusal::NotAbnormal),
    }
}
