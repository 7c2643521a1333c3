//! What APIv3 answers about orders and refunds, and sending what is on record to it.

use domain::{
    Called, Cause, Evidence, Fact, FactBody, Order, Refund, RefundFact, RefundResult, SignatureAlgorithm, Timestamp,
};
use record::{Backoff, Ledger, Recorded};
use serde::Deserialize;
use wechat::{CallError, Keys, Moment, OrderRef, Prepared, Transport, v3};

use crate::refund::{is_unknown, told_otherwise};
use crate::send::{Sent, code, evidence, is_final, stored};
use crate::{AskError, Asker, launch};

/// A signed answer of V3's.
pub(crate) const SIGNED: Evidence = Evidence::Signed(SignatureAlgorithm::Rsa);

/// What an answer says, with the answer as it came.
pub(crate) struct Answered {
    pub(crate) fact: Fact,
    pub(crate) body: Vec<u8>,
}

impl<L: Ledger, B: Backoff, T: Transport> Asker<L, B, T> {
    pub(crate) async fn v3_order(&self, keys: &Keys, order: &Order, now: Timestamp) -> Result<Answered, AskError> {
        let query = v3::OrderQuery { order: OrderRef::OutTradeNo(order.out_trade_no.clone()) };
        let answer = self.call(&query.prepare(keys, &Moment::new(now))?, keys, now).await?;
        let fact = answer.fact(&order.mch_id, &order.out_trade_no)?;
        Ok(Answered { fact, body: answer.body().to_vec() })
    }

    pub(crate) async fn v3_refund(&self, keys: &Keys, refund: &Refund, now: Timestamp) -> Result<Answered, AskError> {
        let query = v3::RefundQuery { out_refund_no: refund.out_refund_no.clone() };
        let answer = self.call(&query.prepare(keys, &Moment::new(now))?, keys, now).await?;
        let fact = match is_unknown(refund) {
            true => answer.fact_of_any_order(&refund.mch_id, &refund.out_trade_no, &refund.out_refund_no)?,
            false => answer.fact(&refund.mch_id, &refund.out_trade_no, &refund.out_refund_no)?,
        };
        Ok(Answered { fact, body: answer.body().to_vec() })
    }

    /// The stored bytes, signed anew: WeChat answers an unpaid order with the next launch data, also after the first have run out.
    pub(crate) async fn send_purchase(&self, keys: &Keys, order: &Order, now: Timestamp) -> Result<Sent, AskError> {
        let prepared = Prepared::<v3::Order>::from_text(stored(order.request.as_ref())?)?;
        let out_trade_no = order.out_trade_no.clone();
        let (called, sent) = match self.call(&prepared, keys, now).await {
            Ok(offer) => {
                (Called::OrderPlaced { out_trade_no, launch: launch(&offer, now), unsigned: None }, Sent::Accepted)
            }
            // An earlier call may have placed it, and without a signature it may be anybody's word: the query decides.
            Err(error) if is_final(&error) && evidence(&error, SIGNED).proves() => {
                (Called::OrderRefused { out_trade_no, code: code(&error) }, Sent::Refused(error))
            }
            Err(error) => return Ok(Sent::Unknown(error)),
        };
        self.record_ours(&Fact::ours(order.mch_id.clone(), FactBody::Called(called)), now).await?;
        Ok(sent)
    }

    pub(crate) async fn send_v3_refund(&self, keys: &Keys, refund: &Refund, now: Timestamp) -> Result<Sent, AskError> {
        let prepared = Prepared::<v3::Refund>::from_text(stored(refund.request.as_ref())?)?;
        match self.call(&prepared, keys, now).await {
            Ok(answer) => {
                let fact = answer.fact(&refund.mch_id, &refund.out_trade_no, &refund.out_refund_no)?;
                self.record(&Fact { cause: Cause::Api, ..fact }, answer.body(), now, domain::decide).await?;
                Ok(Sent::Accepted)
            }
            Err(error) if is_final(&error) && evidence(&error, SIGNED).proves() => {
                self.not_refunded(keys, refund, error, now).await
            }
            Err(error) => self.put_off(refund, error, SIGNED, now).await,
        }
    }

    /// WeChat calls it wrong: by the same code where an earlier call of this number was heard (V3 page, 9.4). So it is refused where
    /// WeChat says that it has no such refund; otherwise what it has is true.
    async fn not_refunded(
        &self,
        keys: &Keys,
        refund: &Refund,
        error: CallError,
        now: Timestamp,
    ) -> Result<Sent, AskError> {
        let Ok(Answered { fact, body }) = self.v3_refund(keys, refund, now).await else {
            return Ok(Sent::Unknown(error));
        };
        if !fact.evidence.proves() {
            return Ok(Sent::Unknown(error));
        }
        if matches!(&fact.body, FactBody::Refund(told) if told.result == RefundResult::NotFound) {
            self.refused(refund, &code(&error), SIGNED, now).await?;
            return Ok(Sent::Refused(error));
        }
        match self.record_refund(refund, &fact, &body, now, domain::decide).await? {
            Recorded::Contradiction(_) => Ok(Sent::Unknown(error)),
            // The number is of another refund.
            _ if told_otherwise(refund, &fact) => Ok(Sent::Refused(error)),
            _ => Ok(Sent::Accepted),
        }
    }

    /// WeChat refused the refund, or its repair.
    pub(crate) async fn refused(
        &self,
        refund: &Refund,
        code: &str,
        evidence: Evidence,
        now: Timestamp,
    ) -> Result<Recorded, AskError> {
        let fact = told_of(refund, RefundResult::Rejected { code: code.to_owned() });
        self.record_ours(&Fact { evidence, ..Fact::ours(refund.mch_id.clone(), FactBody::Refund(fact)) }, now).await
    }
}

/// What a call of ours tells of a refund, without any of WeChat's numbers.
pub(crate) fn told_of(refund: &Refund, result: RefundResult) -> RefundFact {
    RefundFact {
        out_refund_no: refund.out_refund_no.clone(),
        refund_id: None,
        out_trade_no: Some(refund.out_trade_no.clone()),
        transaction_id: None,
        refund: None,
        total: None,
        said_at: None,
        result,
    }
}

/// WeChat's own word for the state of an order.
pub(crate) fn trade_state(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Transaction {
        trade_state: Option<String>,
    }
    serde_json::from_slice::<Transaction>(body).ok()?.trade_state
}
