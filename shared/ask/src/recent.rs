//! What this process asked a moment ago, so that it need not look into the ledger to know.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::{MchId, Timestamp};
use jiff::SignedDuration;
use record::DueItem;

/// An app that polls is answered from the record for so long after a question.
pub(crate) const PAUSE: SignedDuration = SignedDuration::from_secs(5);

/// Items that are kept; beyond that what is older than the pause is forgotten.
const KEPT: usize = 4_096;

/// When which item was asked for, by its key.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<HashMap<String, Timestamp>>);

impl Recent {
    /// Whether this process asked for it within the pause.
    pub(crate) fn asked(&self, mch_id: &MchId, item: &DueItem, now: Timestamp) -> bool {
        self.times().get(&item.key(mch_id)).is_some_and(|at| within_pause(*at, now))
    }

    /// From here it did.
    pub(crate) fn note(&self, mch_id: &MchId, item: &DueItem, now: Timestamp) {
        let mut times = self.times();
        if times.len() >= KEPT {
            times.retain(|_, at| within_pause(*at, now));
        }
        times.insert(item.key(mch_id), now);
    }

    fn times(&self) -> MutexGuard<'_, HashMap<String, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn within_pause(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at).abs() < PAUSE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_760_000_000 + second).unwrap()
    }

    #[test]
    fn what_was_asked_for_is_remembered_for_five_seconds() {
        let (recent, mch_id) = (Recent::default(), MchId::parse("10000100").unwrap());
        let [first, second] = ["A", "B"].map(|number| DueItem::parse("order", number).unwrap());
        assert!(!recent.asked(&mch_id, &first, at(0)));
        recent.note(&mch_id, &first, at(0));
        assert!(recent.asked(&mch_id, &first, at(4)) && !recent.asked(&mch_id, &first, at(5)));
        assert!(!recent.asked(&mch_id, &second, at(4)), "another number");
        let other = DueItem::parse("refund", "A").unwrap();
        assert!(!recent.asked(&mch_id, &other, at(4)), "a refund may have an order's number");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let (recent, mch_id) = (Recent::default(), MchId::parse("1").unwrap());
        for number in 0..10_000_i64 {
            recent.note(&mch_id, &DueItem::parse("order", &number.to_string()).unwrap(), at(number * 10));
        }
        assert!(recent.times().len() <= KEPT);
    }
}
