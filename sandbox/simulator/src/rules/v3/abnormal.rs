//! `POST /v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund`

use serde::Deserialize;
use serde_json::{Value, json};

use super::keys::opened;
use super::refund::described;
use super::{Refusal, Reply, Request};
use crate::model::{Job, Refund, RefundState, V3Refund};
use crate::rules::{Refused, Scene};

/// The banks whose debit cards take an abnormal refund.
const BANKS: [&str; 15] = [
    "CMB_DEBIT",
    "COMM_DEBIT",
    "ABC_DEBIT",
    "CCB_DEBIT",
    "ICBC_DEBIT",
    "BOC_DEBIT",
    "PAB_DEBIT",
    "SPDB_DEBIT",
    "CITIC_DEBIT",
    "CEB_DEBIT",
    "CMBC_DEBIT",
    "CIB_DEBIT",
    "GDB_DEBIT",
    "PSBC_DEBIT",
    "NBCB_DEBIT",
];

/// Sends the money of an abnormal refund somewhere else. Until it has arrived there, or has come back again, the refund is ABNORMAL as
/// before, unless [`plan_repair`] said otherwise.
pub(crate) fn repair_refund(scene: &mut Scene<'_>, request: &Request) -> Result<Reply, Refusal> {
    let target = target(scene, request)?;
    let refund_key = wanted(scene, request)?;
    let absent = || Refusal::new("RESOURCE_NOT_EXISTS", "退款单不存在");
    let at = scene.now.saturating_add(scene.settings.pace.refund_ms);
    let refund = scene.world.refunds.get_mut(&refund_key).ok_or_else(absent)?;
    let is_repeated = refund.v3.as_ref().is_some_and(|v3| v3.repair.as_ref() == Some(&target));
    match refund.state {
        RefundState::Change if !refund.is_under_repair() => {
            begin(refund, target);
            scene.world.jobs.insert((at, Job::Settle(refund_key.clone())));
        }
        RefundState::Change | RefundState::Processing | RefundState::Success if is_repeated => {}
        _ => return Err(Refusal::new("INVALID_REQUEST", "退款单状态不是退款异常，不能发起异常退款")),
    }
    let refund = scene.world.refunds.get(&refund_key).ok_or_else(absent)?;
    let order = scene.world.orders.get(&refund.order).ok_or_else(absent)?;
    Ok(Reply::Json(described(order, refund)))
}

/// How the next repairs of a refund end, and what the refund is meanwhile.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RepairPlan {
    status: RefundState,
    meanwhile: Option<RefundState>,
}

pub(crate) fn plan_repair(scene: &mut Scene<'_>, refund_key: &str, plan: RepairPlan) -> Result<(), Refused> {
    let refund = scene.world.refunds.get_mut(refund_key).ok_or(Refused::Unknown)?;
    let v3 = refund.v3.get_or_insert_with(V3Refund::default);
    v3.repair_outcome = plan.status;
    match plan.meanwhile {
        None => {}
        Some(RefundState::Change) => v3.processes_again = false,
        Some(RefundState::Processing) => v3.processes_again = true,
        Some(RefundState::Success | RefundState::RefundClose) => {
            return Err(Refused::rule("a refund under repair is ABNORMAL or PROCESSING"));
        }
    }
    Ok(())
}

fn begin(refund: &mut Refund, target: Value) {
    let v3 = refund.v3.get_or_insert_with(V3Refund::default);
    v3.repair = Some(target);
    v3.under_repair = true;
    if v3.processes_again {
        refund.state = RefundState::Processing;
        refund.ended_ms = None;
    }
}

fn wanted(scene: &Scene<'_>, request: &Request) -> Result<String, Refusal> {
    let refund_id = request.parameter("number");
    let mut refunds = scene.world.refunds.iter();
    let found = refunds.find(|(_, refund)| refund.mch_id == scene.mch_id() && refund.refund_id == refund_id);
    let (key, refund) = found.ok_or_else(|| Refusal::new("RESOURCE_NOT_EXISTS", "退款单不存在"))?;
    let said = request.said("/out_refund_no");
    match refund.out_refund_no == said {
        true => Ok(key.clone()),
        false => Err(Refusal::parameter("/out_refund_no", &said.into(), "与refund_id不是同一笔退款")),
    }
}

/// Where the money goes: opened, checked, and remembered without what is nobody's business.
fn target(scene: &mut Scene<'_>, request: &Request) -> Result<Value, Refusal> {
    if request.said("/type") == "MERCHANT_BANK_CARD" {
        return Ok(json!({ "type": "MERCHANT_BANK_CARD" }));
    }
    let bank_type = request.said("/bank_type");
    if !BANKS.contains(&bank_type) {
        return Err(Refusal::parameter("/bank_type", &bank_type.into(), "不支持的银行类型"));
    }
    let account = opened(scene, request, "/bank_account")?;
    let is_card = (12..=19).contains(&account.len()) && account.bytes().all(|digit| digit.is_ascii_digit());
    if !is_card {
        return Err(Refusal::parameter("/bank_account", &Value::Null, "银行卡号格式错误"));
    }
    let name = opened(scene, request, "/real_name")?;
    let last: String = account.chars().skip(account.len().saturating_sub(4)).collect();
    let first: String = name.chars().take(1).collect();
    Ok(json!({
        "type": "USER_BANK_CARD", "bank_type": bank_type, "bank_account": format!("*{last}"),
        "real_name": format!("{first}*"),
    }))
}
