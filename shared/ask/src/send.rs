//! Sends what is on record: the bytes that were stored before, so that a repetition is identical.

use domain::{
    Called, ContractState, Evidence, Fact, FactBody, NotSignedReason, Order, OrderKind, PaymentFact, PaymentResult,
    Protocol, Refund, RefundFact, RefundResult, RequestText, SignatureAlgorithm, Timestamp,
};
use record::{Backoff, Ledger, Row};
use wechat::{CallError, ContractOrder, ErrorKind, Invalid, Keys, Next, PapPayApply, Prepared, Presign, Transport};

use crate::v3::told_of;
use crate::{AskError, Asker, launch};

/// What came of sending what is on record.
#[derive(Debug)]
pub enum Sent {
    /// WeChat has it, and the ledger says so. Nothing is paid, deducted or refunded yet.
    Accepted,
    /// WeChat refused it for good. The ledger says so, unless the refusal is unsigned: then the query decides.
    Refused(CallError),
    /// Nobody knows, or WeChat wants it again later: it is asked for when its check is due, and sent again where it is lost.
    Unknown(CallError),
    /// A deduction whose contract is not in force any more, or whose period is paid: it was not sent, and the ledger does not say so.
    Withheld,
}

impl<L: Ledger, B: Backoff, T: Transport> Asker<L, B, T> {
    /// Sends the stored request of an order: `contractorder`, `pappayapply` for a deduction, or V3's for a purchase.
    ///
    /// # Errors
    ///
    /// [`AskError::Record`] where the outcome could not be recorded: the order's check finds it. [`AskError::Invalid`] where nothing
    /// that can be sent is stored.
    pub async fn send_order(&self, keys: &Keys, order: &Order, now: Timestamp) -> Result<Sent, AskError> {
        match order.kind {
            OrderKind::PayAndSign => self.send_pay_and_sign(keys, order, now).await,
            OrderKind::Deduction => self.send_deduction(keys, order, now).await,
            OrderKind::OneOff => self.send_purchase(keys, order, now).await,
        }
    }

    async fn send_pay_and_sign(&self, keys: &Keys, order: &Order, now: Timestamp) -> Result<Sent, AskError> {
        let prepared = Prepared::<ContractOrder>::from_text(stored(order.request.as_ref())?)?;
        let out_trade_no = order.out_trade_no.clone();
        let (called, sent) = match self.call(&prepared, keys, now).await {
            Ok(answer) => {
                let unsigned = match answer.presign {
                    Presign::Offered => None,
                    Presign::AlreadySigned => Some(NotSignedReason::AlreadySigned),
                    Presign::Failed { .. } => Some(NotSignedReason::PresignFailed),
                };
                if unsigned == Some(NotSignedReason::PresignFailed) {
                    metrics::counter!("PresignFailed").increment(1);
                    tracing::error!(%out_trade_no, "WeChat offers no contract with the order: it is closed");
                }
                (Called::OrderPlaced { out_trade_no, launch: launch(&answer.offer, now), unsigned }, Sent::Accepted)
            }
            // Without a signature it may be anybody's word, and an earlier call may have placed the order: the query decides.
            Err(error) if is_final(&error) && evidence(&error, SIGNED).proves() => {
                (Called::OrderRefused { out_trade_no, code: code(&error) }, Sent::Refused(error))
            }
            Err(error) => return Ok(Sent::Unknown(error)),
        };
        self.record_ours(&Fact::ours(order.mch_id.clone(), FactBody::Called(called)), now).await?;
        Ok(sent)
    }

    async fn send_deduction(&self, keys: &Keys, order: &Order, now: Timestamp) -> Result<Sent, AskError> {
        // It may have been ended since the deduction was put on record, or an earlier attempt proven paid, and what follows is the charge.
        if !self.may_be_charged(order).await? {
            return Ok(Sent::Withheld);
        }
        let prepared = Prepared::<PapPayApply>::from_text(stored(order.request.as_ref())?)?;
        let (result, evidence, sent) = match self.call(&prepared, keys, now).await {
            Ok(_) => (PaymentResult::Accepted, SIGNED, Sent::Accepted),
            Err(error) if is_final(&error) => {
                (PaymentResult::Failed { code: code(&error) }, evidence(&error, SIGNED), Sent::Refused(error))
            }
            Err(error) => return Ok(Sent::Unknown(error)),
        };
        let out_trade_no = order.out_trade_no.clone();
        let payment = PaymentFact { out_trade_no, appid: None, contract_id: None, attach: None, result };
        let fact = Fact { evidence, ..Fact::ours(order.mch_id.clone(), FactBody::Payment(payment)) };
        self.record_ours(&fact, now).await?;
        Ok(sent)
    }

