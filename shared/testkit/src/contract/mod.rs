//! What each port promises, as tests that any implementation runs: memory here, DynamoDB and SQS in the integration
//! tests. That both pass is what ties the crash model to what is deployed.
//!
//! Each function takes a seed, from which all numbers follow, so that several runs can share a table. They panic where a
//! promise is broken.

mod ledger;
mod outbox;
mod parts;
mod queues;
mod sample;
mod writeahead;

pub use ledger::ledger;
pub use outbox::outbox;
pub use queues::{Reader, queues};
pub use writeahead::writeahead;
