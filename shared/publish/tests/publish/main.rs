//! What publishing promises, on ports in memory; and the documents that tell consumers what to expect.
#![allow(clippy::unwrap_used, reason = "a broken expectation must stop the test that meets it")]

mod documents;
mod drain;
mod interrupted;
mod replay;
mod support;
