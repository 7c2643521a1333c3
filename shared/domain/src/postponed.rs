//! Questions that got no answer that could be used.

use jiff::{SignedDuration, Timestamp};

use crate::{Changes, Check, Contract, ExemptContract, Loaded, Order, Refund, Schedule};

/// How long after a question without an answer it is put again, the first time; twice as long each time from there.
const PAUSE: SignedDuration = SignedDuration::from_mins(1);

/// How long WeChat may not know what it had accepted, or what it was told to have, before nobody asks for it any more. Whatever it
/// says of it later is believed all the same.
pub const GIVEN_UP_AFTER: SignedDuration = SignedDuration::from_hours(72);

/// Why there is no answer that could be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// WeChat did not answer, or not now.
    Silence,
    /// WeChat refused the question, or answered what cannot be read or believed: it would again, until somebody mends it.
    Refused,
}

impl Unanswered {
    /// The longest pause. Once WeChat is there again nothing waits for long; what is refused is not asked for ever.
    const fn longest(self) -> SignedDuration {
        match self {
            Self::Silence => SignedDuration::from_mins(10),
            Self::Refused => SignedDuration::from_hours(24),
        }
    }

    fn pause(self, times: u32) -> SignedDuration {
        let factor = 1_i32.checked_shl(times.min(30)).unwrap_or(i32::MAX);
        PAUSE.saturating_mul(factor).min(self.longest())
    }
}

/// The due checks of these items on their schedules' next time, and once a day where a schedule has run out and the item is open:
/// WeChat answered what contradicts our record, and would again.
#[must_use]
pub fn moved_on(loaded: &Loaded, now: Timestamp) -> Changes {
    let mut changes = with_checks(loaded, now, |schedule, check| schedule.next(check, now));
    if let Some(order) = &mut changes.order {
        order.check = order.check.take().or_else(|| order.daily(now));
    }
    if let Some(contract) = &mut changes.contract {
        contract.check = contract.check.take().or_else(|| contract.daily(now));
    }
    changes.refund = changes.refund.map(|refund| {
        let check = refund.check.clone().filter(|_| refund.is_followed(now));
        Refund { check, ..refund }
    });
    changes
}

/// The due checks of these items a minute later, and later each time, which uses up nothing of their schedules: there was no answer.
#[must_use]
pub fn later(loaded: &Loaded, why: Unanswered, now: Timestamp) -> Changes {
    with_checks(loaded, now, |_, check| {
        let due_at = now.checked_add(why.pause(check.unanswered)).unwrap_or(now);
        Some(Check { due_at, unanswered: check.unanswered.saturating_add(1), ..check.clone() })
    })
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
        let check = next(refund.schedule(), &due(&refund.check)?);
        Some(Refund { check, ..refund.clone() })
    });
    let exempt = loaded.exempt.as_ref().and_then(|exempt| {
        let check = next(exempt.schedule(), &due(&exempt.check)?);
        Some(ExemptContract { check, ..exempt.clone() })
    });
    Changes { order, contract, refund, exempt }
}
