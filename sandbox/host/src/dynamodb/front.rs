//! The door of the embedded database.
//!
//! The database's own server answers any Host and allows every Origin, so that a web page could read and write it on
//! a known port. It therefore listens on an address that a page cannot guess, and this server stands before it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST};
use http::request::Parts;
use http::uri::{Authority, Scheme};
use http::{HeaderMap, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use uuid::Uuid;

use super::fault::{Fault, Faults};
use super::meter::Meter;
use crate::StartError;
use crate::http::{HangUp, loopback_only};

/// DynamoDB's limit for a request, in bytes.
const REQUEST_LIMIT: usize = 16 * 1024 * 1024;

pub(super) struct Front {
    client: Client<HttpConnector, Body>,
    database: Authority,
    pub(super) faults: Faults,
    pub(super) meter: Meter,
}

/// Listens on one of the sixteen million other loopback addresses, where the system has them (Linux), else on a
/// free port of the usual one.
pub(super) async fn bind_hidden() -> Result<TcpListener, StartError> {
    let [_, b, c, d, ..] = Uuid::new_v4().into_bytes();
    let hidden = Ipv4Addr::new(127, b, c, d);
    let anywhere = |source| StartError::Listen { port: 0, source };
    match TcpListener::bind((hidden, 0)).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(anywhere),
    }
}

impl Front {
    pub(super) fn before(database: SocketAddr) -> Result<Arc<Self>, http::uri::InvalidUri> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Ok(Arc::new(Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            database: database.to_string().parse()?,
            faults: Faults::default(),
            meter: Meter::default(),
        }))
    }

    pub(super) fn router(self: &Arc<Self>) -> Router {
        Router::new().fallback(handle).layer(from_fn(loopback_only)).with_state(self.clone())
    }
}

async fn handle(State(front): State<Arc<Front>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, REQUEST_LIMIT).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let operation = operation(&parts.headers).to_owned();
    let fault = front.faults.meet(&operation);
    if let Some(refusal) = fault.as_ref().and_then(|fault| fault.refusal(&body)) {
        return refusal;
    }
    if fault == Some(Fault::CloseBeforeCommit) {
        return hang_up();
    }
    let response = front.forward(parts, body, &operation).await;
    match fault {
        Some(Fault::CloseAfterCommit) => return hang_up(),
        Some(Fault::Delay(delay)) => tokio::time::sleep(delay).await,
        _ => {}
    }
    response
}

/// `TransactWriteItems` of `DynamoDB_20120810.TransactWriteItems`.
fn operation(headers: &HeaderMap) -> &str {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    target.rsplit('.').next().unwrap_or_default()
}

fn hang_up() -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(HangUp);
    response
}

impl Front {
    async fn forward(&self, mut parts: Parts, body: Bytes, operation: &str) -> Response {
        if !self.meter.is_on() {
            return self.pass_on(parts, body).await;
        }
        let body = match Meter::asking(operation, &body) {
            Some(asking) => {
                // It is longer by what it asks for.
                parts.headers.remove(CONTENT_LENGTH);
                asking.into()
            }
            None => body,
        };
        let (parts, body) = self.pass_on(parts, body).await.into_parts();
        let Ok(body) = to_bytes(body, REQUEST_LIMIT).await else {
            return StatusCode::BAD_GATEWAY.into_response();
        };
        self.meter.record(operation, &body);
        Response::from_parts(parts, Body::from(body))
    }

    async fn pass_on(&self, mut parts: Parts, body: Bytes) -> Response {
        let path = parts.uri.path_and_query().cloned();
        let mut uri = Uri::builder().scheme(Scheme::HTTP).authority(self.database.clone());
        if let Some(path) = path {
            uri = uri.path_and_query(path);
        }
        let Ok(uri) = uri.build() else { return StatusCode::BAD_REQUEST.into_response() };
        parts.uri = uri;
        parts.headers.remove(HOST);
        match self.client.request(Request::from_parts(parts, Body::from(body))).await {
            Ok(response) => response.map(Body::new),
            Err(_) => StatusCode::BAD_GATEWAY.into_response(),
        }
    }
}
