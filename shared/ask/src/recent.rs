//! What this process asked a moment ago.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use domain::{MchId, Timestamp};
use jiff::SignedDuration;

/// An app that polls is answered from the record for so long after a question.
const PAUSE: SignedDuration = SignedDuration::from_secs(5);

/// Numbers that are kept; beyond that what is older than the pause is forgotten.
const KEPT: usize = 4_096;

/// When which number was asked for. Of this process alone: to share it would cost a write for each question that changes nothing.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<HashMap<(MchId, String), Timestamp>>);

impl Recent {
    /// Whether nobody asked for this number within the pause; from here somebody did.
    pub(crate) fn may_ask(&self, mch_id: &MchId, number: &str, now: Timestamp) -> bool {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let within_pause = |at: &Timestamp| now.duration_since(*at).abs() < PAUSE;
        if asked.len() >= KEPT {
            asked.retain(|_, at| within_pause(at));
        }
        let key = (mch_id.clone(), number.to_owned());
        if asked.get(&key).is_some_and(within_pause) {
            return false;
        }
        asked.insert(key, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_asked_for_once_in_five_seconds() {
        let (recent, mch_id) = (Recent::default(), MchId::parse("10000100").unwrap());
        let at = |second: i64| Timestamp::from_second(1_760_000_000 + second).unwrap();
        assert!(recent.may_ask(&mch_id, "A", at(0)));
        assert!(!recent.may_ask(&mch_id, "A", at(4)));
        assert!(recent.may_ask(&mch_id, "B", at(4)), "another number");
        assert!(recent.may_ask(&mch_id, "A", at(5)));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let (recent, mch_id) = (Recent::default(), MchId::parse("1").unwrap());
        for number in 0..10_000_i64 {
            recent.may_ask(&mch_id, &number.to_string(), Timestamp::from_second(number * 10).unwrap());
        }
        assert!(recent.0.lock().unwrap().len() <= KEPT);
    }
}
