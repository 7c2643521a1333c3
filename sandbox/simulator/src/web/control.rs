//! The control API: what people do, and what goes wrong, as JSON.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::State;
use crate::config::Merchant;
use crate::faults::{ErrorCode, Fault};
use crate::model::{Failure, RefundState, key};
use crate::rules::v3::RepairPlan;
use crate::rules::{self, Ending, Payment, Refused, Scene};
use crate::shared::Shared;

/// Why the control API does not do something.
pub(super) enum Problem {
    Refused(Refused),
    NotUnderstood(String),
}

pub(super) type Answer = Result<Json<Value>, Problem>;

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, body) = match self {
            Self::Refused(Refused::Unknown) => (StatusCode::NOT_FOUND, json!({ "refused": "unknown" })),
            Self::Refused(Refused::Rule(why)) => (StatusCode::CONFLICT, json!({ "refused": why })),
            Self::NotUnderstood(why) => (StatusCode::BAD_REQUEST, json!({ "not_understood": why })),
        };
        (status, Json(body)).into_response()
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<serde_json::Error> for Problem {
    fn from(error: serde_json::Error) -> Self {
        Self::NotUnderstood(error.to_string())
    }
}

/// Lets somebody act at a merchant that is configured.
pub(super) fn act<T>(
    shared: &Shared,
    mch_id: &str,
    act: impl FnOnce(&mut Scene<'_>) -> Result<T, Refused>,
) -> Result<T, Refused> {
    let merchant: &Merchant = shared.settings.merchants.get(mch_id).ok_or(Refused::Unknown)?;
    shared.act(merchant, act)
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WithUser {
    user: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PlatformRefund {
    amount: Option<u64>,
    out_refund_no: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WithStatus {
    status: RefundState,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct By {
    pub(super) by: Ending,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserChange {
    /// Present and null: deductions succeed again.
    #[serde(default, with = "present")]
    deduction: Option<Option<ErrorCode>>,
    items: Option<u32>,
    #[serde(default)]
    openids: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClockMove {
    advance_ms: i64,
}

/// What happens to an order.
pub(crate) async fn order(
    shared: State,
    Path((mch_id, number, what)): Path<(String, String, String)>,
    body: Option<Json<Value>>,
) -> Answer {
    let body = body.map_or_else(|| json!({}), |Json(body)| body);
    match what.as_str() {
        "pay" => {
            let payment: Payment = serde_json::from_value(body)?;
            let outcome = act(&shared, &mch_id, |scene| rules::pay(scene, &number, &payment))?;
            Ok(Json(serde_json::to_value(outcome)?))
        }
        "cancel" => done(act(&shared, &mch_id, |scene| rules::cancel(scene, &number))),
        "wrong-password" => done(act(&shared, &mch_id, |scene| rules::wrong_password(scene, &number))),
        "fail" => done(act(&shared, &mch_id, |scene| rules::fail(scene, &number))),
        "refund" => {
            let wanted: PlatformRefund = serde_json::from_value(body)?;
            let refund = |scene: &mut Scene<'_>| {
                rules::platform_refund(scene, &number, wanted.amount, wanted.out_refund_no.as_deref())
            };
            let out_refund_no = act(&shared, &mch_id, refund)?;
            Ok(Json(json!({ "out_refund_no": out_refund_no })))
        }
        "refund-outcome" => {
            let WithStatus { status } = serde_json::from_value(body)?;
            done(act(&shared, &mch_id, |scene| {
                let order = scene.world.orders.get_mut(&key(&mch_id, &number)).ok_or(Refused::Unknown)?;
                order.refund_outcome = status;
                Ok(())
            }))
        }
        _ => Err(Refused::Unknown.into()),
    }
}

/// What happens to a contract.
pub(crate) async fn contract(
    shared: State,
    Path((mch_id, number, what)): Path<(String, String, String)>,
    body: Option<Json<Value>>,
) -> Answer {
    let body = body.map_or_else(|| json!({}), |Json(body)| body);
    match what.as_str() {
        "sign" => {
            let WithUser { user } = serde_json::from_value(body)?;
            let contract_id = act(&shared, &mch_id, |scene| rules::sign(scene, &number, user.as_deref()))?;
            Ok(Json(json!({ "contract_id": contract_id })))
        }
        "cancel" => done(act(&shared, &mch_id, |scene| rules::cancel_signing(scene, &number))),
        "terminate" => {
            let By { by } = serde_json::from_value(body)?;
            done(act(&shared, &mch_id, |scene| rules::terminate(scene, &number, by)))
        }
        _ => Err(Refused::Unknown.into()),
    }
}

/// Decides a refund.
pub(crate) async fn settle(
    shared: State,
    Path((mch_id, number)): Path<(String, String)>,
    Json(body): Json<Value>,
) -> Answer {
    let WithStatus { status } = serde_json::from_value(body)?;
    done(act(&shared, &mch_id, |scene| rules::settle(scene, &number, status)))
}

/// Decides how the repair of an abnormal refund will end, and what queries say of the refund until then.
pub(crate) async fn plan_repair(
    shared: State,
    Path((mch_id, number)): Path<(String, String)>,
    Json(body): Json<Value>,
) -> Answer {
    let plan: RepairPlan = serde_json::from_value(body)?;
    done(act(&shared, &mch_id, |scene| rules::v3::plan_repair(scene, &key(&mch_id, &number), plan)))
}

/// Changes a user.
pub(crate) async fn user(shared: State, Path(name): Path<String>, Json(body): Json<Value>) -> Answer {
    let change: UserChange = serde_json::from_value(body)?;
    shared.look(|inner| {
        let user = inner.world.users.entry(name.clone()).or_default();
        if let Some(deduction) = change.deduction {
            user.deduction = deduction.map(Failure::from);
        }
        user.items = change.items.unwrap_or(user.items);
        for (appid, openid) in &change.openids {
            inner.world.set_openid(appid, &name, openid);
        }
    });
    shared.touch();
    done(Ok(()))
}

/// The openid of a user.
pub(crate) async fn openid(shared: State, Path((appid, user)): Path<(String, String)>) -> Answer {
    let openid = shared.look(|inner| inner.world.openid(&appid, &user));
    shared.touch();
    Ok(Json(json!({ "openid": openid })))
}

/// Asks for a fault.
pub(crate) async fn ask_fault(shared: State, Json(body): Json<Value>) -> Answer {
    let fault: Fault = serde_json::from_value(body)?;
    let id = shared.look(|inner| inner.faults.ask(fault)).map_err(Problem::NotUnderstood)?;
    Ok(Json(json!({ "id": id })))
}

/// The faults that have not happened yet.
pub(crate) async fn faults(shared: State) -> Answer {
    Ok(Json(serde_json::to_value(shared.look(|inner| inner.faults.asked().to_vec()))?))
}

/// Nothing goes wrong any more.
pub(crate) async fn forget_faults(shared: State) -> Answer {
    shared.look(|inner| inner.faults.forget());
    done(Ok(()))
}

/// Tells the time.
pub(crate) async fn clock(shared: State) -> Answer {
    Ok(Json(json!({ "now_ms": shared.clock.now_ms(), "offset_ms": shared.clock.offset_ms() })))
}

/// Moves the clock, for everybody who reads it.
pub(crate) async fn move_clock(shared: State, Json(body): Json<Value>) -> Answer {
    let ClockMove { advance_ms } = serde_json::from_value(body)?;
    let moved = shared.move_clock(advance_ms).await;
    moved.map_err(|error| Problem::NotUnderstood(error.to_string()))?;
    clock(shared).await
}

pub(super) fn done(outcome: Result<(), Refused>) -> Answer {
    outcome?;
    Ok(Json(json!({})))
}

/// Tells a member that is null from one that is missing.
mod present {
    use serde::{Deserialize, Deserializer};

    pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
    where
        T: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Option::deserialize(deserializer).map(Some)
    }
}
