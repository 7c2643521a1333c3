//! What Lambda hands over of the outbox table's stream (KEYS_ONLY).

use domain::Stream;
use serde::Deserialize;
use serde_json::value::RawValue;

/// A batch of stream records, each read for itself, so that one which we do not understand does not block the shard.
#[derive(Debug, Deserialize)]
pub(crate) struct StreamEvent {
    #[serde(rename = "Records", default)]
    records: Vec<Box<RawValue>>,
}

/// Something was inserted into a stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Doorbell {
    pub(crate) stream: Stream,
    /// The record's place in the shard.
    pub(crate) sequence_number: String,
}

impl StreamEvent {
    /// The inserts, in the order of the shard. What else happens to an entry (a mark, its end) rings nobody.
    pub(crate) fn doorbells(&self) -> Vec<Doorbell> {
        let mut doorbells = Vec::with_capacity(self.records.len());
        for record in &self.records {
            match serde_json::from_str::<Record>(record.get()) {
                Ok(record) if record.event_name == "INSERT" => doorbells.push(record.into()),
                Ok(_) => {}
                // The sweeper finds the entry by itself.
                Err(error) => tracing::error!(%error, "a stream record cannot be read; it is passed over"),
            }
        }
        doorbells
    }
}

impl From<Record> for Doorbell {
    fn from(record: Record) -> Self {
        Self { stream: record.dynamodb.keys.stream.text, sequence_number: record.dynamodb.sequence_number }
    }
}

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "eventName")]
    event_name: String,
    dynamodb: Change,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Change {
    keys: Keys,
    sequence_number: String,
}

#[derive(Deserialize)]
struct Keys {
    stream: Text,
}

#[derive(Deserialize)]
struct Text {
    #[serde(rename = "S")]
    text: Stream,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_cannot_be_read_and_one_that_is_no_insert_are_passed_over() {
        let event = r#"{"Records": [
            {"eventName": "INSERT", "dynamodb": {"Keys": {"stream": {"N": "1"}}, "SequenceNumber": "100"}},
            {"eventName": "MODIFY", "dynamodb": {"Keys": {"stream": {"S": "1#C#B"}}, "SequenceNumber": "101"}},
            "nonsense",
            {"eventID": "e", "eventName": "INSERT", "eventVersion": "1.1", "awsRegion": "us-east-1", "dynamodb": {
                "ApproximateCreationDateTime": 1760000000.0, "SizeBytes": 40, "StreamViewType": "KEYS_ONLY",
                "Keys": {"stream": {"S": "1#C#A"}, "sequence": {"N": "7"}}, "SequenceNumber": "102"}}
        ]}"#;
        let event: StreamEvent = serde_json::from_str(event).unwrap();
        let expected = Doorbell { stream: Stream::named("1#C#A"), sequence_number: "102".to_owned() };
        assert_eq!(event.doorbells(), [expected]);
    }
}
