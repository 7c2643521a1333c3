//! The loop of an API function.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::HttpBody;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use domain::Timestamp;
use lambda_http::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use lambda_http::http::{HeaderValue, StatusCode};
use lambda_http::{Error, service_fn};
use setup::{Env, Misconfigured, ORIGIN_HEADER, OriginGate, VIEWER_HEADER, telemetry};
use tower::ServiceExt;

use crate::arrival::{Now, Viewer, merchant, traceparent};
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
        let response = match admitted(request, &gate) {
            Some(request) => answer(&router, request, env.clock.now()).await,
            None => Problem::new(StatusCode::FORBIDDEN, "wrong_way", "This is not the address to call").into_response(),
        };
        metrics.flush();
        Ok::<_, Error>(response)
    }))
    .await
}

/// The request, if it came by the way that was set up for it; then the network in between is believed about the caller's address.
fn admitted(mut request: lambda_http::Request, gate: &OriginGate) -> Option<lambda_http::Request> {
    let header = |name| request.headers().get(name).map(HeaderValue::as_bytes);
    if !gate.admits(header(ORIGIN_HEADER)) {
        return None;
    }
    let told = header(VIEWER_HEADER).filter(|_| gate.is_closed());
    let viewer = told.and_then(|told| std::str::from_utf8(told).ok()?.parse().ok());
    if let Some(viewer) = viewer {
        request.extensions_mut().insert(Viewer(viewer));
    }
    Some(request)
}

/// What every route of an API has around it: problems for unknown paths and methods, CORS, the route's name for the log.
pub fn edge<S: Clone + Send + Sync + 'static>(routes: Router<S>, cors: Option<Cors>) -> Router<S> {
    let routes =
        routes.route_layer(from_fn(note_route)).fallback(async || Problem::not_found()).method_not_allowed_fallback(
            async || Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "This path has other methods"),
        );
    let routes = routes.layer(from_fn(bounded));
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
    let traceparent = traceparent(&request);
    request.extensions_mut().insert(Now(now));
    let answered = telemetry::traced(traceparent.clone(), router.clone().oneshot(request));
    let mut response = answered.await.unwrap_or_else(|never| match never {});
    // Launch parameters and states are for this moment only.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let span = tracing::info_span!("request", traceparent);
    span.in_scope(|| tell(&response, method.as_str(), &mch_id, ms));
    response
}

/// Too long a body, and too long a time. Within CORS, so that a page can read that it was refused.
async fn bounded(request: Request, next: Next) -> Response {
    if usize::try_from(request.body().size_hint().lower()).is_ok_and(|length| length > BODY_LIMIT) {
        return too_large().into_response();
    }
    match tokio::time::timeout(DEADLINE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::unavailable().detail("it took too long").into_response(),
    }
}

/// The template of the path, so that numbers of contracts do not make a metric each.
#[derive(Clone)]
struct Route(MatchedPath);

async fn note_route(route: MatchedPath, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.extensions_mut().insert(Route(route));
    response
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use axum::routing::post;
    use lambda_http::Body;
    use lambda_http::http::Request;

    use super::*;

    const PAGE: &str = "https://shop.example.com";

    /// A route that answers, and one that never does.
    fn router() -> Router {
        let variables = BTreeMap::from([("PAPAY_CORS_ORIGINS".to_owned(), PAGE.to_owned())]);
        let cors = Cors::read(&Env::of(variables, Arc::new(setup::SystemClock))).unwrap();
        let routes =
            Router::new().route("/quick", post(async || "done")).route("/slow", post(std::future::pending::<()>));
        edge(routes, Some(cors))
    }

    async fn told(path: &str, body: Body, origin: &str) -> (u16, Option<String>) {
        let request = Request::post(path).header("origin", origin).body(body).unwrap();
        let response = answer(&router(), request, Timestamp::UNIX_EPOCH).await;
        let allowed =
            response.headers().get("access-control-allow-origin").map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), allowed)
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_can_read_that_its_body_was_too_long_or_that_it_took_too_long() {
        let page = Some(PAGE.to_owned());
        assert_eq!(told("/quick", Body::Empty, PAGE).await, (200, page.clone()));
        for body in [Body::Text("x".repeat(BODY_LIMIT + 1)), Body::Binary(vec![0; BODY_LIMIT + 1])] {
            assert_eq!(told("/quick", body, PAGE).await, (413, page.clone()));
        }
        assert_eq!(told("/quick", Body::Text("x".repeat(BODY_LIMIT)), PAGE).await, (200, page.clone()));
        let started = tokio::time::Instant::now();
        assert_eq!(told("/slow", Body::Empty, PAGE).await, (503, page));
        assert_eq!(started.elapsed().as_secs(), DEADLINE.as_secs());
        assert_eq!(told("/slow", Body::Empty, "https://evil.example.com").await, (503, None));
    }
}

#[cfg(test)]
mod of_the_way {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use lambda_http::RequestExt;
    use lambda_http::request::RequestContext;
    use serde_json::json;
    use setup::SystemClock;

    use super::*;
    use crate::Arrival;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    /// The address that a handler sees of a request with these headers, if it gets to a handler.
    fn seen(secrets: &str, headers: &[(&'static str, &str)]) -> Option<String> {
        let variables = BTreeMap::from([("PAPAY_ORIGIN_SECRETS".to_owned(), secrets.to_owned())]);
        let gate = OriginGate::read(&Env::of(variables, Arc::new(SystemClock))).unwrap();
        let context = json!({ "timeEpoch": 0, "http": { "method": "GET", "sourceIp": "130.176.0.1" } });
        let context = RequestContext::ApiGatewayV2(serde_json::from_value(context).unwrap());
        let mut request = lambda_http::Request::default().with_request_context(context);
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let (parts, _) = admitted(request, &gate)?.into_parts();
        Some(Arrival::of(&parts).client_ip.unwrap().to_string())
    }

    #[test]
    fn behind_a_network_only_the_network_comes_in_and_tells_the_users_address() {
        let viewer = (VIEWER_HEADER, "203.0.113.9");
        assert_eq!(seen(SECRET, &[(ORIGIN_HEADER, SECRET), viewer]).as_deref(), Some("203.0.113.9"));
        assert_eq!(seen(SECRET, &[(ORIGIN_HEADER, SECRET)]).as_deref(), Some("130.176.0.1"));
        assert_eq!(seen(SECRET, &[viewer]), None);
    }

    #[test]
    fn without_a_network_nobody_is_believed_about_an_address() {
        assert_eq!(seen("", &[(VIEWER_HEADER, "203.0.113.9")]).as_deref(), Some("130.176.0.1"));
    }
}
