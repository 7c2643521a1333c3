//! Refunds (退款).

mod called;
mod step;
mod told;

pub(crate) use called::{put_off, repair_asked};
pub(crate) use told::decide;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Check, Fen, GIVEN_UP_AFTER, MchId, OutRefundNo, OutTradeNo, Protocol, RefundId, RequestText, Schedule};

/// How long an abnormal refund is asked for. When WeChat settles none any more is not documented; refunds themselves are made for as
/// long (V3 page, 9.4). Whoever reads its status after that has it asked for once more.
const ABNORMAL_IS_FOLLOWED_FOR: SignedDuration = SignedDuration::from_hours(365 * 24);

/// How long a repair may take, while WeChat goes on calling the refund abnormal: no way back to PROCESSING is documented, and a bank card
/// takes three working days (V3 page, 9.4), which a holiday can put off by more than a week. Whoever repairs it once more before that,
/// or by hand, may pay the user twice.
const A_REPAIR_MAY_TAKE: SignedDuration = SignedDuration::from_hours(14 * 24);

/// How long a refund that WeChat accepted may be processed: after 7 days without enough money it is closed (V3 page, 9.4).
const PROCESSING_MAY_TAKE: SignedDuration = SignedDuration::from_hours(8 * 24);

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
    /// WeChat's code of a refusal, or why WeChat did not take it so far.
    pub failure: Option<String>,
    /// It, or its repair, ended because WeChat did not take it, however long it was asked.
    #[serde(default)]
    pub given_up: bool,
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

    /// The failure of a refund whose number WeChat has for another one.
    pub(crate) const NUMBER_USED: &str = "NUMBER_USED";

    /// Whether it ended because WeChat did not know it, or took its repair, however long it was asked; or is asked for no more although
    /// its money still waits.
    #[must_use]
    pub fn is_given_up(&self) -> bool {
        match self.state {
            RefundState::Rejected => self.given_up,
            RefundState::Abnormal => self.given_up || self.check.is_none(),
            RefundState::Reported
            | RefundState::Created
            | RefundState::Processing
            | RefundState::Succeeded
            | RefundState::Closed
            | RefundState::Repairing => false,
        }
    }

    /// Whether WeChat should have known it, decided it, or taken its repair, for long: nothing can end it but an answer that is
    /// signed, or a person.
    #[must_use]
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        let over = |since, patience| now.duration_since(since) >= patience;
        match (self.state, self.unknown_since()) {
            (_, Some(since)) => over(since, GIVEN_UP_AFTER),
            (RefundState::Processing, None) => over(self.created_at, PROCESSING_MAY_TAKE),
            // An answer ends it in time; only none at all, or an unsigned one, does not.
            (RefundState::Repairing, None) => self.repair_is_over(now),
            (
                RefundState::Reported
                | RefundState::Created
                | RefundState::Succeeded
                | RefundState::Closed
                | RefundState::Abnormal
                | RefundState::Rejected,
                None,
            ) => false,
        }
    }

    /// Whether its repair is to be sent to WeChat, which has not taken it so far. The same request repairs it once, however often it
    /// is sent.
    #[must_use]
    pub fn awaits_repair(&self, now: Timestamp) -> bool {
        self.state == RefundState::Repairing && self.repair.is_some() && !self.repair_is_over(now)
    }

    /// Whether a repair that was asked for has had its time.
    pub(crate) fn repair_is_over(&self, now: Timestamp) -> bool {
        self.repairing_at.is_none_or(|since| now.duration_since(since) >= A_REPAIR_MAY_TAKE)
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

    /// Whether nothing but notices that prove nothing told of it: whoever can make one must not take a number by it.
    pub(crate) fn is_hearsay(&self) -> bool {
        let believed = !matches!(self.state, RefundState::Reported | RefundState::Rejected);
        self.origin == RefundOrigin::Platform && !believed
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
