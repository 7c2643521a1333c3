//! What became of it? Asks WeChat, and records the answer by the same `decide` that the callbacks use.
//!
//! ```text
//!   due check ──> query ──> verified answer ──> fact ──> Recorder::apply
//!                   │
//!                   └── and what follows from the answer: a lost call is sent again with the stored bytes, an order that ran out
//!                       is closed, a contract that shall end is terminated again, the refunds of a paid order are asked for
//! ```
//!
//! The worker does all of it when a check is due; the APIs only query, when the app or the merchant wants to know now.
#![deny(missing_docs)]

mod asker;
mod contract;
mod due;
mod error;
mod exempt;
mod expiry;
#[cfg(feature = "fake")]
pub mod fake;
mod fresh;
mod launch;
mod merchants;
mod order;
mod recent;
mod refund;
mod repair;
mod send;
mod untold;
mod v3;

pub use asker::{Asker, tell_of_contradiction};
pub use contract::Terminated;
pub use error::AskError;
pub use launch::{launch, offer, v3_offer};
pub use merchants::{Merchants, NoKeys, wechat_keys};
pub use send::Sent;
