//! What is sent, what is believed, and what follows from what is not.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod answers;
mod believed;
mod checks;
mod errors;
mod frozen;
mod garbage;
mod judged;
mod launches;
mod notice;
mod sending;
mod support;
mod tls;
mod v3;
