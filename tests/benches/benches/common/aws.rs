//! AWS's side: Secrets Manager with the test merchant's keys, and a DynamoDB that answers at once and keeps nothing.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use counterparty::TEST_MERCHANT;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{Failure, event, items};

/// Both services on one port.
pub(crate) struct Aws {
    endpoint: String,
    calls: Arc<Mutex<Calls>>,
}

/// What DynamoDB was asked since the last look.
#[derive(Clone, Copy, Default)]
pub(crate) struct Calls {
    pub(crate) reads: u32,
    pub(crate) transactions: u32,
    /// From a request that was read to its answer that was made.
    pub(crate) took: Duration,
}

impl Aws {
    pub(crate) async fn start() -> Result<Self, Failure> {
        let calls = Arc::new(Mutex::new(Calls::default()));
        let router = Router::new().fallback(handle).with_state(calls.clone());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { endpoint, calls })
    }

    /// What DynamoDB was asked since the last look.
    pub(crate) fn take_calls(&self) -> Calls {
        std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The environment of a deployed callback function, with this in the place of AWS.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        [
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            ("AWS_SESSION_TOKEN", "session"),
            ("AWS_ENDPOINT_URL", &self.endpoint),
            ("PAPAY_TABLE_LEDGER", "ledger"),
            ("PAPAY_TABLE_INBOX", "inbox"),
            ("PAPAY_TABLE_OUTBOX", "outbox"),
            ("PAPAY_ROUTING", r#"[{"consumer":"membership"},{"consumer":"accounting","types":["papay.payment.*"]}]"#),
            ("PAPAY_MERCHANTS", event::MCH_ID),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }
}

async fn handle(State(calls): State<Arc<Mutex<Calls>>>, headers: HeaderMap, body: Bytes) -> Response {
    let started = Instant::now();
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let answer = serde_json::from_slice(&body).map_err(Failure::from).and_then(|request| answer(target, &request));
    let response = match answer {
        Ok(answer) => ([("content-type", "application/x-amz-json-1.0")], answer.to_string()).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    };
    let mut calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
    match target.rsplit('.').next() {
        Some("BatchGetItem") => calls.reads += 1,
        Some("TransactWriteItems") => calls.transactions += 1,
        _ => return response,
    }
    calls.took += started.elapsed();
    response
}

fn answer(target: &str, request: &Value) -> Result<Value, Failure> {
    match target {
        "secretsmanager.GetSecretValue" => secret(request),
        "DynamoDB_20120810.BatchGetItem" => found(request),
        "DynamoDB_20120810.TransactWriteItems" => Ok(json!({})),
        _ => Err(format!("{target} is not expected here").into()),
    }
}

/// The merchant has the one secret that must be there.
fn secret(request: &Value) -> Result<Value, Failure> {
    if !request["SecretId"].as_str().is_some_and(|name| name.ends_with("/verify")) {
        return Err(r#"{"__type":"ResourceNotFoundException"}"#.into());
    }
    let text = json!({
        "api_v2_key": { "current": TEST_MERCHANT.api_v2_key },
        "api_v3_key": { "current": TEST_MERCHANT.api_v3_key },
        "public_keys": { TEST_MERCHANT.public_key_id: TEST_MERCHANT.public_key_pem },
        "platform_certificates": [TEST_MERCHANT.certificate_pem],
    });
    Ok(json!({ "ARN": "arn", "Name": "papay", "SecretString": text.to_string(), "VersionId": "1" }))
}

fn found(request: &Value) -> Result<Value, Failure> {
    let keys = request.pointer("/RequestItems/ledger/Keys").and_then(Value::as_array).ok_or("no keys")?;
    let mut found = Vec::new();
    for key in keys {
        let key = key.pointer("/pk/S").and_then(Value::as_str).ok_or("no pk")?;
        found.extend(items::item(key)?);
    }
    Ok(json!({ "Responses": { "ledger": found }, "UnprocessedKeys": {} }))
}
