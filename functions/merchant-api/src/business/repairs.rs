//! Abnormal refunds: the user's card is dead, and the money waits.

use ask::Sent;
use domain::{Called, OutRefundNo, Refund, RefundState, Refusal, RequestText};
use http_api::Problem;
use record::{Backoff, Writeahead};
use wechat::v3::AbnormalRefund;
use wechat::{Moment, Transport};

use super::{Answer, Business};
use crate::problems;
use crate::requests::{Call, RepairRequest};
use crate::views::RefundView;

impl<L: Writeahead, B: Backoff, T: Transport> Business<L, B, T> {
    /// That it is being repaired is on record, with the request in which the card is encrypted, before WeChat is asked. Number and name
    /// are nowhere else: not in the ledger, not in the log, not in the hash of the caller's key.
    pub(super) async fn repair_now(
        &self,
        call: &Call,
        number: OutRefundNo,
        wanted: &RepairRequest,
    ) -> Result<Answer<RefundView>, Problem> {
        let keys = self.keys(call).await?;
        let to = wanted.read()?;
        let call = &call.clone().discreet(&keys)?;
        let before = self.made_before(call).await?;
        if before.as_ref().is_some_and(|resource| resource != number.as_str()) {
            return Err(Problem::key_reused());
        }
        if before.is_none() {
            let refund = self.refund_row(call, &number).await?;
            let refund_id = abnormal(&refund)?;
            let request = AbnormalRefund { refund_id, out_refund_no: number.clone(), to };
            let request = request.prepare(&keys, &Moment::new(call.now)).map_err(|error| problems::invalid(&error))?;
            let asked = Called::RepairAsked {
                out_refund_no: number.clone(),
                out_trade_no: refund.out_trade_no.clone(),
                request: RequestText::new(request.to_text()),
            };
            if self.about_to(call, asked, number.as_str()).await? {
                self.send_repair(call, &keys, &number).await?;
            }
        }
        let refund = self.refund_row(call, &number).await?;
        Ok(Answer { view: RefundView::new(&refund, None), decided: refund.state != RefundState::Repairing })
    }

    async fn send_repair(&self, call: &Call, keys: &wechat::Keys, number: &OutRefundNo) -> Result<(), Problem> {
        let refund = self.refund_row(call, number).await?;
        if refund.state != RefundState::Repairing || refund.repair.is_none() {
            return Ok(());
        }
        let sent = self.asker.send_repair(keys, &refund, call.now).await.map_err(problems::unanswered)?;
        if let Sent::Refused(error) | Sent::Unknown(error) = sent {
            tracing::warn!(out_refund_no = %number, %error, "a repair was not accepted");
        }
        Ok(())
    }
}

/// WeChat's number of a refund that can be repaired.
fn abnormal(refund: &Refund) -> Result<domain::RefundId, Problem> {
    let id = refund.refund_id.clone().filter(|_| refund.state == RefundState::Abnormal);
    id.ok_or_else(|| problems::refused(&Refusal::NotAbnormal))
}
