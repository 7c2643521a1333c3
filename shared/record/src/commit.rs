//! What one transaction writes.

use std::collections::BTreeMap;
use std::fmt;

use domain::{
    Consumer, Contract, ContractCode, ExemptContract, Fact, MchId, Order, OutboxEntry, Refund, Stream, Timestamp,
};

/// What a state item must be for the write to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// There is no such item.
    Absent,
    /// It is what was read.
    Version(u64),
}

/// The next state of one item.
#[derive(Clone, Debug, PartialEq)]
pub struct Write<T> {
    /// The state.
    pub value: T,
    /// The condition.
    pub expected: Expected,
    /// The next version.
    pub version: u64,
    /// Per consumer the last sequence that was routed to it.
    pub routed: BTreeMap<Consumer, u64>,
}

/// Where an entry stands in the journal (the `inbox` table).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JournalKey {
    /// `<mch_id>#<subject>`: all that was ever said of one order or contract is one partition.
    pub subject: String,
    /// The business key of an applied fact, or `held#<body hash>`.
    pub entry: String,
}

/// A journal entry: every fact that was verified, and what came of it.
#[derive(Clone, PartialEq)]
pub struct JournalEntry {
    /// Where it stands.
    pub key: JournalKey,
    /// It must not be there yet.
    pub unique: bool,
    /// What it said; `None` for what was not understood.
    pub fact: Option<Fact>,
    /// What was verified, as it came. The table's encryption seals it.
    pub body: Vec<u8>,
    /// SHA-256 of what was verified (for V3 of the decrypted resource, which a resend repeats).
    pub body_hash: [u8; 32],
    /// What came of it: `applied`, `asked`, `stale`, `contradiction`, …
    pub outcome: &'static str,
    /// Which field contradicts, what is unknown.
    pub reason: Option<String>,
    /// The stream and the last sequence that it gave rise to.
    pub sequence: Option<(Stream, u64)>,
    /// When it arrived.
    pub received_at: Timestamp,
    /// W3C trace context.
    pub traceparent: Option<String>,
}

impl fmt::Debug for JournalEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bytes, outcome) = (self.body.len(), self.outcome);
        f.debug_struct("JournalEntry")
            .field("key", &self.key)
            .field("outcome", &outcome)
            .field("bytes", &bytes)
            .finish_non_exhaustive()
    }
}

/// What came of a caller's key, which must be new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// Where it stands in the inbox table.
    pub key: JournalKey,
    /// SHA-256 of the call's body.
    pub body_hash: [u8; 32],
    /// The number of what it made.
    pub resource: String,
    /// When it was made.
    pub at: Timestamp,
}

/// A guard that points at a contract from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardWrite {
    /// Its key in the ledger table.
    pub key: String,
    /// The contract.
    pub contract_code: ContractCode,
    /// What it must be; `None` where it does not matter, since WeChat has decided. Its version rises all the same.
    pub expected: Option<Expected>,
}

/// A contract that must be what was read, and is not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unchanged {
    /// The contract.
    pub contract_code: ContractCode,
    /// Its version.
    pub version: u64,
}

/// One transaction: all of it happens, or nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    /// The merchant.
    pub mch_id: MchId,
    /// The journal entry.
    pub journal: Option<JournalEntry>,
    /// The order.
    pub order: Option<Write<Order>>,
    /// The contract.
    pub contract: Option<Write<Contract>>,
    /// The refund.
    pub refund: Option<Write<Refund>>,
    /// A password-exempt contract.
    pub exempt: Option<Write<ExemptContract>>,
    /// The head of a quarantine stream.
    pub quarantine: Option<(Stream, Write<()>)>,
    /// The events, in order.
    pub outbox: Vec<OutboxEntry>,
    /// The caller's key.
    pub idempotency: Option<IdempotencyRecord>,
    /// Who may sign no other contract.
    pub guards: Vec<GuardWrite>,
    /// What the decision rests on beside what is written.
    pub unchanged: Vec<Unchanged>,
}

impl Commit {
    /// A transaction that writes nothing yet.
    #[must_use]
    pub fn empty(mch_id: MchId) -> Self {
        Self {
            mch_id,
            journal: None,
            order: None,
            contract: None,
            refund: None,
            exempt: None,
            quarantine: None,
            outbox: Vec::new(),
            idempotency: None,
            guards: Vec::new(),
            unchanged: Vec::new(),
        }
    }

    /// How many items it writes, or holds on to.
    #[must_use]
    pub fn items(&self) -> usize {
        let states = [self.journal.is_some(), self.order.is_some(), self.contract.is_some(), self.refund.is_some()];
        let single =
            states.into_iter().chain([self.exempt.is_some(), self.quarantine.is_some(), self.idempotency.is_some()]);
        let single = single.filter(|present| *present).count();
        [self.outbox.len(), self.guards.len(), self.unchanged.len()].into_iter().fold(single, usize::saturating_add)
    }
}
