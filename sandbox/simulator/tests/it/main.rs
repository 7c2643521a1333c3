//! The simulator over real HTTP: what it is called with is signed by `counterparty` in the merchant's place, and what it
//! sends is received by a small server.

#![allow(clippy::unwrap_used, reason = "a test may unwrap, and so may its helpers")]

mod bench;
mod calls;
mod deductions;
mod faults;
mod notices;
mod pages;
mod refunds;
mod restart;
mod samples;
mod signing;
mod sink;
mod v3;
