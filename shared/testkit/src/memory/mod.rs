//! Every port in memory, on shared state, deterministic: nothing here reads a clock or a random source.
//!
//! [`Store`] and [`Fifo`] are the rules as plain data; [`MemoryLedger`], [`MemoryOutbox`] and [`MemoryQueues`] are the
//! ports over them.

mod opening;
mod outbox;
mod ports;
mod queues;
mod sealed;
mod store;

pub use ports::{Memory, MemoryLedger, MemoryOutbox, MemoryQueues, NoWait};
pub use queues::{DEDUPLICATION_MS, Fifo};
pub use sealed::{Fold, Sealed, Table, digest};
pub use store::{Conditions, Journaled, Outboxed, Store};
