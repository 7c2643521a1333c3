//! The port: what recording needs of a ledger.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use domain::{Consumer, Contract, ExemptContract, Fact, Keys, Loaded, MchId, Order, Refund, Stream};

use crate::{Commit, JournalKey, Pointer, Receipt};

/// An item of the ledger with what only recording knows of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Row<T> {
    /// The state.
    pub value: T,
    /// Rises with every write; where the item is the head of a stream, also the last sequence of that stream.
    pub version: u64,
    /// Per consumer the last sequence of the stream that was routed to it.
    pub routed: BTreeMap<Consumer, u64>,
}

/// The rows that a fact is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// The order.
    pub order: Option<Row<Order>>,
    /// The contract.
    pub contract: Option<Row<Contract>>,
    /// The refund.
    pub refund: Option<Row<Refund>>,
    /// The password-exempt contract.
    pub exempt: Option<Row<ExemptContract>>,
}

impl Rows {
    /// Their states, as `decide` wants them.
    #[must_use]
    pub fn loaded(&self) -> Loaded {
        Loaded {
            order: self.order.as_ref().map(|row| row.value.clone()),
            contract: self.contract.as_ref().map(|row| row.value.clone()),
            refund: self.refund.as_ref().map(|row| row.value.clone()),
            exempt: self.exempt.as_ref().map(|row| row.value.clone()),
        }
    }
}

/// The head of a quarantine stream, and what is held of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Quarantine {
    /// The head; version 0 where nothing was quarantined yet.
    pub head: Row<()>,
    /// What came of the message before; `None` where it is not in the journal.
    pub held: Option<String>,
}

/// A message that was set aside because its order or contract was not known.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// Where it stands in the journal.
    pub key: JournalKey,
    /// What it said.
    pub fact: Fact,
    /// How it came.
    pub receipt: Receipt,
}

/// Why a read gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// Throttled, timed out, or the table is gone.
    #[error("the ledger is not available: {0}")]
    Unavailable(String),
    /// An item that we cannot read.
    #[error("item {key} cannot be read: {reason}")]
    Unreadable {
        /// Its key.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Why a commit did not happen, or may not have happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// A condition was lost: a state is not what was read, or what must be new is there already.
    #[error("another writer was faster")]
    Conflict,
    /// Another transaction was at the same items just then: nothing is known of conditions, and nothing was written.
    #[error("another writer is at it")]
    Contended,
    /// Throttled, timed out, or the table is gone. It may or may not have happened.
    #[error("the ledger is not available: {0}")]
    Unavailable(String),
}

/// A ledger: DynamoDB, or a memory with the same conditions.
pub trait Ledger: Send + Sync {
    /// Reads the rows of a fact, consistently, in one request.
    fn load(&self, mch_id: &MchId, keys: &Keys) -> impl Future<Output = Result<Rows, LedgerError>> + Send;

    /// What guards ([`crate::guard_key`]) point at, in their order, consistently, in one request.
    fn pointers(&self, guards: &[String]) -> impl Future<Output = Result<Vec<Option<Pointer>>, LedgerError>> + Send;

    /// Reads the head of a quarantine stream and what is in the journal under `key`, in one request.
    fn load_quarantine(
        &self,
        stream: &Stream,
        key: &JournalKey,
    ) -> impl Future<Output = Result<Quarantine, LedgerError>> + Send;

    /// Writes everything or nothing.
    fn commit(&self, commit: &Commit) -> impl Future<Output = Result<(), CommitError>> + Send;

    /// The messages that are held for want of their order or contract, by subject (`O#…`, `C#…`).
    fn held(&self, mch_id: &MchId, subject: &str) -> impl Future<Output = Result<Vec<Held>, LedgerError>> + Send;

    /// Notes that a held message was decided after all; the message must be there.
    fn release(&self, key: &JournalKey, outcome: &str) -> impl Future<Output = Result<(), LedgerError>> + Send;
}

/// How to wait before deciding again.
pub trait Backoff: Send + Sync {
    /// Waits after the `attempt`-th lost race, counted from 1.
    fn wait(&self, attempt: u32) -> impl Future<Output = ()> + Send;
}

/// Waits a random time, up to 20 ms for each lost race: two callbacks of one order part, and 3 s are not used up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Jitter;

impl Backoff for Jitter {
    async fn wait(&self, attempt: u32) {
        let ceiling = u64::from(attempt).saturating_mul(20);
        tokio::time::sleep(Duration::from_millis(fastrand::u64(1..=ceiling.max(1)))).await;
    }
}
