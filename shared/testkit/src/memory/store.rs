//! The three tables as plain data, with DynamoDB's conditions: a transaction happens whole or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;

use domain::{
    Contract, ContractCode, ExemptContract, ExemptKey, Fact, Keys, MchId, Order, OutRefundNo, OutTradeNo, OutboxEntry,
    Refund, Stream, Timestamp,
};
use record::{
    Commit, CommitError, Done, Expected, Held, JournalEntry, JournalKey, LedgerError, Pointer, Quarantine, Receipt,
    Row, Rows, Write,
};

use super::sealed::{Fold, Table};

/// Ledger, inbox and outbox of a memory. A clone is cheap and does not see what happens to the original.
#[derive(Clone, Debug, Default)]
pub struct Store {
    orders: Table<(MchId, OutTradeNo), Row<Order>>,
    pub(super) contracts: Table<(MchId, ContractCode), Row<Contract>>,
    refunds: Table<(MchId, OutRefundNo), Row<Refund>>,
    exempt: Table<(MchId, ExemptKey), Row<ExemptContract>>,
    heads: Table<Stream, Row<()>>,
    journal: Table<JournalKey, Journaled>,
    /// What came of callers' keys.
    pub(super) done: Table<JournalKey, Done>,
    pub(super) guards: Table<String, Pointer>,
    pub(super) counts: Table<JournalKey, u64>,
    /// When WeChat was last asked about an item because somebody wanted to know.
    pub(super) asked: Table<String, Timestamp>,
    pub(super) outbox: Table<(Stream, u64), Outboxed>,
    /// What the index of pending entries shows, which lags behind the table where `lagging`.
    pub(super) index: Arc<BTreeSet<(Stream, u64)>>,
    pub(super) lagging: bool,
}

/// A journal entry, and what came of it since.
#[derive(Clone, Debug, PartialEq)]
pub struct Journaled {
    /// As it was written.
    pub entry: JournalEntry,
    /// Its outcome now.
    pub outcome: String,
}

/// An outbox entry, and when every queue had accepted it.
#[derive(Clone, Debug, PartialEq)]
pub struct Outboxed {
    /// The event and its progress.
    pub entry: OutboxEntry,
    /// When the last of its queues accepted it.
    pub published_at: Option<Timestamp>,
}

/// Which conditions a transaction checks: all of them, unless a mutant forgets one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conditions {
    /// The version of orders and refunds, and of a contract that changes.
    pub state: bool,
    /// The version of the item that heads the stream.
    pub head: bool,
    /// That the business key is new.
    pub journal: bool,
    /// That the sequence is new.
    pub sequence: bool,
    /// That a caller's key is new, and guards and the contracts behind them are what was read.
    pub guards: bool,
}

impl Conditions {
    /// What the ledger promises.
    pub const ALL: Self = Self { state: true, head: true, journal: true, sequence: true, guards: true };
}

impl Store {
    /// Nothing on record; the index follows the table at once.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From here the index shows what [`Store::catch_up`] tells it to, and nothing else.
    pub fn lag(&mut self) {
        self.lagging = true;
    }

    /// The rows of a fact.
    #[must_use]
    pub fn load(&self, mch_id: &MchId, keys: &Keys) -> Rows {
        fn row<K: Ord, V: Clone>(table: &Table<K, V>, key: Option<K>) -> Option<V> {
            key.and_then(|key| table.get(&key).map(|item| item.value().clone()))
        }
        Rows {
            order: row(&self.orders, keys.order.clone().map(|number| (mch_id.clone(), number))),
            contract: row(&self.contracts, keys.contract.clone().map(|code| (mch_id.clone(), code))),
            refund: row(&self.refunds, keys.refund.clone().map(|number| (mch_id.clone(), number))),
            exempt: row(&self.exempt, keys.exempt.clone().map(|key| (mch_id.clone(), key))),
        }
    }

    /// The head of a quarantine stream, and whether the message is in the journal.
    #[must_use]
    pub fn load_quarantine(&self, stream: &Stream, key: &JournalKey) -> Quarantine {
        let none = || Row { value: (), version: 0, routed: BTreeMap::new() };
        Quarantine {
            head: self.heads.get(stream).map_or_else(none, |head| head.value().clone()),
            held: self.journal.get(key).map(|item| item.value().outcome.clone()),
        }
    }

