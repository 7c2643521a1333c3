//! The wire: `AmazonSQS.<Operation>` in `x-amz-target`, JSON in and out.

mod batch;
mod queues;
mod receive;
mod send;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub(crate) use receive::poll;

use super::error::{Kind, SqsError};
use super::fault::Faults;
use super::message::SIZE_LIMIT;
use super::store::QueueStore;
use crate::http::loopback_only;

pub(super) struct Api {
    store: QueueStore,
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
        "SendMessage" | "SendMessageBatch" => send::send(api, operation, body).await,
        _ => manage(api, operation, body).await.map(|answer| json_response(&answer)),
    }
}

async fn manage(api: &Api, operation: &str, body: &[u8]) -> Result<Value, SqsError> {
    match operation {
        "ChangeMessageVisibility" => receive::change_visibility(api, read(body)?).await,
        "ChangeMessageVisibilityBatch" => batch::change_visibility(api, read(body)?).await,
        "CreateQueue" => queues::create_queue(api, read(body)?).await,
        "DeleteMessage" => receive::delete_message(api, read(body)?).await,
        "DeleteMessageBatch" => batch::delete(api, read(body)?).await,
        "DeleteQueue" => api.store.delete_queue(read::<OnQueue>(body)?.name()?).await.map(|()| json!({})),
        "GetQueueAttributes" => queues::get_attributes(api, read(body)?).await,
        "GetQueueUrl" => queues::get_queue_url(api, read(body)?).await,
        "ListMessageMoveTasks" => queues::list_moves(api, read(body)?).await,
        "ListQueues" => queues::list_queues(api, read(body)?).await,
        "PurgeQueue" => api.store.purge(read::<OnQueue>(body)?.name()?).await.map(|()| json!({})),
        "ReceiveMessage" => receive::receive(api, read(body)?).await,
        "SetQueueAttributes" => queues::set_attributes(api, read(body)?).await,
        "StartMessageMoveTask" => queues::start_move(api, read(body)?).await,
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

fn in_range(parameter: &str, value: i64, least: i64, most: i64) -> Result<i64, SqsError> {
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    Err(SqsError::invalid(parameter, value, &format!("Must be between {least} and {most}, if provided.")))
}

/// 20 digits, so that the order of the text is the order of the numbers.
fn sequence_number(sequence: i64) -> String {
    format!("{sequence:020}")
}