    async fn may_be_charged(&self, order: &Order) -> Result<bool, AskError> {
        let keys = domain::Keys { order: Some(order.out_trade_no.clone()), ..domain::Keys::default() };
        let contract = self.recorder.rows(&order.mch_id, &keys).await?.contract;
        Ok(contract.is_some_and(|Row { value: it, .. }| {
            it.state == ContractState::Signed && !it.has_paid_for(&order.out_trade_no)
        }))
    }

    /// Neither taken nor ended. Why is on record as far as WeChat signed it: whoever asked for the refund can see what it waits for.
    pub(crate) async fn put_off(
        &self,
        refund: &Refund,
        error: CallError,
        signed: Evidence,
        now: Timestamp,
    ) -> Result<Sent, AskError> {
        if evidence(&error, signed).proves() {
            let (out_refund_no, out_trade_no) = (refund.out_refund_no.clone(), refund.out_trade_no.clone());
            let put_off = Called::RefundPutOff { out_refund_no, out_trade_no, code: code(&error) };
            self.record_ours(&Fact::ours(refund.mch_id.clone(), FactBody::Called(put_off)), now).await?;
        }
        Ok(Sent::Unknown(error))
    }

    /// Sends the stored request of a refund.
    ///
    /// # Errors
    ///
    /// As [`Asker::send_order`].
    pub async fn send_refund(&self, keys: &Keys, refund: &Refund, now: Timestamp) -> Result<Sent, AskError> {
        if refund.protocol == Protocol::V3 {
            return self.send_v3_refund(keys, refund, now).await;
        }
        let prepared = Prepared::<wechat::Refund>::from_text(stored(refund.request.as_ref())?)?;
        let (refund_id, result, evidence, sent) = match self.call(&prepared, keys, now).await {
            Ok(accepted) => (accepted.refund_id, RefundResult::Processing, SIGNED, Sent::Accepted),
            Err(error) if is_final(&error) => {
                (None, RefundResult::Rejected { code: code(&error) }, evidence(&error, SIGNED), Sent::Refused(error))
            }
            Err(error) => return self.put_off(refund, error, SIGNED, now).await,
        };
        let told = RefundFact { refund_id, ..told_of(refund, result) };
        let fact = Fact { evidence, ..Fact::ours(refund.mch_id.clone(), FactBody::Refund(told)) };
        self.record_ours(&fact, now).await?;
        Ok(sent)
    }
}

impl Sent {
    /// Counts and logs what was sent again in vain: nobody waits for the answer who could read it.
    pub(crate) fn report(&self, kind: &'static str, number: &str) {
        if let Self::Refused(error) | Self::Unknown(error) = self {
            metrics::counter!("NotTaken", "kind" => kind).increment(1);
            tracing::warn!(kind, number, %error, "WeChat did not take what it was sent again");
        }
    }
}

/// An acceptance is signed, always by MD5, since we ask by MD5 (protocol, 1.3).
const SIGNED: Evidence = Evidence::Signed(SignatureAlgorithm::Md5);

/// WeChat refused it, and will refuse the same again. What is only not believed, or not answered, is not final.
pub(crate) fn is_final(error: &CallError) -> bool {
    matches!(error.kind, ErrorKind::Refused { .. }) && matches!(error.next, Next::NewNumber | Next::Stop)
}

/// A refusal without signature proves nothing: the query decides.
pub(crate) fn evidence(error: &CallError, signed: Evidence) -> Evidence {
    match error.kind {
        ErrorKind::Refused { proven: true } => signed,
        _ => Evidence::Unsigned,
    }
}

pub(crate) fn code(error: &CallError) -> String {
    error.code.clone().unwrap_or_else(|| "FAIL".to_owned())
}

pub(crate) fn stored(request: Option<&RequestText>) -> Result<&str, Invalid> {
    request.map(RequestText::as_str).ok_or(Invalid { field: "request", rule: "stored before WeChat is called" })
}
