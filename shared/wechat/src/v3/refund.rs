//! Refunds: `POST /v3/refund/domestic/refunds` (申请退款) and `GET …/{out_refund_no}` (查询单笔退款).

use domain::{Fact, Fen, MchId, OutRefundNo, OutTradeNo};
use parse::answer::{self, AnswerError};
use serde::Serialize;

use super::told::Told;
use super::{asked, posted, route, tables};
use crate::answer::Received;
use crate::fields::escaped;
use crate::prepared::{Call, Form, Prepared, Route, sealed};
use crate::{CallError, Invalid, Keys, Moment, OrderRef, check};

/// Money that goes back to the payer, within 365 days of the payment. An order has at most 50, a minute apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// Of which order.
    pub order: OrderRef,
    /// Our number of the refund, kept on every retry: another number is a second refund.
    pub out_refund_no: OutRefundNo,
    /// The order's amount.
    pub total: Fen,
    /// What goes back, at least 1 fen.
    pub refund: Fen,
    /// What the user reads, at most 80 bytes.
    pub reason: Option<String>,
    /// Where the result is told. Without it WeChat would tell it as XML to an address of the merchant platform's.
    pub notify_url: String,
    /// The rest.
    pub more: RefundDetails,
}

/// The rest of a refund; nothing of it by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefundDetails {
    /// Accounts that the money comes from; they sum up to the refund.
    pub from: Vec<RefundFrom>,
    /// The goods that come back.
    pub goods: Vec<RefundedGoods>,
}

/// An account that the money of a refund comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "account", rename_all = "UPPERCASE")]
pub enum RefundFrom {
    /// Money that the merchant can dispose of.
    Available {
        /// How much.
        amount: Fen,
    },
    /// Money that is not settled yet.
    Unavailable {
        /// How much.
        amount: Fen,
    },
}

/// Goods that come back, as they were ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefundedGoods {
    /// At most 32 letters, digits and `_ -`.
    pub merchant_goods_id: String,
    /// WeChat's number, at most 32 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wechatpay_goods_id: Option<String>,
    /// What it is called, at most 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goods_name: Option<String>,
    /// Of one of them.
    pub unit_price: Fen,
    /// For all of them.
    pub refund_amount: Fen,
    /// How many.
    pub refund_quantity: u32,
}

/// Asks for a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundQuery {
    /// Our number.
    pub out_refund_no: OutRefundNo,
}

/// A refund as WeChat sees it: what an application, a query and a repair are answered with. Accepted is not refunded; the fact says
/// which it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundAnswer(Told);

#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    out_trade_no: Option<&'a str>,
    out_refund_no: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    notify_url: &'a str,
    amount: Amount<'a>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    goods_detail: &'a [RefundedGoods],
}

#[derive(Serialize)]
struct Amount<'a> {
    refund: u64,
    total: u64,
    currency: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    from: &'a [RefundFrom],
}

impl Refund {
    /// Checks the refund. It is signed when it is sent, each time anew. (`at` is not used.)
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule.
    pub fn prepare(&self, keys: &Keys, _at: &Moment) -> Result<Prepared<Self>, Invalid> {
        check::amount("amount.refund", self.refund)?;
        check::holds(self.refund <= self.total, "amount.refund", "at most amount.total")?;
        check::notify_url("notify_url", &self.notify_url)?;
        self.reason.as_deref().map_or(Ok(()), |reason| check::bytes("reason", reason, 80))?;
        self.more.check(self.refund)?;
        let (transaction_id, out_trade_no) = match &self.order {
            OrderRef::TransactionId(number) => (Some(number.as_str()), None),
            OrderRef::OutTradeNo(number) => (None, Some(number.as_str())),
        };
        let (refund, total) = (self.refund.get(), self.total.get());
        let amount = Amount { refund, total, currency: "CNY", from: &self.more.from };
        let body = Body {
            transaction_id,
            out_trade_no,
            out_refund_no: self.out_refund_no.as_str(),
            reason: self.reason.as_deref(),
            notify_url: &self.notify_url,
            amount,
            goods_detail: &self.more.goods,
        };
        posted(keys, Self::ROUTE.path, &body)
    }
}

