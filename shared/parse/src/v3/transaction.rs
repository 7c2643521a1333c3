//! The transaction object: payment notices (8), deduction notices (11.7), answers of the order query (7.5).

use std::borrow::Cow;

use domain::{AppId, MchId, OpenId, OutTradeNo, PaymentFact, PaymentResult, TradeType, TransactionId};
use serde::Deserialize;
use verify::V3Event;

use super::direct_or_partner;
use super::json::{self, Member};
use crate::{ParseError, field, time, trade_state};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Transaction<'a> {
    #[serde(borrow)]
    mchid: Member<'a>,
    #[serde(borrow)]
    sp_mchid: Member<'a>,
    #[serde(borrow)]
    appid: Member<'a>,
    #[serde(borrow)]
    sp_appid: Member<'a>,
    #[serde(borrow)]
    out_trade_no: Member<'a>,
    #[serde(borrow)]
    transaction_id: Member<'a>,
    #[serde(borrow)]
    trade_type: Member<'a>,
    #[serde(borrow)]
    trade_state: Member<'a>,
    #[serde(borrow)]
    attach: Member<'a>,
    #[serde(borrow)]
    success_time: Member<'a>,
    #[serde(borrow)]
    payer: Member<'a>,
    #[serde(borrow)]
    amount: Member<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Payer<'a> {
    #[serde(borrow)]
    openid: Member<'a>,
    #[serde(borrow)]
    sp_openid: Member<'a>,
}

/// Of the amounts only `total` counts: `payer_total` is lower where coupons were used.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Amount<'a> {
    #[serde(borrow)]
    total: Member<'a>,
    #[serde(borrow)]
    currency: Member<'a>,
}

/// A notice, whose event type must agree with its `trade_state`.
pub(crate) fn notice(mch_id: &MchId, event: &V3Event<'_>) -> Result<PaymentFact, ParseError> {
    let fact = read(mch_id, "resource", &event.resource)?;
    let agrees = match &fact.result {
        PaymentResult::Succeeded { .. } => event.event_type == "TRANSACTION.SUCCESS",
        PaymentResult::Failed { .. } | PaymentResult::Closed => event.event_type == "TRANSACTION.FAIL",
        // A notice tells of an end; a state that is none, or that nobody knows, is not one.
        PaymentResult::Unpaid | PaymentResult::Accepted | PaymentResult::NotFound | PaymentResult::Undecided { .. } => {
            false
        }
    };
    if agrees { Ok(fact) } else { Err(ParseError::rule("trade_state", "one that agrees with event_type")) }
}

/// The answer of the order query.
pub(crate) fn answer(mch_id: &MchId, body: &[u8]) -> Result<PaymentFact, ParseError> {
    read(mch_id, "body", body)
}

fn read(mch_id: &MchId, name: &str, json: &[u8]) -> Result<PaymentFact, ParseError> {
    let transaction: Transaction<'_> = json::object(name, json)?;
    super::check_merchant(mch_id, transaction.mchid, transaction.sp_mchid)?;
    Ok(PaymentFact {
        out_trade_no: transaction.out_trade_no.required("out_trade_no", OutTradeNo::parse)?,
        appid: direct_or_partner(("appid", transaction.appid), ("sp_appid", transaction.sp_appid), AppId::parse)?,
        contract_id: None,
        attach: transaction.attach.text("attach")?.map(Cow::into_owned),
        result: transaction.result()?,
    })
}

impl Transaction<'_> {
    fn openid(&self) -> Result<Option<OpenId>, ParseError> {
        let payer: Payer<'_> = self.payer.object("payer")?;
        direct_or_partner(("payer.openid", payer.openid), ("payer.sp_openid", payer.sp_openid), OpenId::parse)
    }

    fn result(&self) -> Result<PaymentResult, ParseError> {
        let amount: Amount<'_> = self.amount.object("amount")?;
        field::check_currency("amount.currency", amount.currency.text("amount.currency")?.as_deref())?;
        let trade_state = self.trade_state.word("trade_state")?;
        if !trade_state::is_paid(&trade_state) {
            return Ok(trade_state::unpaid(&trade_state, None));
        }
        let total = amount.total.number("amount.total", field::fen)?;
        Ok(PaymentResult::Succeeded {
            transaction_id: self.transaction_id.required("transaction_id", TransactionId::parse)?,
            total: total.ok_or_else(|| ParseError::missing("amount.total"))?,
            openid: self.openid()?,
            trade_type: self.trade_type.text("trade_type")?.as_deref().map(TradeType::read),
            paid_at: self.success_time.optional("success_time", time::rfc3339)?,
            refunded: trade_state::is_refunded(&trade_state),
        })
    }
}
