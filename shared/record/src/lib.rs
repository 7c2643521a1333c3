//! Make it a fact: one conditional transaction in DynamoDB for each fact.
//!
//! ```text
//!   fact ──> load (consistent) ──> decide (pure) ──> commit (one TransactWriteItems) ──> Recorded
//!                 ^                                        │
//!                 └────────── lost race, ≤ 3 tries ────────┘
//! ```
//!
//! Correctness comes from the condition on each state item's version, so a fact that was learnt by query and the same
//! fact arriving late by callback apply once. The journal's business key is the second line.
#![deny(missing_docs)]
#![warn(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm
)]

mod commit;
mod due;
mod dynamo;
mod keys;
mod ledger;
mod recorded;
mod recorder;
mod routing;
mod writeahead;

pub use commit::{Commit, Expected, GuardWrite, IdempotencyRecord, JournalEntry, JournalKey, Unchanged, Write};
pub use due::{Due, DueItem};
pub use dynamo::{DynamoLedger, Tables, due_shards, pending_shards};
pub use keys::guard_key;
pub use ledger::{Backoff, CommitError, Held, Jitter, Ledger, LedgerError, Quarantine, Row, Rows};
pub use recorded::{Receipt, RecordError, Recorded};
pub use recorder::{DecideFn, Known, Once, Opened, Opening, Recorder};
pub use routing::{Route, Routing};
pub use writeahead::{Done, Idempotency, Pointer, Standing, Writeahead};
