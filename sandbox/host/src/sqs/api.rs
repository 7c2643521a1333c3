//! The wire: `AmazonSQS.<Operation>` in `x-amz-target`, JSON in and out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::batch;
use super::error::{Kind, SqsError};
use super::fault::{Fault, Faults};
use super::message::{NewMessage, SIZE_LIMIT, md5_of_attributes, md5_of_body};
use super::queue::{QueueAttributes, arn, name_of_arn};
use super::store::{QueueStore, Received, Sent};
use crate::http::{HangUp, loopback_only};

/// How often a long poll looks again without being told: messages become visible by the passing of time, too.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

pub(super) struct Api {
    pub(super) store: QueueStore,
    faults: Arc<Faults>,
    /// What a queue's name is appended to.
    base_url: String,
}

pub(super) fn router(store: QueueStore, faults: Arc<Faults>, base_url: String) -> Router {
    Router::new()
        .fallback(handle)
        // A batch of 1 MiB may be longer on the wire, where JSON escapes it.
        .layer(DefaultBodyLimit::max(8 * SIZE_LIMIT))
        .layer(from_fn(loopback_only))
        .with_state(Arc::new(Api { store, faults, base_url }))
}

pub(super) fn json_response(body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
    response
}

async fn handle(State(api): State<Arc<Api>>, headers: HeaderMap, body: Bytes) -> Response {
    match answer(&api, &headers, &body).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn answer(api: &Api, headers: &HeaderMap, body: &[u8]) -> Result<Response, SqsError> {
    // Nothing is verified, but a client that forgot to sign would fail in AWS.
    let signed = headers.get(AUTHORIZATION).is_some_and(|value| value.as_bytes().starts_with(b"AWS4-HMAC-SHA256 "));
    if !signed {
        return Err(Kind::MissingAuthenticationToken.because("Request is missing Authentication Token"));
    }
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let operation = target.strip_prefix("AmazonSQS.").unwrap_or_default();
    match operation {
        "SendMessage" | "SendMessageBatch" => send(api, operation, body).await,
        _ => manage(api, operation, body).await.map(|answer| json_response(&answer)),
    }
}

async fn manage(api: &Api, operation: &str, body: &[u8]) -> Result<Value, SqsError> {
    match operation {
        "ChangeMessageVisibility" => change_visibility(api, read(body)?).await,
        "ChangeMessageVisibilityBatch" => batch::change_visibility(api, read(body)?).await,
        "CreateQueue" => create_queue(api, read(body)?).await,
        "DeleteMessage" => delete_message(api, read(body)?).await,
        "DeleteMessageBatch" => batch::delete(api, read(body)?).await,
        "DeleteQueue" => api.store.delete_queue(read::<OnQueue>(body)?.name()?).await.map(|()| json!({})),
        "GetQueueAttributes" => get_attributes(api, read(body)?).await,
        "GetQueueUrl" => get_queue_url(api, read(body)?).await,
        "ListMessageMoveTasks" => list_moves(api, read(body)?).await,
        "ListQueues" => list_queues(api, read(body)?).await,
        "PurgeQueue" => api.store.purge(read::<OnQueue>(body)?.name()?).await.map(|()| json!({})),
        "ReceiveMessage" => receive(api, read(body)?).await,
        "SetQueueAttributes" => set_attributes(api, read(body)?).await,
        "StartMessageMoveTask" => start_move(api, read(body)?).await,
        _ => Err(Kind::InvalidAction.because(format!("The action {operation} is not valid for this endpoint."))),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, SqsError> {
    serde_json::from_slice(body).map_err(|error| Kind::MalformedInput.because(error.to_string()))
}

/// The queue that a request is about.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OnQueue {
    #[serde(default)]
    queue_url: String,
}

impl OnQueue {
    /// The last segment of the URL: a stored URL stays good when the port changes.
    pub(super) fn name(&self) -> Result<String, SqsError> {
        match self.queue_url.rsplit('/').next() {
            Some(name) if !name.is_empty() => Ok(name.to_owned()),
            _ => Err(SqsError::missing("QueueUrl")),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    #[serde(default)]
    queue_name: String,
    #[serde(default)]
    attributes: Option<QueueAttributes>,
}

async fn create_queue(api: &Api, request: Named) -> Result<Value, SqsError> {
    api.store.create_queue(request.queue_name.clone(), request.attributes.unwrap_or_default()).await?;
    Ok(json!({ "QueueUrl": url(api, &request.queue_name) }))
}

async fn get_queue_url(api: &Api, request: Named) -> Result<Value, SqsError> {
    let queue = api.store.queue(request.queue_name).await?;
    Ok(json!({ "QueueUrl": url(api, &queue.name) }))
}

fn url(api: &Api, name: &str) -> String {
    format!("{}/{name}", api.base_url)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListQueues {
    #[serde(default)]
    queue_name_prefix: Option<String>,
}

async fn list_queues(api: &Api, request: ListQueues) -> Result<Value, SqsError> {
    let names = api.store.queue_names(request.queue_name_prefix.unwrap_or_default()).await?;
    Ok(json!({ "QueueUrls": names.iter().map(|name| url(api, name)).collect::<Vec<_>>() }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetAttributes {
    #[serde(flatten)]
    queue: OnQueue,
    #[serde(default)]
    attribute_names: Option<Vec<String>>,
}

async fn get_attributes(api: &Api, request: GetAttributes) -> Result<Value, SqsError> {
    let (queue, counts) = api.store.queue_with_counts(request.queue.name()?).await?;
    let arn = queue.arn();
    let mut attributes = queue.attributes;
    let computed = [
        ("QueueArn", arn),
        ("CreatedTimestamp", queue.created_ms.div_euclid(1000).to_string()),
        ("LastModifiedTimestamp", queue.modified_ms.div_euclid(1000).to_string()),
        ("ApproximateNumberOfMessages", counts.visible.to_string()),
        ("ApproximateNumberOfMessagesNotVisible", counts.in_flight.to_string()),
        ("ApproximateNumberOfMessagesDelayed", counts.delayed.to_string()),
    ];
    attributes.extend(computed.map(|(name, value)| (name.to_owned(), value)));
    let names = request.attribute_names.unwrap_or_default();
    attributes.retain(|name, _| names.iter().any(|wanted| wanted == name || wanted == "All"));
    Ok(json!({ "Attributes": attributes }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SetAttributes {
    #[serde(flatten)]
    queue: OnQueue,
    #[serde(default)]
    attributes: QueueAttributes,
}

async fn set_attributes(api: &Api, request: SetAttributes) -> Result<Value, SqsError> {
    api.store.set_attributes(request.queue.name()?, request.attributes).await?;
    Ok(json!({}))
}

async fn send(api: &Api, operation: &str, body: &[u8]) -> Result<Response, SqsError> {
    let queue = read::<OnQueue>(body)?.name()?;
    let fault = api.faults.meet(&queue);
    match &fault {
        Some(Fault::RefuseSends) => return Err(Kind::ServiceUnavailable.because("Service unavailable.")),
        Some(Fault::CloseBeforeCommit) => return Ok(hang_up()),
        _ => {}
    }
    let answer = match operation {
        "SendMessage" => send_message(api, queue, read(body)?, fault.as_ref()).await,
        _ => batch::send(api, queue, read(body)?, fault.as_ref()).await,
    };
    match fault {
        Some(Fault::CloseAfterCommit) => return Ok(hang_up()),
        Some(Fault::Delay(delay)) => tokio::time::sleep(delay).await,
        _ => {}
    }
    answer.map(|answer| json_response(&answer))
}

fn hang_up() -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(HangUp);
    response
}

async fn send_message(api: &Api, queue: String, message: NewMessage, fault: Option<&Fault>) -> Result<Value, SqsError> {
    if fault.is_some_and(|fault| fault.fails_entry(0, message.message_group_id.as_deref())) {
        return Err(Kind::InternalError.because("The fault that was asked for."));
    }
    let sent = api.store.send(queue, vec![message.clone()]).await?.pop();
    let sent = sent.unwrap_or_else(|| Err(Kind::InternalError.because("Nothing was sent.")))?;
    Ok(json!(SendResult::new(&sent, &message)))
}

/// What a sender learns about one message.
#[derive(Serialize)]
pub(super) struct SendResult {
    #[serde(rename = "MessageId")]
    message_id: String,
    #[serde(rename = "MD5OfMessageBody")]
    md5_of_body: String,
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    md5_of_attributes: Option<String>,
    #[serde(rename = "MD5OfMessageSystemAttributes", skip_serializing_if = "Option::is_none")]
    md5_of_system_attributes: Option<String>,
    #[serde(rename = "SequenceNumber", skip_serializing_if = "Option::is_none")]
    sequence_number: Option<String>,
}

impl SendResult {
    pub(super) fn new(sent: &Sent, message: &NewMessage) -> Self {
        Self {
            message_id: sent.message_id.clone(),
            md5_of_body: md5_of_body(&message.message_body),
            md5_of_attributes: md5_of_attributes(message.message_attributes.iter().flatten()),
            md5_of_system_attributes: md5_of_attributes(message.message_system_attributes.iter().flatten()),
            sequence_number: sent.sequence.map(sequence_number),
        }
    }
}

/// 20 digits, so that the order of the text is the order of the numbers.
fn sequence_number(sequence: i64) -> String {
    format!("{sequence:020}")
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Receive {
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

async fn receive(api: &Api, request: Receive) -> Result<Value, SqsError> {
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

fn in_range(parameter: &str, value: i64, least: i64, most: i64) -> Result<i64, SqsError> {
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    Err(SqsError::invalid(parameter, value, &format!("Must be between {least} and {most}, if provided.")))
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
struct OnMessage {
    #[serde(flatten)]
    queue: OnQueue,
    #[serde(default)]
    receipt_handle: String,
    #[serde(default)]
    visibility_timeout: Option<i64>,
}

async fn delete_message(api: &Api, request: OnMessage) -> Result<Value, SqsError> {
    let deleted = api.store.delete(request.queue.name()?, vec![request.receipt_handle]).await?;
    deleted.into_iter().collect::<Result<(), _>>().map(|()| json!({}))
}

async fn change_visibility(api: &Api, request: OnMessage) -> Result<Value, SqsError> {
    let seconds = request.visibility_timeout.ok_or_else(|| SqsError::missing("VisibilityTimeout"))?;
    let changed = api.store.change_visibility(request.queue.name()?, vec![(request.receipt_handle, seconds)]).await?;
    changed.into_iter().collect::<Result<(), _>>().map(|()| json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MoveTask {
    #[serde(default)]
    source_arn: String,
    #[serde(default)]
    destination_arn: Option<String>,
    #[serde(default)]
    max_results: Option<i64>,
}

async fn start_move(api: &Api, request: MoveTask) -> Result<Value, SqsError> {
    let destination = request.destination_arn.as_deref().map(queue_of).transpose()?;
    let done = api.store.start_move(queue_of(&request.source_arn)?, destination).await?;
    Ok(json!({ "TaskHandle": done.handle }))
}

async fn list_moves(api: &Api, request: MoveTask) -> Result<Value, SqsError> {
    let limit = in_range("MaxResults", request.max_results.unwrap_or(1), 1, 10)?;
    let moves = api.store.moves(queue_of(&request.source_arn)?, limit).await?;
    let results = moves.into_iter().map(|done| {
        let mut result = json!({
            "Status": "COMPLETED",
            "SourceArn": arn(&done.source),
            "ApproximateNumberOfMessagesMoved": done.moved,
            "ApproximateNumberOfMessagesToMove": done.moved,
            "StartedTimestamp": done.started_ms,
        });
        if let Some(destination) = done.destination {
            result["DestinationArn"] = json!(arn(&destination));
        }
        result
    });
    Ok(json!({ "Results": results.collect::<Vec<_>>() }))
}

fn queue_of(arn: &str) -> Result<String, SqsError> {
    let name = name_of_arn(arn).filter(|name| !name.is_empty());
    name.map(str::to_owned).ok_or_else(|| SqsError::invalid("SourceArn", arn, "It is not the ARN of a queue."))
}
