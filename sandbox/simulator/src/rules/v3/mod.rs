//! WeChat's rules for V3: one-off orders, their refunds, keys, password-exempt contracts, and the daily bill.

mod abnormal;
mod bill;
mod close;
mod exempt;
mod keys;
mod order;
mod query;
mod refund;
mod telling;

pub(crate) use abnormal::{RepairPlan, plan_repair, repair_refund};
pub(crate) use bill::{bill_file, trade_bill};
pub(crate) use close::close_order;
pub(super) use close::close_unpaid;
pub(crate) use exempt::{pre_sign, query_exempt, sign_exempt, terminate_exempt, terminate_exempt_by};
pub(super) use exempt::{pre_signed_for, settle_signing};
pub(crate) use keys::{certificates, security_echo};
pub(crate) use order::place;
pub(crate) use query::query_order;
pub(crate) use refund::{query_refund, refund};
pub(crate) use telling::{AnyNotice, tell_any};
pub(super) use telling::{tell_payment, tell_refund};

use std::collections::BTreeMap;

use counterparty::WechatPay;
use serde_json::{Value, json};

use super::{PreNotification, Scene, pre_notify};
use crate::model::Failure;

/// A rule that answers a call.
pub(crate) type Rule = fn(&mut Scene<'_>, &Request) -> Result<Reply, Refusal>;

/// A call of the merchant whose form and signature are right.
pub(crate) struct Request {
    /// From the path and the query string.
    pub(crate) parameters: BTreeMap<String, String>,
    /// Null without one.
    pub(crate) body: Value,
    /// `Wechatpay-Serial`
    pub(crate) serial: Option<String>,
}

/// What WeChat answers.
pub(crate) enum Reply {
    /// 200
    Json(Value),
    /// 204
    NoContent,
    /// 200 with a file, which is not signed.
    File(String),
}

/// Why WeChat does not do what a call asks: <https://pay.weixin.qq.com/doc/v3/merchant/4012081709>.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) detail: Option<Value>,
    /// The end of `Request-ID`.
    pub(crate) number: u32,
}

impl Refusal {
    pub(crate) fn new(code: &str, message: &str) -> Self {
        let number = match code {
            "ORDER_NOT_EXIST" => 268_512_771,
            "FREQUENCY_LIMITED" => 268_447_840,
            "PARAM_ERROR" => 268_435_461,
            "SIGN_ERROR" => 268_443_699,
            "APPID_MCHID_NOT_MATCH" => 268_445_527,
            _ => 268_435_456,
        };
        Self { code: code.to_owned(), message: message.to_owned(), detail: None, number }
    }

    /// A member of the body that is wrong.
    pub(crate) fn parameter(pointer: &str, value: &Value, issue: &str) -> Self {
        let detail = json!({ "field": pointer, "value": value, "issue": issue, "location": "body" });
        Self { detail: Some(detail), ..Self::new("PARAM_ERROR", "参数错误") }
    }

    pub(crate) fn numbered(self, number: u32) -> Self {
        Self { number, ..self }
    }

    /// The HTTP status of its code.
    pub(crate) fn status(&self) -> u16 {
        match self.code.as_str() {
            "SIGN_ERROR" => 401,
            "NO_AUTH"
            | "NOT_ENOUGH"
            | "USER_ACCOUNT_ABNORMAL"
            | "OUT_TRADE_NO_USED"
            | "RULE_LIMIT"
            | "RULELIMIT"
            | "TRADE_ERROR" => 403,
            "ORDER_NOT_EXIST" | "RESOURCE_NOT_EXISTS" | "CONTRACT_NOT_EXIST" => 404,
            "FREQUENCY_LIMITED" | "RATELIMIT_EXCEEDED" => 429,
            "SYSTEM_ERROR" | "SYSTEMERROR" => 500,
            "SERVICE_UNAVAILABLE" => 503,
            _ => 400,
        }
    }

    pub(crate) fn body(&self) -> Value {
        let mut body = json!({ "code": self.code, "message": self.message });
        if let Some(detail) = &self.detail {
            body["detail"] = detail.clone();
        }
        body
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::new(&failure.err_code, &failure.err_code_des)
    }
}

/// Only a clock outside the calendar, or a key that cannot be read.
impl From<counterparty::Error> for Refusal {
    fn from(error: counterparty::Error) -> Self {
        Self::new("SYSTEM_ERROR", &error.to_string())
    }
}

impl Request {
    pub(super) fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map(String::as_str).unwrap_or_default()
    }

    /// A member of the body, by JSON pointer.
    pub(super) fn text(&self, pointer: &str) -> Option<&str> {
        self.body.pointer(pointer)?.as_str()
    }

    /// A member that the form demands.
    pub(super) fn said(&self, pointer: &str) -> &str {
        self.text(pointer).unwrap_or_default()
    }

    pub(super) fn number(&self, pointer: &str) -> u64 {
        self.body.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
    }
}

/// `POST /v3/papay/contracts/{contract_id}/notify`
pub(crate) fn pre_notice(scene: &mut Scene<'_>, request: &Request) -> Result<Reply, Refusal> {
    check_merchant(scene, request.said("/mchid"), "/mchid")?;
    let wrong = |_| Refusal::new("PARAM_ERROR", "参数错误");
    let body: PreNotification = serde_json::from_value(request.body.clone()).map_err(wrong)?;
    pre_notify(scene, request.parameter("contract_id"), &body)?;
    Ok(Reply::NoContent)
}

/// WeChat Pay with the keys of now.
fn wechat(scene: &mut Scene<'_>) -> Result<WechatPay, Refusal> {
    let configured = &scene.merchant.wechat;
    Ok(scene.world.keys_of(configured.mch_id()).wechat(configured)?)
}

/// A call is about the merchant that has signed it.
fn check_merchant(scene: &Scene<'_>, said: &str, pointer: &str) -> Result<(), Refusal> {
    match said == scene.mch_id() {
        true => Ok(()),
        false => Err(Refusal::parameter(pointer, &said.into(), "商户号与签名商户号不一致")),
    }
}

fn check_appid(scene: &Scene<'_>, appid: &str) -> Result<(), Refusal> {
    match scene.settings.is_bound(scene.mch_id(), appid) {
        true => Ok(()),
        false => Err(Refusal::new("APPID_MCHID_NOT_MATCH", "appid和mchid不匹配")),
    }
}
