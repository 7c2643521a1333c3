//! Password-exempt contracts.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::ExemptKey;
use http_api::{Action, Arrival, Backend, BackendProblems, Body, IdempotencyKey, Problem};

use super::{answered, asked, posted};
use crate::requests::{PreSigningRequest, TerminationRequest, exempt_key};
use crate::state::App;
use crate::views::{ExemptView, PreSigningView};

/// Pre-signs a password-exempt contract (免密支付预签约): for a payment that was made elsewhere, before its `prepay_id` is handed out, or to be
/// signed in WeChat's mini program.
///
/// Whatever becomes of it, the payment stays what it is. A user who declines is told by nobody: ask for the contract. A mini-program
/// session lasts two hours; the same call gives another one, and once the contract is `not_signed` it needs another number.
#[utoipa::path(
    post, path = "/v1/{mch_id}/pre-signings", tag = "pre-signings", request_body = PreSigningRequest,
    params(("mch_id" = String, Path), ("Idempotency-Key" = String, Header)),
    responses(
        (status = 200, body = PreSigningView, description = "`offered`, or `refused` with WeChat's code"),
        (status = 202, body = PreSigningView, description = "On record; WeChat has not answered. The same call asks again"),
        BackendProblems
    )
)]
pub(super) async fn pre_sign(
    State(app): State<App>,
    arrival: Arrival,
    backend: Backend,
    key: IdempotencyKey,
    body: Body<PreSigningRequest>,
) -> Result<Response, Problem> {
    // What the user agrees to is to be charged without a password.
    backend.may(Action::Deduct)?;
    let call = posted(arrival, backend, "pre-signings", key, body.sha256);
    Ok(answered(app.business.pre_sign(&call, &body.value).await?))
}

/// How a password-exempt contract stands; asked of WeChat while it is open.
#[utoipa::path(
    get, path = "/v1/{mch_id}/pre-signings/{service_id}/{out_contract_code}", tag = "pre-signings",
    params(("mch_id" = String, Path), ("service_id" = u64, Path), ("out_contract_code" = String, Path)),
    responses(
        (status = 200, body = ExemptView),
        BackendProblems
    )
)]
pub(super) async fn pre_signing(
    State(app): State<App>,
    arrival: Arrival,
    backend: Backend,
    Path((_, service_id, code)): Path<(String, String, String)>,
) -> Result<Json<ExemptView>, Problem> {
    backend.may(Action::Read)?;
    let key = key_of(&service_id, &code)?;
    Ok(Json(app.business.pre_signing(&asked(arrival, backend), key).await?))
}

/// Ends a password-exempt contract.
#[utoipa::path(
    post, path = "/v1/{mch_id}/pre-signings/{service_id}/{out_contract_code}/termination", tag = "pre-signings",
    request_body = TerminationRequest,
    params(
        ("mch_id" = String, Path), ("service_id" = u64, Path), ("out_contract_code" = String, Path),
        ("Idempotency-Key" = String, Header)
    ),
    responses(
        (status = 200, body = ExemptView, description = "Ended"),
        (status = 202, body = ExemptView, description = "On record; WeChat is asked until it has ended"),
        BackendProblems
    )
)]
pub(super) async fn terminate(
    State(app): State<App>,
    arrival: Arrival,
    backend: Backend,
    key: IdempotencyKey,
    Path((_, service_id, code)): Path<(String, String, String)>,
    body: Body<TerminationRequest>,
) -> Result<Response, Problem> {
    backend.may(Action::Terminate)?;
    let contract = key_of(&service_id, &code)?;
    let call = posted(arrival, backend, "pre-signings/termination", key, body.sha256);
    Ok(answered(app.business.end_exempt(&call, contract, &body.value).await?))
}

fn key_of(service_id: &str, code: &str) -> Result<ExemptKey, Problem> {
    let service_id = service_id.parse().map_err(|_| Problem::invalid("service_id", "a number"))?;
    Ok(exempt_key(service_id, code)?)
}
