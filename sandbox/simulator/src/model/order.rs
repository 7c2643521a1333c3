//! Orders: what a user pays on a cashier page, and what is deducted from him.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Key;
use crate::time::{HOUR, Ms};

/// Life of a prepay_id.
pub(crate) const PREPAY_LIFE: Ms = 2 * HOUR;

/// An order.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) mch_id: String,
    pub(crate) appid: String,
    pub(crate) out_trade_no: String,
    /// Fen.
    pub(crate) total_fee: u64,
    pub(crate) notify_url: String,
    /// The call that made it, without what changes from call to call: an identical repetition equals it.
    pub(crate) request: BTreeMap<String, String>,
    /// HMAC-SHA256 instead of MD5: notices are signed as the call was.
    pub(crate) hmac: bool,
    pub(crate) made_ms: Ms,
    /// `time_expire`: stops payment, does not close the order.
    pub(crate) expires_ms: Option<Ms>,
    pub(crate) kind: OrderKind,
    pub(crate) state: TradeState,
    pub(crate) paid: Option<Paid>,
    /// Why a deduction failed.
    pub(crate) failure: Option<Failure>,
    pub(crate) refunds: Vec<Key>,
    /// How its next refunds end.
    pub(crate) refund_outcome: super::RefundState,
    /// What only an order of V3 has.
    #[serde(default)]
    pub(crate) v3: Option<V3Order>,
}

/// An order of V3.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct V3Order {
    /// The body that made it: a repetition must say the same.
    pub(crate) body: Value,
    /// Every prepay_id and when it was made: an older one lives on beside a newer one.
    pub(crate) prepay_ids: Vec<(String, Ms)>,
    /// The password-exempt contract that is offered after the payment.
    pub(crate) exempt: Option<Key>,
}

/// Who takes the money.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OrderKind {
    /// The user pays on a page: `contractorder`.
    Cashier(Cashier),
    /// WeChat deducts: `pappayapply`.
    Deduction {
        /// The contract.
        contract: Key,
        /// When.
        executes_ms: Ms,
    },
}

/// What belongs to the page.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Cashier {
    pub(crate) trade_type: String,
    pub(crate) prepay_id: String,
    pub(crate) prepaid_ms: Ms,
    /// The contract that is offered with it, with V2.
    pub(crate) contract: Option<Key>,
    /// Why nothing is offered: the page is the ordinary cashier.
    pub(crate) presign_failure: Option<Failure>,
}

/// `trade_state`. REFUND is not among them: it follows from the refunds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum TradeState {
    #[serde(rename = "NOTPAY")]
    NotPay,
    #[serde(rename = "USERPAYING")]
    UserPaying,
    Accept,
    Success,
    Closed,
    #[serde(rename = "PAYERROR")]
    PayError,
    PayFail,
}

/// A payment that happened.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Paid {
    pub(crate) transaction_id: String,
    pub(crate) at_ms: Ms,
    pub(crate) user: String,
    pub(crate) openid: String,
    /// Fen paid by a coupon.
    pub(crate) coupon: u64,
}

/// An error code with its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) err_code: String,
    pub(crate) err_code_des: String,
}

impl Failure {
    pub(crate) fn new(err_code: &str, err_code_des: &str) -> Self {
        Self { err_code: err_code.to_owned(), err_code_des: err_code_des.to_owned() }
    }
}

impl TradeState {
    /// The word on the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::NotPay => "NOTPAY",
            Self::UserPaying => "USERPAYING",
            Self::Accept => "ACCEPT",
            Self::Success => "SUCCESS",
            Self::Closed => "CLOSED",
            Self::PayError => "PAYERROR",
            Self::PayFail => "PAY_FAIL",
        }
    }

    /// `trade_state_desc`.
    pub(crate) fn described(self) -> &'static str {
        match self {
            Self::NotPay => "订单未支付",
            Self::UserPaying => "用户支付中",
            Self::Accept => "已受理，等待扣款",
            Self::Success => "支付成功",
            Self::Closed => "订单已关闭",
            Self::PayError => "支付失败",
            Self::PayFail => "扣款失败",
        }
    }
}

