//! The rule by which a consumer reads its queue: apply what comes next, ignore what it has, and notice what is missing.

use std::collections::BTreeMap;

use publish::envelope::CloudEvent;
use serde::{Deserialize, Serialize};

/// What a consumer has seen: the last sequence of each stream.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConsumerRule {
    last: BTreeMap<String, u64>,
}

/// What a consumer does with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// `previous` is the last one seen: apply it.
    Next,
    /// Its sequence was seen: ignore it.
    Duplicate,
    /// Something is missing between the two: fetch the stream before applying.
    Gap {
        /// The last sequence that was seen; 0 for none.
        seen: u64,
        /// The sequence that should have come before this event.
        previous: u64,
    },
}

impl ConsumerRule {
    /// What to do with an event; afterwards it counts as seen.
    pub fn judge(&mut self, event: &CloudEvent) -> Verdict {
        let stream = event.id.rsplit_once(':').map_or(event.id.as_str(), |(stream, _)| stream);
        let seen = self.last.get(stream).copied().unwrap_or(0);
        if event.sequence <= seen {
            return Verdict::Duplicate;
        }
        self.last.insert(stream.to_owned(), event.sequence);
        if event.previous == seen { Verdict::Next } else { Verdict::Gap { seen, previous: event.previous } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(stream: &str, sequence: u64, previous: u64) -> CloudEvent {
        let event = serde_json::json!({
            "specversion": "1.0", "id": format!("{stream}:{sequence}"), "source": "/papay/1", "type": "papay.x.y.v1",
            "subject": "s", "time": "2026-01-01T00:00:00Z", "datacontenttype": "application/json", "dataschema": "x",
            "sequence": format!("{sequence:020}"), "previous": format!("{previous:020}"), "data": {},
        });
        serde_json::from_str(&event.to_string()).unwrap()
    }

    #[test]
    fn the_next_is_applied_the_seen_is_ignored_and_a_gap_is_noticed() {
        let mut rule = ConsumerRule::default();
        assert_eq!(rule.judge(&event("1#C#A", 2, 0)), Verdict::Next);
        assert_eq!(rule.judge(&event("1#C#A", 5, 2)), Verdict::Next, "sequences may skip; `previous` may not");
        assert_eq!(rule.judge(&event("1#C#A", 5, 2)), Verdict::Duplicate);
        assert_eq!(rule.judge(&event("1#C#A", 9, 7)), Verdict::Gap { seen: 5, previous: 7 });
        assert_eq!(rule.judge(&event("1#C#A", 10, 9)), Verdict::Next, "the gap is reported once");
        assert_eq!(rule.judge(&event("1#C#B", 3, 1)), Verdict::Gap { seen: 0, previous: 1 }, "each stream by itself");
    }
}