    /// Writes everything or nothing.
    ///
    /// # Errors
    ///
    /// [`CommitError::Conflict`] where a condition fails; [`CommitError::Unavailable`] for a transaction that DynamoDB
    /// refuses as such: nothing to write, or an item named twice.
    pub fn commit(&mut self, commit: &Commit) -> Result<(), CommitError> {
        self.commit_if(commit, Conditions::ALL)
    }

    /// As [`Store::commit`], forgetting some of the conditions: for mutants.
    ///
    /// # Errors
    ///
    /// As [`Store::commit`].
    pub fn commit_if(&mut self, commit: &Commit, conditions: Conditions) -> Result<(), CommitError> {
        let numbers: BTreeSet<_> = commit.outbox.iter().map(|entry| (&entry.stream, entry.sequence)).collect();
        if commit.items() == 0 || numbers.len() != commit.outbox.len() {
            return Err(CommitError::Unavailable("ValidationException".to_owned()));
        }
        if !self.allows(commit, conditions) {
            return Err(CommitError::Conflict);
        }
        self.write(commit);
        Ok(())
    }

    fn allows(&self, commit: &Commit, conditions: Conditions) -> bool {
        let Conditions { state, head, journal, sequence, guards } = conditions;
        let mch_id = &commit.mch_id;
        let journal_free = |entry: &JournalEntry| !(entry.unique && self.journal.contains_key(&entry.key));
        let order_as_read =
            |write: &Write<Order>| as_read(&self.orders, &(mch_id.clone(), write.value.out_trade_no.clone()), write);
        let contract_as_read = |write: &Write<Contract>| {
            as_read(&self.contracts, &(mch_id.clone(), write.value.contract_code.clone()), write)
        };
        let refund_as_read =
            |write: &Write<Refund>| as_read(&self.refunds, &(mch_id.clone(), write.value.out_refund_no.clone()), write);
        let exempt_as_read =
            |write: &Write<ExemptContract>| as_read(&self.exempt, &(mch_id.clone(), write.value.key()), write);
        let head_as_read = |(stream, write): &(Stream, Write<()>)| as_read(&self.heads, stream, write);
        let number_free = |entry: &OutboxEntry| !self.outbox.contains_key(&(entry.stream.clone(), entry.sequence));
        // An order without contract is the head of its own stream.
        let order_is_head = commit.contract.is_none();
        let order_matters = if order_is_head { state && head } else { state };
        (!journal || commit.journal.as_ref().is_none_or(journal_free))
            && (!order_matters || commit.order.as_ref().is_none_or(order_as_read))
            && (!(state && head) || commit.contract.as_ref().is_none_or(contract_as_read))
            && (!state || commit.refund.as_ref().is_none_or(refund_as_read))
            && (!state || commit.exempt.as_ref().is_none_or(exempt_as_read))
            && (!head || commit.quarantine.as_ref().is_none_or(head_as_read))
            && (!sequence || commit.outbox.iter().all(number_free))
            && (!guards || self.allows_opening(commit))
    }

    fn write(&mut self, commit: &Commit) {
        let mch_id = &commit.mch_id;
        if let Some(entry) = &commit.journal {
            let journaled = Journaled { entry: entry.clone(), outcome: entry.outcome.to_owned() };
            self.journal.insert(entry.key.clone(), journaled);
        }
        if let Some(write) = &commit.order {
            self.orders.insert((mch_id.clone(), write.value.out_trade_no.clone()), row(write));
        }
        if let Some(write) = &commit.contract {
            self.contracts.insert((mch_id.clone(), write.value.contract_code.clone()), row(write));
        }
        if let Some(write) = &commit.refund {
            self.refunds.insert((mch_id.clone(), write.value.out_refund_no.clone()), row(write));
        }
        if let Some(write) = &commit.exempt {
            self.exempt.insert((mch_id.clone(), write.value.key()), row(write));
        }
        if let Some((stream, write)) = &commit.quarantine {
            self.heads.insert(stream.clone(), row(write));
        }
        self.write_opening(commit);
        for entry in &commit.outbox {
            let key = (entry.stream.clone(), entry.sequence);
            self.outbox.insert(key.clone(), Outboxed { entry: entry.clone(), published_at: None });
            self.follow(&key);
        }
    }

    /// The messages that are held under a subject for want of their order or contract.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Unreadable`] where a held message carries no fact.
    pub fn held(&self, mch_id: &MchId, subject: &str) -> Result<Vec<Held>, LedgerError> {
        let first = JournalKey { subject: format!("{mch_id}#{subject}"), entry: "held#".to_owned() };
        let under = |key: &JournalKey| key.subject == first.subject && key.entry.starts_with("held#");
        self.journal
            .range(first.clone()..)
            .take_while(|(key, _)| under(key))
            .filter(|(_, item)| item.value().outcome == "unknown")
            .map(|(key, item)| held(key, item.value()))
            .collect()
    }

