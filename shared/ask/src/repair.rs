//! Repairs of abnormal refunds (发起异常退款).

use domain::{Called, Cause, Fact, FactBody, Refund, RefundResult, RequestText, Timestamp};
use record::{Backoff, Ledger, Recorded};
use wechat::{CallError, Keys, Prepared, Transport, v3};

use crate::send::{code, evidence, is_final, stored};
use crate::v3::SIGNED;
use crate::{AskError, Asker};

/// What came of asking for the repair of a refund.
#[derive(Debug)]
pub enum Repaired {
    /// WeChat has it.
    Accepted,
    /// A repair was asked for before, and nobody knows its end yet: nothing was sent.
    UnderWay,
    /// WeChat refused it: the refund is as abnormal as before.
    Refused(CallError),
    /// Nothing can be repaired.
    Impossible(domain::Refusal),
    /// Nobody knows: it is asked for when its check is due, and sent again where it is lost.
    Unknown(CallError),
}

impl<L: Ledger, B: Backoff, T: Transport> Asker<L, B, T> {
    /// Repairs an abnormal refund: Repairing is on record, with the request, before it is sent.
    ///
    /// # Errors
    ///
    /// [`AskError::Record`]: it is not on record that it shall be repaired, or what came of it. The same call finds out.
    pub async fn repair(
        &self,
        keys: &Keys,
        refund: &Refund,
        request: &Prepared<v3::AbnormalRefund>,
        now: Timestamp,
    ) -> Result<Repaired, AskError> {
        let called = Called::RepairAsked {
            out_refund_no: refund.out_refund_no.clone(),
            out_trade_no: refund.out_trade_no.clone(),
            request: RequestText::new(request.to_text()),
        };
        match self.record_ours(&Fact::ours(refund.mch_id.clone(), FactBody::Called(called)), now).await? {
            Recorded::Refused(refusal) => Ok(Repaired::Impossible(refusal)),
            Recorded::Applied { .. } => self.send_repair(keys, refund, request, now).await,
            _ => Ok(Repaired::UnderWay),
        }
    }

    /// Sends the stored request again.
    pub(crate) async fn repeat_repair(&self, keys: &Keys, refund: &Refund, now: Timestamp) -> Result<(), AskError> {
        let prepared = Prepared::from_text(stored(refund.repair.as_ref())?)?;
        self.send_repair(keys, refund, &prepared, now).await.map(|_| ())
    }

    async fn send_repair(
        &self,
        keys: &Keys,
        refund: &Refund,
        request: &Prepared<v3::AbnormalRefund>,
        now: Timestamp,
    ) -> Result<Repaired, AskError> {
        match self.call(request, keys, now).await {
            Ok(answer) => {
                let mut fact = answer.fact(&refund.mch_id, &refund.out_trade_no, &refund.out_refund_no)?;
                fact.cause = Cause::Api;
                // WeChat has it, whatever the refund still looks like.
                if let FactBody::Refund(told) = &mut fact.body
                    && told.result == RefundResult::Abnormal
                {
                    told.result = RefundResult::Processing;
                }
                self.record(&fact, answer.body(), now, domain::decide).await?;
                Ok(Repaired::Accepted)
            }
            Err(error) if is_final(&error) && evidence(&error, SIGNED).proves() => {
                self.refused(refund, &code(&error), SIGNED, now).await?;
                Ok(Repaired::Refused(error))
            }
            Err(error) => Ok(Repaired::Unknown(error)),
        }
    }
}
