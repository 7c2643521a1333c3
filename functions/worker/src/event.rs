//! What Lambda hands over of the work queue.

use domain::MchId;
use record::DueItem;
use serde::Deserialize;
use setup::telemetry;
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
    #[serde(default)]
    attributes: Attributes,
}

/// What SQS adds to a message.
#[derive(Debug, Default, Deserialize)]
struct Attributes {
    #[serde(rename = "AWSTraceHeader")]
    trace: Option<String>,
}

impl Message {
    /// W3C trace context of what this message asks for, which it keeps when it comes again. It is one of its own: the sender's is that of
    /// a whole sweep, whose checks have nothing else in common.
    pub(crate) fn traceparent(&self) -> String {
        telemetry::own_trace(&self.id)
    }

    /// The sender's, if SQS has it.
    pub(crate) fn sent_by(&self) -> Option<String> {
        self.attributes.trace.as_deref().and_then(telemetry::traceparent)
    }

    #[cfg(test)]
    pub(crate) fn new(id: &str, body: &str) -> Self {
        Self { id: id.to_owned(), body: body.to_owned(), attributes: Attributes::default() }
    }
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
    fn messages_of_one_sweep_have_each_a_trace_of_its_own_and_tell_the_sweeps() {
        // AWS's SDK sends the trace of an invocation with a batch, and SQS gives it to each of the batch's messages.
        let sent = |id: &str| -> Message {
            let text = r#"{"messageId": "ID", "body": "{}", "attributes":
                {"AWSTraceHeader": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"}}"#;
            serde_json::from_str(&text.replace("ID", id)).unwrap()
        };
        for id in ["1", "2"] {
            assert_eq!(sent(id).sent_by().unwrap(), "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01");
            assert_eq!(sent(id).traceparent(), Message::new(id, "{}").traceparent());
        }
        let own = |id| Message::new(id, "{}").traceparent();
        assert_eq!(own("1"), own("1"));
        assert_ne!(own("1"), own("2"));
    }

    #[test]
    fn a_reminder_of_certificates_is_about_one_merchant() {
        let message = |body: &str| Message::new("1", body);
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
