//! Refunds.

use domain::{FactBody, Order, Protocol, Refund, RefundResult, Timestamp};
use record::{Backoff, DecideFn, Ledger, Recorded};
use wechat::{Keys, Moment, RefundQuery, RefundRef, Transport};

use crate::v3::Answered;
use crate::{AskError, Asker};

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
        let recorded = self.record(&fact, &body, now, decide).await?;
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
        let fact = answer.fact(&order.mch_id, &order.out_trade_no, &number)?;
        Ok(Answered { fact, body: answer.body().to_vec() })
    }
}
