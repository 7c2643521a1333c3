//! What Lambda hands over of the work queue.

use domain::MchId;
use record::DueItem;
use serde::Deserialize;
use work::Job;

/// A batch of messages.
#[derive(Debug, Deserialize)]
pub(crate) struct QueueEvent {
    #[serde(rename = "Records", default)]
    pub(crate) messages: Vec<Message>,
}

impl QueueEvent {
    /// Whether a message reminds of the certificates of a merchant.
    pub(crate) fn reminds_of_certificates(&self, mch_id: &MchId) -> bool {
        let jobs = self.messages.iter().filter_map(|message| serde_json::from_str::<Job>(&message.body).ok());
        jobs.into_iter().any(|job| job.item == DueItem::Certificates && job.mch_id == *mch_id)
    }
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

    #[test]
    fn a_reminder_of_certificates_is_about_one_merchant() {
        let message = |body: &str| Message { id: "1".to_owned(), body: body.to_owned() };
        let event = QueueEvent {
            messages: vec![
                message("{}"),
                message(r#"{"mch_id":"10000200","kind":"order","number":"ABCF0"}"#),
                message(r#"{"mch_id":"10000100","kind":"certificates","number":"platform"}"#),
            ],
        };
        let of = |mch_id| event.reminds_of_certificates(&MchId::parse(mch_id).unwrap());
        assert_eq!(["10000100", "10000200"].map(of), [true, false]);
    }
}
