//! Refunds: `POST /secapi/pay/refund` (申请退款), with the client certificate, and `POST /pay/refundquery` (查询退款).

use domain::{AppId, Fen, OutRefundNo, OutTradeNo, RefundId, TransactionId};

use super::OrderRef;
use crate::answer::Received;
use crate::errors::tables;
use crate::fields::Fields;
use crate::prepared::{Call, Form, Prepared, Route, sealed};
use crate::{CallError, Invalid, Keys, Moment, RefundsAnswer, check};

/// Money that goes back to the payer. It does not end the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// The order's application.
    pub appid: AppId,
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
    /// From the merchant's balance instead of its unsettled funds.
    pub from_recharge: bool,
    /// Where the result is told.
    pub notify_url: Option<String>,
}

/// Accepted, not refunded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundAccepted {
    /// WeChat's number of the refund.
    pub refund_id: Option<RefundId>,
    /// What goes back, as WeChat says.
    pub refund: Option<Fen>,
}

/// A refund, or all of an order's; the first that is known wins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundRef {
    /// WeChat's number of the refund.
    RefundId(RefundId),
    /// Ours.
    OutRefundNo(OutRefundNo),
    /// WeChat's number of the order.
    TransactionId(TransactionId),
    /// Ours.
    OutTradeNo(OutTradeNo),
}

/// What became of refunds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundQuery {
    /// The order's application.
    pub appid: AppId,
    /// Which ones.
    pub refund: RefundRef,
    /// How many rows to pass over; an answer has ten.
    pub offset: Option<u32>,
}

impl Refund {
    /// Checks and signs the request.
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule.
    pub fn prepare(&self, keys: &Keys, at: &Moment) -> Result<Prepared<Self>, Invalid> {
        check::holds(self.refund <= self.total, "refund_fee", "at most total_fee")?;
        let fields = Fields::new(&self.appid, keys).with("nonce_str", at.nonce());
        let mut fields = self
            .order
            .fields(fields)
            .with("out_refund_no", self.out_refund_no.as_str())
            .amount("total_fee", self.total)?
            .amount("refund_fee", self.refund)?
            .optional_text("refund_desc", self.reason.as_deref(), 80)?
            .with_optional("refund_account", self.from_recharge.then_some("REFUND_SOURCE_RECHARGE_FUNDS"));
        if let Some(url) = &self.notify_url {
            fields = fields.notify_url("notify_url", url)?;
        }
        super::prepared(&fields, keys)
    }
}

impl RefundQuery {
    /// Signs the request.
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule.
    pub fn prepare(&self, keys: &Keys, at: &Moment) -> Result<Prepared<Self>, Invalid> {
        let (name, number) = match &self.refund {
            RefundRef::RefundId(number) => ("refund_id", number.as_str()),
            RefundRef::OutRefundNo(number) => ("out_refund_no", number.as_str()),
            RefundRef::TransactionId(number) => ("transaction_id", number.as_str()),
            RefundRef::OutTradeNo(number) => ("out_trade_no", number.as_str()),
        };
        let fields = Fields::new(&self.appid, keys).with(name, number).with("nonce_str", at.nonce());
        super::prepared(&fields.with_optional("offset", self.offset.map(|rows| rows.to_string()).as_deref()), keys)
    }
}

impl sealed::Known for Refund {}

impl Call for Refund {
    type Answer = RefundAccepted;

    const ROUTE: Route = Route {
        name: "refund",
        path: "/secapi/pay/refund",
        form: Form::V2,
        certificate: true,
        repeatable: true,
        asks_only: false,
        errors: tables::REFUND,
    };

    fn read(received: &Received<'_>) -> Result<Self::Answer, CallError> {
        let opened = received.v2()?;
        let fields = opened.success()?;
        let refund_id = fields.trimmed("refund_id").and_then(|text| RefundId::parse(text).ok());
        let refund = fields.trimmed("refund_fee").and_then(|text| Fen::parse("refund_fee", text).ok());
        Ok(RefundAccepted { refund_id, refund })
    }
}

impl sealed::Known for RefundQuery {}

impl Call for RefundQuery {
    type Answer = RefundsAnswer;

    const ROUTE: Route = Route {
        name: "refundquery",
        path: "/pay/refundquery",
        form: Form::V2,
        certificate: false,
        repeatable: true,
        asks_only: true,
        errors: tables::REFUND_QUERY,
    };

    fn read(received: &Received<'_>) -> Result<Self::Answer, CallError> {
        RefundsAnswer::read(received, "REFUNDNOTEXIST")
    }
}
