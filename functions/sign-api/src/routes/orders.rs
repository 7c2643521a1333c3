//! Purchases: made, followed, closed.

use axum::Json;
use axum::extract::{Path, State};
use domain::OutTradeNo;
use http_api::{Arrival, Body, BodyProblems, IdempotencyKey, Problem, ProblemBody, User, UserProblems};
use lambda_http::http::StatusCode;

use super::Api;
use crate::service::Caller;
use crate::view::{Checkout, Closing, NewPurchase, Purchase};

/// Buy a one-off product
///
/// Answers what the client opens WeChat with. Where the product has a password-exempt service, the payment invites to it; whatever
/// becomes of the invitation, said in `pre_signing`, the order can be paid.
#[utoipa::path(
    post,
    path = "/v1/{mch_id}/orders",
    params(
        ("mch_id" = String, Path, description = "Merchant number"),
        ("Idempotency-Key" = String, Header, description = "The same key and body is the same order; 1 to 128 printable ASCII characters"),
    ),
    request_body = NewPurchase,
    responses(
        (status = 201, description = "A new order", body = Checkout),
        (status = 200, description = "The order of the same call, with fresh launch parameters where the old ones have run out", body = Checkout),
        (status = 409, description = "attempt_ended, idempotency_key_reused", body = ProblemBody, content_type = "application/problem+json"),
        (status = 502, description = "wechat_refused", body = ProblemBody, content_type = "application/problem+json"),
        UserProblems,
        BodyProblems,
    ),
)]
pub(super) async fn buy(
    State(api): Api,
    user: User,
    arrival: Arrival,
    key: IdempotencyKey,
    body: Body<NewPurchase>,
) -> Result<(StatusCode, Json<Checkout>), Problem> {
    let caller = Caller { user, arrival, key: key.0, body_hash: body.sha256 };
    let (new, checkout) = api.buy(&caller, &body.value).await?;
    Ok((if new { StatusCode::CREATED } else { StatusCode::OK }, Json(checkout)))
}

/// What became of an order
///
/// Asks WeChat where the last question is more than five seconds old.
#[utoipa::path(
    get,
    path = "/v1/{mch_id}/orders/{out_trade_no}",
    params(
        ("mch_id" = String, Path, description = "Merchant number"),
        ("out_trade_no" = String, Path, description = "The order"),
    ),
    responses(
        (status = 200, description = "The order", body = Purchase),
        (status = 404, description = "not_found: none of this user's", body = ProblemBody, content_type = "application/problem+json"),
        UserProblems,
    ),
)]
pub(super) async fn status(
    State(api): Api,
    user: User,
    arrival: Arrival,
    Path((_, number)): Path<(String, String)>,
) -> Result<Json<Purchase>, Problem> {
    let number = OutTradeNo::parse(&number)?;
    Ok(Json(api.purchase_status(&user, &arrival, &number).await?))
}

/// Close an order that nobody paid
///
/// 202: it is on record, and closed once WeChat does it.
#[utoipa::path(
    post,
    path = "/v1/{mch_id}/orders/{out_trade_no}/close",
    params(
        ("mch_id" = String, Path, description = "Merchant number"),
        ("out_trade_no" = String, Path, description = "The order"),
        ("Idempotency-Key" = String, Header, description = "The same key and body is the same closing; 1 to 128 printable ASCII characters"),
    ),
    request_body = Closing,
    responses(
        (status = 200, description = "It is closed", body = Purchase),
        (status = 202, description = "It is being closed", body = Purchase),
        (status = 404, description = "not_found: none of this user's", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "order_paid, idempotency_key_reused", body = ProblemBody, content_type = "application/problem+json"),
        UserProblems,
        BodyProblems,
    ),
)]
pub(super) async fn close(
    State(api): Api,
    user: User,
    arrival: Arrival,
    Path((_, number)): Path<(String, String)>,
    key: IdempotencyKey,
    body: Body<Closing>,
) -> Result<(StatusCode, Json<Purchase>), Problem> {
    let number = OutTradeNo::parse(&number)?;
    let caller = Caller { user, arrival, key: key.0, body_hash: body.sha256 };
    let (closed, purchase) = api.close(&caller, &number).await?;
    Ok((if closed { StatusCode::OK } else { StatusCode::ACCEPTED }, Json(purchase)))
}
