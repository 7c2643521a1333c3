//! The refund objects: the notice's (9.5) and the answer's (9.1, 9.2), which differ in the name of the status.

use domain::{Fen, MchId, OutRefundNo, OutTradeNo, RefundFact, RefundId, RefundResult, Timestamp, TransactionId};
use serde::Deserialize;
use verify::V3Event;

use super::event::said_at;
use super::json::{self, Member};
use crate::{ParseError, field, time};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refund<'a> {
    #[serde(borrow)]
    mchid: Member<'a>,
    #[serde(borrow)]
    sp_mchid: Member<'a>,
    #[serde(borrow)]
    out_trade_no: Member<'a>,
    #[serde(borrow)]
    transaction_id: Member<'a>,
    #[serde(borrow)]
    out_refund_no: Member<'a>,
    #[serde(borrow)]
    refund_id: Member<'a>,
    /// Of a notice.
    #[serde(borrow)]
    refund_status: Member<'a>,
    /// Of an answer.
    #[serde(borrow)]
    status: Member<'a>,
    #[serde(borrow)]
    success_time: Member<'a>,
    #[serde(borrow)]
    amount: Member<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Amount<'a> {
    #[serde(borrow)]
    total: Member<'a>,
    #[serde(borrow)]
    refund: Member<'a>,
    #[serde(borrow)]
    currency: Member<'a>,
}

/// A notice, whose event type must agree with its `refund_status`.
pub(crate) fn notice(mch_id: &MchId, event: &V3Event<'_>) -> Result<RefundFact, ParseError> {
    let refund: Refund<'_> = json::object("resource", &event.resource)?;
    super::check_merchant(mch_id, refund.mchid, refund.sp_mchid)?;
    let status = refund.refund_status.word("refund_status")?;
    if event.event_type.strip_prefix("REFUND.") != Some(status.as_ref()) {
        return Err(ParseError::rule("refund_status", "one that agrees with event_type"));
    }
    let result = refund.result("refund_status", &status)?;
    refund.fact(said_at(event)?, result)
}

/// The answer of the refund query, or of an application. It names no merchant; its signature is by the key that we asked with.
pub(crate) fn answer(body: &[u8]) -> Result<RefundFact, ParseError> {
    let refund: Refund<'_> = json::object("body", body)?;
    let result = refund.result("status", &refund.status.word("status")?)?;
    refund.fact(None, result)
}

impl Refund<'_> {
    fn fact(&self, said_at: Option<Timestamp>, result: RefundResult) -> Result<RefundFact, ParseError> {
        let amount: Amount<'_> = self.amount.object("amount")?;
        field::check_currency("amount.currency", amount.currency.text("amount.currency")?.as_deref())?;
        Ok(RefundFact {
            out_refund_no: self.out_refund_no.required("out_refund_no", OutRefundNo::parse)?,
            refund_id: Some(self.refund_id.required("refund_id", RefundId::parse)?),
            out_trade_no: Some(self.out_trade_no.required("out_trade_no", OutTradeNo::parse)?),
            transaction_id: Some(self.transaction_id.required("transaction_id", TransactionId::parse)?),
            refund: Some(required_fen("amount.refund", amount.refund)?),
            total: Some(required_fen("amount.total", amount.total)?),
            said_at,
            result,
        })
    }

    fn result(&self, name: &str, status: &str) -> Result<RefundResult, ParseError> {
        match status {
            "SUCCESS" => Ok(RefundResult::Succeeded { at: self.success_time.optional("success_time", time::rfc3339)? }),
            "PROCESSING" => Ok(RefundResult::Processing),
            "CLOSED" => Ok(RefundResult::Closed),
            "ABNORMAL" => Ok(RefundResult::Abnormal),
            _ => Err(ParseError::rule(name, "SUCCESS, PROCESSING, CLOSED or ABNORMAL")),
        }
    }
}

fn required_fen(name: &str, member: Member<'_>) -> Result<Fen, ParseError> {
    member.number(name, field::fen)?.ok_or_else(|| ParseError::missing(name))
}
