//! **Ask WeChat.** A typed request goes in; exact bytes that can be stored, and then an answer that can be believed, or an error
//! that says what to do, come out.
//!
//! ```text
//!   ContractOrder ── prepare ──> Prepared ── to_text ──> the ledger, before WeChat hears of it
//!   PapPayApply                     |
//!   QueryContract …                 '──── Client::send ──> answer, verified over all its fields ──> `parse` ──> Fact
//!                                              |
//!                                              '─────────> CallError { kind, code, meaning, next }
//! ```
//!
//! A request is checked when it is prepared: what WeChat would refuse, or what would sign as something else, is [`Invalid`] and
//! names field and rule. It is sent with the same bytes as often as it must be; a new number is a new purchase.
//!
//! The calls of APIv3 stand in [`v3`]; those at the root are APIv2's, and the pre-deduction notice.
//!
//! What the user's client opens WeChat with is an [`Offer`], stored, and a [`Launch`], signed anew for each click.

mod answer;
mod call;
mod check;
mod client;
mod errors;
mod fields;
mod hosts;
mod https;
mod invalid;
mod keys;
mod launch;
mod moment;
mod offer;
mod prepared;
mod queried;
mod signing;
mod transport;
pub mod v3;

#[cfg(test)]
mod vectors;

pub use call::{
    CloseAnswer, CloseOrder, ContractOrder, ContractOrderAnswer, ContractRef, DeductionAccepted, DeleteContract,
    EntrustWeb, H5EntrustWeb, MiniProgramSigning, NoticeSent, OrderQuery, OrderRef, PapOrderQuery, PapPayApply,
    Payment, PreDeductionNotice, PreEntrustWeb, Presign, QueryContract, Refund, RefundAccepted, RefundQuery, RefundRef,
    TerminationAnswer,
};
pub use client::Client;
pub use errors::{CallError, ErrorKind, Meaning, Next};
pub use hosts::Hosts;
pub use https::Http;
pub use invalid::Invalid;
pub use keys::{ClientCertificate, Keys};
pub use launch::{Launch, MiniProgram, PreEntrustInfo, SigningMiniProgram};
pub use moment::Moment;
pub use offer::Offer;
pub use prepared::{Call, Prepared};
pub use queried::{ContractAnswer, OrderAnswer, RefundsAnswer};
pub use signing::Signing;
pub use transport::{Failure, Incoming, Outgoing, Transport};
