//! Subscriptions: begun, followed, ended.

use axum::Json;
use axum::extract::{Path, State};
use domain::ContractCode;
use http_api::{Arrival, Body, BodyProblems, IdempotencyKey, Problem, ProblemBody, User, UserProblems};
use lambda_http::http::StatusCode;

use super::{Api, begun};
use crate::service::Caller;
use crate::view::{Attempt, NewAttempt, Subscription, Termination};

/// Subscribe: pay and sign in one step
///
/// Answers what the client opens WeChat with. A user whose plan is live is told so before any order is made; one with a pending
/// attempt for the same product gets that attempt, with fresh launch parameters.
#[utoipa::path(
    post,
    path = "/v1/{mch_id}/subscriptions",
    params(
        ("mch_id" = String, Path, description = "Merchant number"),
        ("Idempotency-Key" = String, Header, description = "The same key and body is the same attempt; 1 to 128 printable ASCII characters"),
    ),
    request_body = NewAttempt,
    responses(
        (status = 201, description = "A new attempt", body = Attempt),
        (status = 200, description = "The attempt that is there already", body = Attempt),
        (status = 409, description = "already_subscribed, attempt_pending, attempt_ended, idempotency_key_reused", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "ipv4_needed", body = ProblemBody, content_type = "application/problem+json"),
        (status = 502, description = "presign_failed, wechat_refused", body = ProblemBody, content_type = "application/problem+json"),
        UserProblems,
        BodyProblems,
    ),
)]
pub(super) async fn subscribe(
    State(api): Api,
    user: User,
    arrival: Arrival,
    key: IdempotencyKey,
    body: Body<NewAttempt>,
) -> Result<(StatusCode, Json<Attempt>), Problem> {
    let caller = Caller { user, arrival, key: key.0, body_hash: body.sha256 };
    begun(api.subscribe(&caller, &body.value).await?)
}

/// What became of it
///
/// Asks WeChat where the last question is more than five seconds old.
#[utoipa::path(
    get,
    path = "/v1/{mch_id}/subscriptions/{contract_code}",
    params(
        ("mch_id" = String, Path, description = "Merchant number"),
        ("contract_code" = String, Path, description = "The subscription"),
    ),
    responses(
        (status = 200, description = "The subscription", body = Subscription),
        (status = 404, description = "not_found: none of this user's", body = ProblemBody, content_type = "application/problem+json"),
        UserProblems,
    ),
)]
pub(super) async fn status(
    State(api): Api,
    user: User,
    arrival: Arrival,
    Path((_, contract_code)): Path<(String, String)>,
) -> Result<Json<Subscription>, Problem> {
    let contract_code = ContractCode::parse(&contract_code)?;
    Ok(Json(api.status(&user, &arrival, &contract_code).await?))
}

/// End the contract
///
/// From the answer on nothing is charged. 202: WeChat was asked, and the status tells when it has ended.
#[utoipa::path(
    post,
    path = "/v1/{mch_id}/subscriptions/{contract_code}/termination",
    params(
        ("mch_id" = String, Path, description = "Merchant number"),
        ("contract_code" = String, Path, description = "The subscription"),
        ("Idempotency-Key" = String, Header, description = "The same key and body is the same termination; 1 to 128 printable ASCII characters"),
    ),
    request_body = Termination,
    responses(
        (status = 200, description = "It has ended", body = Subscription),
        (status = 202, description = "It is being ended", body = Subscription),
        (status = 404, description = "not_found: none of this user's", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "not_signed, idempotency_key_reused", body = ProblemBody, content_type = "application/problem+json"),
        UserProblems,
        BodyProblems,
    ),
)]
pub(super) async fn terminate(
    State(api): Api,
    user: User,
    arrival: Arrival,
    Path((_, contract_code)): Path<(String, String)>,
    key: IdempotencyKey,
    body: Body<Termination>,
) -> Result<(StatusCode, Json<Subscription>), Problem> {
    let contract_code = ContractCode::parse(&contract_code)?;
    let caller = Caller { user, arrival, key: key.0, body_hash: body.sha256 };
    let (ended, subscription) = api.terminate(&caller, &contract_code, &body.value).await?;
    Ok((if ended { StatusCode::OK } else { StatusCode::ACCEPTED }, Json(subscription)))
}
