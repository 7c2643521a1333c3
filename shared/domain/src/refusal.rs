//! Why one of our own calls must not happen.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::{Fen, OutTradeNo};

/// Why one of our own calls must not happen: nothing is written, and WeChat is not asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The contract is not signed.
    #[error("the contract is not signed")]
    NotSigned,
    /// The contract has ended, or is being ended.
    #[error("the contract has ended, or is being ended")]
    Ended,
    /// Another deduction of the contract is not decided yet.
    #[error("deduction {0} of the contract is not decided yet")]
    OpenDeduction(OutTradeNo),
    /// The period was paid, by whichever attempt.
    #[error("the period is paid")]
    PeriodPaid,
    /// More than the user was told.
    #[error("the user was told of at most {noticed} fen")]
    MoreThanNoticed {
        /// What he was told.
        noticed: Fen,
    },
    /// The user was told, and the days between the notice and the deduction are not over.
    #[error("the user was told: it can be deducted from {first_day} on")]
    TooEarly {
        /// The first day on which it can be deducted, in Beijing.
        first_day: Date,
    },
    /// Another notice of this cycle was sent, or may have been.
    #[error("the user was told of {amount} fen in this cycle, or may have been")]
    OtherNotice {
        /// What it says.
        amount: Fen,
    },
    /// The order is not paid.
    #[error("the order is not paid")]
    NotPaid,
    /// The order is paid.
    #[error("the order is paid")]
    Paid,
    /// More than what was not given back and not promised, or nothing.
    #[error("between 1 and {refundable} fen can be refunded")]
    MoreThanRefundable {
        /// What can be refunded.
        refundable: Fen,
    },
    /// The order has 50 refunds.
    #[error("an order has at most 50 refunds")]
    TooManyRefunds,
    /// The order's last refund is less than a minute old.
    #[error("the next refund of this order is possible at {at}")]
    RefundTooSoon {
        /// When it is possible.
        at: Timestamp,
    },
    /// The payment is more than 365 days old.
    #[error("a payment can be refunded for 365 days")]
    RefundTooLate,
    /// Only an abnormal refund is repaired.
    #[error("the refund is not abnormal")]
    NotAbnormal,
    /// V2 has no call that repairs a refund: a person does it on the merchant platform.
    #[error("a refund made by APIv2 is repaired on the merchant platform")]
    NoRepair,
    /// The number is on record with other content.
    #[error("the number is on record with other content")]
    Exists,
    /// The rows do not fit together, or do not fit what is on record.
    #[error("the rows do not fit together")]
    Inconsistent,
}

impl Refusal {
    /// A stable label for metrics, logs and answers.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::NotSigned => "not_signed",
            Self::Ended => "ended",
            Self::OpenDeduction(_) => "open_deduction",
            Self::PeriodPaid => "period_paid",
            Self::MoreThanNoticed { .. } => "more_than_noticed",
            Self::TooEarly { .. } => "too_early",
            Self::OtherNotice { .. } => "other_notice",
            Self::NotPaid => "not_paid",
            Self::Paid => "paid",
            Self::MoreThanRefundable { .. } => "more_than_refundable",
            Self::TooManyRefunds => "too_many_refunds",
            Self::RefundTooSoon { .. } => "refund_too_soon",
            Self::RefundTooLate => "refund_too_late",
            Self::NotAbnormal => "not_abnormal",
            Self::NoRepair => "no_repair",
            Self::Exists => "exists",
            Self::Inconsistent => "inconsistent",
        }
    }
}
