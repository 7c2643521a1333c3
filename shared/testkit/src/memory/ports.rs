//! The ports over shared memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{Consumer, Keys, MchId, OutboxEntry, SignedDuration, Stream, Timestamp};
use publish::{Message, Outbox, OutboxError, QueueError, Queues, Waiting};
use record::{
    Backoff, Commit, CommitError, DueItem, Held, JournalKey, Ledger, LedgerError, Pointer, Quarantine, Rows, Standing,
    Writeahead,
};

use super::{Fifo, Store};

/// One memory: a store, queues and a clock that its ports share.
#[derive(Clone, Debug)]
pub struct Memory(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    store: Store,
    fifo: Fifo,
    /// What the next sends to a queue refuse: consumer and place in the batch.
    refusing: Vec<(Consumer, Vec<usize>)>,
    now: Timestamp,
    ledger_down: bool,
    outbox_down: bool,
}

/// [`Ledger`] in memory.
#[derive(Clone, Debug)]
pub struct MemoryLedger(Memory);

/// [`Outbox`] in memory.
#[derive(Clone, Debug)]
pub struct MemoryOutbox(Memory);

/// [`Queues`] in memory.
#[derive(Clone, Debug)]
pub struct MemoryQueues(Memory);

/// A back-off that does not wait.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoWait;

impl Memory {
    /// Empty tables, empty queues of these consumers, and a clock that stands at `now`.
    pub fn new(consumers: impl IntoIterator<Item = Consumer>, now: Timestamp) -> Self {
        let (store, fifo) = (Store::new(), Fifo::new(consumers));
        let state = State { store, fifo, refusing: Vec::new(), now, ledger_down: false, outbox_down: false };
        Self(Arc::new(Mutex::new(state)))
    }

    /// The ledger of this memory.
    #[must_use]
    pub fn ledger(&self) -> MemoryLedger {
        MemoryLedger(self.clone())
    }

    /// The outbox of this memory: what its ledger commits is pending here.
    #[must_use]
    pub fn outbox(&self) -> MemoryOutbox {
        MemoryOutbox(self.clone())
    }

    /// The queues of this memory.
    #[must_use]
    pub fn queues(&self) -> MemoryQueues {
        MemoryQueues(self.clone())
    }

    /// The tables as they are now.
    #[must_use]
    pub fn store(&self) -> Store {
        self.state().store.clone()
    }

    /// The queues as they are now.
    #[must_use]
    pub fn fifo(&self) -> Fifo {
        self.state().fifo.clone()
    }

    /// Does something to the tables: makes the index lag or catch up.
    pub fn with_store<T>(&self, act: impl FnOnce(&mut Store) -> T) -> T {
        act(&mut self.state().store)
    }

    /// Sets the clock.
    pub fn set_now(&self, now: Timestamp) {
        self.state().now = now;
    }

    /// Takes the ledger down, or up again.
    pub fn set_ledger_down(&self, down: bool) {
        self.state().ledger_down = down;
    }

    /// Takes the outbox down, or up again.
    pub fn set_outbox_down(&self, down: bool) {
        self.state().outbox_down = down;
    }

    /// Takes a queue down, or up again.
    pub fn set_queue_down(&self, consumer: &str, down: bool) {
        self.state().fifo.set_down(consumer, down);
    }

    /// The next send to this queue refuses the messages at these places of its batch.
    pub fn refuse_next(&self, consumer: &str, places: impl Into<Vec<usize>>) {
        self.state().refusing.push((consumer.to_owned(), places.into()));
    }

    /// Takes out what a queue holds.
    #[must_use]
    pub fn receive(&self, consumer: &str) -> Vec<Message> {
        self.state().fifo.receive(consumer)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn readable(&self) -> Result<&Store, LedgerError> {
        if self.ledger_down { Err(LedgerError::Unavailable("down".to_owned())) } else { Ok(&self.store) }
    }

    fn drainable(&mut self) -> Result<&mut Store, OutboxError> {
        if self.outbox_down { Err(OutboxError::Unavailable("down".to_owned())) } else { Ok(&mut self.store) }
    }

    fn send(&mut self, consumer: &str, messages: &[Message]) -> Result<Vec<Result<(), QueueError>>, QueueError> {
        let place = self.refusing.iter().position(|(refusing, _)| refusing == consumer);
        let failing = place.map(|place| self.refusing.remove(place).1).unwrap_or_default();
        self.fifo.send(consumer, messages, &failing, self.now)
    }
}

impl Ledger for MemoryLedger {
    async fn load(&self, mch_id: &MchId, keys: &Keys) -> Result<Rows, LedgerError> {
        Ok(self.0.state().readable()?.load(mch_id, keys))
    }

    async fn pointers(&self, guards: &[String]) -> Result<Vec<Option<Pointer>>, LedgerError> {
        Ok(self.0.state().readable()?.standing(None, guards).guards)
    }

    async fn load_quarantine(&self, stream: &Stream, key: &JournalKey) -> Result<Quarantine, LedgerError> {
        Ok(self.0.state().readable()?.load_quarantine(stream, key))
    }

    async fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        let mut state = self.0.state();
        if state.ledger_down {
            return Err(CommitError::Unavailable("down".to_owned()));
        }
        state.store.commit(commit)
    }

    async fn held(&self, mch_id: &MchId, subject: &str) -> Result<Vec<Held>, LedgerError> {
        self.0.state().readable()?.held(mch_id, subject)
    }

    async fn release(&self, key: &JournalKey, outcome: &str) -> Result<(), LedgerError> {
        let mut state = self.0.state();
        state.readable()?;
        state.store.release(key, outcome)
    }
}

impl Writeahead for MemoryLedger {
    async fn standing(
        &self,
        _mch_id: &MchId,
        idempotency: Option<&JournalKey>,
        guards: &[String],
    ) -> Result<Standing, LedgerError> {
        Ok(self.0.state().readable()?.standing(idempotency, guards))
    }

    async fn count(&self, mch_id: &MchId, principal: &str, now: Timestamp) -> Result<u64, LedgerError> {
        let mut state = self.0.state();
        state.readable()?;
        Ok(state.store.count(mch_id, principal, now))
    }

    async fn may_ask(
        &self,
        mch_id: &MchId,
        item: &DueItem,
        pause: SignedDuration,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let mut state = self.0.state();
        state.readable()?;
        Ok(state.store.may_ask(mch_id, item, pause, now))
    }
}

impl Outbox for MemoryOutbox {
    async fn pending(&self, stream: &Stream) -> Result<Vec<OutboxEntry>, OutboxError> {
        Ok(self.0.state().drainable()?.pending(stream))
    }

    async fn mark(&self, entry: &OutboxEntry, accepted: &[Consumer], now: Timestamp) -> Result<(), OutboxError> {
        self.0.state().drainable()?.mark(entry, accepted, now);
        Ok(())
    }

    async fn pending_streams(&self, before: Timestamp, limit: usize) -> Result<Vec<Waiting>, OutboxError> {
        Ok(self.0.state().drainable()?.pending_streams(before, limit))
    }
}

impl Queues for MemoryQueues {
    async fn send(&self, consumer: &Consumer, messages: &[Message]) -> Result<Vec<Result<(), QueueError>>, QueueError> {
        self.0.state().send(consumer, messages)
    }
}

impl Backoff for NoWait {
    async fn wait(&self, _attempt: u32) {}
}
