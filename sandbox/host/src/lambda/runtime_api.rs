//! The Runtime API of one process: Lambda's side of `/2018-06-01/runtime`.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode};
use serde::Deserialize;
use tokio::sync::{mpsc, oneshot, watch};

use super::PAYLOAD_LIMIT;
use crate::StartError;
use crate::http::{Server, bind};

/// An event on its way to the process.
pub(super) struct Invocation {
    pub(super) request_id: String,
    pub(super) payload: Bytes,
    /// Milliseconds since the epoch, real time.
    pub(super) deadline_ms: i64,
    pub(super) function_arn: String,
    pub(super) answer: oneshot::Sender<Result<Bytes, Report>>,
}

/// What a function reports instead of an answer.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Report {
    pub(super) error_type: String,
    pub(super) error_message: String,
}

/// How far the process is.
#[derive(Debug, Clone)]
pub(super) enum Stage {
    /// It runs, and has asked for nothing yet.
    Starting,
    /// It reported that it cannot start.
    InitFailed(Report),
    /// It has asked for an event.
    Ready,
}

/// The listener that one process talks to.
pub(super) struct RuntimeApi {
    server: Server,
    invocations: mpsc::Sender<Invocation>,
    state: Arc<ApiState>,
    stage: watch::Receiver<Stage>,
}

struct ApiState {
    invocations: tokio::sync::Mutex<mpsc::Receiver<Invocation>>,
    current: Mutex<Option<Current>>,
    stage: watch::Sender<Stage>,
}

struct Current {
    request_id: String,
    answer: oneshot::Sender<Result<Bytes, Report>>,
}

impl RuntimeApi {
    pub(super) async fn start() -> Result<Self, StartError> {
        let (sender, receiver) = mpsc::channel(1);
        let (stage_sender, stage) = watch::channel(Stage::Starting);
        let state = Arc::new(ApiState {
            invocations: tokio::sync::Mutex::new(receiver),
            current: Mutex::new(None),
            stage: stage_sender,
        });
        let server = Server::serve(bind(0).await?, router(state.clone()))?;
        Ok(Self { server, invocations: sender, state, stage })
    }

    /// `host:port`, the form of `AWS_LAMBDA_RUNTIME_API`.
    pub(super) fn address(&self) -> String {
        self.server.address().to_string()
    }

    /// Waits until the process asks for an event or reports that it cannot start.
    pub(super) async fn settled(&mut self) -> Stage {
        let settled = self.stage.wait_for(|stage| !matches!(stage, Stage::Starting)).await;
        settled.map_or(Stage::Starting, |stage| stage.clone())
    }

    pub(super) async fn offer(&self, invocation: Invocation) {
        // The receiver lives as long as `self.state`.
        let _ = self.invocations.send(invocation).await;
    }

    /// Whether the process has fetched the invocation.
    pub(super) fn fetched(&self, request_id: &str) -> bool {
        let current = self.state.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().is_some_and(|current| current.request_id == request_id)
    }
}

fn router(state: Arc<ApiState>) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(init_error))
        .layer(DefaultBodyLimit::max(PAYLOAD_LIMIT))
        .with_state(state)
}

async fn next(State(api): State<Arc<ApiState>>) -> Response {
    api.stage.send_replace(Stage::Ready);
    let Some(invocation) = api.invocations.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let headers = [
        ("lambda-runtime-aws-request-id", invocation.request_id.clone()),
        ("lambda-runtime-deadline-ms", invocation.deadline_ms.to_string()),
        ("lambda-runtime-invoked-function-arn", invocation.function_arn),
        ("lambda-runtime-trace-id", trace_id(&invocation.request_id)),
        ("content-type", "application/json".to_owned()),
    ];
    let current = Current { request_id: invocation.request_id, answer: invocation.answer };
    *api.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(current);
    (headers.map(|(name, value)| (HeaderName::from_static(name), value)), invocation.payload).into_response()
}

/// An X-Ray trace header made from the request's own id, never sampled.
fn trace_id(request_id: &str) -> String {
    let hex: String = request_id.chars().filter(char::is_ascii_hexdigit).collect();
    let (time, rest) = hex.split_at_checked(8).unwrap_or((&hex, ""));
    format!("Root=1-{time}-{rest};Sampled=0")
}

async fn response(
    State(api): State<Arc<ApiState>>,
    Path(id): Path<String>,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Response {
    match body {
        Ok(body) => settle(&api, &id, Ok(body)),
        Err(rejection) => {
            let report = Report {
                error_type: "Function.ResponseSizeTooLarge".to_owned(),
                error_message: format!("the answer has over {PAYLOAD_LIMIT} bytes"),
            };
            settle(&api, &id, Err(report));
            rejection.into_response()
        }
    }
}

async fn error(State(api): State<Arc<ApiState>>, Path(id): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    settle(&api, &id, Err(report(&headers, &body)))
}

async fn init_error(State(api): State<Arc<ApiState>>, headers: HeaderMap, body: Bytes) -> Response {
    api.stage.send_replace(Stage::InitFailed(report(&headers, &body)));
    StatusCode::ACCEPTED.into_response()
}

fn report(headers: &HeaderMap, body: &[u8]) -> Report {
    let mut report: Report = serde_json::from_slice(body).unwrap_or_default();
    if report.error_type.is_empty() {
        let header = headers.get("lambda-runtime-function-error-type").and_then(|value| value.to_str().ok());
        report.error_type = header.unwrap_or("Unknown").to_owned();
    }
    report
}

fn settle(api: &ApiState, id: &str, outcome: Result<Bytes, Report>) -> Response {
    let mut current = api.current.lock().unwrap_or_else(PoisonError::into_inner);
    match current.take_if(|current| current.request_id == id) {
        Some(current) => {
            // The caller is gone if it gave up: nothing is left to tell.
            let _ = current.answer.send(outcome);
            StatusCode::ACCEPTED.into_response()
        }
        None => (StatusCode::BAD_REQUEST, r#"{"errorType":"InvalidRequestID"}"#).into_response(),
    }
}
