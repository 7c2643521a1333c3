//! The calls of V2: which rule answers which, after which checks.

mod check;
mod form;
mod launch;
mod reply;

pub(crate) use check::{check, read};
pub(crate) use form::{ENTRUST_WEB, Form, H5_ENTRUST_WEB, MINI_PROGRAM};
pub(crate) use launch::{AppLaunch, JsapiLaunch, check_app, check_jsapi};
pub(crate) use reply::{Addressee, algorithm_of, reply};

use counterparty::V2Fields;

use crate::rules::{self, Call, Refusal, Scene};

/// A rule that answers a call.
pub(crate) type Rule = fn(&mut Scene<'_>, &Call) -> Result<V2Fields, Refusal>;

/// The calls, and the rule of each. `h5entrustweb` is a GET, the others are POSTed.
pub(crate) const CALLS: [(&Form, Rule); 11] = [
    (&form::CONTRACT_ORDER, rules::contract_order),
    (&form::PRE_ENTRUST_WEB, rules::pre_entrustweb),
    (&form::QUERY_CONTRACT, rules::query_contract),
    (&form::DELETE_CONTRACT, rules::delete_contract),
    (&form::PAP_PAY_APPLY, apply),
    (&form::PAP_ORDER_QUERY, rules::pap_order_query),
    (&form::ORDER_QUERY, rules::order_query),
    (&form::CLOSE_ORDER, rules::close_order),
    (&form::REFUND, rules::refund),
    (&form::REFUND_QUERY, rules::refund_query),
    (&form::H5_ENTRUST_WEB, rules::h5_entrustweb),
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
