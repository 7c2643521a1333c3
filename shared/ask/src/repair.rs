//! Repairs of abnormal refunds (发起异常退款).

use domain::{Cause, FactBody, Refund, RefundResult, Timestamp};
use record::{Backoff, Ledger};
use wechat::{CallError, Keys, Meaning, Prepared, Transport, v3};

use crate::send::{Sent, code, evidence, is_final, stored};
use crate::v3::{Answered, SIGNED};
use crate::{AskError, Asker};

/// Whether WeChat may have heard the request of a repair before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Never,
    Perhaps,
}

impl<L: Ledger, B: Backoff, T: Transport> Asker<L, B, T> {
    /// Sends the stored request of a repair for the first time: that the refund is being repaired is on record by this very call, and
    /// nobody sent it before. So what WeChat refuses by a signed answer is refused.
    ///
    /// # Errors
    ///
    /// As [`Asker::send_order`].
    pub async fn send_repair(&self, keys: &Keys, refund: &Refund, now: Timestamp) -> Result<Sent, AskError> {
        self.send_repair_once(keys, refund, Heard::Never, now).await
    }

    /// Sends the stored request of a repair again. Where WeChat heard it before, it may refuse the repetition while it repairs, and goes
    /// on calling the refund abnormal (V3 page, 9.4): no refusal ends it.
    pub(crate) async fn repeat_repair(&self, keys: &Keys, refund: &Refund, now: Timestamp) -> Result<Sent, AskError> {
        self.send_repair_once(keys, refund, Heard::Perhaps, now).await
    }

    async fn send_repair_once(
        &self,
        keys: &Keys,
        refund: &Refund,
        heard: Heard,
        now: Timestamp,
    ) -> Result<Sent, AskError> {
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
            Err(error) if heard == Heard::Never && is_final(&error) && evidence(&error, SIGNED).proves() => {
                self.refused(refund, &code(&error), SIGNED, now).await?;
                Ok(Sent::Refused(error))
            }
            Err(error) if error.meaning == Meaning::WrongState => {
                self.not_repaired(keys, refund, error, heard, now).await
            }
            Err(error) => self.put_off(refund, error, SIGNED, now).await,
        }
    }

    /// WeChat calls it wrong. So it is where nobody asked for it before and the refund is as abnormal as it was; where it is not, an
    /// earlier call was heard.
    async fn not_repaired(
        &self,
        keys: &Keys,
        refund: &Refund,
        error: CallError,
        heard: Heard,
        now: Timestamp,
    ) -> Result<Sent, AskError> {
        let Ok(Answered { fact, body }) = self.v3_refund(keys, refund, now).await else {
            return self.put_off(refund, error, SIGNED, now).await;
        };
        let is_abnormal = matches!(&fact.body, FactBody::Refund(told) if told.result == RefundResult::Abnormal);
        if !is_abnormal || !fact.evidence.proves() {
            self.record(&fact, &body, now, domain::decide).await?;
            return Ok(Sent::Accepted);
        }
        if heard == Heard::Never && evidence(&error, SIGNED).proves() {
            self.refused(refund, &code(&error), SIGNED, now).await?;
            return Ok(Sent::Refused(error));
        }
        self.put_off(refund, error, SIGNED, now).await
    }
}
