//! Which rule answers at which path.

use super::form::Member;
use super::tables::{
    ABNORMAL, CLOSE, ECHO, EXEMPT_TERMINATION, H5_ORDER, JSAPI, NORMAL, ORDER, PRE_NOTICE, PRE_SIGN, PREPAY, QS,
    REFUND, SCENE_INFO, SERVICE_PROVIDER,
};
use crate::rules::v3::{self, Rule};

/// A call of V3.
pub(crate) struct Route {
    /// What faults call it.
    pub(crate) name: &'static str,
    pub(crate) path: &'static str,
    /// The tables that its body follows; none: a GET without a body.
    pub(crate) body: &'static [&'static [Member]],
    /// What the path says without a parameter.
    pub(crate) says: &'static [(&'static str, &'static str)],
    pub(crate) rule: Rule,
}

impl Route {
    pub(crate) fn is_get(&self) -> bool {
        self.body.is_empty()
    }
}

const fn get(name: &'static str, path: &'static str, rule: Rule) -> Route {
    Route { name, path, body: &[], says: &[], rule }
}

const fn post(name: &'static str, path: &'static str, body: &'static [&'static [Member]], rule: Rule) -> Route {
    Route { name, path, body, says: &[], rule }
}

const fn order(
    name: &'static str,
    path: &'static str,
    body: &'static [&'static [Member]],
    says: &'static [(&'static str, &'static str)],
) -> Route {
    Route { name, path, body, says, rule: v3::place }
}

const fn pre_sign(
    path: &'static str,
    body: &'static [&'static [Member]],
    says: &'static [(&'static str, &'static str)],
) -> Route {
    Route { name: "pre_sign", path, body, says, rule: v3::pre_sign }
}

/// All of them.
pub(crate) const ROUTES: [Route; 23] = [
    order("app", "/v3/pay/transactions/app", &[&ORDER, &SCENE_INFO], &[("trade_type", "APP")]),
    order("jsapi", "/v3/pay/transactions/jsapi", &[&ORDER, &JSAPI], &[("trade_type", "JSAPI")]),
    order("h5", "/v3/pay/transactions/h5", &[&ORDER, &H5_ORDER], &[("trade_type", "MWEB")]),
    order("native", "/v3/pay/transactions/native", &[&ORDER, &SCENE_INFO], &[("trade_type", "NATIVE")]),
    get("order_query", "/v3/pay/transactions/id/{transaction_id}", v3::query_order),
    get("order_query", "/v3/pay/transactions/out-trade-no/{out_trade_no}", v3::query_order),
    post("order_close", "/v3/pay/transactions/out-trade-no/{out_trade_no}/close", &[&CLOSE], v3::close_order),
    post("refund", "/v3/refund/domestic/refunds", &[&REFUND], v3::refund),
    get("refund_query", "/v3/refund/domestic/refunds/{number}", v3::query_refund),
    post(
        "abnormal_refund",
        "/v3/refund/domestic/refunds/{number}/apply-abnormal-refund",
        &[&ABNORMAL],
        v3::repair_refund,
    ),
    get("certificates", "/v3/certificates", v3::certificates),
    post("security_echo", "/v3/security/echo", &[&ECHO], v3::security_echo),
    post("pre_notice", "/v3/papay/contracts/{contract_id}/notify", &[&PRE_NOTICE], v3::pre_notice),
    pre_sign(
        "/v3/password-exempt-contract/contracts/normal/pre-entrust-sign/pay-redirect-sign",
        &[&PRE_SIGN, &NORMAL, &PREPAY],
        &[("family", "normal")],
    ),
    pre_sign(
        "/v3/password-exempt-contract/contracts/normal/pre-entrust-sign/mini-program",
        &[&PRE_SIGN, &NORMAL],
        &[("family", "normal")],
    ),
    pre_sign(
        "/v3/password-exempt-contract/contracts/qs/pre-entrust-sign/pay-redirect-sign",
        &[&PRE_SIGN, &QS, &PREPAY],
        &[("family", "qs")],
    ),
    pre_sign(
        "/v3/password-exempt-contract/contracts/qs/pre-entrust-sign/mini-program",
        &[&PRE_SIGN, &QS],
        &[("family", "qs")],
    ),
    pre_sign(
        "/v3/password-exempt-contract/contracts/service-provider/pre-entrust-sign/pay-redirect-sign",
        &[&PRE_SIGN, &SERVICE_PROVIDER, &PREPAY],
        &[("family", "service_provider")],
    ),
    pre_sign(
        "/v3/password-exempt-contract/contracts/service-provider/pre-entrust-sign/mini-program",
        &[&PRE_SIGN, &SERVICE_PROVIDER],
        &[("family", "service_provider")],
    ),
    get(
        "exempt_query",
        "/v3/password-exempt-contract/contracts/service-id/{service_id}/out-contract-code/{out_contract_code}",
        v3::query_exempt,
    ),
    post(
        "exempt_terminate",
        "/v3/password-exempt-contract/contracts/service-id/{service_id}/out-contract-code/{out_contract_code}/terminate",
        &[&EXEMPT_TERMINATION],
        v3::terminate_exempt,
    ),
    get("trade_bill", "/v3/bill/tradebill", v3::trade_bill),
    get("bill_file", "/v3/billdownload/file", v3::bill_file),
];
