//! The loop of an API function.

use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use domain::Timestamp;
use lambda_http::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use lambda_http::http::{HeaderValue, StatusCode};
use lambda_http::{Body, Error, service_fn};
use setup::{Env, Misconfigured, ORIGIN_HEADER, OriginGate, telemetry};
use tower::ServiceExt;

use crate::arrival::{Now, merchant};
use crate::body::too_large;
use crate::problem::Code;
use crate::{BODY_LIMIT, Cors, Problem};

/// The longest time that a call may take: two questions to WeChat, each tried twice for 2.5 s, and the ledger. What takes longer is
/// answered as unavailable, and repeated with the same idempotency key.
pub const DEADLINE: Duration = Duration::from_secs(14);

/// Runs an API function until Lambda stops it: `start` makes its router.
///
/// # Errors
///
/// [`Misconfigured`] at start; it names what is wrong.
pub async fn run<F>(env: Env, function: &'static str, start: F) -> Result<(), Error>
where
    F: AsyncFnOnce(&Env) -> Result<Router, Misconfigured>,
{
    let metrics = telemetry::start(&env, function)?;
    let router = start(&env).await?;
    let gate = OriginGate::read(&env)?;
    lambda_http::run(service_fn(|request: lambda_http::Request| async {
        let response = if gate.admits(request.headers().get(ORIGIN_HEADER).map(HeaderValue::as_bytes)) {
            answer(&router, request, env.clock.now()).await
        } else {
            Problem::new(StatusCode::FORBIDDEN, "wrong_way", "This address is not the one to call").into_response()
        };
        metrics.flush();
        Ok::<_, Error>(response)
    }))
    .await
}

/// What every route of an API has around it: problems for unknown paths and methods, CORS, the route's name for the log.
pub fn edge<S: Clone + Send + Sync + 'static>(routes: Router<S>, cors: Option<Cors>) -> Router<S> {
    let routes =
        routes.route_layer(from_fn(note_route)).fallback(async || Problem::not_found()).method_not_allowed_fallback(
            async || Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "This path has other methods"),
        );
    match cors {
        Some(cors) => routes.layer(cors.layer()),
        None => routes,
    }
}

/// Answers one request: in time, with one log line and one metric.
pub async fn answer(router: &Router, mut request: lambda_http::Request, now: Timestamp) -> Response {
    let started = Instant::now();
    let mch_id = merchant(request.uri().path()).map(String::from).unwrap_or_default();
    let method = request.method().clone();
    request.extensions_mut().insert(Now(now));
    let mut response = if length(request.body()) > BODY_LIMIT {
        too_large().into_response()
    } else {
        tokio::time::timeout(DEADLINE, router.clone().oneshot(request)).await.map_or_else(
            |_| Problem::unavailable().detail("it took too long").into_response(),
            |answered| answered.unwrap_or_else(|never| match never {}),
        )
    };
    // Launch parameters and states are for this moment only.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    tell(&response, method.as_str(), &mch_id, ms);
    response
}

/// The template of the path, so that numbers of contracts do not make a metric each.
#[derive(Clone)]
struct Route(MatchedPath);

async fn note_route(route: MatchedPath, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.extensions_mut().insert(Route(route));
    response
}

fn length(body: &Body) -> usize {
    match body {
        Body::Text(text) => text.len(),
        Body::Binary(bytes) => bytes.len(),
        _ => 0,
    }
}

fn tell(response: &Response, method: &str, mch_id: &str, ms: u64) {
    let extensions = response.extensions();
    let route = extensions.get::<Route>().map_or("none", |route| route.0.as_str());
    let code = extensions.get::<Code>().map_or("ok", |code| code.0);
    let status = response.status().as_u16();
    metrics::counter!("Requests", "outcome" => code).increment(1);
    match status {
        500.. => tracing::error!(mch_id, method, route, status, code, ms, "request failed"),
        400.. => tracing::warn!(mch_id, method, route, status, code, ms, "request refused"),
        _ => tracing::info!(mch_id, method, route, status, code, ms, "request answered"),
    }
}
