//! Contracts (签约协议): one signing attempt and what became of it.

mod called;
mod charged;
pub(crate) mod noticed;
mod told;

pub(crate) use called::{
    ending, not_offered, not_offered_again, offered, offered_with_payment, refused, signed_before, termination_asked,
    withdrawn,
};
pub(crate) use told::decide;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AppId, Channel, Check, ContractCode, ContractId, DeductionNotice, Launch, MchId, OpenId, OutTradeNo, Outcome,
    PlanId, ProductId, RequestText, Schedule, UserId,
};

/// The state of a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContractState {
    /// On record; WeChat was not asked yet.
    Created,
    /// Offered to the user.
    Pending,
    /// Signed and in force.
    Signed,
    /// Not signed; a late ADD still makes it Signed.
    NotSigned,
    /// We are ending it: no notice and no deduction starts from here.
    Terminating,
    /// Ended, for good.
    Terminated,
}

/// Why a contract ended (解约方式), from `contract_termination_mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TerminationReason {
    /// 1: expired.
    Expired,
    /// 2: by the user in WeChat.
    User,
    /// 3: by the merchant's API.
    MerchantApi,
    /// 4: on the merchant platform.
    MerchantPlatform,
    /// 5: the user's account was cancelled.
    AccountCancelled,
    /// 7: by the user through customer service.
    CustomerService,
    /// Any other mode, or none told.
    Other,
}

impl TerminationReason {
    /// From V2's `contract_termination_mode`; numbers that we do not know are `Other`.
    #[must_use]
    pub fn from_mode(mode: u32) -> Self {
        match mode {
            1 => Self::Expired,
            2 => Self::User,
            3 => Self::MerchantApi,
            4 => Self::MerchantPlatform,
            5 => Self::AccountCancelled,
            7 => Self::CustomerService,
            _ => Self::Other,
        }
    }

    /// From V3's `contract_termination_mode`, which has words for some of V2's numbers; a word that we do not know, `SYSTEM_TERMINATE`
    /// among them, is `Other`.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        match word {
            "USER_TERMINATE" => Self::User,
            "MCH_API_TERMINATE" | "API" => Self::MerchantApi,
            "WEPAY_WEB_TERMINATE" => Self::MerchantPlatform,
            "CUSTOMER_SERVICE_TERMINATE" => Self::CustomerService,
            _ => Self::Other,
        }
    }
}

/// Why a contract was not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotSignedReason {
    /// Its order was not paid.
    Unpaid,
    /// WeChat could not offer it (`contract_result_code` FAIL): a configuration fault.
    PresignFailed,
    /// The user has a contract of this plan already.
    AlreadySigned,
    /// The user did not tick it, the account is abnormal, or has more than 200 contracts: WeChat does not say which.
    Declined,
}

/// How long after it was put on record nobody is about to offer a contract any more: longer than any call, its repetition and the
/// function that makes them.
const MAY_STILL_BE_OFFERED: SignedDuration = SignedDuration::from_mins(5);

/// What became of the first order, kept on the contract so that the outcome follows from one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// Not yet.
    Unpaid,
    /// Paid.
    Paid,
    /// Paid, and part of it given back.
    PartlyRefunded,
    /// Paid, and all of it given back.
    Refunded,
    /// Closed or failed unpaid.
    Closed,
}

/// The order that a contract was offered with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstPayment {
    /// The order.
    pub out_trade_no: OutTradeNo,
    /// What became of it. It changes in the same transaction as the order.
    pub status: PaymentStatus,
    /// When it was paid.
    pub paid_at: Option<Timestamp>,
    /// Who paid, under the contract's application, as WeChat says.
    #[serde(default)]
    pub payer: Option<OpenId>,
    /// The contract had been given up when it was paid.
    #[serde(default)]
    pub late: bool,
}

/// A contract on record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contract {
    /// The layout of this item.
    pub schema: u32,
    /// The merchant.
    pub mch_id: MchId,
    /// The merchant's number: one for each signing attempt.
    pub contract_code: ContractCode,
    /// The template.
    pub plan_id: PlanId,
    /// The application that it was offered under.
    pub appid: AppId,
    /// WeChat's number, once signed.
    pub contract_id: Option<ContractId>,
    /// The user who signed, as WeChat says.
    pub openid: Option<OpenId>,
    /// The user of the merchant's app who asked for it.
    #[serde(default)]
    pub user: Option<UserId>,
    /// What of the catalogue is subscribed to.
    #[serde(default)]
    pub product: Option<ProductId>,
    /// Where the user signs.
    #[serde(default)]
    pub channel: Option<Channel>,
    /// `request_serial`
    #[serde(default)]
    pub request_serial: Option<u64>,
    /// `contract_display_account`
    #[serde(default)]
    pub display_account: Option<String>,
    /// The caller's metadata.
    #[serde(default)]
    pub metadata: Option<String>,
    /// The request that offers it without payment (纯签约); with one, the request is the order's.
    #[serde(default)]
    pub request: Option<RequestText>,
    /// What the user's client starts signing with, without payment.
    #[serde(default)]
    pub launch: Option<Launch>,
    /// Until when the user can begin to sign what was offered last, without payment.
    #[serde(default)]
    pub offered_until: Option<Timestamp>,
    /// The deduction that is on record and not decided: at most one at a time.
    #[serde(default)]
    pub open_deduction: Option<OutTradeNo>,
    /// The renewal periods that were paid, whichever attempt paid them: none of them is charged again.
    #[serde(default)]
    pub paid_periods: BTreeSet<u16>,
    /// What the user was last told of a deduction to come, or is being told.
    #[serde(default)]
    pub notice: Option<DeductionNotice>,
    /// Where it stands.
    pub state: ContractState,
    /// The order that it was offered with; `None` for pure signing (纯签约).
    pub payment: Option<FirstPayment>,
    /// Why it was not signed; while it is Pending, why it will not be once its order is closed.
    pub not_signed_reason: Option<NotSignedReason>,
    /// The contract of this plan that its payer had already, where that is why.
    #[serde(default)]
    pub existing: Option<ContractCode>,
    /// When it was signed.
    pub signed_at: Option<Timestamp>,
    /// `contract_expired_time`, for information.
    pub expires_at: Option<Timestamp>,
    /// When its termination was asked for.
    pub terminating_at: Option<Timestamp>,
    /// When it ended.
    pub terminated_at: Option<Timestamp>,
    /// Why it ended.
    pub termination_reason: Option<TerminationReason>,
    /// The last settled outcome that was published.
    pub settled: Option<Outcome>,
    /// When it was put on record.
    pub created_at: Timestamp,
    /// When to ask WeChat.
    pub check: Option<Check>,
}

