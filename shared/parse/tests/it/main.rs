//! Notices and answers as WeChat sends them, verified and read.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod answers;
mod bills;
mod endpoints;
mod malformed;
mod never_panics;
mod notices;
mod support;
