//! The HTTP edge of the four callbacks, in and out.
//!
//! ```text
//!   function-URL request ──> Callback::read ──> [ verify ──> parse ──> decide ──> record ] ──> answer
//!                              limits, method,        the handler of each function             XML (V2) or
//!                              path -> merchant                                                status and JSON (V3)
//! ```
//!
//! A handler gets an [`App`] and a [`Callback`] and says [`Recorded`](record::Recorded) or [`Refused`]; [`run`] does the
//! rest: one log line without the body, one counted metric, the answer that the protocol wants.
#![deny(missing_docs)]

mod answer;
mod app;
mod certificates;
mod refused;
mod request;
mod serve;

pub use app::App;
pub use refused::Refused;
pub use request::{Callback, Endpoint, V2_LIMIT, V3_LIMIT};
pub use serve::{Handled, Handler, run};
