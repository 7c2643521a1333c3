//! `POST /v3/papay/contracts/{contract_id}/notify`: the merchant has the user told before it deducts.

use serde::Deserialize;

use super::deduction::deductible;
use super::{Failure, Scene};
use crate::config::Mode;
use crate::model::{ContractState, PreNotice};
use crate::time::{day, is_daytime};

/// Deductible days where the call names none.
const USUAL_DAYS: i64 = 7;

/// The body of the call, whose form and merchant are right.
#[derive(Deserialize)]
pub(crate) struct PreNotification {
    appid: String,
    estimated_amount: Amount,
    deduct_duration: Option<Duration>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Amount {
    amount: u64,
    currency: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Duration {
    count: i64,
    unit: String,
}

/// Sends the user the notice, once a cycle. Answers nothing, or a V3 error code with its text.
pub(crate) fn pre_notify(scene: &mut Scene<'_>, contract_id: &str, body: &PreNotification) -> Result<(), Failure> {
    let wrong = |des: &str| Failure::new("PARAM_ERROR", des);
    let days = body.deduct_duration.as_ref().map_or(USUAL_DAYS, |duration| duration.count);
    if body.deduct_duration.as_ref().is_some_and(|duration| duration.unit != "DAY") || !(1..=USUAL_DAYS).contains(&days)
    {
        return Err(wrong("deduct_duration参数错误"));
    }
    let amount = &body.estimated_amount;
    if amount.amount == 0 || amount.currency.as_deref().is_some_and(|currency| currency != "CNY") {
        return Err(wrong("estimated_amount参数错误"));
    }
    if !scene.settings.is_bound(scene.mch_id(), &body.appid) {
        return Err(wrong("appid与mchid不匹配"));
    }
    let notice = PreNotice { at_ms: scene.now, amount: amount.amount, days };
    let key = allowed(scene, contract_id, &notice)?;
    if let Some(contract) = scene.world.contracts.get_mut(&key) {
        contract.notice = Some(notice);
    }
    Ok(())
}

fn allowed(scene: &Scene<'_>, contract_id: &str, notice: &PreNotice) -> Result<String, Failure> {
    let contract = scene.world.contract_ids.get(contract_id).and_then(|key| scene.world.contracts.get(key));
    let contract = contract.filter(|one| one.mch_id == scene.mch_id() && one.state == ContractState::Signed);
    let contract = contract.ok_or_else(|| Failure::new("CONTRACT_NOT_EXIST", "签约协议不存在"))?;
    let template = scene.settings.template(&contract.mch_id, &contract.plan_id);
    let template = template.filter(|template| template.mode == Mode::PreNotice);
    let Some(template) = template else {
        return Err(Failure::new("INVALID_REQUEST", "当前签约的模板不是周期扣费类型，不能下发扣费前通知"));
    };
    if !is_daytime(scene.now) {
        return Err(Failure::new("INVALID_REQUEST", "请在7:00-22:00之间下发扣费前通知"));
    }
    if notice.amount > template.limit() || template.amount.is_some_and(|fixed| fixed != notice.amount) {
        return Err(Failure::new("RULELIMIT", "预计扣费金额超过模版限额"));
    }
    // A cycle ends with a success, or with its last day.
    if let Some(sent) = contract.notice.filter(|sent| day(scene.now) <= deductible(sent).1) {
        return Err(match (sent.amount, sent.days) == (notice.amount, notice.days) {
            true => Failure::new("RESOURCE_ALREADY_EXISTS", "扣费前通知已下发"),
            false => Failure::new("INVALID_REQUEST", "与已下发的扣费前通知参数不一致"),
        });
    }
    Ok(contract.key())
}
