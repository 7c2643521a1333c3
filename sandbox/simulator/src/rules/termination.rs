//! The end of a contract, by a call or by a person.

use counterparty::V2Fields;
use serde::Deserialize;

use super::{Call, Refusal, Refused, Scene, success, telling};
use crate::model::{ContractState, Ended, key};

/// Who ends a contract, other than the merchant's call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ending {
    Expired,
    User,
    Platform,
    AccountCancelled,
    CustomerService,
}

/// `contract_termination_mode` of `deletecontract`.
const BY_CALL: u8 = 3;

impl Ending {
    fn mode(self) -> u8 {
        match self {
            Self::Expired => 1,
            Self::User => 2,
            Self::Platform => 4,
            Self::AccountCancelled => 5,
            Self::CustomerService => 7,
        }
    }

    pub(super) fn remark(self) -> &'static str {
        match self {
            Self::Expired => "合约到期",
            Self::User => "用户主动解约",
            Self::Platform => "商户平台解约",
            Self::AccountCancelled => "用户账户注销",
            Self::CustomerService => "用户通过客服解约",
        }
    }
}

/// `POST /papay/deletecontract`
pub(crate) fn delete_contract(scene: &mut Scene<'_>, call: &Call) -> Result<V2Fields, Refusal> {
    if call.get("contract_id").is_none() && (call.get("plan_id").is_none() || call.get("contract_code").is_none()) {
        return Err(Refusal::business("PARAM_ERROR", "PARAMETER FAIL"));
    }
    let contract = scene.contract_of(call).ok_or_else(|| Refusal::business("INVALID_REQUEST", "签约关系不存在"))?;
    if contract.mch_id != scene.mch_id() {
        return Err(Refusal::business("NOAUTH", "MERCHANT PERMISSION ERROR"));
    }
    if contract.state != ContractState::Signed {
        return Err(Refusal::business("INVALID_REQUEST", "签约关系不存在或已解约"));
    }
    let (key, contract_id) = (contract.key(), contract.contract_id().to_owned());
    end(scene, &key, BY_CALL, call.text("contract_termination_remark"), None)
        .map_err(|_| Refusal::business("SYSTEMERROR", "系统错误"))?;
    let mut fields = success(call);
    fields.remove("nonce_str");
    fields.set("contract_id", &contract_id);
    Ok(fields)
}

/// The user, a person at WeChat or at the merchant, or time ends it.
pub(crate) fn terminate(scene: &mut Scene<'_>, contract_code: &str, by: Ending) -> Result<(), Refused> {
    let key = key(scene.mch_id(), contract_code);
    let contract = scene.world.contracts.get(&key).ok_or(Refused::Unknown)?.clone();
    if contract.state != ContractState::Signed {
        return Err(Refused::rule("the contract is not in force"));
    }
    let template = scene.settings.template(&contract.mch_id, &contract.plan_id);
    let asks = by == Ending::User && template.is_some_and(|template| template.retention);
    let question = if asks { telling::retention(scene, &contract)? } else { None };
    end(scene, &key, by.mode(), by.remark(), question)
}

fn end(scene: &mut Scene<'_>, key: &str, mode: u8, remark: &str, after: Option<u64>) -> Result<(), Refused> {
    let contract = scene.world.contracts.get_mut(key).ok_or(Refused::Unknown)?;
    contract.state = ContractState::Terminated;
    contract.ended = Some(Ended { at_ms: scene.now, mode, remark: remark.to_owned() });
    let contract = contract.clone();
    scene.world.unset_live(&contract);
    let told = telling::terminated(scene, &contract)?;
    if let (Some(told), Some(after)) = (told, after) {
        telling::hold_back(scene, told, after);
    }
    Ok(())
}
