//! Deductions and their notices.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use http_api::{Action, Arrival, Backend, BackendProblems, Body, IdempotencyKey, Problem};

use super::{answered, posted};
use crate::requests::{DeductionRequest, NoticeRequest};
use crate::state::App;
use crate::views::{NoticeView, OrderView};

/// Deducts now, within 07:00 to 22:00 in Beijing.
#[utoipa::path(
    post, path = "/v1/{mch_id}/deductions", tag = "deductions", request_body = DeductionRequest,
    params(("mch_id" = String, Path), ("Idempotency-Key" = String, Header)),
    responses(
        (status = 200, body = OrderView, description = "Decided: paid or failed"),
        (status = 202, body = OrderView, description = "On record; it is followed until it is decided"),
        BackendProblems
    )
)]
pub(super) async fn deduct(
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
        BackendProblems
    )
)]
pub(super) async fn deduction(
    state: State<App>,
    arrival: Arrival,
    backend: Backend,
    path: Path<(String, String)>,
) -> Result<Json<OrderView>, Problem> {
    super::orders::order(state, arrival, backend, path).await
}

/// Announces a deduction to the user (预扣费通知).
#[utoipa::path(
    post, path = "/v1/{mch_id}/pre-deduction-notices", tag = "deductions", request_body = NoticeRequest,
    params(("mch_id" = String, Path), ("Idempotency-Key" = String, Header)),
    responses(
        (status = 200, body = NoticeView),
        BackendProblems
    )
)]
pub(super) async fn announce(
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
