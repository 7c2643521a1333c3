//! What actors act on: the tables, the queues, a clock, and what WeChat was told.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::{Changes, Keys, MchId, Stream, Timestamp};
use publish::{OutboxError, QueueError};
use record::{Commit, CommitError, LedgerError, Routing, Rows};

use super::oracle::{Violation, charged, is_done};
use super::task::{Task, fresh};
use super::wire::{Answer, Op};
use crate::memory::{Fifo, Fold, Store, digest};

/// What happens to an effect.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// It is done, and its answer comes.
    None,
    /// It is not done, and the actor hears that it cannot be.
    Refused,
    /// It is done, and the actor hears that it cannot be.
    Unanswered,
    /// It is not done, since another transaction is at the same items.
    Contended,
    /// A read in the middle of the last transaction: some of its rows (order 1, contract 2, refund 4) are as they were
    /// before. Reads of several items are not isolated from transactions.
    Torn(u8),
    /// A batch of which the messages at these places are refused.
    Partial(Vec<usize>),
}

/// The state of everything but the actors. A clone is cheap.
#[derive(Clone, Debug)]
pub struct World {
    /// The tables.
    pub store: Store,
    /// The tables before the last transaction.
    pub before: Store,
    /// The queues.
    pub fifo: Fifo,
    /// The clock.
    pub now: Timestamp,
    /// What is to be done in this history.
    pub tasks: Arc<Vec<Task>>,
    /// Who gets which events.
    pub routing: Arc<Routing>,
    /// The tasks whose sender, be it WeChat, heard that they are done.
    pub acknowledged: BTreeSet<usize>,
    /// Streams with an insert that no relay was woken for.
    pub doorbell: BTreeSet<Stream>,
    /// What was seen to be wrong at the moment it happened.
    pub broken: Option<Violation>,
}

impl World {
    /// Nothing on record.
    #[must_use]
    pub fn new(tasks: Vec<Task>, routing: Routing, now: Timestamp) -> Self {
        let consumers: BTreeSet<_> = routing.routes.iter().map(|route| route.consumer.clone()).collect();
        Self {
            store: Store::new(),
            before: Store::new(),
            fifo: Fifo::new(consumers),
            now,
            tasks: Arc::new(tasks),
            routing: Arc::new(routing),
            acknowledged: BTreeSet::new(),
            doorbell: BTreeSet::new(),
            broken: None,
        }
    }

    /// Puts rows on record, as the APIs do before WeChat is asked.
    pub fn create(&mut self, mch_id: &MchId, rows: Changes) {
        let commit = Commit {
            order: rows.order.map(fresh),
            contract: rows.contract.map(fresh),
            refund: rows.refund.map(fresh),
            exempt: rows.exempt.map(fresh),
            ..Commit::empty(mch_id.clone())
        };
        assert_eq!(self.store.commit(&commit), Ok(()));
    }

    /// From here other things are to be done; what was before is past.
    pub fn restart(&mut self, tasks: Vec<Task>) {
        self.tasks = Arc::new(tasks);
        self.acknowledged.clear();
        self.doorbell.clear();
    }

    /// Does what an actor asked for, as far as the fault lets it.
    pub fn execute(&mut self, op: &Op, fault: &Fault) -> Answer {
        match fault {
            Fault::None => self.perform(op, &[]),
            Fault::Partial(failing) => self.perform(op, failing),
            Fault::Refused => unavailable(op),
            Fault::Unanswered => {
                self.perform(op, &[]);
                unavailable(op)
            }
            Fault::Contended => Answer::Committed(Err(CommitError::Contended)),
            Fault::Torn(old) => match op {
                Op::Load { mch_id, keys } => Answer::Rows(Box::new(Ok(self.torn(mch_id, keys, *old)))),
                _ => self.perform(op, &[]),
            },
        }
    }

    fn torn(&self, mch_id: &MchId, keys: &Keys, old: u8) -> Rows {
        let (before, now) = (self.before.load(mch_id, keys), self.store.load(mch_id, keys));
        Rows {
            order: if old & 1 == 0 { now.order } else { before.order },
            contract: if old & 2 == 0 { now.contract } else { before.contract },
            refund: if old & 4 == 0 { now.refund } else { before.refund },
            exempt: now.exempt,
        }
    }

