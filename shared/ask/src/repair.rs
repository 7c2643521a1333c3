//! Repairs of abnormal refunds (发起异常退款).

use domain::{Cause, FactBody, Refund, RefundResult, Timestamp};
use record::{Backoff, Ledger};
use wechat::{CallError, Keys, Meaning, Prepared, Transport, v3};

use crate::send::{Sent, code, evidence, is_final, stored};
use crate::v3::{Answered, SIGNED};
use crate::{AskError, Asker};

impl<L: Ledger, B: Backoff, T: Transport> Asker<L, B, T> {
    /// Sends the stored request of a repair: that the refund is being repaired is on record.
    ///
    /// # Errors
    ///
    /// As [`Asker::send_order`].
    pub async fn send_repair(&self, keys: &Keys, refund: &Refund, now: Timestamp) -> Result<Sent, AskError> {
        let prepared = Prepared::<v3::AbnormalRefund>::from_text(stored(refund.repair.as_ref())?)?;
        match self.call(&prepared, keys, now).await {
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
                Ok(Sent::Accepted)
            }
            Err(error) if is_final(&error) && evidence(&error, SIGNED).proves() => {
                self.refused(refund, &code(&error), SIGNED, now).await?;
                Ok(Sent::Refused(error))
            }
            Err(error) if error.meaning == Meaning::WrongState => self.not_repaired(keys, refund, error, now).await,
            Err(error) => Ok(Sent::Unknown(error)),
        }
    }

    /// WeChat calls it wrong. So it is where the refund is as abnormal as before; where it is not, an earlier call was heard.
    async fn not_repaired(
        &self,
        keys: &Keys,
        refund: &Refund,
        error: CallError,
        now: Timestamp,
    ) -> Result<Sent, AskError> {
        let Ok(Answered { fact, body }) = self.v3_refund(keys, refund, now).await else {
            return Ok(Sent::Unknown(error));
        };
        let is_abnormal = matches!(&fact.body, FactBody::Refund(told) if told.result == RefundResult::Abnormal);
        if is_abnormal && fact.evidence.proves() {
            self.refused(refund, &code(&error), SIGNED, now).await?;
            return Ok(Sent::Refused(error));
        }
        self.record(&fact, &body, now, domain::decide).await?;
        Ok(Sent::Accepted)
    }
}
