//! `POST /papay/querycontract`

use counterparty::V2Fields;

use super::{Call, Refusal, Scene};
use crate::model::{Contract, Failure};
use crate::time::spaced;

/// What there is to say of a contract; of one that was never signed: -25, without signature.
pub(crate) fn query_contract(scene: &mut Scene<'_>, call: &Call) -> Result<V2Fields, Refusal> {
    if call.get("contract_id").is_none() && (call.get("plan_id").is_none() || call.get("contract_code").is_none()) {
        return Err(Refusal::business("PARAM_ERROR", "PARAMETER FAIL"));
    }
    let absent = || Refusal::Unsigned(Failure::new("-25", "RESULT NULL"));
    let contract = scene.contract_of(call).ok_or_else(absent)?;
    if contract.mch_id != scene.mch_id() {
        return Err(Refusal::Unsigned(Failure::new("-48", "MERCHANT AUTHORITY ERROR")));
    }
    let state = contract.state.as_number().ok_or_else(absent)?;
    Ok(answer(contract, state))
}

fn answer(contract: &Contract, state: u8) -> V2Fields {
    let mut fields = V2Fields::new();
    fields.set("return_code", "SUCCESS");
    fields.set("result_code", "SUCCESS");
    fields.set("mch_id", &contract.mch_id);
    fields.set("appid", &contract.appid);
    if let Some(signed) = &contract.signed {
        fields.set("contract_id", &signed.contract_id);
    }
    fields.set("plan_id", &contract.plan_id);
    if let Some(signed) = &contract.signed {
        fields.set("openid", &signed.openid);
    }
    fields.set("request_serial", &contract.request_serial);
    fields.set("contract_code", &contract.contract_code);
    fields.set("contract_display_account", &contract.display_account);
    fields.set_number("contract_state", u64::from(state));
    if let Some(signed) = &contract.signed {
        fields.set("contract_signed_time", &spaced(signed.at_ms));
        fields.set("contract_expired_time", &spaced(signed.expires_ms));
    }
    if let Some(ended) = &contract.ended {
        fields.set("contract_terminated_time", &spaced(ended.at_ms));
        fields.set_number("contract_termination_mode", u64::from(ended.mode));
        fields.set("contract_termination_remark", &ended.remark);
    }
    fields.set("err_code", "0");
    fields.set("err_code_des", "SUCCESS");
    fields
}
