//! **What does it say?** A [`verify::Verified`] message goes in; a [`domain::Fact`], in our own words, comes out.
//!
//! ```text
//!                    deduction   V2 payment and deduction notices
//!   Verified  ───>   contract    V2 ADD and DELETE, V3 ENTRUST.*          ───>  Fact   (what follows? `domain`)
//!                    payment     V3 TRANSACTION.*                           or
//!                    refund      V3 REFUND.*, V2 refund notices               ParseError
//!
//!   answers to our own questions  ───>  answer::…  ───>  Fact
//! ```
//!
//! One function for each callback endpoint, and each accepts its own kinds alone: a refund notice that is sent to the payment
//! endpoint is never read as a payment. Notices and answers share the readers of their fields ([`answer`]).
//!
//! The crate is pure: it knows no AWS, no async and no clock, and no message can make it panic. Errors name fields and rules, never
//! values.
#![deny(missing_docs)]
#![warn(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm
)]

pub mod answer;
pub mod bill;
mod endpoint;
mod error;
mod field;
mod time;
mod trade_state;
mod v2;
mod v3;

pub use endpoint::{contract, deduction, payment, refund};
pub use error::ParseError;
