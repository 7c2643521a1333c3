//! A door in front of DynamoDB: counts what goes through, and can answer in its stead what the emulator never answers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

use super::{Upstream, serve};

/// A running door.
pub(crate) struct Proxy {
    address: std::net::SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    upstream: Upstream,
    fault: Mutex<Option<Active>>,
    calls: Mutex<Vec<Call>>,
}

#[derive(Clone)]
struct Active {
    operation: &'static str,
    fault: Fault,
    /// How many more requests it meets; none: all.
    left: Option<u32>,
}

/// What happens to requests of one operation.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// An error of that status and type.
    Error(u16, &'static str),
    /// A transaction that was cancelled because of its last item, for that reason.
    Cancelled(&'static str),
    /// A batch of which nothing was read.
    Unprocessed,
    /// No answer.
    Silence,
    /// It is done, and there is no answer.
    LostAnswer,
}

/// A request that went through.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// For instance `TransactWriteItems`.
    pub(crate) operation: String,
    /// Whether it went to an index.
    pub(crate) on_index: bool,
    /// Items that a transaction writes.
    pub(crate) items: usize,
    /// Consumed capacity, of all tables and indexes.
    pub(crate) units: f64,
}

impl Proxy {
    pub(crate) async fn start() -> Self {
        let shared = Arc::<Shared>::default();
        let address = serve(Router::new().fallback(pass).with_state(shared.clone())).await;
        Self { address, shared }
    }

    /// The variable that sends a function through this door.
    pub(crate) fn variable(&self) -> (String, String) {
        ("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), format!("http://{}", self.address))
    }

    /// Opens the door to a DynamoDB.
    pub(crate) fn lead_to(&self, upstream: &str) {
        self.shared.upstream.lead_to(upstream);
    }

    /// Every request of an operation meets the fault, until [`Proxy::heal`].
    pub(crate) fn fail(&self, operation: &'static str, fault: Fault) {
        *self.shared.fault.lock().unwrap() = Some(Active { operation, fault, left: None });
    }

    /// The next so many requests of an operation meet the fault.
    pub(crate) fn fail_times(&self, operation: &'static str, fault: Fault, times: u32) {
        *self.shared.fault.lock().unwrap() = Some(Active { operation, fault, left: Some(times) });
    }

    pub(crate) fn heal(&self) {
        *self.shared.fault.lock().unwrap() = None;
    }

    /// What went through since it was last asked.
    pub(crate) fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.shared.calls.lock().unwrap())
    }
}

async fn pass(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    let request: Value = serde_json::from_slice(&body).unwrap();
    match shared.fault(&operation) {
        None => shared.forward(&operation, &headers, request).await,
        Some(Fault::LostAnswer) => {
            shared.forward(&operation, &headers, request).await;
            std::future::pending().await
        }
        Some(Fault::Silence) => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            StatusCode::GATEWAY_TIMEOUT.into_response()
        }
        Some(Fault::Error(status, kind)) => error(status, kind, &[]),
        Some(Fault::Cancelled(code)) => {
            let items = items(&request);
            let reason = |at: usize| {
                if at + 1 == items { json!({ "Code": code, "Message": "" }) } else { json!({ "Code": "None" }) }
            };
            error(400, "TransactionCanceledException", &(0..items).map(reason).collect::<Vec<_>>())
        }
        Some(Fault::Unprocessed) => {
            answer(StatusCode::OK, &json!({ "Responses": {}, "UnprocessedKeys": request["RequestItems"] }))
        }
    }
}

impl Shared {
    fn fault(&self, operation: &str) -> Option<Fault> {
        let mut active = self.fault.lock().unwrap();
        let active = active.as_mut().filter(|active| active.operation == operation)?;
        match &mut active.left {
            None => {}
            Some(0) => return None,
            Some(left) => *left -= 1,
        }
        Some(active.fault.clone())
    }

    async fn forward(&self, operation: &str, headers: &HeaderMap, mut request: Value) -> Response {
        let (items, on_index) = (items(&request), request.get("IndexName").is_some());
        request["ReturnConsumedCapacity"] = json!("TOTAL");
        let mut headers = headers.clone();
        // The body is longer now, and nobody checks the signature.
        headers.remove(CONTENT_LENGTH);
        let answered = self.upstream.forward((Method::POST, ""), headers, request.to_string().into()).await;
        let Some((status, _, body)) = answered else { return StatusCode::BAD_GATEWAY.into_response() };
        let body: Value = serde_json::from_slice(&body).unwrap();
        let call = Call { operation: operation.to_owned(), on_index, items, units: units(&body["ConsumedCapacity"]) };
        self.calls.lock().unwrap().push(call);
        answer(status, &body)
    }
}

fn items(request: &Value) -> usize {
    request["TransactItems"].as_array().map_or(0, Vec::len)
}

/// The sum over one table or a list of them.
fn units(consumed: &Value) -> f64 {
    match consumed {
        Value::Array(tables) => tables.iter().map(units).sum(),
        table => table["CapacityUnits"].as_f64().unwrap_or(0.0),
    }
}

fn error(status: u16, kind: &str, reasons: &[Value]) -> Response {
    let kind = format!("com.amazonaws.dynamodb.v20120810#{kind}");
    let status = StatusCode::from_u16(status).unwrap();
    answer(status, &json!({ "__type": kind, "message": "made by the test", "CancellationReasons": reasons }))
}

fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [("content-type", "application/x-amz-json-1.0")], body.to_string()).into_response()
}
