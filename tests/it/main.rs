//! The integration tests: several crates at once, the real SDK against the embedded services, real function processes.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod architecture;
mod callbacks;
mod harness;
mod ledger;
mod outbox;
mod vectors;
