//! Events: what we publish, in the terms of the business, with a full snapshot. They say nothing about V2 or V3.

use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Serialize};

use crate::{
    BillEvent, Cause, Contract, ContractSnapshot, Order, OrderKind, OrderSnapshot, Outcome, Refund, RefundSnapshot,
};

/// Something that consumers are told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// A contract was signed (签约).
    #[serde(rename = "papay.contract.signed.v1")]
    ContractSigned(ContractEvent),
    /// A contract that was offered was not signed.
    #[serde(rename = "papay.contract.not_signed.v1")]
    ContractNotSigned(ContractEvent),
    /// A contract ended (解约).
    #[serde(rename = "papay.contract.terminated.v1")]
    ContractTerminated(ContractEvent),
    /// A user paid.
    #[serde(rename = "papay.payment.succeeded.v1")]
    PaymentSucceeded(PaymentEvent),
    /// An order that a user was to pay ended unpaid.
    #[serde(rename = "papay.payment.closed.v1")]
    PaymentClosed(PaymentEvent),
    /// A deduction succeeded (扣款成功).
    #[serde(rename = "papay.deduction.succeeded.v1")]
    DeductionSucceeded(PaymentEvent),
    /// A deduction failed for good (扣款失败).
    #[serde(rename = "papay.deduction.failed.v1")]
    DeductionFailed(PaymentEvent),
    /// A refund reached the user.
    #[serde(rename = "papay.refund.succeeded.v1")]
    RefundSucceeded(RefundEvent),
    /// Nothing was given back: WeChat closed the refund, or refused it, or never took it. The refund's state says which.
    #[serde(rename = "papay.refund.closed.v1")]
    RefundClosed(RefundEvent),
    /// A refund needs repair.
    #[serde(rename = "papay.refund.abnormal.v1")]
    RefundAbnormal(RefundEvent),
    /// The settled outcome of a subscription changed.
    #[serde(rename = "papay.subscription.settled.v1")]
    SubscriptionSettled(SubscriptionEvent),
    /// A verified message was set aside for a person to see.
    #[serde(rename = "papay.notification.quarantined.v1")]
    NotificationQuarantined(QuarantineEvent),
    /// WeChat's daily bill (交易账单) and our record differ.
    #[serde(rename = "papay.bill.differed.v1")]
    BillDiffered(BillEvent),
}

/// A contract, and how we know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContractEvent {
    /// The contract as it stands now.
    pub contract: ContractSnapshot,
    /// How we came to know.
    pub cause: Cause,
}

/// An order, and how we know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentEvent {
    /// The order as it stands now.
    pub order: OrderSnapshot,
    /// How we came to know.
    pub cause: Cause,
}

/// A refund with its order, and how we know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RefundEvent {
    /// The refund as it stands now.
    pub refund: RefundSnapshot,
    /// Its order as it stands now.
    pub order: OrderSnapshot,
    /// How we came to know.
    pub cause: Cause,
}

/// What became of a subscription.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionEvent {
    /// The outcome.
    pub outcome: Outcome,
    /// The contract as it stands now.
    pub contract: ContractSnapshot,
    /// How we came to know.
    pub cause: Cause,
}

/// A verified message that was set aside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QuarantineEvent {
    /// What it was about: `O#<out_trade_no>`, `C#<contract_code>`, `R#<out_refund_no>`, or `N`.
    pub subject: String,
    /// Why: `unknown_order`, `unknown_contract`, `not_understood`, or the field that contradicts our record.
    pub reason: String,
    /// SHA-256 of what was verified, in hex: the key under which it is held.
    pub body_hash: String,
    /// How we came to know.
    pub cause: Cause,
}

