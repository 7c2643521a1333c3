//! The routes, and what OpenAPI says of them.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use domain::{ContractCode, OutRefundNo, OutTradeNo};
use http_api::{Action, Arrival, Backend, Body, IdempotencyKey, Problem, ProblemBody};
use lambda_http::http::StatusCode;
use serde::Serialize;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::business::Answer;
use crate::requests::{Call, DeductionRequest, Nothing, NoticeRequest, RefundRequest, TerminationRequest};
use crate::state::App;
use crate::views::{ContractView, NoticeView, OrderView, RefundView};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "papay merchant-api",
        description = "For the merchant's back end: deductions, their notices, contracts, orders and refunds. Requests are signed by SigV4; configuration maps principals to merchants and actions.",
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
        .routes(routes!(deduct))
        .routes(routes!(deduction))
        .routes(routes!(announce))
        .routes(routes!(contract))
        .routes(routes!(terminate))
        .routes(routes!(order))
        .routes(routes!(close))
        .routes(routes!(give_back))
        .routes(routes!(refund))
}

/// Deducts now, within 07:00 to 22:00 in Beijing.
#[utoipa::path(
    post, path = "/v1/{mch_id}/deductions", tag = "deductions", request_body = DeductionRequest,
    params(("mch_id" = String, Path), ("Idempotency-Key" = String, Header)),
    responses(
        (status = 200, body = OrderView, description = "Decided: paid or failed"),
        (status = 202, body = OrderView, description = "On record; it is followed until it is decided"),
        (status = "4XX", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemBody, content_type = "application/problem+json")
    )
)]
async fn deduct(
    State(app): State<App>,
    arrival: Arrival,
    backend: Backend,
    key: IdempotencyKey,
    body: Body<DeductionRequest>,
) -> Result<Response, Problem> {
    backend.may(Action::Deduct)?;
    let call = posted(arrival, backend, "deductions", key, body.sha256);
    Ok(answered(app.business.deduct(&call, &body.value).await?))
}

/// How a deduction stands; asked of WeChat while it is open.
#[utoipa::path(
    get, path = "/v1/{mch_id}/deductions/{out_trade_no}", tag = "deductions",
    params(("mch_id" = String, Path), ("out_trade_no" = String, Path)),
    responses(
        (status = 200, body = OrderView),
        (status = "4XX", body = ProblemBody, content_type = "application/problem+json")
    )
)]
async fn deduction(
    state: State<App>,
    arrival: Arrival,
    backend: Backend,
    path: Path<(String, String)>,
) -> Result<Json<OrderView>, Problem> {
    order(state, arrival, backend, path).await
}

/// Announces a deduction to the user (预扣费通知).
#[utoipa::path(
    post, path = "/v1/{mch_id}/pre-deduction-notices", tag = "deductions", request_body = NoticeRequest,
    params(("mch_id" = String, Path), ("Idempotency-Key" = String, Header)),
    responses(
        (status = 200, body = NoticeView),
        (status = "4XX", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemBody, content_type = "application/problem+json")
    )
)]
async fn announce(
    State(app): State<App>,
    arrival: Arrival,
    backend: Backend,
    key: IdempotencyKey,
    body: Body<NoticeRequest>,
) -> Result<Json<NoticeView>, Problem> {
    backend.may(Action::Deduct)?;
    let call = posted(arrival, backend, "pre-deduction-notices", key, body.sha256);
    Ok(Json(app.business.announce(&call, &body.value).await?))
}

/// How a contract stands.
#[utoipa::path(
    get, path = "/v1/{mch_id}/contracts/{contract_code}", tag = "contracts",
    params(("mch_id" = String, Path), ("contract_code" = String, Path)),
    responses(
        (status = 200, body = ContractView),
        (status = "4XX", body = ProblemBody, content_type = "application/problem+json")
    )
)]
async fn contract(
    State(app): State<App>,
    arrival: Arrival,
    backend: Backend,
    Path((_, code)): Path<(String, String)>,
) -> Result<Json<ContractView>, Problem> {
    backend.may(Action::Read)?;
    let code = ContractCode::parse(&code)?;
    Ok(Json(app.business.contract(&asked(arrival, backend), code).await?))
}