impl Contract {
    /// The order that it was offered with.
    #[must_use]
    pub fn first_order(&self) -> Option<&OutTradeNo> {
        self.payment.as_ref().map(|payment| &payment.out_trade_no)
    }

    /// Whether it stands in the way of another attempt: it can still be signed, or is.
    #[must_use]
    pub fn is_live(&self) -> bool {
        match self.state {
            ContractState::Created | ContractState::Pending | ContractState::Signed | ContractState::Terminating => {
                true
            }
            ContractState::NotSigned | ContractState::Terminated => false,
        }
    }

    /// Whether the user has signed it and it has not ended.
    #[must_use]
    pub fn is_in_force(&self) -> bool {
        match self.state {
            ContractState::Signed | ContractState::Terminating => true,
            ContractState::Created | ContractState::Pending | ContractState::NotSigned | ContractState::Terminated => {
                false
            }
        }
    }

    /// Whether this deduction's period was paid already, by whichever attempt.
    #[must_use]
    pub fn has_paid_for(&self, deduction: &OutTradeNo) -> bool {
        deduction.period().is_some_and(|period| self.paid_periods.contains(&period))
    }

    /// When what the user can sign without payment has run out: from then on another way of signing is free, if WeChat says that nothing
    /// was signed. `None` where a payment takes part, or where it is not known.
    #[must_use]
    pub fn offer_ends_at(&self) -> Option<Timestamp> {
        match (&self.payment, self.state, self.offered_until) {
            (Some(_), _, _) => None,
            (None, _, Some(until)) => Some(until),
            (None, ContractState::Created, None) => self.created_at.checked_add(MAY_STILL_BE_OFFERED).ok(),
            (
                None,
                ContractState::Pending
                | ContractState::Signed
                | ContractState::NotSigned
                | ContractState::Terminating
                | ContractState::Terminated,
                None,
            ) => None,
        }
    }

    /// With who paid, if this is its first order and that is known.
    pub(crate) fn paid_by(&self, order: &OutTradeNo, payer: Option<&OpenId>) -> Self {
        let mut next = self.clone();
        if let Some(payment) = next.payment.as_mut().filter(|payment| payment.out_trade_no == *order) {
            payment.payer = payer.cloned().or(payment.payer.take());
        }
        next
    }

    /// A question a day from now, for as long as it can still change.
    pub(crate) fn daily(&self, now: Timestamp) -> Option<Check> {
        self.is_live().then(|| Schedule::SignedContract.first(now))
    }

    /// The first order's new status, and what it means for the signing.
    pub(crate) fn first_order_became(&mut self, status: PaymentStatus, paid_at: Option<Timestamp>, now: Timestamp) {
        let Some(payment) = &mut self.payment else { return };
        payment.status = status;
        payment.paid_at = paid_at.or(payment.paid_at);
        match status {
            PaymentStatus::Paid => self.await_signing(now),
            // Signing is settled after the payment: no payment, no contract.
            PaymentStatus::Closed => self.give_up_unpaid(),
            PaymentStatus::Unpaid | PaymentStatus::PartlyRefunded | PaymentStatus::Refunded => {}
        }
    }

    /// Money is real: what had been given up for want of it is open again.
    fn await_signing(&mut self, now: Timestamp) {
        let given_up = self.not_signed_reason == Some(NotSignedReason::Unpaid);
        if let (ContractState::NotSigned, true, Some(payment)) = (self.state, given_up, &mut self.payment) {
            payment.late = true;
            self.state = ContractState::Pending;
            self.not_signed_reason = None;
        }
        if matches!(self.state, ContractState::Created | ContractState::Pending) {
            self.check = Some(Schedule::ContractAfterPayment.first(now));
        }
    }

    fn give_up_unpaid(&mut self) {
        if matches!(self.state, ContractState::Created | ContractState::Pending) {
            self.state = ContractState::NotSigned;
            self.not_signed_reason = self.not_signed_reason.or(Some(NotSignedReason::Unpaid));
            self.check = None;
        }
    }

    /// What names the fact that it was not signed.
    pub(crate) fn not_signed_key(&self) -> String {
        format!("contract#{}#NOT_SIGNED", self.contract_code)
    }

    pub(crate) fn schedule(&self) -> Schedule {
        match (self.state, &self.payment) {
            (ContractState::Signed | ContractState::Terminated, _) => Schedule::SignedContract,
            (ContractState::Terminating, _) => Schedule::Termination,
            (ContractState::Created | ContractState::Pending | ContractState::NotSigned, Some(_)) => {
                Schedule::ContractAfterPayment
            }
            (ContractState::Created | ContractState::Pending | ContractState::NotSigned, None) => {
                Schedule::ContractAfterOffer
            }
        }
    }
}
