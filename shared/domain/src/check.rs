//! Due checks: when to ask WeChat what became of an order, a contract or a refund that no notice has settled.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// A question that is to be put to WeChat at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The earliest time; the sweeper's grain is a minute.
    pub due_at: Timestamp,
    /// How many questions of the schedule were asked before this one.
    pub step: u32,
    /// A notice asked for it (an unsigned refund notice, a failed deduction): the answer books what the notice could not.
    #[serde(default)]
    pub asked: bool,
    /// How often it was put without an answer that could be used.
    #[serde(default)]
    pub unanswered: u32,
}

/// When to ask, counted from the first question's cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// An order: 30 s, 2 min, 10 min, 1 h, 4 h (V2's resends are over after 3 h 04 min), 25 h (V3's after 24 h 04 min).
    Order,
    /// A deduction, or an order that we are closing: as an order, then once a day until it is final.
    Deduction,
    /// A contract whose first order was paid: 0 s, 10 s, 30 s, 1, 5, 30 min, 2 h, 25 h.
    ContractAfterPayment,
    /// A contract that was offered without payment: 2, 10, 30 min, 2 h.
    ContractAfterOffer,
    /// A signed contract: once a day, for good, since terminations are notified for 1 h 57 min only.
    SignedContract,
    /// A contract whose end was asked for: 30 s, 1, 3, 10, 30 min, then once a day.
    Termination,
    /// A refund: 1 min, then 5, 10, 20, 30 min, and every 30 min from there.
    Refund,
    /// An abnormal refund (退款异常), which a person may settle on the merchant platform: once a day.
    AbnormalRefund,
    /// A password-exempt contract that was pre-signed: 2, 10, 30 min, and when its session is over (2 h).
    PreSigning,
}

impl Schedule {
    /// Seconds from one question to the next; the first entry counts from the cause.
    const fn pauses(self) -> &'static [i64] {
        match self {
            Self::Order => &[30, 90, 480, 3_000, 10_800, 75_600],
            Self::Deduction => &[30, 90, 480, 3_000, 10_800, 75_600, 86_400],
            Self::ContractAfterPayment => &[0, 10, 20, 30, 240, 1_500, 5_400, 82_800],
            Self::ContractAfterOffer => &[120, 480, 1_200, 5_400],
            Self::SignedContract | Self::AbnormalRefund => &[86_400],
            Self::Termination => &[30, 30, 120, 420, 1_200, 86_400],
            Self::Refund => &[60, 300, 600, 1_200, 1_800],
            Self::PreSigning => &[120, 480, 1_200, 5_760],
        }
    }

    /// Whether the last pause repeats for good.
    const fn repeats(self) -> bool {
        match self {
            Self::Deduction | Self::SignedContract | Self::Termination | Self::Refund | Self::AbnormalRefund => true,
            Self::Order | Self::ContractAfterPayment | Self::ContractAfterOffer | Self::PreSigning => false,
        }
    }

    /// The first check of the schedule.
    #[must_use]
    pub fn first(self, now: Timestamp) -> Check {
        let pause = self.pauses().first().copied().unwrap_or(0);
        Check::new(after(now, pause), 0)
    }

    /// The check after an answer: the one that is running while its time has not come (the app may ask in between, and must not use
    /// the schedule up), otherwise the next one; `None` once the schedule has run out.
    #[must_use]
    pub fn after_answer(self, running: &Check, now: Timestamp) -> Option<Check> {
        if running.is_due(now) { self.next(running, now) } else { Some(running.clone()) }
    }

    /// The check after `asked`; `None` once the schedule has run out.
    #[must_use]
    pub fn next(self, asked: &Check, now: Timestamp) -> Option<Check> {
        let step = asked.step.saturating_add(1);
        let pauses = self.pauses();
        let index = usize::try_from(step).unwrap_or(usize::MAX);
        let pause = match pauses.get(index) {
            Some(pause) => *pause,
            None if self.repeats() => *pauses.last()?,
            None => return None,
        };
        Some(Check::new(after(now, pause), step))
    }
}

impl Check {
    /// A question of a schedule.
    #[must_use]
    pub fn new(due_at: Timestamp, step: u32) -> Self {
        Self { due_at, step, asked: false, unanswered: 0 }
    }

    /// Whether its time has come.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.due_at <= now
    }

    /// A check that a notice asked for: due now, on top of the schedule that was running.
    #[must_use]
    pub fn asked(running: Option<&Check>, now: Timestamp) -> Check {
        Check { asked: true, ..Check::new(now, running.map_or(0, |check| check.step)) }
    }
}

fn after(now: Timestamp, seconds: i64) -> Timestamp {
    now.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(schedule: Schedule, count: usize) -> Vec<i64> {
        let start = Timestamp::UNIX_EPOCH;
        let mut check = Some(schedule.first(start));
        std::iter::from_fn(|| {
            let current = check.clone()?;
            check = schedule.next(&current, current.due_at);
            Some(current.due_at.as_second())
        })
        .take(count)
        .collect()
    }

    #[test]
    fn an_answer_before_its_time_leaves_the_check_where_it_is() {
        let start = Timestamp::UNIX_EPOCH;
        let check = Schedule::Order.first(start);
        assert_eq!(Schedule::Order.after_answer(&check, start), Some(check.clone()));
        let next = Schedule::Order.after_answer(&check, check.due_at).unwrap();
        assert_eq!((next.step, next.due_at.as_second()), (1, 120));
    }

    #[test]
    fn checks_come_at_the_documented_times() {
        assert_eq!(times(Schedule::Order, 9), [30, 120, 600, 3_600, 14_400, 90_000]);
        assert_eq!(times(Schedule::Deduction, 8), [30, 120, 600, 3_600, 14_400, 90_000, 176_400, 262_800]);
        assert_eq!(times(Schedule::ContractAfterPayment, 9), [0, 10, 30, 60, 300, 1_800, 7_200, 90_000]);
        assert_eq!(times(Schedule::ContractAfterOffer, 9), [120, 600, 1_800, 7_200]);
        assert_eq!(times(Schedule::SignedContract, 3), [86_400, 172_800, 259_200]);
        assert_eq!(times(Schedule::Termination, 7), [30, 60, 180, 600, 1_800, 88_200, 174_600]);
        assert_eq!(times(Schedule::Refund, 6), [60, 360, 960, 2_160, 3_960, 5_760]);
        assert_eq!(times(Schedule::AbnormalRefund, 2), [86_400, 172_800]);
        assert_eq!(times(Schedule::PreSigning, 9), [120, 600, 1_800, 7_560]);
    }
}
