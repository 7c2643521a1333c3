//! The envelope of an event: CloudEvents 1.0, structured JSON, one message body.

use domain::{OutboxEntry, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// An event as it stands in a message body.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CloudEvent {
    /// The version of CloudEvents: `1.0`.
    pub specversion: String,
    /// `<stream>:<sequence>`; the same in every copy of this event, replays included.
    pub id: String,
    /// `/papay/<mch_id>`
    pub source: String,
    /// `papay.<thing>.<happened>.v1`
    #[serde(rename = "type")]
    pub event_type: String,
    /// The number of what it is about.
    pub subject: String,
    /// When the fact was recorded.
    pub time: Timestamp,
    /// `application/json`
    pub datacontenttype: String,
    /// The `$id` of the JSON Schema of `data`: see [`schema_id`].
    pub dataschema: String,
    /// Its place in the stream, rising with gaps.
    ///
    /// On the wire it is text of twenty digits: the CloudEvents extension `sequence` is a string that orders as text,
    /// a CloudEvents integer has 32 bits, and a reader that compares text, numbers, or one with the other is right.
    #[serde(with = "twenty_digits")]
    pub sequence: u64,
    /// The sequence of the event before it that was routed to this consumer; 0 where there was none. Written like
    /// `sequence`.
    #[serde(with = "twenty_digits")]
    pub previous: u64,
    /// W3C trace context of the callback or call that caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// A full snapshot and its cause, as it was frozen when the fact was recorded.
    pub data: Box<RawValue>,
}

/// The `$id` of the JSON Schema of an event type's data. It is a name; the schemas are in `docs/events`.
///
/// ```
/// assert_eq!(publish::envelope::schema_id("papay.payment.succeeded.v1"), "urn:papay:event:papay.payment.succeeded.v1");
/// ```
#[must_use]
pub fn schema_id(event_type: &str) -> String {
    format!("urn:papay:event:{event_type}")
}

/// The message body for one of an entry's consumers, `previous` being that consumer's.
///
/// # Errors
///
/// The entry's data is not JSON.
pub fn body(entry: &OutboxEntry, previous: u64) -> Result<String, serde_json::Error> {
    let event = CloudEvent {
        specversion: "1.0".to_owned(),
        id: entry.id(),
        source: format!("/papay/{}", entry.mch_id),
        event_type: entry.event_type.clone(),
        subject: entry.subject.clone(),
        time: entry.time,
        datacontenttype: "application/json".to_owned(),
        dataschema: schema_id(&entry.event_type),
        sequence: entry.sequence,
        previous,
        traceparent: entry.traceparent.clone(),
        data: RawValue::from_string(entry.data.clone())?,
    };
    serde_json::to_string(&event).map(escape_non_characters)
}

/// SQS refuses a message that holds U+FFFE or U+FFFF, which are legal in a text of JSON: such a text, be it some caller's
/// `attach`, would hold up its stream for good. In valid JSON they stand in strings only, where an escape means the same.
fn escape_non_characters(json: String) -> String {
    if json.contains(['\u{fffe}', '\u{ffff}']) {
        json.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff")
    } else {
        json
    }
}

mod twenty_digits {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{number:020}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
