//! Ports that are wrong.

use std::sync::{Arc, Mutex, PoisonError};

use domain::{Keys, MchId, OutboxEntry, Stream, Timestamp};
use publish::{Outbox, OutboxError, Waiting};
use record::{Backoff, Commit, CommitError, Held, JournalKey, Ledger, LedgerError, Pointer, Quarantine, Rows};

use super::super::wire::Wire;
use crate::memory::Conditions;

/// A ledger that forgets conditions, remembers what it committed, or shows the states that it read first.
#[derive(Clone)]
pub(super) struct Double {
    pub(super) wire: Wire,
    pub(super) conditions: Conditions,
    pub(super) committed: Arc<Mutex<Vec<OutboxEntry>>>,
    pub(super) first: Option<Arc<Mutex<Option<Rows>>>>,
}

impl Double {
    pub(super) fn new(wire: &Wire) -> Self {
        Self { wire: wire.clone(), conditions: Conditions::ALL, committed: Arc::default(), first: None }
    }

    /// What it committed since the last time.
    pub(super) fn committed(&self) -> Vec<OutboxEntry> {
        std::mem::take(&mut self.committed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Ledger for Double {
    async fn load(&self, mch_id: &MchId, keys: &Keys) -> Result<Rows, LedgerError> {
        let mut rows = self.wire.load(mch_id, keys).await?;
        if let Some(first) = &self.first {
            let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
            match &*first {
                Some(first) => show(&mut rows, first),
                None => *first = Some(rows.clone()),
            }
        }
        Ok(rows)
    }

    async fn pointers(&self, guards: &[String]) -> Result<Vec<Option<Pointer>>, LedgerError> {
        self.wire.pointers(guards).await
    }

    async fn load_quarantine(&self, stream: &Stream, key: &JournalKey) -> Result<Quarantine, LedgerError> {
        self.wire.load_quarantine(stream, key).await
    }

    async fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        self.wire.commit_if(commit, self.conditions).await?;
        self.committed.lock().unwrap_or_else(PoisonError::into_inner).extend(commit.outbox.iter().cloned());
        Ok(())
    }

    async fn held(&self, mch_id: &MchId, subject: &str) -> Result<Vec<Held>, LedgerError> {
        self.wire.held(mch_id, subject).await
    }

    async fn release(&self, key: &JournalKey, outcome: &str) -> Result<(), LedgerError> {
        self.wire.release(key, outcome).await
    }
}

/// The states of `first` under the versions of `rows`.
fn show(rows: &mut Rows, first: &Rows) {
    if let (Some(row), Some(first)) = (&mut rows.order, &first.order) {
        row.value = first.value.clone();
    }
    if let (Some(row), Some(first)) = (&mut rows.contract, &first.contract) {
        row.value = first.value.clone();
    }
    if let (Some(row), Some(first)) = (&mut rows.refund, &first.refund) {
        row.value = first.value.clone();
    }
}

impl Backoff for Double {
    async fn wait(&self, _attempt: u32) {}
}

/// An outbox that reads pending entries from the index.
pub(super) struct ByIndex(pub(super) Wire);

impl Outbox for ByIndex {
    async fn pending(&self, stream: &Stream) -> Result<Vec<OutboxEntry>, OutboxError> {
        self.0.pending_by_index(stream).await
    }

    async fn mark(
        &self,
        entry: &OutboxEntry,
        accepted: &[domain::Consumer],
        now: Timestamp,
    ) -> Result<(), OutboxError> {
        self.0.mark(entry, accepted, now).await
    }

    async fn pending_streams(&self, before: Timestamp, limit: usize) -> Result<Vec<Waiting>, OutboxError> {
        self.0.pending_streams(before, limit).await
    }
}
