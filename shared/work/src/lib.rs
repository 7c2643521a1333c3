//! What is to be asked of WeChat? The jobs of the worker, and the queue that brings them.
//!
//! ```text
//!   index of due checks ──> sweeper ──> work queue ──> worker ──> asks WeChat
//!                                           ^             │
//!                                           └── a question that is due within the minute, delayed
//! ```
//!
//! A job says what to ask about and nothing else: what is to be asked, and whether it is still due, is on record. So a job may
//! come twice, late or never; the ledger's index brings a lost one back.
#![deny(missing_docs)]

mod job;
mod queue;

pub use job::Job;
pub use queue::{BATCH, NotSent, SqsWork, WorkQueue};
