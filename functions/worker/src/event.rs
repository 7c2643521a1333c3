//! What Lambda hands over of the work queue, and what it wants back.

use serde::{Deserialize, Serialize};

/// A batch of messages.
#[derive(Debug, Deserialize)]
pub(crate) struct QueueEvent {
    #[serde(rename = "Records", default)]
    pub(crate) messages: Vec<Message>,
}

/// One message; its body is a job.
#[derive(Debug, Deserialize)]
pub(crate) struct Message {
    #[serde(rename = "messageId")]
    pub(crate) id: String,
    pub(crate) body: String,
}

/// The messages that shall come again.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BatchResponse {
    pub(crate) batch_item_failures: Vec<BatchItemFailure>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BatchItemFailure {
    pub(crate) item_identifier: String,
}

impl FromIterator<String> for BatchResponse {
    fn from_iter<I: IntoIterator<Item = String>>(ids: I) -> Self {
        let failures = ids.into_iter().map(|item_identifier| BatchItemFailure { item_identifier });
        Self { batch_item_failures: failures.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_and_its_answer_are_written_as_lambda_wants_them() {
        let event: QueueEvent = serde_json::from_str(
            r#"{"Records": [{"messageId": "059f36b4", "receiptHandle": "AQEB", "body": "{}", "attributes":
                {"ApproximateReceiveCount": "1"}, "messageAttributes": {}, "md5OfBody": "e4e6", "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:work", "awsRegion": "us-east-1"}]}"#,
        )
        .unwrap();
        let answer: BatchResponse = event.messages.into_iter().map(|message| message.id).collect();
        let answer = serde_json::to_string(&answer).unwrap();
        assert_eq!(answer, r#"{"batchItemFailures":[{"itemIdentifier":"059f36b4"}]}"#);
    }
}
