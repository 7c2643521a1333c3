//! The contract object: `ENTRUST.SIGN` and `ENTRUST.TERMINATE` (11.6), answers of the contract query (11.4).

use domain::{
    AppId, ContractChange, ContractCode, ContractFact, ContractId, MchId, OpenId, PlanId, TerminationReason, Timestamp,
};
use serde::Deserialize;
use verify::V3Event;

use super::direct_or_partner;
use super::json::{self, Member};
use crate::{ParseError, time};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Contract<'a> {
    #[serde(borrow)]
    mchid: Member<'a>,
    #[serde(borrow)]
    sp_mchid: Member<'a>,
    #[serde(borrow)]
    appid: Member<'a>,
    #[serde(borrow)]
    sp_appid: Member<'a>,
    #[serde(borrow)]
    openid: Member<'a>,
    #[serde(borrow)]
    sp_openid: Member<'a>,
    #[serde(borrow)]
    plan_id: Member<'a>,
    #[serde(borrow)]
    contract_id: Member<'a>,
    #[serde(borrow)]
    out_contract_code: Member<'a>,
    #[serde(borrow)]
    contract_state: Member<'a>,
    #[serde(borrow)]
    contract_signed_time: Member<'a>,
    #[serde(borrow)]
    contract_expired_time: Member<'a>,
    #[serde(borrow)]
    contract_terminate_info: Member<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TerminateInfo<'a> {
    #[serde(borrow)]
    contract_termination_mode: Member<'a>,
    #[serde(borrow)]
    contract_terminated_time: Member<'a>,
}

/// A notice, whose event type must agree with its `contract_state`, and which names contract and plan.
pub(crate) fn notice(mch_id: &MchId, event: &V3Event<'_>) -> Result<ContractFact, ParseError> {
    let fact = read(mch_id, "resource", &event.resource)?;
    let expected = match &fact.change {
        ContractChange::Signed { .. } => "ENTRUST.SIGN",
        ContractChange::Terminated { .. } => "ENTRUST.TERMINATE",
        ContractChange::NotSigned | ContractChange::Absent | ContractChange::InProgress => "none",
    };
    if event.event_type != expected {
        return Err(ParseError::rule("contract_state", "one that agrees with event_type"));
    }
    if fact.contract_id.is_none() {
        return Err(ParseError::missing("contract_id"));
    }
    if fact.plan_id.is_none() {
        return Err(ParseError::missing("plan_id"));
    }
    Ok(fact)
}

/// The answer of the contract query.
pub(crate) fn answer(mch_id: &MchId, body: &[u8]) -> Result<ContractFact, ParseError> {
    read(mch_id, "body", body)
}

fn read(mch_id: &MchId, name: &str, json: &[u8]) -> Result<ContractFact, ParseError> {
    let contract: Contract<'_> = json::object(name, json)?;
    super::check_merchant(mch_id, contract.mchid, contract.sp_mchid)?;
    Ok(ContractFact {
        contract_code: contract.out_contract_code.required("out_contract_code", ContractCode::parse)?,
        contract_id: contract.contract_id.optional("contract_id", ContractId::parse)?,
        plan_id: contract.plan_id.number_or_text("plan_id", PlanId::parse)?,
        appid: direct_or_partner(("appid", contract.appid), ("sp_appid", contract.sp_appid), AppId::parse)?,
        openid: direct_or_partner(("openid", contract.openid), ("sp_openid", contract.sp_openid), OpenId::parse)?,
        change: contract.change()?,
    })
}

impl Contract<'_> {
    fn change(&self) -> Result<ContractChange, ParseError> {
        match self.contract_state.word("contract_state")?.as_ref() {
            "SIGNED" => Ok(ContractChange::Signed {
                at: self.contract_signed_time.optional("contract_signed_time", time::rfc3339)?,
                expires_at: self.expires_at(),
            }),
            "TERMINATED" => self.terminated(),
            "SIGN_FAILED" => Ok(ContractChange::NotSigned),
            _ => Err(ParseError::rule("contract_state", "SIGNED, TERMINATED or SIGN_FAILED")),
        }
    }

    fn terminated(&self) -> Result<ContractChange, ParseError> {
        let info: TerminateInfo<'_> = self.contract_terminate_info.object("contract_terminate_info")?;
        let mode = info.contract_termination_mode.text("contract_terminate_info.contract_termination_mode")?;
        let time_name = "contract_terminate_info.contract_terminated_time";
        Ok(ContractChange::Terminated {
            at: info.contract_terminated_time.optional(time_name, time::rfc3339)?,
            reason: mode.as_deref().map_or(TerminationReason::Other, TerminationReason::from_word),
        })
    }

    /// For information only: a form that we do not know must not cost us the signing.
    fn expires_at(&self) -> Option<Timestamp> {
        self.contract_expired_time.optional("contract_expired_time", time::rfc3339).ok().flatten()
    }
}
