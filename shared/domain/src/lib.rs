//! What follows? The states of orders, contracts and refunds, the facts that move them, and the events that tell of it.
//!
//! ```text
//!   Loaded (what we have on record) ──┐
//!   Fact   (what we were told)      ──┼──> decide ──> Decision: Apply { changes, events } | Ask | Duplicate | Stale | …
//!   now                             ──┘
//! ```
//!
//! Everything here is pure: nothing awaits, nothing reads a clock, nothing knows that a database exists. `decide` is
//! total: every state meets every fact in a `match` without a catch-all.
#![deny(missing_docs)]
#![warn(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm
)]

mod bill;
mod call;
mod check;
mod contract;
mod decision;
mod event;
mod exempt;
mod fact;
mod guard;
mod ids;
mod launch;
mod money;
mod notice;
mod opened;
mod order;
mod outbox;
mod outcome;
mod postponed;
mod refund;
mod refusal;
mod snapshot;

pub use bill::{BillDifference, BillEvent, bill_day};
pub use call::{Called, Opened};
pub use check::{Check, Schedule};
pub use contract::{Contract, ContractState, FirstPayment, NotSignedReason, PaymentStatus, TerminationReason};
pub use decision::{Changes, Contradiction, Decision, Keys, Loaded, Unknown, decide, decide_in_passing};
pub use event::{ContractEvent, Event, PaymentEvent, QuarantineEvent, RefundEvent, SubscriptionEvent, schemas};
pub use exempt::{ExemptContract, ExemptKey, ExemptMode, ExemptState};
pub use fact::{
    Cause, ContractChange, ContractFact, Evidence, ExemptChange, ExemptFact, Fact, FactBody, PaymentFact,
    PaymentResult, RefundFact, RefundResult,
};
pub use guard::{Guard, Moved};
pub use ids::{
    AppId, ContractCode, ContractId, InvalidValue, MchId, OpenId, OutRefundNo, OutTradeNo, PlanId, ProductId, RefundId,
    TransactionId, UserId,
};
pub use jiff::civil::Date;
pub use jiff::{SignedDuration, Timestamp};
pub use launch::{Channel, Launch, RequestText};
pub use money::Fen;
pub use notice::DeductionNotice;
pub use order::{Order, OrderKind, OrderState, Protocol, SignatureAlgorithm, TradeType};
pub use outbox::{Consumer, OutboxEntry, Stream};
pub use outcome::{Outcome, outcome};
pub use postponed::{GIVEN_UP_AFTER, Unanswered, later, moved_on};
pub use refund::{Refund, RefundOrigin, RefundState};
pub use refusal::Refusal;
pub use snapshot::{ContractSnapshot, OrderSnapshot, RefundSnapshot};

/// The version of the layout of state items and events, written on each.
///
/// A release must read what the one before it wrote, and the reverse: fields are added, never renamed.
pub const SCHEMA: u32 = 1;
