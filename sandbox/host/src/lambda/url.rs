//! The function URL of one function: any method, any path, any Host, as WeChat and the apps send them.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use jiff::Timestamp;

use super::pool::Pool;
use super::{InvokeError, PAYLOAD_LIMIT, event};

pub(super) fn router(pool: Arc<Pool>) -> Router {
    Router::new().fallback(call).with_state(pool)
}

async fn call(State(pool): State<Arc<Pool>>, ConnectInfo(peer): ConnectInfo<SocketAddr>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    // The limit is on the event, which is longer than the body: what passes here may still be too large.
    let Ok(body) = to_bytes(body, PAYLOAD_LIMIT).await else {
        return refusal(StatusCode::PAYLOAD_TOO_LARGE);
    };
    let Ok(event) = event::from_request(&parts, &body, peer, Timestamp::now()) else {
        return refusal(StatusCode::INTERNAL_SERVER_ERROR);
    };
    drop(body);
    match pool.invoke(event.into()).await {
        Ok(answer) => event::to_response(answer).unwrap_or_else(|| refusal(StatusCode::BAD_GATEWAY)),
        Err(InvokeError::PayloadTooLarge { .. }) => refusal(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => refusal(StatusCode::BAD_GATEWAY),
    }
}

/// AWS answers in its own name without a reason; the reason is in the function's log.
fn refusal(status: StatusCode) -> Response {
    let text = match status {
        StatusCode::BAD_GATEWAY => "Internal Server Error",
        _ => status.canonical_reason().unwrap_or_default(),
    };
    let mut response = (status, Body::from(text)).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
