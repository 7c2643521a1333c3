//! Tests of `verify` from outside, on the vectors in `tests/vectors`. One binary; a module per subject.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "clippy only knows tests by their attribute, not their helpers"
)]

mod certificates;
mod constructed;
mod keys;
mod properties;
mod sign_v2;
mod sign_v3;
mod support;
mod v2_refusals;
mod v2_samples;
mod v3_refusals;
mod v3_vectors;
mod vector_files;
