//! Notices before a deduction (预扣费通知): what the user was told at most, and on which days it may be deducted.

use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use crate::Fen;

/// WeChat's days are Beijing's.
const BEIJING: TimeZone = TimeZone::fixed(Offset::constant(8));

/// From the day of the notice to the first deductible day: that day and the next pass (protocol, 7.3).
const WAITING_DAYS: i64 = 2;

/// From the day of the notice to the last deductible day: seven days, since we name no other number.
const LAST_DAY: i64 = 8;

/// A notice of one cycle, on record before WeChat is asked to send it. It ends with a successful deduction, or with its last day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeductionNotice {
    /// What is deducted at most (`estimated_amount`).
    pub amount: Fen,
    /// When WeChat was asked to send it.
    pub asked_at: Timestamp,
    /// When WeChat said that it was sent; `None` while that is not known.
    pub confirmed_at: Option<Timestamp>,
    /// The first deductible day, in Beijing.
    pub first_day: Date,
    /// The last one.
    pub last_day: Date,
}

impl DeductionNotice {
    /// A notice that WeChat is asked to send now.
    ///
    /// ```
    /// use domain::{DeductionNotice, Fen};
    /// let notice = DeductionNotice::asked(Fen::new(1_800), "2025-12-01T23:59:59+08:00".parse().unwrap());
    /// assert_eq!((notice.first_day.to_string(), notice.last_day.to_string()), ("2025-12-03".into(), "2025-12-09".into()));
    /// ```
    #[must_use]
    pub fn asked(amount: Fen, now: Timestamp) -> Self {
        let today = day(now);
        Self {
            amount,
            asked_at: now,
            confirmed_at: None,
            first_day: today.saturating_add(WAITING_DAYS.days()),
            last_day: today.saturating_add(LAST_DAY.days()),
        }
    }

    /// Whether it still limits what is deducted, and stands in the way of another one.
    #[must_use]
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        day(now) <= self.last_day
    }

    /// Whether nothing can be deducted yet: WeChat refuses it, and its number would be dead.
    pub(crate) fn waits(&self, now: Timestamp) -> bool {
        self.confirmed_at.is_some() && day(now) < self.first_day
    }

    /// WeChat sent it just now, or by an earlier call (`already`): its days count from there.
    pub(crate) fn confirmed(&self, already: bool, now: Timestamp) -> Self {
        let sent = if already { self.clone() } else { Self::asked(self.amount, now) };
        Self { confirmed_at: Some(now), asked_at: self.asked_at, ..sent }
    }
}

fn day(at: Timestamp) -> Date {
    at.to_zoned(BEIJING).date()
}
