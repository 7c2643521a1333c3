//! The routes, and the document that is generated from them.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Json, Router};
use domain::ContractCode;
use http_api::{Arrival, Body, IdempotencyKey, Problem, ProblemBody, User};
use lambda_http::http::StatusCode;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::service::{Caller, SignApi};
use crate::view::{Attempt, NewAttempt, Subscription, Termination};

/// The routes without their state.
pub(crate) fn router() -> Router<App> {
    api().split_for_parts().0
}

/// The OpenAPI 3.1 document of these routes: `docs/openapi/sign-api.json`.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    api().split_for_parts().1
}

fn api() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(subscribe))
        .routes(routes!(sign))
        .routes(routes!(status))
        .routes(routes!(terminate))
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "papay sign-api",
        description = "The app's calls: subscribe, sign, follow the outcome, terminate. Prices, plans and titles come from the \
                       catalogue; openid and display account from the user's token."
    ),
    modifiers(&Bearer),
    security(("user" = []))
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.bearer_format = Some("JWT".to_owned());
        scheme.description = Some(
            "A token of the merchant's issuer: iss, aud, exp and sub; openid or openids (by appid) and display_account where \
             WeChat needs them"
                .to_owned(),
        );
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("user", SecurityScheme::Http(scheme));
    }
}

type Api = State<Arc<dyn SignApi>>;

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
        (status = 400, description = "invalid_field, idempotency_key_missing, not_json", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "token_missing, token_invalid, token_expired", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "other_merchant, claim_needed", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "already_subscribed, attempt_pending, attempt_ended, idempotency_key_reused", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "too_large", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "not_json", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "ipv4_needed", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "too_many_requests", body = ProblemBody, content_type = "application/problem+json"),
        (status = 502, description = "presign_failed, wechat_refused", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "unavailable, keys_unavailable: repeat the same request", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
async fn subscribe(
    State(api): Api,
    user: User,
    arrival: Arrival,
    key: IdempotencyKey,
    body: Body<NewAttempt>,
) -> Result<(StatusCode, Json<Attempt>), Problem> {
    let caller = Caller { user, arrival, key: key.0, body_hash: body.sha256 };
    begun(api.subscribe(&caller, &body.value).await?)
}

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
        (status = 400, description = "invalid_field, idempotency_key_missing, not_json", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "token_missing, token_invalid, token_expired", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "other_merchant, claim_needed", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "already_subscribed, attempt_pending, idempotency_key_reused", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "too_large", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "not_json", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "too_many_requests", body = ProblemBody, content_type = "application/problem+json"),
        (status = 502, description = "wechat_refused", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "unavailable, keys_unavailable: repeat the same request", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
async fn sign(
    State(api): Api,
    user: User,
    arrival: Arrival,
    key: IdempotencyKey,
    body: Body<NewAttempt>,
) -> Result<(StatusCode, Json<Attempt>), Problem> {
    let caller = Caller { user, arrival, key: key.0, body_hash: body.sha256 };
    begun(api.sign(&caller, &body.value).await?)
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
        (status = 400, description = "invalid_field", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "token_missing, token_invalid, token_expired", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "other_merchant", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "not_found: none of this user's", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "too_many_requests", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "unavailable", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
async fn status(
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
        (status = 400, description = "invalid_field, idempotency_key_missing, not_json", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "token_missing, token_invalid, token_expired", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "other_merchant", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "not_found: none of this user's", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "not_signed, idempotency_key_reused", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "too_large", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "not_json", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "too_many_requests", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "unavailable: repeat the same request", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
async fn terminate(
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

fn begun((new, attempt): (bool, Attempt)) -> Result<(StatusCode, Json<Attempt>), Problem> {
    Ok((if new { StatusCode::CREATED } else { StatusCode::OK }, Json(attempt)))
}
