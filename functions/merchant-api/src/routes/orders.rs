//! Orders.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::OutTradeNo;
use http_api::{Action, Arrival, Backend, BackendProblems, Body, IdempotencyKey, Problem};

use super::{answered, asked, posted};
use crate::requests::Nothing;
use crate::state::App;
use crate::views::OrderView;

/// How an order stands; asked of WeChat while it is open.
#[utoipa::path(
    get, path = "/v1/{mch_id}/orders/{out_trade_no}", tag = "orders",
    params(("mch_id" = String, Path), ("out_trade_no" = String, Path)),
    responses(
        (status = 200, body = OrderView),
        BackendProblems
    )
)]
pub(super) async fn order(
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
        BackendProblems
    )
)]
pub(super) async fn close(
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
