//! Contracts without a first payment.

use axum::Json;
use axum::extract::State;
use http_api::{Arrival, Body, BodyProblems, IdempotencyKey, Problem, ProblemBody, User, UserProblems};
use lambda_http::http::StatusCode;

use super::{Api, begun};
use crate::service::Caller;
use crate::view::{Attempt, NewAttempt};

/// Sign only: a contract without a first payment
///
/// For the app, the official account, H5 and the mini program.
#[utoipa::path(
    post,
    path = "/v1/{mch_id}/contracts",
    params(
        ("mch_id" = String, Path, description = "Merchant number"),
        ("Idempotency-Key" = String, Header, description = "The same key and body is the same attempt; 1 to 128 printable ASCII characters"),
    ),
    request_body = NewAttempt,
    responses(
        (status = 201, description = "A new attempt", body = Attempt),
        (status = 200, description = "The attempt that is there already", body = Attempt),
        (status = 409, description = "already_subscribed, attempt_pending, idempotency_key_reused", body = ProblemBody, content_type = "application/problem+json"),
        (status = 502, description = "wechat_refused", body = ProblemBody, content_type = "application/problem+json"),
        UserProblems,
        BodyProblems,
    ),
)]
pub(super) async fn sign(
    State(api): Api,
    user: User,
    arrival: Arrival,
    key: IdempotencyKey,
    body: Body<NewAttempt>,
) -> Result<(StatusCode, Json<Attempt>), Problem> {
    let caller = Caller { user, arrival, key: key.0, body_hash: body.sha256 };
    begun(api.sign(&caller, &body.value).await?)
}
