//! Tests only: ports in memory, one set of tests for every implementation of a port, generators, and the crash model.
//!
//! ```text
//!   altered   a ledger that is another one but for what a test changes
//!   memory    the ports over plain data with DynamoDB's and SQS's rules
//!   contract  what a port promises: run against memory here, against the emulators in the integration tests
//!   generate  valid orders, contracts, refunds and facts from a seed
//!   model     every interleaving and crash of the real code over these ports, and an oracle
//! ```
#![deny(missing_docs)]
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "nothing here ships: a broken expectation must stop the test that meets it"
)]

pub mod altered;
pub mod contract;
pub mod generate;
pub mod memory;
pub mod model;
