//! The outcome of a subscription: what the app sees, derived from payment and contract.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Contract, ContractState, PaymentStatus};

/// What became of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Neither paid nor signed yet.
    Pending,
    /// Paid; whether it was signed is not known yet.
    PaidSigning,
    /// Paid and signed: it renews.
    Active,
    /// Paid, not signed: one paid period, no renewal. The reason is on the contract.
    PaidNotSigned,
    /// Signed after it had been settled as not signed: it renews after all.
    SignedLater,
    /// Signed without a first payment (纯签约).
    Signed,
    /// The first payment was refunded in full.
    Refunded,
    /// Ended unpaid and unsigned.
    Closed,
    /// The contract ended.
    Terminated,
}

impl Outcome {
    /// Whether it is an answer that the merchant may act on.
    #[must_use]
    pub fn is_settled(self) -> bool {
        match self {
            Self::Pending | Self::PaidSigning => false,
            Self::Active
            | Self::PaidNotSigned
            | Self::SignedLater
            | Self::Signed
            | Self::Refunded
            | Self::Closed
            | Self::Terminated => true,
        }
    }
}

/// The outcome of the subscription that `contract` is part of.
#[must_use]
pub fn outcome(contract: &Contract) -> Outcome {
    use ContractState::{Created, NotSigned, Pending, Signed, Terminated, Terminating};
    let payment = contract.payment.as_ref().map(|payment| payment.status);
    match (payment, contract.state) {
        // A refund does not end a contract, but the purchase is undone: the merchant must see that first.
        (Some(PaymentStatus::Refunded), _) => Outcome::Refunded,
        (_, Terminated) => Outcome::Terminated,
        (None, Created | Pending) => Outcome::Pending,
        (None, Signed | Terminating) => Outcome::Signed,
        (None, NotSigned) => Outcome::Closed,
        (Some(PaymentStatus::Unpaid), Created | Pending | Signed | Terminating | NotSigned) => Outcome::Pending,
        (Some(PaymentStatus::Paid | PaymentStatus::PartlyRefunded), Created | Pending) => Outcome::PaidSigning,
        (Some(PaymentStatus::Paid | PaymentStatus::PartlyRefunded), NotSigned) => Outcome::PaidNotSigned,
        (Some(PaymentStatus::Paid | PaymentStatus::PartlyRefunded), Signed | Terminating) => match contract.settled {
            Some(Outcome::PaidNotSigned | Outcome::SignedLater) => Outcome::SignedLater,
            Some(
                Outcome::Pending
                | Outcome::PaidSigning
                | Outcome::Active
                | Outcome::Signed
                | Outcome::Refunded
                | Outcome::Closed
                | Outcome::Terminated,
            )
            | None => Outcome::Active,
        },
        (Some(PaymentStatus::Closed), Created | Pending | NotSigned) => Outcome::Closed,
        // WeChat settles signing after payment, so this does not occur; if it does, the contract is real.
        (Some(PaymentStatus::Closed), Signed | Terminating) => Outcome::Signed,
    }
}
