//! Faults for tests: what DynamoDB can do to its clients, and the emulator cannot.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done; `ProvisionedThroughputExceededException`, which the SDK tries again.
    Throttle,
    /// Nothing is done; `TransactionCanceledException` with the reason `TransactionConflict` for the first item.
    TransactionConflict,
    /// Nothing is done; HTTP 500, which the SDK tries again.
    InternalError,
    /// Nothing is done, and the connection closes without an answer.
    CloseBeforeCommit,
    /// Everything is done, and the connection closes without an answer.
    CloseAfterCommit,
    /// Everything is done and answered, this much later.
    Delay(Duration),
}

#[derive(Debug, Default)]
pub(super) struct Faults {
    active: Mutex<Option<Active>>,
}

#[derive(Debug)]
struct Active {
    fault: Fault,
    /// The operation that meets it; none: every one.
    operation: Option<String>,
    /// How many more requests it meets; none: all.
    left: Option<u32>,
}

impl Faults {
    pub(super) fn set(&self, fault: Fault, operation: Option<&str>, times: Option<u32>) {
        *self.lock() = Some(Active { fault, operation: operation.map(str::to_owned), left: times });
    }

    pub(super) fn clear(&self) {
        *self.lock() = None;
    }

    /// The fault that this request meets.
    pub(super) fn meet(&self, operation: &str) -> Option<Fault> {
        let mut active = self.lock();
        let active = active.as_mut()?;
        if active.operation.as_ref().is_some_and(|faulty| faulty != operation) {
            return None;
        }
        match &mut active.left {
            None => {}
            Some(0) => return None,
            Some(left) => *left -= 1,
        }
        Some(active.fault.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Active>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fault {
    /// What DynamoDB answers instead of doing anything, if it answers at all.
    pub(super) fn refusal(&self, request: &[u8]) -> Option<Response> {
        match self {
            Self::Throttle => Some(error(
                StatusCode::BAD_REQUEST,
                "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
                json!({ "message": "The level of configured provisioned throughput for the table was exceeded." }),
            )),
            Self::TransactionConflict => Some(error(
                StatusCode::BAD_REQUEST,
                "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
                conflict(request),
            )),
            Self::InternalError => Some(error(
                StatusCode::INTERNAL_SERVER_ERROR,
                "com.amazonaws.dynamodb.v20120810#InternalServerError",
                json!({ "message": "Internal server error" }),
            )),
            Self::CloseBeforeCommit | Self::CloseAfterCommit | Self::Delay(_) => None,
        }
    }
}

/// One reason per item of the transaction, as DynamoDB gives them.
fn conflict(request: &[u8]) -> Value {
    let request: Value = serde_json::from_slice(request).unwrap_or_default();
    let items = request["TransactItems"].as_array().map_or(1, Vec::len).max(1);
    let reason = |n: usize| match n {
        0 => json!({ "Code": "TransactionConflict", "Message": "Transaction is ongoing for the item" }),
        _ => json!({ "Code": "None" }),
    };
    let codes: Vec<_> = (0..items).map(|n| if n == 0 { "TransactionConflict" } else { "None" }).collect();
    json!({
        "Message": format!(
            "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
            codes.join(", ")
        ),
        "CancellationReasons": (0..items).map(reason).collect::<Vec<_>>(),
    })
}

fn error(status: StatusCode, shape: &str, mut body: Value) -> Response {
    body["__type"] = json!(shape);
    (status, [(CONTENT_TYPE, "application/x-amz-json-1.0")], body.to_string()).into_response()
}
