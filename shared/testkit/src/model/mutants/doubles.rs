//! Ports that are wrong.

use std::sync::{Arc, Mutex, PoisonError};

use domain::{Keys, MchId, OutboxEntry, Stream, Timestamp};
use publish::{Outbox, OutboxError, Waiting};
use record::{Backoff, Commit, CommitError, Ledger, LedgerError, Rows};

use super::super::wire::Wire;
use crate::altered::{Alteration, Altered};
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

impl Alteration for Double {
    type Ledger = Wire;

    fn ledger(&self) -> &Wire {
        &self.wire
    }

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

    async fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        self.wire.commit_if(commit, self.conditions).await?;
        self.committed.lock().unwrap_or_else(PoisonError::into_inner).extend(commit.outbox.iter().cloned());
        Ok(())
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

impl Backoff for Altered<Double> {
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
