//! Tell the others: what waits in the outbox goes to every consumer's queue, in order, at least once.
#![deny(missing_docs)]

mod ports;

pub use ports::{Message, Outbox, OutboxError, QueueError, Queues, Waiting};
