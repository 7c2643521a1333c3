//! Refunds.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::OutRefundNo;
use http_api::{Action, Arrival, Backend, BackendProblems, Body, IdempotencyKey, Problem};

use super::{answered, asked, posted};
use crate::requests::{RefundRequest, RepairRequest};
use crate::state::App;
use crate::views::RefundView;

/// Gives money back; with `terminate` it ends the contract as well.
#[utoipa::path(
    post, path = "/v1/{mch_id}/refunds", tag = "refunds", request_body = RefundRequest,
    params(("mch_id" = String, Path), ("Idempotency-Key" = String, Header)),
    responses(
        (status = 200, body = RefundView, description = "Decided"),
        (status = 202, body = RefundView, description = "On record; it is followed until it is decided"),
        BackendProblems
    )
)]
pub(super) async fn give_back(
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
        BackendProblems
    )
)]
pub(super) async fn refund(
    State(app): State<App>,
    arrival: Arrival,
    backend: Backend,
    Path((_, number)): Path<(String, String)>,
) -> Result<Json<RefundView>, Problem> {
    backend.may(Action::Read)?;
    let number = OutRefundNo::parse(&number)?;
    Ok(Json(app.business.refund(&asked(arrival, backend), number).await?))
}

/// Repairs an abnormal refund (发起异常退款): the user's card is dead, and the money goes to another one.
#[utoipa::path(
    post, path = "/v1/{mch_id}/refunds/{out_refund_no}/abnormal", tag = "refunds", request_body = RepairRequest,
    params(("mch_id" = String, Path), ("out_refund_no" = String, Path), ("Idempotency-Key" = String, Header)),
    responses(
        (status = 200, body = RefundView, description = "Decided, or refused by WeChat and `abnormal` as before"),
        (status = 202, body = RefundView, description = "On record; it is followed until it is decided"),
        BackendProblems
    )
)]
pub(super) async fn repair(
    State(app): State<App>,
    arrival: Arrival,
    backend: Backend,
    key: IdempotencyKey,
    Path((_, number)): Path<(String, String)>,
    body: Body<RepairRequest>,
) -> Result<Response, Problem> {
    backend.may(Action::Refund)?;
    let number = OutRefundNo::parse(&number)?;
    let call = posted(arrival, backend, "refunds/abnormal", key, body.sha256);
    Ok(answered(app.business.repair(&call, number, &body.value).await?))
}
