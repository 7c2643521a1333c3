//! What Lambda wants back of a batch, from a queue or a stream, and how long a function may take over it.

use std::time::{Duration, SystemTime};

use serde::Serialize;

/// What of a batch shall come again: messages of a queue by their ids, or records of a stream from a sequence number on.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchResponse {
    /// One entry each; without any, the whole batch is done with.
    pub batch_item_failures: Vec<BatchItemFailure>,
}

/// A message, or a record.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItemFailure {
    /// A message's id, or a record's sequence number.
    pub item_identifier: String,
}

impl FromIterator<String> for BatchResponse {
    fn from_iter<I: IntoIterator<Item = String>>(ids: I) -> Self {
        let failures = ids.into_iter().map(|item_identifier| BatchItemFailure { item_identifier });
        Self { batch_item_failures: failures.collect() }
    }
}

/// What is left until Lambda's deadline, less what is kept to end in order.
#[must_use]
pub fn time_left(deadline: SystemTime, reserve: Duration) -> Duration {
    deadline.duration_since(SystemTime::now()).unwrap_or_default().saturating_sub(reserve)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_names_what_shall_come_again_as_lambda_wants_it() {
        let answer: BatchResponse = ["102".to_owned()].into_iter().collect();
        assert_eq!(serde_json::to_string(&answer).unwrap(), r#"{"batchItemFailures":[{"itemIdentifier":"102"}]}"#);
        assert_eq!(serde_json::to_string(&BatchResponse::default()).unwrap(), r#"{"batchItemFailures":[]}"#);
    }

    #[test]
    fn a_deadline_that_is_over_leaves_no_time() {
        let left = |seconds: u64| time_left(SystemTime::now() + Duration::from_secs(seconds), Duration::from_secs(5));
        assert_eq!(left(4), Duration::ZERO);
        assert!(left(60) > Duration::from_secs(50));
        assert_eq!(time_left(SystemTime::UNIX_EPOCH, Duration::ZERO), Duration::ZERO);
    }
}
