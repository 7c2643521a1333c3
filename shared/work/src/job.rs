//! A job: whose state to ask WeChat for.

use domain::MchId;
use record::DueItem;
use serde::{Deserialize, Serialize};

/// Something to ask WeChat about; as a message `{"mch_id": …, "kind": "order" | "contract" | "refund", "number": …}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Message", into = "Message")]
pub struct Job {
    /// The merchant.
    pub mch_id: MchId,
    /// What of it.
    pub item: DueItem,
}

#[derive(Serialize, Deserialize)]
struct Message {
    mch_id: MchId,
    kind: String,
    number: String,
}

impl TryFrom<Message> for Job {
    type Error = String;

    fn try_from(message: Message) -> Result<Self, Self::Error> {
        let Message { mch_id, kind, number } = message;
        let item = DueItem::parse(&kind, &number).map_err(|error| error.to_string())?;
        Ok(Self { mch_id, item })
    }
}

impl From<Job> for Message {
    fn from(job: Job) -> Self {
        Self { mch_id: job.mch_id, kind: job.item.kind().to_owned(), number: job.item.number().to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_a_message_of_three_fields() {
        for message in [
            r#"{"mch_id":"10000100","kind":"order","number":"ABCF0"}"#,
            r#"{"mch_id":"10000100","kind":"contract","number":"ABC"}"#,
            r#"{"mch_id":"1","kind":"refund","number":"a|b@c"}"#,
        ] {
            let job: Job = serde_json::from_str(message).unwrap();
            assert_eq!(serde_json::to_string(&job).unwrap(), message);
        }
    }

    #[test]
    fn what_names_nothing_to_ask_about_is_refused() {
        for message in [
            "{}",
            r#"{"mch_id":"1","kind":"order","number":""}"#,
            r#"{"mch_id":"1","kind":"period","number":"1"}"#,
            r#"{"mch_id":"one","kind":"order","number":"1"}"#,
        ] {
            assert!(serde_json::from_str::<Job>(message).is_err(), "{message}");
        }
    }
}
