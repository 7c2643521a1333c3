//! Questions that got no answer that could be used.

use jiff::{SignedDuration, Timestamp};

use crate::{Changes, Check, Contract, Loaded, Order, Refund, Schedule};

/// How long after a question without an answer it is put again.
const PAUSE: SignedDuration = SignedDuration::from_mins(1);

/// The due checks of these items on their schedules' next time: WeChat answered what contradicts our record, and would again.
#[must_use]
pub fn moved_on(loaded: &Loaded, now: Timestamp) -> Changes {
    with_checks(loaded, now, |schedule, check| schedule.next(check, now))
}

/// The due checks of these items a minute later, which uses up nothing of their schedules: WeChat did not answer.
#[must_use]
pub fn later(loaded: &Loaded, now: Timestamp) -> Changes {
    let due_at = now.checked_add(PAUSE).unwrap_or(now);
    with_checks(loaded, now, |_, check| Some(Check { due_at, ..check.clone() }))
}

fn with_checks(loaded: &Loaded, now: Timestamp, next: impl Fn(Schedule, &Check) -> Option<Check>) -> Changes {
    let due = |check: &Option<Check>| check.clone().filter(|check| check.is_due(now));
    let order = loaded.order.as_ref().and_then(|order| {
        let check = next(order.schedule(), &due(&order.check)?);
        Some(Order { check, ..order.clone() })
    });
    let contract = loaded.contract.as_ref().and_then(|contract| {
        let check = next(contract.schedule(), &due(&contract.check)?);
        Some(Contract { check, ..contract.clone() })
    });
    let refund = loaded.refund.as_ref().and_then(|refund| {
        let check = next(Schedule::Refund, &due(&refund.check)?);
        Some(Refund { check, ..refund.clone() })
    });
    Changes { order, contract, refund }
}
