//! The kinds of V3 notification and what each one seals.

use serde_json::{Map, Value, json};

use super::V3Notice;
use crate::{Error, Numbers, TradeType};

/// What became of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefundResult {
    /// Refunded.
    Success,
    /// The user's account takes no money; may be followed by a success.
    Abnormal,
    /// Closed, not refunded.
    Closed,
}

impl RefundResult {
    /// `refund_status`, and the end of `event_type`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::Abnormal => "ABNORMAL",
            Self::Closed => "CLOSED",
        }
    }

    fn summary(self) -> &'static str {
        match self {
            Self::Success => "退款成功",
            Self::Abnormal => "退款异常",
            Self::Closed => "退款关闭",
        }
    }
}

impl V3Notice {
    /// `TRANSACTION.SUCCESS`: <https://pay.weixin.qq.com/doc/v3/merchant/4013070368>. With [`TradeType::Pap`] a successful deduction.
    ///
    /// # Errors
    /// A time outside the calendar.
    pub fn payment(numbers: &Numbers, trade_type: TradeType) -> Result<Self, Error> {
        let resource = json!({
            "transaction_id": numbers.transaction_id,
            "amount": {
                "payer_total": numbers.total, "total": numbers.total, "currency": "CNY", "payer_currency": "CNY",
            },
            "mchid": numbers.mch_id,
            "trade_state": "SUCCESS",
            "bank_type": "OTHERS",
            "success_time": numbers.rfc3339()?,
            "payer": { "openid": numbers.openid },
            "out_trade_no": numbers.out_trade_no,
            "appid": numbers.appid,
            "trade_state_desc": "支付成功",
            "trade_type": trade_type.as_str(),
        });
        Ok(Self::new("TRANSACTION.SUCCESS", "transaction", "支付成功", members(resource)))
    }

    /// `TRANSACTION.FAIL`: a V3 deduction that failed. The field list is not published; what is here is what the payment's table makes required.
    #[must_use]
    pub fn deduction_failed(numbers: &Numbers) -> Self {
        let resource = json!({
            "amount": { "total": numbers.total, "currency": "CNY" },
            "mchid": numbers.mch_id,
            "trade_state": "PAY_FAIL",
            "trade_state_desc": "支付失败",
            "payer": { "openid": numbers.openid },
            "out_trade_no": numbers.out_trade_no,
            "appid": numbers.appid,
            "trade_type": TradeType::Pap.as_str(),
        });
        Self::new("TRANSACTION.FAIL", "transaction", "支付失败", members(resource))
    }

    /// `REFUND.SUCCESS`, `REFUND.ABNORMAL`, `REFUND.CLOSED`: <https://pay.weixin.qq.com/doc/v3/merchant/4013071196>.
    ///
    /// # Errors
    /// A time outside the calendar.
    pub fn refund(numbers: &Numbers, result: RefundResult) -> Result<Self, Error> {
        let mut resource = members(json!({
            "mchid": numbers.mch_id,
            "transaction_id": numbers.transaction_id,
            "out_trade_no": numbers.out_trade_no,
            "refund_id": numbers.refund_id,
            "out_refund_no": numbers.out_refund_no,
            "refund_status": result.as_str(),
            "user_received_account": "招商银行信用卡0403",
            "amount": {
                "total": numbers.total, "refund": numbers.refund,
                "payer_total": numbers.total, "payer_refund": numbers.refund,
            },
        }));
        if result == RefundResult::Success {
            resource.insert("success_time".to_owned(), numbers.rfc3339()?.into());
        }
        Ok(Self::new(&format!("REFUND.{}", result.as_str()), "refund", result.summary(), resource))
    }

    /// `ENTRUST.SIGN` of a contract signed through V3: <https://pay.weixin.qq.com/doc/v3/merchant/4016724543>.
    ///
    /// # Errors
    /// A time outside the calendar.
    pub fn contract_signed(numbers: &Numbers) -> Result<Self, Error> {
        Ok(Self::new("ENTRUST.SIGN", "entrust", "签约成功", contract(numbers, "SIGNED")?))
    }

    /// `ENTRUST.TERMINATE`; `mode` is `contract_termination_mode` (`USER_TERMINATE`, `MCH_API_TERMINATE`, …).
    ///
    /// # Errors
    /// A time outside the calendar.
    pub fn contract_terminated(numbers: &Numbers, mode: &str) -> Result<Self, Error> {
        let mut resource = contract(numbers, "TERMINATED")?;
        let info = json!({
            "contract_termination_mode": mode,
            "contract_terminated_time": numbers.rfc3339()?,
            "contract_termination_remark": "用户主动解约",
        });
        resource.insert("contract_terminate_info".to_owned(), info);
        Ok(Self::new("ENTRUST.TERMINATE", "entrust", "解约成功", resource))
    }

    /// `ENTRUST.TERMINATE_RETENTION`, a question with one second for the answer: <https://pay.weixin.qq.com/doc/v3/merchant/4012312222>.
    /// Its field list was not at hand: the resource is that of a contract in force.
    ///
    /// # Errors
    /// A time outside the calendar.
    pub fn termination_retention(numbers: &Numbers) -> Result<Self, Error> {
        Ok(Self::new("ENTRUST.TERMINATE_RETENTION", "entrust", "解约挽留", contract(numbers, "SIGNED")?))
    }

    /// `SECURITY_ECHO.SUCCESS`, WeChat's self-test: <https://pay.weixin.qq.com/doc/v3/merchant/4015164042>.
    #[must_use]
    pub fn security_echo(message: &str) -> Self {
        let resource = members(json!({ "echo_message": message }));
        Self::new("SECURITY_ECHO.SUCCESS", "security", "回调通知成功", resource)
    }

    /// A type that is not in any documentation.
    #[must_use]
    pub fn unknown_event(numbers: &Numbers) -> Self {
        let resource = members(json!({ "mchid": numbers.mch_id, "something": "new" }));
        Self::new("PAPAY.SOMETHING_NEW", "papay", "未知通知", resource)
    }
}

/// The contract object of `ENTRUST.*`, without the `deduct_schedule` of one-off plans.
fn contract(numbers: &Numbers, state: &str) -> Result<Map<String, Value>, Error> {
    // A number in the samples, and text wherever a template id is not one.
    let plan_id = numbers.plan_id.parse::<u64>().map_or_else(|_| Value::from(numbers.plan_id.as_str()), Value::from);
    Ok(members(json!({
        "appid": numbers.appid,
        "mchid": numbers.mch_id,
        "openid": numbers.openid,
        "plan_id": plan_id,
        "contract_id": numbers.contract_id,
        "out_contract_code": numbers.contract_code,
        "contract_display_account": "微信代扣用户A",
        "contract_state": state,
        "contract_signed_time": numbers.rfc3339()?,
        "contract_expired_time": "2037-12-31T23:59:59+08:00",
    })))
}

fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