impl RefundDetails {
    fn check(&self, refund: Fen) -> Result<(), Invalid> {
        for goods in &self.goods {
            check::goods_id("merchant_goods_id", &goods.merchant_goods_id)?;
            goods.wechatpay_goods_id.as_deref().map_or(Ok(()), |id| check::characters("wechatpay_goods_id", id, 32))?;
            goods.goods_name.as_deref().map_or(Ok(()), |name| check::characters("goods_name", name, 256))?;
            check::holds(goods.refund_quantity > 0, "refund_quantity", "at least 1")?;
        }
        let amounts: Vec<_> = self.from.iter().map(|from| from.amount().get()).collect();
        let sum = amounts.iter().try_fold(0u64, |sum, amount| sum.checked_add(*amount));
        let fits = self.from.is_empty() || sum == Some(refund.get()) && amounts.iter().all(|amount| *amount > 0);
        check::holds(fits, "amount.from", "amounts that sum up to amount.refund")?;
        let available = self.from.iter().filter(|from| matches!(from, RefundFrom::Available { .. })).count();
        let unavailable = self.from.len().saturating_sub(available);
        check::holds(available <= 1 && unavailable <= 1, "amount.from", "no account twice")
    }
}

impl RefundFrom {
    fn amount(self) -> Fen {
        match self {
            Self::Available { amount } | Self::Unavailable { amount } => amount,
        }
    }
}

impl RefundQuery {
    /// Makes the question. (`at` is not used: it is signed when it is sent.)
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule.
    pub fn prepare(&self, keys: &Keys, _at: &Moment) -> Result<Prepared<Self>, Invalid> {
        asked(keys, format!("{}{}", Self::ROUTE.path, escaped(self.out_refund_no.as_str())))
    }
}

impl sealed::Known for Refund {}

impl Call for Refund {
    type Answer = RefundAnswer;

    const ROUTE: Route =
        Route { errors: tables::REFUND, ..route("v3-refund", "/v3/refund/domestic/refunds", Form::V3) };

    fn read(received: &Received<'_>) -> Result<Self::Answer, CallError> {
        RefundAnswer::found(received)
    }
}

impl sealed::Known for RefundQuery {}

impl Call for RefundQuery {
    type Answer = RefundAnswer;

    const ROUTE: Route =
        Route { errors: tables::REFUND_QUERY, ..route("v3-refund-query", "/v3/refund/domestic/refunds/", Form::V3Get) };

    fn read(received: &Received<'_>) -> Result<Self::Answer, CallError> {
        Told::read(received, "RESOURCE_NOT_EXISTS").map(RefundAnswer)
    }
}

impl RefundAnswer {
    /// Of a call that makes or repairs a refund, where "not found" is an error.
    pub(crate) fn found(received: &Received<'_>) -> Result<Self, CallError> {
        Ok(Self(Told::Found(received.v3()?.into_owned())))
    }

    /// The fact about this refund of this order.
    ///
    /// # Errors
    /// [`AnswerError`].
    pub fn fact(&self, mch_id: &MchId, order: &OutTradeNo, asked: &OutRefundNo) -> Result<Fact, AnswerError> {
        match &self.0 {
            Told::Found(found) => answer::v3_refund(mch_id, order, asked, found),
            Told::Absent { proof, .. } => Ok(answer::v3_refund_absent(mch_id, order, asked, proof.as_ref())),
        }
    }

    /// The fact about this refund, of which nobody knows whose it is: the answer names its order. `reported` stands for it where WeChat
    /// knows no such refund.
    ///
    /// # Errors
    /// [`AnswerError`].
    pub fn fact_of_any_order(
        &self,
        mch_id: &MchId,
        reported: &OutTradeNo,
        asked: &OutRefundNo,
    ) -> Result<Fact, AnswerError> {
        match &self.0 {
            Told::Found(found) => answer::v3_refund_of_any_order(mch_id, asked, found),
            Told::Absent { proof, .. } => Ok(answer::v3_refund_absent(mch_id, reported, asked, proof.as_ref())),
        }
    }

    /// The bytes that WeChat sent, for the journal.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.0.body()
    }

    /// Whether WeChat signed it. TLS alone speaks for an unsigned one.
    #[must_use]
    pub fn proven(&self) -> bool {
        self.0.proven()
    }

    /// Whether WeChat knows no such refund: it was never accepted.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.0.is_absent()
    }
}
