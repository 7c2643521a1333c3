//! The calls of V2: which rule answers which, after which checks.

mod check;
mod form;
mod launch;
mod reply;
mod tables;
pub(crate) mod v3;

pub(crate) use check::{check, read};
pub(crate) use form::Form;
pub(crate) use launch::{AppLaunch, JsapiLaunch, check_app, check_jsapi};
pub(crate) use reply::{Addressee, algorithm_of, reply};
pub(crate) use tables::{ENTRUST_WEB, H5_ENTRUST_WEB, MINI_PROGRAM};

use counterparty::V2Fields;

use crate::rules::{self, Call, Refusal, Scene};

/// A rule that answers a call.
pub(crate) type Rule = fn(&mut Scene<'_>, &Call) -> Result<V2Fields, Refusal>;

/// The calls, and the rule of each. `h5entrustweb` is a GET, the others are POSTed.
pub(crate) const CALLS: [(&Form, Rule); 11] = [
    (&tables::CONTRACT_ORDER, rules::contract_order),
    (&tables::PRE_ENTRUST_WEB, rules::pre_entrustweb),
    (&tables::QUERY_CONTRACT, rules::query_contract),
    (&tables::DELETE_CONTRACT, rules::delete_contract),
    (&tables::PAP_PAY_APPLY, apply),
    (&tables::PAP_ORDER_QUERY, rules::pap_order_query),
    (&tables::ORDER_QUERY, rules::order_query),
    (&tables::CLOSE_ORDER, rules::close_order),
    (&tables::REFUND, rules::refund),
    (&tables::REFUND_QUERY, rules::refund_query),
    (&tables::H5_ENTRUST_WEB, rules::h5_entrustweb),
];

/// The call at a path.
pub(crate) fn at(path: &str) -> Option<(&'static Form, Rule)> {
    CALLS.into_iter().find(|(form, _)| form.path == path)
}

/// A deduction says that it is one.
fn apply(scene: &mut Scene<'_>, call: &Call) -> Result<V2Fields, Refusal> {
    match call.text("trade_type") {
        "PAP" => rules::apply(scene, call),
        _ => Err(Refusal::business("PARAM_ERROR", "trade_type参数错误")),
    }
}
