//! Contract fields of V2: the signing and termination notice (8.3) and the answer of querycontract (6.1).

use domain::{
    AppId, ContractChange, ContractCode, ContractFact, ContractId, OpenId, PlanId, TerminationReason, Timestamp,
};

use super::Fields;
use crate::{ParseError, time};

/// A signing or termination notice.
pub(crate) fn notice(fields: Fields<'_>) -> Result<ContractFact, ParseError> {
    fields.expect("return_code", "SUCCESS")?;
    fields.expect("result_code", "SUCCESS")?;
    let at = || fields.required("operate_time", time::spaced);
    let change = match fields.word("change_type")? {
        "ADD" => ContractChange::Signed { at: Some(at()?), expires_at: expires_at(fields) },
        "DELETE" => ContractChange::Terminated { at: Some(at()?), reason: reason(fields) },
        _ => return Err(ParseError::rule("change_type", "ADD or DELETE")),
    };
    let is_signed = matches!(change, ContractChange::Signed { .. });
    let fact = about(fields, change)?;
    let missing = [
        ("contract_id", fact.contract_id.is_none()),
        ("plan_id", fact.plan_id.is_none()),
        ("openid", is_signed && fact.openid.is_none()),
    ];
    match missing.into_iter().find(|(_, is_missing)| *is_missing) {
        Some((name, _)) => Err(ParseError::missing(name)),
        None => Ok(fact),
    }
}

/// The answer of querycontract.
pub(crate) fn answer(fields: Fields<'_>) -> Result<ContractFact, ParseError> {
    let change = match fields.word("contract_state")? {
        "0" => ContractChange::Signed { at: time(fields, "contract_signed_time")?, expires_at: expires_at(fields) },
        "1" => ended_or_not_signed(fields)?,
        "9" => ContractChange::InProgress,
        _ => return Err(ParseError::rule("contract_state", "0, 1 or 9")),
    };
    about(fields, change)
}

fn about(fields: Fields<'_>, change: ContractChange) -> Result<ContractFact, ParseError> {
    Ok(ContractFact {
        contract_code: fields.required("contract_code", ContractCode::parse)?,
        contract_id: fields.optional("contract_id", ContractId::parse)?,
        plan_id: fields.optional("plan_id", PlanId::parse)?,
        appid: fields.optional("appid", AppId::parse)?,
        openid: fields.optional("openid", OpenId::parse)?,
        change,
    })
}

/// State 1 stands for both. Only a contract that was in force has a time or a mode of its end.
fn ended_or_not_signed(fields: Fields<'_>) -> Result<ContractChange, ParseError> {
    let at = time(fields, "contract_terminated_time")?;
    let has_mode = fields.text("contract_termination_mode").is_some_and(|mode| mode != "0");
    Ok(if at.is_some() || has_mode {
        ContractChange::Terminated { at, reason: reason(fields) }
    } else {
        ContractChange::NotSigned
    })
}

/// A time of an answer; 0 stands for none.
fn time(fields: Fields<'_>, name: &str) -> Result<Option<Timestamp>, ParseError> {
    let at = fields.optional(name, time::spaced)?;
    Ok(at.filter(|at| *at != Timestamp::UNIX_EPOCH))
}

/// For information only, and what it holds for an unlimited contract is not documented: a form that we do not know must not cost
/// us the signing.
fn expires_at(fields: Fields<'_>) -> Option<Timestamp> {
    time(fields, "contract_expired_time").ok().flatten()
}

/// The number that `contract_termination_mode` has; other numbers, and none, are `Other`.
fn reason(fields: Fields<'_>) -> TerminationReason {
    let mode = fields.text("contract_termination_mode").and_then(|mode| mode.parse().ok());
    mode.map_or(TerminationReason::Other, TerminationReason::from_mode)
}