impl Order {
    /// What belongs to its page, if the user pays it.
    pub(crate) fn cashier(&self) -> Option<&Cashier> {
        match &self.kind {
            OrderKind::Cashier(cashier) => Some(cashier),
            OrderKind::Deduction { .. } => None,
        }
    }

    /// The contract from which it is deducted.
    pub(crate) fn deducted_from(&self) -> Option<&Key> {
        match &self.kind {
            OrderKind::Deduction { contract, .. } => Some(contract),
            OrderKind::Cashier(_) => None,
        }
    }

    /// The prepay_ids that were handed out, each with the time.
    pub(crate) fn prepay_ids(&self) -> Vec<(&str, Ms)> {
        match (&self.v3, self.cashier()) {
            (Some(v3), _) => v3.prepay_ids.iter().map(|(id, made_ms)| (id.as_str(), *made_ms)).collect(),
            (None, Some(cashier)) => vec![(cashier.prepay_id.as_str(), cashier.prepaid_ms)],
            (None, None) => Vec::new(),
        }
    }

    pub(crate) fn trade_type(&self) -> &str {
        self.cashier().map_or("PAP", |cashier| &cashier.trade_type)
    }

    /// A field of the call that made it.
    pub(crate) fn asked(&self, name: &str) -> Option<&str> {
        self.request.get(name).map(String::as_str)
    }

    /// Why the page takes no payment, if it does not.
    pub(crate) fn unpayable(&self, now: Ms) -> Option<&'static str> {
        let cashier = match &self.kind {
            OrderKind::Cashier(cashier) => cashier,
            OrderKind::Deduction { .. } => return Some("a deduction has no cashier page"),
        };
        match self.state {
            TradeState::Success => Some("the order is paid: 该订单已支付"),
            TradeState::Closed => Some("the order is closed: 该订单已关闭"),
            _ if now > cashier.prepaid_ms.saturating_add(PREPAY_LIFE) => Some("the prepay_id has expired: 订单已过期"),
            _ if self.expires_ms.is_some_and(|expires| now > expires) => Some("time_expire has passed: 订单已过期"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RefundState;
    use crate::time::MINUTE;

    fn order(state: TradeState, expires_ms: Option<Ms>) -> Order {
        Order {
            mch_id: String::new(),
            appid: String::new(),
            out_trade_no: String::new(),
            total_fee: 1,
            notify_url: String::new(),
            request: BTreeMap::new(),
            hmac: false,
            made_ms: 0,
            expires_ms,
            kind: OrderKind::Cashier(Cashier {
                trade_type: "APP".to_owned(),
                prepay_id: String::new(),
                prepaid_ms: 0,
                contract: None,
                presign_failure: None,
            }),
            state,
            paid: None,
            failure: None,
            refunds: Vec::new(),
            refund_outcome: RefundState::Success,
            v3: None,
        }
    }

    #[test]
    fn an_order_takes_a_payment_while_it_is_open_and_its_prepay_id_lives() {
        for (state, expires_ms, now, expected) in [
            (TradeState::NotPay, None, 2 * HOUR, true),
            (TradeState::NotPay, None, 2 * HOUR + 1, false),
            (TradeState::NotPay, Some(30 * MINUTE), 30 * MINUTE, true),
            (TradeState::NotPay, Some(30 * MINUTE), 30 * MINUTE + 1, false),
            (TradeState::UserPaying, None, 1, true),
            (TradeState::PayError, None, 1, true),
            (TradeState::Success, None, 1, false),
            (TradeState::Closed, None, 1, false),
        ] {
            assert_eq!(order(state, expires_ms).unpayable(now).is_none(), expected, "{state:?} {expires_ms:?} {now}");
        }
    }
}
