//! Ports whose every call waits for the scheduler: an actor asks, the scheduler does it and answers.
//!
//! A call is data ([`Op`]), and so is its answer, so one run of the real code can be stopped between any two effects,
//! dropped there (a crash), or repeated up to there from the answers that it saw.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use domain::{Consumer, ContractCode, Keys, MchId, OutRefundNo, OutTradeNo, OutboxEntry, Stream, Timestamp};
use publish::{Message, Outbox, OutboxError, QueueError, Queues, Waiting};
use record::{Backoff, Commit, CommitError, Held, JournalKey, Ledger, LedgerError, Pointer, Quarantine, Rows};

use crate::memory::Conditions;

/// An effect that an actor asks for.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the calls of the ports, with their arguments")]
pub enum Op {
    Load {
        mch_id: MchId,
        keys: Keys,
    },
    Pointers {
        guards: Vec<String>,
    },
    LoadQuarantine {
        stream: Stream,
        key: JournalKey,
    },
    Commit {
        commit: Arc<Commit>,
        conditions: Conditions,
    },
    Held {
        mch_id: MchId,
        subject: String,
    },
    Release {
        key: JournalKey,
        outcome: String,
    },
    /// `by_index`: as a drain would see it that trusts the index.
    Pending {
        stream: Stream,
        by_index: bool,
    },
    Mark {
        entry: Arc<OutboxEntry>,
        accepted: Vec<Consumer>,
        now: Timestamp,
    },
    PendingStreams {
        before: Timestamp,
        limit: usize,
    },
    Send {
        consumer: Consumer,
        messages: Arc<[Message]>,
    },
    /// The sender of the task of this number is told that it is done.
    Acknowledge(usize),
}

/// What an effect answered.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "an answer for each call")]
pub enum Answer {
    Rows(Box<Result<Rows, LedgerError>>),
    Pointers(Result<Vec<Option<Pointer>>, LedgerError>),
    Quarantine(Result<Quarantine, LedgerError>),
    Committed(Result<(), CommitError>),
    Held(Result<Vec<Held>, LedgerError>),
    Released(Result<(), LedgerError>),
    Pending(Result<Vec<OutboxEntry>, OutboxError>),
    Marked(Result<(), OutboxError>),
    Streams(Result<Vec<Waiting>, OutboxError>),
    Sent(Result<Vec<Result<(), QueueError>>, QueueError>),
    Acknowledged,
}

/// Which call of an actor: they are numbered from 0.
pub type Ticket = u32;

/// The ports of one actor.
#[derive(Clone, Debug, Default)]
pub struct Wire(Arc<Mutex<Calls>>);

#[derive(Debug, Default)]
struct Calls {
    next: Ticket,
    /// Calls that the scheduler has not seen.
    asked: Vec<(Ticket, Op)>,
    waiting: BTreeMap<Ticket, Waker>,
    answered: BTreeMap<Ticket, Answer>,
}

impl Wire {
    /// What was asked since the last time, in order.
    pub(super) fn take_asked(&self) -> Vec<(Ticket, Op)> {
        std::mem::take(&mut self.calls().asked)
    }

    /// Answers a call; the actor sees it when it is polled.
    pub(super) fn answer(&self, ticket: Ticket, answer: Answer) {
        let mut calls = self.calls();
        calls.answered.insert(ticket, answer);
        if let Some(waker) = calls.waiting.remove(&ticket) {
            waker.wake();
        }
    }

    /// Tells the sender of a task that it is done.
    pub async fn acknowledge(&self, task: usize) {
        self.call(Op::Acknowledge(task)).await;
    }

    /// Writes everything or nothing on some of the conditions: for mutants.
    pub(super) async fn commit_if(&self, commit: &Commit, conditions: Conditions) -> Result<(), CommitError> {
        match self.call(Op::Commit { commit: Arc::new(commit.clone()), conditions }).await {
            Answer::Committed(answer) => answer,
            other => unreachable!("{other:?}"),
        }
    }

    /// What a drain would see that trusts the index: for mutants.
    pub(super) async fn pending_by_index(&self, stream: &Stream) -> Result<Vec<OutboxEntry>, OutboxError> {
        self.read_pending(stream, true).await
    }

    async fn read_pending(&self, stream: &Stream, by_index: bool) -> Result<Vec<OutboxEntry>, OutboxError> {
        match self.call(Op::Pending { stream: stream.clone(), by_index }).await {
            Answer::Pending(answer) => answer,
            other => unreachable!("{other:?}"),
        }
    }

