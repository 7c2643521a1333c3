//! Refunds.

use domain::{Fact, FactBody, Order, Protocol, Refund, RefundResult, RefundState, Timestamp};
use record::{Backoff, DecideFn, Ledger, Recorded};
use wechat::{Keys, Moment, RefundQuery, RefundRef, Transport};

use crate::untold::{self, count};
use crate::v3::{Answered, told_of};
use crate::{AskError, Asker};

/// The failure of a refund whose number WeChat has for another one.
const NUMBER_USED: &str = "NUMBER_USED";

/// The failure of a refund that was reported for an order of ours, and is of another that is not.
const OF_ANOTHER_ORDER: &str = "OF_ANOTHER_ORDER";

impl<L: Ledger, B: Backoff, T: Transport> Asker<L, B, T> {
    /// Asks what became of a refund of this order, and records it.
    ///
    /// # Errors
    ///
    /// [`AskError`]
    pub async fn refund(
        &self,
        keys: &Keys,
        refund: &Refund,
        order: &Order,
        now: Timestamp,
    ) -> Result<Recorded, AskError> {
        self.query_refund(keys, refund, order, now, domain::decide_in_passing).await.map(|(_, recorded)| recorded)
    }

    pub(crate) async fn query_refund(
        &self,
        keys: &Keys,
        refund: &Refund,
        order: &Order,
        now: Timestamp,
        decide: DecideFn,
    ) -> Result<(RefundResult, Recorded), AskError> {
        let Answered { fact, body } = match refund.protocol {
            Protocol::V2 => self.v2_refund(keys, refund, order, now).await?,
            Protocol::V3 => self.v3_refund(keys, refund, now).await?,
        };
        let recorded = self.record_refund(refund, &fact, &body, now, decide).await?;
        count(&recorded, untold::by_refund(refund, &fact));
        let result = match fact.body {
            FactBody::Refund(told) => told.result,
            _ => RefundResult::Processing,
        };
        Ok((result, recorded))
    }

    async fn v2_refund(
        &self,
        keys: &Keys,
        refund: &Refund,
        order: &Order,
        now: Timestamp,
    ) -> Result<Answered, AskError> {
        let number = refund.out_refund_no.clone();
        let query =
            RefundQuery { appid: order.appid.clone(), refund: RefundRef::OutRefundNo(number.clone()), offset: None };
        let answer = self.call(&query.prepare(keys, &Moment::new(now))?, keys, now).await?;
        let fact = match is_unknown(refund) {
            true => answer.fact_of_any_order(&order.mch_id, &order.out_trade_no, &number)?,
            false => answer.fact(&order.mch_id, &order.out_trade_no, &number)?,
        };
        Ok(Answered { fact, body: answer.body().to_vec() })
    }

    /// Records what WeChat has under the number of a refund. It can be a refund of another order: then one that we put on record was not
    /// made and cannot be, and what was only reported belongs where WeChat says, or is none of ours.
    pub(crate) async fn record_refund(
        &self,
        refund: &Refund,
        fact: &Fact,
        body: &[u8],
        now: Timestamp,
        decide: DecideFn,
    ) -> Result<Recorded, AskError> {
        let FactBody::Refund(told) = &fact.body else { return self.record(fact, body, now, decide).await };
        let elsewhere = told.out_trade_no.as_ref().filter(|number| **number != refund.out_trade_no);
        let code = match (elsewhere, refund.state) {
            (None, _) => None,
            (Some(_), RefundState::Created) => Some(NUMBER_USED),
            (Some(number), _) => {
                let wanted = domain::Keys { order: Some(number.clone()), ..domain::Keys::default() };
                let ours = self.recorder.rows(&refund.mch_id, &wanted).await?.order.is_some();
                (!ours).then_some(OF_ANOTHER_ORDER)
            }
        };
        let Some(code) = code else { return self.record(fact, body, now, decide).await };
        let told = told_of(refund, RefundResult::Rejected { code: code.to_owned() });
        let rejected = Fact { body: FactBody::Refund(told), ..fact.clone() };
        self.record(&rejected, body, now, decide).await
    }
}

/// Whether nothing is known of it yet: neither that WeChat has it, nor whose it is.
pub(crate) fn is_unknown(refund: &Refund) -> bool {
    matches!(refund.state, RefundState::Reported | RefundState::Created)
}

/// Whether WeChat has another refund under this number.
pub(crate) fn told_otherwise(refund: &Refund, fact: &Fact) -> bool {
    match &fact.body {
        FactBody::Refund(told) => {
            told.refund.is_some_and(|amount| amount != refund.amount)
                || told.out_trade_no.as_ref().is_some_and(|number| *number != refund.out_trade_no)
        }
        _ => false,
    }
}
