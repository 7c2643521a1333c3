//! Receiving, and settling what was received.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Api, OnQueue, in_range, sequence_number};
use crate::sqs::error::SqsError;
use crate::sqs::message::{md5_of_attributes, md5_of_body};
use crate::sqs::queue::arn;
use crate::sqs::store::{QueueStore, Received};

/// How often a long poll looks again without being told: messages become visible by the passing of time, too.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Receive {
    #[serde(flatten)]
    queue: OnQueue,
    #[serde(default)]
    max_number_of_messages: Option<i64>,
    #[serde(default)]
    visibility_timeout: Option<i64>,
    #[serde(default)]
    wait_time_seconds: Option<i64>,
    #[serde(default)]
    attribute_names: Option<Vec<String>>,
    #[serde(default)]
    message_system_attribute_names: Option<Vec<String>>,
    #[serde(default)]
    message_attribute_names: Option<Vec<String>>,
}

pub(super) async fn receive(api: &Api, request: Receive) -> Result<Value, SqsError> {
    let limit = in_range("MaxNumberOfMessages", request.max_number_of_messages.unwrap_or(1), 1, 10)?;
    let limit = usize::try_from(limit).unwrap_or(1);
    let visibility_s = request.visibility_timeout.map(|s| in_range("VisibilityTimeout", s, 0, 43_200)).transpose()?;
    let queue = api.store.queue(request.queue.name()?).await?;
    let wait_s = request.wait_time_seconds.unwrap_or_else(|| queue.number("ReceiveMessageWaitTimeSeconds"));
    let wait_s = in_range("WaitTimeSeconds", wait_s, 0, 20)?;
    let wait = Duration::from_secs(u64::try_from(wait_s).unwrap_or_default());
    let received = poll(&api.store, &queue.name, limit, visibility_s, wait).await?;
    if received.is_empty() {
        return Ok(json!({}));
    }
    let mut system = request.attribute_names.unwrap_or_default();
    system.extend(request.message_system_attribute_names.unwrap_or_default());
    let own = request.message_attribute_names.unwrap_or_default();
    Ok(json!({ "Messages": received.iter().map(|message| to_wire(message, &system, &own)).collect::<Vec<_>>() }))
}

/// Receives, waiting up to `wait` for the first message.
pub(crate) async fn poll(
    store: &QueueStore,
    queue: &str,
    limit: usize,
    visibility_s: Option<i64>,
    wait: Duration,
) -> Result<Vec<Received>, SqsError> {
    let end = Instant::now() + wait;
    loop {
        // Listening begins before looking, so that nothing is missed in between.
        let changed = store.changed().notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        let received = store.receive(queue.to_owned(), limit, visibility_s).await?;
        if !received.is_empty() || Instant::now() >= end {
            return Ok(received);
        }
        let look_again = end.min(Instant::now() + LOOK_AGAIN);
        tokio::select! {
            () = changed => {}
            () = tokio::time::sleep_until(look_again) => {}
        }
    }
}

fn to_wire(message: &Received, system: &[String], own: &[String]) -> Value {
    let mut attributes = message.system_attributes();
    attributes.retain(|name, _| system.iter().any(|wanted| wanted == name || wanted == "All"));
    let chosen: BTreeMap<_, _> = message.attributes.iter().filter(|(name, _)| is_wanted(name, own)).collect();
    let mut wire = json!({
        "MessageId": message.id,
        "ReceiptHandle": message.receipt_handle,
        "MD5OfBody": md5_of_body(&message.body),
        "Body": message.body,
    });
    if !attributes.is_empty() {
        wire["Attributes"] = json!(attributes);
    }
    if let Some(md5) = md5_of_attributes(chosen.iter().map(|(name, attribute)| (*name, *attribute))) {
        wire["MD5OfMessageAttributes"] = json!(md5);
        wire["MessageAttributes"] = json!(chosen);
    }
    wire
}

fn is_wanted(name: &str, wanted: &[String]) -> bool {
    wanted.iter().any(|pattern| match pattern.as_str() {
        "All" | ".*" => true,
        pattern => pattern.strip_suffix(".*").map_or(pattern == name, |prefix| name.starts_with(prefix)),
    })
}

impl Received {
    /// The attributes that SQS itself adds to a message.
    pub(crate) fn system_attributes(&self) -> BTreeMap<&'static str, String> {
        let sequence = self.is_fifo.then(|| sequence_number(self.sequence));
        let optional = [
            ("SequenceNumber", sequence),
            ("MessageGroupId", self.group_id.clone()),
            ("MessageDeduplicationId", self.deduplication_id.clone()),
            ("AWSTraceHeader", self.trace_header.clone()),
            ("DeadLetterQueueSourceArn", self.came_from.as_deref().map(arn)),
        ];
        let mut attributes = BTreeMap::from([
            ("SenderId", "AIDALOCAL".to_owned()),
            ("SentTimestamp", self.sent_ms.to_string()),
            ("ApproximateReceiveCount", self.receives.to_string()),
            ("ApproximateFirstReceiveTimestamp", self.first_received_ms.to_string()),
        ]);
        attributes.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
        attributes
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OnMessage {
    #[serde(flatten)]
    queue: OnQueue,
    #[serde(default)]
    receipt_handle: String,
    #[serde(default)]
    visibility_timeout: Option<i64>,
}

pub(super) async fn delete_message(api: &Api, request: OnMessage) -> Result<Value, SqsError> {
    let deleted = api.store.delete(request.queue.name()?, vec![request.receipt_handle]).await?;
    deleted.into_iter().collect::<Result<(), _>>().map(|()| json!({}))
}

pub(super) async fn change_visibility(api: &Api, request: OnMessage) -> Result<Value, SqsError> {
    let seconds = request.visibility_timeout.ok_or_else(|| SqsError::missing("VisibilityTimeout"))?;
    let changed = api.store.change_visibility(request.queue.name()?, vec![(request.receipt_handle, seconds)]).await?;
    changed.into_iter().collect::<Result<(), _>>().map(|()| json!({}))
}