    fn perform(&mut self, op: &Op, failing: &[usize]) -> Answer {
        match op {
            Op::Load { mch_id, keys } => Answer::Rows(Box::new(Ok(self.store.load(mch_id, keys)))),
            Op::Pointers { guards } => Answer::Pointers(Ok(self.store.standing(None, guards).guards)),
            Op::LoadQuarantine { stream, key } => Answer::Quarantine(Ok(self.store.load_quarantine(stream, key))),
            Op::Commit { commit, conditions } => {
                let before = self.store.clone();
                let answer = self.store.commit_if(commit, *conditions);
                if answer.is_ok() {
                    if let Some(violation) = charged(&before, commit) {
                        self.broken.get_or_insert(violation);
                    }
                    self.before = before;
                    self.doorbell.extend(commit.outbox.iter().map(|entry| entry.stream.clone()));
                }
                Answer::Committed(answer)
            }
            Op::Held { mch_id, subject } => Answer::Held(self.store.held(mch_id, subject)),
            Op::Release { key, outcome } => Answer::Released(self.store.release(key, outcome)),
            Op::Pending { stream, by_index: false } => Answer::Pending(Ok(self.store.pending(stream))),
            Op::Pending { stream, by_index: true } => Answer::Pending(Ok(self.store.pending_by_index(stream))),
            Op::Mark { entry, accepted, now } => {
                self.store.mark(entry, accepted, *now);
                Answer::Marked(Ok(()))
            }
            Op::PendingStreams { before, limit } => Answer::Streams(Ok(self.store.pending_streams(*before, *limit))),
            Op::Send { consumer, messages } => Answer::Sent(self.fifo.send(consumer, messages, failing, self.now)),
            Op::Acknowledge(task) => {
                self.acknowledge(*task);
                Answer::Acknowledged
            }
        }
    }

    fn acknowledge(&mut self, number: usize) {
        if self.acknowledged.insert(number) && !is_done(&self.store, &self.tasks[number]) {
            self.broken.get_or_insert(Violation::AcknowledgedUnrecorded { task: number });
        }
    }

    /// The tasks, in words.
    pub(super) fn told(&self) -> Vec<String> {
        self.tasks.iter().enumerate().map(|(number, task)| format!("task {number}: {task}")).collect()
    }

    /// A digest of everything that has consequences. What WeChat was told has none: it may resend what it has an
    /// acknowledgement of, too.
    #[must_use]
    pub fn digest(&self) -> u128 {
        let mut fold = Fold::default();
        fold.add(&self.store.digest());
        fold.add(&self.fifo.digest());
        fold.add(&(self.now.as_millisecond(), &self.doorbell));
        fold.finish()
    }

    /// A digest of what an effect answered.
    pub(super) fn digest_of(&self, op: &Op, fault: &Fault, answer: &Answer) -> u128 {
        match (op, fault) {
            (Op::Load { mch_id, keys }, Fault::None) => self.store.digest_of_rows(mch_id, keys),
            _ => digest(answer),
        }
    }
}

fn unavailable(op: &Op) -> Answer {
    let why = || "503".to_owned();
    let ledger = || LedgerError::Unavailable(why());
    let outbox = || OutboxError::Unavailable(why());
    match op {
        Op::Load { .. } => Answer::Rows(Box::new(Err(ledger()))),
        Op::Pointers { .. } => Answer::Pointers(Err(ledger())),
        Op::LoadQuarantine { .. } => Answer::Quarantine(Err(ledger())),
        Op::Commit { .. } => Answer::Committed(Err(CommitError::Unavailable(why()))),
        Op::Held { .. } => Answer::Held(Err(ledger())),
        Op::Release { .. } => Answer::Released(Err(ledger())),
        Op::Pending { .. } => Answer::Pending(Err(outbox())),
        Op::Mark { .. } => Answer::Marked(Err(outbox())),
        Op::PendingStreams { .. } => Answer::Streams(Err(outbox())),
        Op::Send { .. } => Answer::Sent(Err(QueueError::Unavailable(why()))),
        Op::Acknowledge(_) => Answer::Acknowledged,
    }
}
