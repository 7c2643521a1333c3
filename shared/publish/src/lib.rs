//! Tell the others: what waits in the outbox goes to every consumer's queue, in order, at least once.
//!
//! ```text
//!   outbox (pending, strongly read) ──> drain ──> queue of consumer A ──┐
//!                                        │  └───> queue of consumer B ──┤   each at its own pace
//!                                        └──<── mark, per consumer ──<──┘   only after its queue accepted
//! ```
//!
//! [`drain`] is all that the relay and the sweeper do. It is at least once: a message is sent before it is marked, so a
//! crash between the two sends it again, with the same id. It keeps the order of each stream: a batch holds at most one
//! event of a stream, and the next goes only after that consumer's queue accepted the one before.
//!
//! `record` writes the outbox and this crate reads and marks it, so both know DynamoDB; what they share is the layout of
//! [`domain::OutboxEntry`]. Publishing adds nothing to an entry but its [`envelope`].
#![deny(missing_docs)]

mod drain;
mod dynamo;
pub mod envelope;
mod lane;
mod ports;
mod progress;
mod replay;
mod report;
mod sqs;

pub use drain::drain;
pub use dynamo::DynamoOutbox;
pub use ports::{Message, Outbox, OutboxError, QueueError, Queues, Waiting};
pub use progress::{Delivery, Drained};
pub use replay::{Replayed, replay};
pub use sqs::SqsQueues;
