//! What Lambda hands over of the work queue.

use serde::Deserialize;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_read_as_lambda_writes_it() {
        let event: QueueEvent = serde_json::from_str(
            r#"{"Records": [{"messageId": "059f36b4", "receiptHandle": "AQEB", "body": "{}", "attributes":
                {"ApproximateReceiveCount": "1"}, "messageAttributes": {}, "md5OfBody": "e4e6", "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:work", "awsRegion": "us-east-1"}]}"#,
        )
        .unwrap();
        let messages: Vec<_> =
            event.messages.iter().map(|message| (message.id.as_str(), message.body.as_str())).collect();
        assert_eq!(messages, [("059f36b4", "{}")]);
    }
}
