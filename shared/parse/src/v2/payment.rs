//! Payment fields of V2: the payment notice (8.1), the deduction notice (8.2), the answers of both order queries (5.1, 5.2).

use domain::{AppId, ContractId, OpenId, OutTradeNo, PaymentFact, PaymentResult, TradeType, TransactionId};

use super::Fields;
use crate::{ParseError, field, time, trade_state};

/// The code of a failure for which WeChat gives none.
const NO_CODE: &str = "UNKNOWN";

/// A payment or deduction notice.
pub(crate) fn notice(fields: Fields<'_>) -> Result<PaymentFact, ParseError> {
    fields.expect("return_code", "SUCCESS")?;
    let result = match fields.word("result_code")? {
        "SUCCESS" => notified(fields)?,
        // `err_code` 0 (业务成功) has been seen here too; it is a failure all the same.
        "FAIL" => failed(fields),
        _ => return Err(ParseError::rule("result_code", "SUCCESS or FAIL")),
    };
    about(fields, result)
}

/// The answer of an order query, which must name the state.
pub(crate) fn answer(fields: Fields<'_>) -> Result<PaymentFact, ParseError> {
    let result = stated(fields, fields.word("trade_state")?)?;
    about(fields, result)
}

fn about(fields: Fields<'_>, result: PaymentResult) -> Result<PaymentFact, ParseError> {
    field::check_currency("fee_type", fields.text("fee_type"))?;
    Ok(PaymentFact {
        out_trade_no: fields.required("out_trade_no", OutTradeNo::parse)?,
        appid: fields.optional("appid", AppId::parse)?,
        contract_id: fields.optional("contract_id", ContractId::parse)?,
        attach: None,
        result,
    })
}

/// A notice need not name the state. Without it, transaction and amount tell success from failure: WeChat's own sample of a
/// failed deduction says SUCCESS and has neither.
fn notified(fields: Fields<'_>) -> Result<PaymentResult, ParseError> {
    match fields.text("trade_state") {
        Some(trade_state) => stated(fields, trade_state),
        None if fields.text("transaction_id").is_none() && fields.text("total_fee").is_none() => Ok(failed(fields)),
        None => paid(fields, false),
    }
}

fn stated(fields: Fields<'_>, trade_state: &str) -> Result<PaymentResult, ParseError> {
    if trade_state::is_paid(trade_state) {
        paid(fields, trade_state::is_refunded(trade_state))
    } else {
        // Where all is well with the call itself, WeChat writes 0 or SUCCESS.
        let err_code = fields.text("err_code").filter(|code| !matches!(*code, "0" | "SUCCESS"));
        Ok(trade_state::unpaid(trade_state, err_code))
    }
}

fn paid(fields: Fields<'_>, refunded: bool) -> Result<PaymentResult, ParseError> {
    Ok(PaymentResult::Succeeded {
        transaction_id: fields.required("transaction_id", TransactionId::parse)?,
        total: fields.required("total_fee", field::fen)?,
        openid: fields.optional("openid", OpenId::parse)?,
        trade_type: fields.text("trade_type").map(TradeType::read),
        paid_at: fields.optional("time_end", time::compact)?,
        refunded,
    })
}

fn failed(fields: Fields<'_>) -> PaymentResult {
    PaymentResult::Failed { code: fields.text("err_code").unwrap_or(NO_CODE).to_owned() }
}