impl Event {
    /// The CloudEvents `type`.
    #[must_use]
    pub fn event_type(&self) -> &'static str {
        match self {
            Self::ContractSigned(_) => "papay.contract.signed.v1",
            Self::ContractNotSigned(_) => "papay.contract.not_signed.v1",
            Self::ContractTerminated(_) => "papay.contract.terminated.v1",
            Self::PaymentSucceeded(_) => "papay.payment.succeeded.v1",
            Self::PaymentClosed(_) => "papay.payment.closed.v1",
            Self::DeductionSucceeded(_) => "papay.deduction.succeeded.v1",
            Self::DeductionFailed(_) => "papay.deduction.failed.v1",
            Self::RefundSucceeded(_) => "papay.refund.succeeded.v1",
            Self::RefundClosed(_) => "papay.refund.closed.v1",
            Self::RefundAbnormal(_) => "papay.refund.abnormal.v1",
            Self::SubscriptionSettled(_) => "papay.subscription.settled.v1",
            Self::NotificationQuarantined(_) => "papay.notification.quarantined.v1",
            Self::BillDiffered(_) => "papay.bill.differed.v1",
        }
    }

    /// The CloudEvents `subject`: the number of what it is about.
    #[must_use]
    pub fn subject(&self) -> String {
        match self {
            Self::ContractSigned(e) | Self::ContractNotSigned(e) | Self::ContractTerminated(e) => {
                e.contract.contract_code.to_string()
            }
            Self::PaymentSucceeded(e)
            | Self::PaymentClosed(e)
            | Self::DeductionSucceeded(e)
            | Self::DeductionFailed(e) => e.order.out_trade_no.to_string(),
            Self::RefundSucceeded(e) | Self::RefundClosed(e) | Self::RefundAbnormal(e) => {
                e.refund.out_refund_no.to_string()
            }
            Self::SubscriptionSettled(e) => e.contract.contract_code.to_string(),
            Self::NotificationQuarantined(e) => e.subject.clone(),
            Self::BillDiffered(e) => e.number().to_owned(),
        }
    }

    pub(crate) fn contract_signed(contract: &Contract, cause: Cause) -> Self {
        Self::ContractSigned(ContractEvent { contract: contract.into(), cause })
    }

    pub(crate) fn contract_not_signed(contract: &Contract, cause: Cause) -> Self {
        Self::ContractNotSigned(ContractEvent { contract: contract.into(), cause })
    }

    pub(crate) fn contract_terminated(contract: &Contract, cause: Cause) -> Self {
        Self::ContractTerminated(ContractEvent { contract: contract.into(), cause })
    }

    pub(crate) fn paid(order: &Order, cause: Cause) -> Self {
        let event = PaymentEvent { order: order.into(), cause };
        match order.kind {
            OrderKind::Deduction => Self::DeductionSucceeded(event),
            OrderKind::PayAndSign | OrderKind::OneOff => Self::PaymentSucceeded(event),
        }
    }

    pub(crate) fn not_paid(order: &Order, cause: Cause) -> Self {
        let event = PaymentEvent { order: order.into(), cause };
        match order.kind {
            OrderKind::Deduction => Self::DeductionFailed(event),
            OrderKind::PayAndSign | OrderKind::OneOff => Self::PaymentClosed(event),
        }
    }

    pub(crate) fn refund_succeeded(refund: &Refund, order: &Order, cause: Cause) -> Self {
        Self::RefundSucceeded(RefundEvent { refund: refund.into(), order: order.into(), cause })
    }

    pub(crate) fn refund_closed(refund: &Refund, order: &Order, cause: Cause) -> Self {
        Self::RefundClosed(RefundEvent { refund: refund.into(), order: order.into(), cause })
    }

    pub(crate) fn refund_abnormal(refund: &Refund, order: &Order, cause: Cause) -> Self {
        Self::RefundAbnormal(RefundEvent { refund: refund.into(), order: order.into(), cause })
    }

    pub(crate) fn subscription_settled(contract: &Contract, outcome: Outcome, cause: Cause) -> Self {
        Self::SubscriptionSettled(SubscriptionEvent { outcome, contract: contract.into(), cause })
    }
}

/// The JSON Schema of each event type's `data`, by CloudEvents `type`.
#[must_use]
pub fn schemas() -> Vec<(&'static str, Schema)> {
    let contract = || schema_for!(ContractEvent);
    let payment = || schema_for!(PaymentEvent);
    let refund = || schema_for!(RefundEvent);
    vec![
        ("papay.contract.signed.v1", contract()),
        ("papay.contract.not_signed.v1", contract()),
        ("papay.contract.terminated.v1", contract()),
        ("papay.payment.succeeded.v1", payment()),
        ("papay.payment.closed.v1", payment()),
        ("papay.deduction.succeeded.v1", payment()),
        ("papay.deduction.failed.v1", payment()),
        ("papay.refund.succeeded.v1", refund()),
        ("papay.refund.closed.v1", refund()),
        ("papay.refund.abnormal.v1", refund()),
        ("papay.subscription.settled.v1", schema_for!(SubscriptionEvent)),
        ("papay.notification.quarantined.v1", schema_for!(QuarantineEvent)),
        ("papay.bill.differed.v1", schema_for!(BillEvent)),
    ]
}
