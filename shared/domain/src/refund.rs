//! Refunds (退款).

mod called;
mod step;
mod told;

pub(crate) use called::repair_asked;
pub(crate) use told::decide;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Check, Fen, GIVEN_UP_AFTER, MchId, OutRefundNo, OutTradeNo, Protocol, RefundId, RequestText, Schedule};

/// How long an abnormal refund is asked for. When WeChat settles none any more is not documented; refunds themselves are made for as
/// long (V3 page, 9.4). Whoever reads its status after that has it asked for once more.
const ABNORMAL_IS_FOLLOWED_FOR: SignedDuration = SignedDuration::from_hours(365 * 24);

/// Where a refund was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefundOrigin {
    /// Through our API.
    Api,
    /// On the merchant platform (商户平台), by a person.
    Platform,
}

/// The state of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefundState {
    /// A notice told of a refund that we did not make: nothing is believed until a query confirms it.
    Reported,
    /// On record, its amount reserved; WeChat was not asked yet.
    Created,
    /// Accepted.
    Processing,
    /// The money left.
    Succeeded,
    /// Not refunded.
    Closed,
    /// The user's card is dead and the money waits.
    Abnormal,
    /// The abnormal refund is being repaired (发起异常退款).
    Repairing,
    /// WeChat refused it.
    Rejected,
}

/// A refund on record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refund {
    /// The layout of this item.
    pub schema: u32,
    /// The merchant.
    pub mch_id: MchId,
    /// The merchant's number.
    pub out_refund_no: OutRefundNo,
    /// The order.
    pub out_trade_no: OutTradeNo,
    /// WeChat's number.
    pub refund_id: Option<RefundId>,
    /// Where it was made.
    pub origin: RefundOrigin,
    /// How it was made; its queries follow.
    pub protocol: Protocol,
    /// What is given back.
    pub amount: Fen,
    /// Where it stands.
    pub state: RefundState,
    /// How often an abnormal refund was repaired.
    pub repairs: u32,
    /// When the last repair was asked for.
    pub repairing_at: Option<Timestamp>,
    /// When the money left.
    pub succeeded_at: Option<Timestamp>,
    /// WeChat's code of a refusal.
    pub failure: Option<String>,
    /// Why, as the user is told (`refund_desc`).
    #[serde(default)]
    pub reason: Option<String>,
    /// The request that makes it at WeChat.
    #[serde(default)]
    pub request: Option<RequestText>,
    /// The request that repairs it, until WeChat has it.
    #[serde(default)]
    pub repair: Option<RequestText>,
    /// Whether the order's contract is to end with it. It shall end from the moment when WeChat is known to have the refund, whoever
    /// learns it.
    #[serde(default)]
    pub ends_contract: bool,
    /// When it was put on record.
    pub created_at: Timestamp,
    /// When to ask WeChat.
    pub check: Option<Check>,
}

impl Refund {
    /// The failure of a refund that WeChat never knew: its own word.
    pub(crate) const NEVER_MADE: &str = "REFUNDNOTEXIST";

    /// The failure of a repair that WeChat never took.
    pub(crate) const REPAIR_NOT_SENT: &str = "NOT_SENT";

    /// Whether it ended because WeChat did not know it, or took its repair, however long it was asked; or is asked for no more although
    /// its money still waits.
    #[must_use]
    pub fn is_given_up(&self) -> bool {
        match (self.state, self.failure.as_deref()) {
            (RefundState::Rejected, failure) => failure == Some(Self::NEVER_MADE),
            (RefundState::Abnormal, failure) => failure == Some(Self::REPAIR_NOT_SENT) || self.check.is_none(),
            (
                RefundState::Reported
                | RefundState::Created
                | RefundState::Processing
                | RefundState::Succeeded
                | RefundState::Closed
                | RefundState::Repairing,
                _,
            ) => false,
        }
    }

    /// Whether WeChat should have known it, or taken its repair, for long, while no answer that it signed says that it does not:
    /// nothing can end it but an answer that is signed, or a person.
    #[must_use]
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.unknown_since().is_some_and(|since| now.duration_since(since) >= GIVEN_UP_AFTER)
    }

    /// Since when WeChat was to know what it has not taken: the refund, or its repair.
    pub(crate) fn unknown_since(&self) -> Option<Timestamp> {
        match self.state {
            RefundState::Reported | RefundState::Created => Some(self.created_at),
            RefundState::Repairing if self.repair.is_some() => Some(self.repairing_at.unwrap_or(self.created_at)),
            RefundState::Processing
            | RefundState::Succeeded
            | RefundState::Closed
            | RefundState::Abnormal
            | RefundState::Repairing
            | RefundState::Rejected => None,
        }
    }

    /// What is asked of WeChat, and when.
    pub(crate) fn schedule(&self) -> Schedule {
        match self.state {
            RefundState::Abnormal => Schedule::AbnormalRefund,
            RefundState::Reported
            | RefundState::Created
            | RefundState::Processing
            | RefundState::Succeeded
            | RefundState::Closed
            | RefundState::Repairing
            | RefundState::Rejected => Schedule::Refund,
        }
    }

    /// Whether its answer may still be another one.
    pub(crate) fn is_followed(&self, now: Timestamp) -> bool {
        self.state != RefundState::Abnormal || now.duration_since(self.created_at) < ABNORMAL_IS_FOLLOWED_FOR
    }

    /// Whether its amount is reserved on the order.
    fn holds_reserve(&self) -> bool {
        match self.state {
            RefundState::Created | RefundState::Processing | RefundState::Abnormal | RefundState::Repairing => true,
            RefundState::Reported | RefundState::Succeeded | RefundState::Closed | RefundState::Rejected => false,
        }
    }
}