    async fn call(&self, op: Op) -> Answer {
        let ticket = {
            let mut calls = self.calls();
            let ticket = calls.next;
            calls.next += 1;
            calls.asked.push((ticket, op));
            ticket
        };
        poll_fn(|context| {
            let mut calls = self.calls();
            match calls.answered.remove(&ticket) {
                Some(answer) => Poll::Ready(answer),
                None => {
                    calls.waiting.insert(ticket, context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger for Wire {
    async fn load(&self, mch_id: &MchId, keys: &Keys) -> Result<Rows, LedgerError> {
        match self.call(Op::Load { mch_id: mch_id.clone(), keys: keys.clone() }).await {
            Answer::Rows(answer) => *answer,
            other => unreachable!("{other:?}"),
        }
    }

    async fn pointers(&self, guards: &[String]) -> Result<Vec<Option<Pointer>>, LedgerError> {
        match self.call(Op::Pointers { guards: guards.to_vec() }).await {
            Answer::Pointers(answer) => answer,
            other => unreachable!("{other:?}"),
        }
    }

    async fn load_quarantine(&self, stream: &Stream, key: &JournalKey) -> Result<Quarantine, LedgerError> {
        match self.call(Op::LoadQuarantine { stream: stream.clone(), key: key.clone() }).await {
            Answer::Quarantine(answer) => answer,
            other => unreachable!("{other:?}"),
        }
    }

    async fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        self.commit_if(commit, Conditions::ALL).await
    }

    async fn held(&self, mch_id: &MchId, subject: &str) -> Result<Vec<Held>, LedgerError> {
        match self.call(Op::Held { mch_id: mch_id.clone(), subject: subject.to_owned() }).await {
            Answer::Held(answer) => answer,
            other => unreachable!("{other:?}"),
        }
    }

    async fn release(&self, key: &JournalKey, outcome: &str) -> Result<(), LedgerError> {
        match self.call(Op::Release { key: key.clone(), outcome: outcome.to_owned() }).await {
            Answer::Released(answer) => answer,
            other => unreachable!("{other:?}"),
        }
    }
}

impl Outbox for Wire {
    async fn pending(&self, stream: &Stream) -> Result<Vec<OutboxEntry>, OutboxError> {
        self.read_pending(stream, false).await
    }

    async fn mark(&self, entry: &OutboxEntry, accepted: &[Consumer], now: Timestamp) -> Result<(), OutboxError> {
        let op = Op::Mark { entry: Arc::new(entry.clone()), accepted: accepted.to_vec(), now };
        match self.call(op).await {
            Answer::Marked(answer) => answer,
            other => unreachable!("{other:?}"),
        }
    }

    async fn pending_streams(&self, before: Timestamp, limit: usize) -> Result<Vec<Waiting>, OutboxError> {
        match self.call(Op::PendingStreams { before, limit }).await {
            Answer::Streams(answer) => answer,
            other => unreachable!("{other:?}"),
        }
    }
}

impl Queues for Wire {
    async fn send(&self, consumer: &Consumer, messages: &[Message]) -> Result<Vec<Result<(), QueueError>>, QueueError> {
        match self.call(Op::Send { consumer: consumer.clone(), messages: messages.into() }).await {
            Answer::Sent(answer) => answer,
            other => unreachable!("{other:?}"),
        }
    }
}

/// Waiting is no effect: the scheduler lets others go first anyway.
impl Backoff for Wire {
    async fn wait(&self, _attempt: u32) {}
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load { keys, .. } => {
                let order = keys.order.as_ref().map_or("", OutTradeNo::as_str);
                let contract = keys.contract.as_ref().map_or("", ContractCode::as_str);
                write!(f, "load {order} {contract} {}", keys.refund.as_ref().map_or("", OutRefundNo::as_str))
            }
            Self::Pointers { guards } => write!(f, "read guards {guards:?}"),
            Self::LoadQuarantine { stream, .. } => write!(f, "load {stream}"),
            Self::Commit { commit, .. } => {
                let entry = commit.journal.as_ref().map_or("-", |entry| &entry.key.entry);
                let events: Vec<_> =
                    commit.outbox.iter().map(|entry| format!("{} {}", entry.sequence, entry.event_type)).collect();
                write!(f, "commit {entry} {events:?}")
            }
            Self::Held { subject, .. } => write!(f, "look for what is held of {subject}"),
            Self::Release { key, outcome } => write!(f, "release {} as {outcome}", key.entry),
            Self::Pending { stream, by_index } => write!(f, "read pending of {stream}, by index: {by_index}"),
            Self::Mark { entry, accepted, .. } => write!(f, "mark {} for {accepted:?}", entry.sequence),
            Self::PendingStreams { .. } => f.write_str("read pending streams"),
            Self::Send { consumer, messages } => {
                let ids: Vec<_> = messages.iter().map(|message| message.deduplication_id.as_str()).collect();
                write!(f, "send {ids:?} to {consumer}")
            }
            Self::Acknowledge(task) => write!(f, "acknowledge task {task}"),
        }
    }
}

impl Answer {
    /// Whether it was done, as far as the actor knows.
    pub(super) fn brief(&self) -> String {
        match self {
            Self::Committed(answer) => format!("{answer:?}"),
            Self::Sent(answer) => format!("{answer:?}"),
            Self::Pending(Ok(entries)) => format!("{:?}", entries.iter().map(|it| it.sequence).collect::<Vec<_>>()),
            Self::Streams(Ok(streams)) => format!("{} streams", streams.len()),
            Self::Pending(Err(error)) | Self::Marked(Err(error)) | Self::Streams(Err(error)) => error.to_string(),
            Self::Rows(rows) => rows.as_ref().as_ref().map_or_else(ToString::to_string, |_| "read".to_owned()),
            Self::Pointers(_)
            | Self::Quarantine(_)
            | Self::Held(_)
            | Self::Released(_)
            | Self::Marked(Ok(()))
            | Self::Acknowledged => "done".to_owned(),
        }
    }
}
