//! Refund fields of V2: what `req_info` of a refund notice holds (9.3), and the rows of refundquery (9.2).

use domain::{MchId, OutRefundNo, OutTradeNo, RefundFact, RefundId, RefundResult, Timestamp, TransactionId};

use super::Fields;
use crate::{ParseError, field, time};

/// Rows of one refundquery answer: 50 partial refunds at most, whatever the answer's count says.
const MAX_ROWS: u32 = 50;

/// A refund notice. Around `req_info` nothing is proved; the merchant there is compared all the same.
pub(crate) fn notice(mch_id: &MchId, outer: Fields<'_>, refund: Fields<'_>) -> Result<RefundFact, ParseError> {
    outer.check_merchant(mch_id)?;
    outer.expect("return_code", "SUCCESS")?;
    let at = refund.optional("success_time", time::spaced)?;
    Ok(RefundFact {
        out_refund_no: refund.required("out_refund_no", OutRefundNo::parse)?,
        refund_id: Some(refund.required("refund_id", RefundId::parse)?),
        out_trade_no: Some(refund.required("out_trade_no", OutTradeNo::parse)?),
        transaction_id: Some(refund.required("transaction_id", TransactionId::parse)?),
        refund: Some(refund.required("refund_fee", field::fen)?),
        total: Some(refund.required("total_fee", field::fen)?),
        said_at: None,
        result: result("refund_status", refund.word("refund_status")?, at)?,
    })
}

/// The rows of a refundquery answer.
pub(crate) fn rows(fields: Fields<'_>) -> Result<Vec<RefundFact>, ParseError> {
    field::check_currency("fee_type", fields.text("fee_type"))?;
    let present = |n: &u32| fields.text(&format!("out_refund_no_{n}")).is_some();
    (0..MAX_ROWS).take_while(present).map(|n| row(fields, n)).collect()
}

fn row(fields: Fields<'_>, n: u32) -> Result<RefundFact, ParseError> {
    let of_row = |name: &str| format!("{name}_{n}");
    let at = fields.optional(&of_row("refund_success_time"), time::spaced)?;
    let status = of_row("refund_status");
    Ok(RefundFact {
        out_refund_no: fields.required(&of_row("out_refund_no"), OutRefundNo::parse)?,
        refund_id: fields.optional(&of_row("refund_id"), RefundId::parse)?,
        out_trade_no: fields.optional("out_trade_no", OutTradeNo::parse)?,
        transaction_id: fields.optional("transaction_id", TransactionId::parse)?,
        refund: Some(fields.required(&of_row("refund_fee"), field::fen)?),
        total: fields.optional("total_fee", field::fen)?,
        said_at: None,
        result: result(&status, fields.word(&status)?, at)?,
    })
}

fn result(name: &str, status: &str, at: Option<Timestamp>) -> Result<RefundResult, ParseError> {
    match status {
        "SUCCESS" => Ok(RefundResult::Succeeded { at }),
        "PROCESSING" => Ok(RefundResult::Processing),
        "REFUNDCLOSE" => Ok(RefundResult::Closed),
        "CHANGE" => Ok(RefundResult::Abnormal),
        _ => Err(ParseError::rule(name, "SUCCESS, PROCESSING, REFUNDCLOSE or CHANGE")),
    }
}