    /// Notes that a held message was decided after all.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Unavailable`] where there is no such message.
    pub fn release(&mut self, key: &JournalKey, outcome: &str) -> Result<(), LedgerError> {
        let missing = || LedgerError::Unavailable("ConditionalCheckFailedException".to_owned());
        let item = self.journal.get(key).ok_or_else(missing)?;
        let released = Journaled { outcome: format!("then_{outcome}"), ..item.value().clone() };
        self.journal.insert(key.clone(), released);
        Ok(())
    }

    /// Every order on record.
    pub fn orders(&self) -> impl Iterator<Item = &Row<Order>> {
        self.orders.values().map(|item| item.value())
    }

    /// Every contract on record.
    pub fn contracts(&self) -> impl Iterator<Item = &Row<Contract>> {
        self.contracts.values().map(|item| item.value())
    }

    /// Every refund on record.
    pub fn refunds(&self) -> impl Iterator<Item = &Row<Refund>> {
        self.refunds.values().map(|item| item.value())
    }

    /// Every password-exempt contract on record.
    pub fn exempt(&self) -> impl Iterator<Item = &Row<ExemptContract>> {
        self.exempt.values().map(|item| item.value())
    }

    /// The journal.
    pub fn journal(&self) -> impl Iterator<Item = &Journaled> {
        self.journal.values().map(|item| item.value())
    }

    /// One journal entry.
    #[must_use]
    pub fn journaled(&self, key: &JournalKey) -> Option<&Journaled> {
        self.journal.get(key).map(|item| item.value())
    }

    /// Every event, by stream and sequence.
    pub fn outbox(&self) -> impl Iterator<Item = &Outboxed> {
        self.outbox.values().map(|item| item.value())
    }

    /// A digest of the rows that [`Store::load`] would answer.
    #[must_use]
    pub fn digest_of_rows(&self, mch_id: &MchId, keys: &Keys) -> u128 {
        fn row<K: Ord, V: Debug>(table: &Table<K, V>, key: Option<K>) -> Option<u128> {
            key.and_then(|key| table.get(&key).map(|item| item.digest()))
        }
        let mut fold = Fold::default();
        fold.add(&row(&self.orders, keys.order.clone().map(|number| (mch_id.clone(), number))));
        fold.add(&row(&self.contracts, keys.contract.clone().map(|code| (mch_id.clone(), code))));
        fold.add(&row(&self.refunds, keys.refund.clone().map(|number| (mch_id.clone(), number))));
        fold.add(&row(&self.exempt, keys.exempt.clone().map(|key| (mch_id.clone(), key))));
        fold.finish()
    }

    /// A digest of everything: two stores with one digest behave alike.
    #[must_use]
    pub fn digest(&self) -> u128 {
        let mut fold = Fold::default();
        fold.add(&(self.orders.digest(), self.contracts.digest(), self.refunds.digest(), self.heads.digest()));
        fold.add(&(self.journal.digest(), self.outbox.digest(), self.done.digest(), self.guards.digest()));
        fold.add(&self.exempt.digest());
        if self.lagging {
            fold.add(&self.index);
        }
        fold.finish()
    }
}

fn as_read<K: Ord, V, W>(table: &Table<K, Row<V>>, key: &K, write: &Write<W>) -> bool {
    let found = table.get(key).map(|item| item.value().version);
    match write.expected {
        Expected::Absent => found.is_none(),
        Expected::Version(version) => found == Some(version),
    }
}

fn row<T: Clone>(write: &Write<T>) -> Row<T> {
    Row { value: write.value.clone(), version: write.version, routed: write.routed.clone() }
}

fn held(key: &JournalKey, journaled: &Journaled) -> Result<Held, LedgerError> {
    let fact: Option<Fact> = journaled.entry.fact.clone();
    let unreadable = || LedgerError::Unreadable { key: key.entry.clone(), reason: "no fact".to_owned() };
    let entry = &journaled.entry;
    let receipt = Receipt {
        body: entry.body.clone(),
        body_hash: entry.body_hash,
        received_at: entry.received_at,
        traceparent: entry.traceparent.clone(),
    };
    Ok(Held { key: key.clone(), fact: fact.ok_or_else(unreadable)?, receipt })
}
