//! The routes, and what OpenAPI says of them.

mod contracts;
mod deductions;
mod orders;
mod pre_signings;
mod refunds;

use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use http_api::{Arrival, Backend, IdempotencyKey, ProblemBody};
use lambda_http::http::StatusCode;
use serde::Serialize;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::business::Answer;
use crate::requests::Call;
use crate::state::App;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "papay merchant-api",
        description = "For the merchant's back end: deductions, their notices, contracts, orders, refunds and password-exempt contracts. Requests are signed by SigV4; configuration maps principals to merchants and actions.",
        version = "1"
    ),
    components(schemas(ProblemBody))
)]
struct Doc;

/// The router of the function.
pub(crate) fn routes(app: App) -> Router {
    http_api::edge(api().split_for_parts().0, None).with_state(app)
}

/// The OpenAPI 3.1 document of the API, as JSON.
///
/// # Errors
///
/// None in practice.
pub fn openapi() -> Result<String, serde_json::Error> {
    api().split_for_parts().1.to_pretty_json()
}

fn api() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Doc::openapi())
        .routes(routes!(deductions::deduct))
        .routes(routes!(deductions::deduction))
        .routes(routes!(deductions::announce))
        .routes(routes!(contracts::contract))
        .routes(routes!(contracts::terminate))
        .routes(routes!(orders::order))
        .routes(routes!(orders::close))
        .routes(routes!(refunds::give_back))
        .routes(routes!(refunds::refund))
        .routes(routes!(refunds::repair))
        .routes(routes!(pre_signings::pre_sign))
        .routes(routes!(pre_signings::pre_signing))
        .routes(routes!(pre_signings::terminate))
}

fn posted(arrival: Arrival, backend: Backend, route: &'static str, key: IdempotencyKey, body_hash: [u8; 32]) -> Call {
    Call { route, key: key.0, body_hash, ..asked(arrival, backend) }
}

fn asked(arrival: Arrival, backend: Backend) -> Call {
    Call {
        mch_id: backend.mch_id,
        principal: backend.principal,
        route: "",
        key: String::new(),
        body_hash: [0; 32],
        now: arrival.now,
        traceparent: arrival.traceparent,
    }
}

/// What goes on by itself is 202.
fn answered<V: Serialize>(answer: Answer<V>) -> Response {
    let status = if answer.decided { StatusCode::OK } else { StatusCode::ACCEPTED };
    (status, Json(answer.view)).into_response()
}

#[cfg(test)]
mod tests;