/// Ends a contract: nothing is charged from here.
#[utoipa::path(
    post, path = "/v1/{mch_id}/contracts/{contract_code}/termination", tag = "contracts", request_body = TerminationRequest,
    params(("mch_id" = String, Path), ("contract_code" = String, Path), ("Idempotency-Key" = String, Header)),
    responses(
        (status = 200, body = ContractView, description = "Ended"),
        (status = 202, body = ContractView, description = "On record; WeChat is asked until it has ended"),
        (status = "4XX", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemBody, content_type = "application/problem+json")
    )
)]
async fn terminate(
    State(app): State<App>,
    arrival: Arrival,
    backend: Backend,
    key: IdempotencyKey,
    Path((_, code)): Path<(String, String)>,
    body: Body<TerminationRequest>,
) -> Result<Response, Problem> {
    backend.may(Action::Terminate)?;
    let code = ContractCode::parse(&code)?;
    let call = posted(arrival, backend, "contracts/termination", key, body.sha256);
    Ok(answered(app.business.terminate(&call, code, &body.value).await?))
}

/// How an order stands; asked of WeChat while it is open.
#[utoipa::path(
    get, path = "/v1/{mch_id}/orders/{out_trade_no}", tag = "orders",
    params(("mch_id" = String, Path), ("out_trade_no" = String, Path)),
    responses(
        (status = 200, body = OrderView),
        (status = "4XX", body = ProblemBody, content_type = "application/problem+json")
    )
)]
async fn order(
    State(app): State<App>,
    arrival: Arrival,
    backend: Backend,
    Path((_, number)): Path<(String, String)>,
) -> Result<Json<OrderView>, Problem> {
    backend.may(Action::Read)?;
    let number = OutTradeNo::parse(&number)?;
    Ok(Json(app.business.order(&asked(arrival, backend), number).await?))
}

/// Closes an order that nobody paid.
#[utoipa::path(
    post, path = "/v1/{mch_id}/orders/{out_trade_no}/close", tag = "orders", request_body = Nothing,
    params(("mch_id" = String, Path), ("out_trade_no" = String, Path), ("Idempotency-Key" = String, Header)),
    responses(
        (status = 200, body = OrderView, description = "Closed"),
        (status = 202, body = OrderView, description = "On record; it is closed once WeChat does it"),
        (status = "4XX", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemBody, content_type = "application/problem+json")
    )
)]
async fn close(
    State(app): State<App>,
    arrival: Arrival,
    backend: Backend,
    key: IdempotencyKey,
    Path((_, number)): Path<(String, String)>,
    body: Body<Nothing>,
) -> Result<Response, Problem> {
    // It ends a purchase, as a termination does.
    backend.may(Action::Terminate)?;
    let number = OutTradeNo::parse(&number)?;
    let call = posted(arrival, backend, "orders/close", key, body.sha256);
    Ok(answered(app.business.close(&call, number).await?))
}

/// Gives money back; with `terminate` it ends the contract as well.
#[utoipa::path(
    post, path = "/v1/{mch_id}/refunds", tag = "refunds", request_body = RefundRequest,
    params(("mch_id" = String, Path), ("Idempotency-Key" = String, Header)),
    responses(
        (status = 200, body = RefundView, description = "Decided"),
        (status = 202, body = RefundView, description = "On record; it is followed until it is decided"),
        (status = "4XX", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemBody, content_type = "application/problem+json")
    )
)]
async fn give_back(
    State(app): State<App>,
    arrival: Arrival,
    backend: Backend,
    key: IdempotencyKey,
    body: Body<RefundRequest>,
) -> Result<Response, Problem> {
    backend.may(Action::Refund)?;
    if body.value.terminate {
        backend.may(Action::Terminate)?;
    }
    let call = posted(arrival, backend, "refunds", key, body.sha256);
    Ok(answered(app.business.give_back(&call, &body.value).await?))
}

/// How a refund stands; asked of WeChat while it is open.
#[utoipa::path(
    get, path = "/v1/{mch_id}/refunds/{out_refund_no}", tag = "refunds",
    params(("mch_id" = String, Path), ("out_refund_no" = String, Path)),
    responses(
        (status = 200, body = RefundView),
        (status = "4XX", body = ProblemBody, content_type = "application/problem+json")
    )
)]
async fn refund(
    State(app): State<App>,
    arrival: Arrival,
    backend: Backend,
    Path((_, number)): Path<(String, String)>,
) -> Result<Json<RefundView>, Problem> {
    backend.may(Action::Read)?;
    let number = OutRefundNo::parse(&number)?;
    Ok(Json(app.business.refund(&asked(arrival, backend), number).await?))
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
