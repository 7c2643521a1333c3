//! Contracts.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::ContractCode;
use http_api::{Action, Arrival, Backend, BackendProblems, Body, IdempotencyKey, Problem};

use super::{answered, asked, posted};
use crate::requests::TerminationRequest;
use crate::state::App;
use crate::views::ContractView;

/// How a contract stands.
#[utoipa::path(
    get, path = "/v1/{mch_id}/contracts/{contract_code}", tag = "contracts",
    params(("mch_id" = String, Path), ("contract_code" = String, Path)),
    responses(
        (status = 200, body = ContractView),
        BackendProblems
    )
)]
pub(super) async fn contract(
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
        BackendProblems
    )
)]
pub(super) async fn terminate(
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
