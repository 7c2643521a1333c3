//! Designs that are wrong in one way each. The exploration has to find out.
//!
//! They are wrappers around the ports, or small drivers of their own: the real code has no switch for them.

use std::sync::{Arc, Mutex, PoisonError};

use domain::{Decision, Fact, Keys, Loaded, MchId, OutboxEntry, Stream, Timestamp};
use publish::{Message, Outbox, OutboxError, Queues, Waiting, envelope};
use record::{
    Backoff, Commit, CommitError, Held, JournalKey, Ledger, LedgerError, Quarantine, Recorder, Routing, Rows,
};

use super::design::{Design, deliver, may_be_acknowledged, waiting};
use super::explore::{Budgets, Scenario};
use super::scenario::Pair;
use super::task::Notice;
use super::wire::Wire;
use crate::memory::Conditions;

/// A wrong design, the scenario in which it shows, and how.
pub struct Mutant {
    /// The design.
    pub design: Design,
    /// Where it shows.
    pub scenario: Scenario,
    /// The names of all violations that the exploration finds.
    pub violations: &'static [&'static str],
}

/// Every mutant.
#[must_use]
pub fn mutants() -> Vec<Mutant> {
    let mutant = |design, scenario, violations| Mutant { design, scenario, violations };
    let once = |pair: Pair| pair.with(|it| it.deliveries = 1);
    vec![
        mutant(RECORD_SEND_ANSWER, Pair::PaymentAndAdd.scenario(), &["out of order", "pending at rest"]),
        mutant(NO_STATE_CONDITION, once(Pair::AddAndQuery), &["final state", "never acknowledged", "transitions"]),
        mutant(ACKNOWLEDGE_FIRST, once(Pair::AddAndDelete), &["acknowledged, not recorded"]),
        mutant(KEY_WITHOUT_RESULT, once(Pair::FailureAndSuccess), &["final state", "never acknowledged"]),
        mutant(
            TRUST_THE_INDEX,
            Pair::PaymentAndAdd.with(|it| *it = Budgets { deliveries: 1, lag: true, ..*it }),
            &["out of order"],
        ),
        mutant(MARK_FIRST, Pair::TwoEqualPayments.scenario(), &["lost"]),
        mutant(
            STREAM_IN_A_BATCH,
            Pair::PaymentAndAdd.with(|it| *it = Budgets { deliveries: 1, faults: 1, ..*it }),
            &["out of order"],
        ),
        mutant(DECIDE_ONCE, once(Pair::FailureAndSuccess), &["final state", "never acknowledged", "transitions"]),
        mutant(
            NO_HEAD_CONDITION,
            once(Pair::DeductionAndDelete),
            &["differs", "final state", "never acknowledged", "out of order", "transitions"],
        ),
    ]
}

/// Records, sends what it recorded, answers. No relay, no sweeper: WeChat's resend is the recovery.
const RECORD_SEND_ANSWER: Design = Design {
    name: "record, send, answer",
    deliver: |wire, number, notice, routing, now| {
        Box::pin(async move {
            let ledger = Double::new(&wire);
            let recorder = Recorder::new(ledger.clone(), ledger.clone(), routing);
            let recorded = recorder.apply(&notice.fact, &notice.receipt, now, domain::decide).await;
            for entry in ledger.committed() {
                for consumer in entry.destinations.keys() {
                    let _ = wire.send(consumer, &[message(&entry, consumer)]).await;
                }
                let _ = wire.mark(&entry, &entry.destinations.keys().cloned().collect::<Vec<_>>(), now).await;
            }
            if recorded.is_ok_and(|recorded| may_be_acknowledged(&recorded)) {
                wire.acknowledge(number).await;
            }
        })
    },
    relay: None,
    sweep: None,
};

/// State is written whatever it is by now; business keys and sequences are still unique.
const NO_STATE_CONDITION: Design = Design {
    name: "no condition on the state",
    deliver: |wire, number, notice, routing, now| {
        let ledger = Double { conditions: Conditions { state: false, ..Conditions::ALL }, ..Double::new(&wire) };
        on(ledger, number, notice, routing, now, domain::decide)
    },
    ..Design::REAL
};

/// WeChat hears first, then it is recorded.
const ACKNOWLEDGE_FIRST: Design = Design {
    name: "acknowledge before commit",
    deliver: |wire, number, notice, routing, now| {
        Box::pin(async move {
            wire.acknowledge(number).await;
            deliver(&wire, wire.clone(), number, notice, routing, now, domain::decide).await;
        })
    },
    ..Design::REAL
};

/// The business key of a payment names the order alone.
const KEY_WITHOUT_RESULT: Design = Design {
    name: "a business key without the result",
    deliver: |wire, number, notice, routing, now| {
        fn decide(loaded: &Loaded, fact: &Fact, now: Timestamp) -> Decision {
            match domain::decide(loaded, fact, now) {
                Decision::Apply { changes, events, key: Some(key) } => {
                    let key = key.split('#').take(2).collect::<Vec<_>>().join("#");
                    Decision::Apply { changes, events, key: Some(key) }
                }
                other => other,
            }
        }
        on(Double::new(&wire), number, notice, routing, now, decide)
    },
    ..Design::REAL
};

/// A drain that sends what the index shows.
const TRUST_THE_INDEX: Design = Design {
    name: "a drain that trusts the index alone",
    relay: Some(|wire, streams, now| {
        Box::pin(async move {
            publish::drain(&ByIndex(wire.clone()), &wire, &streams, now).await;
        })
    }),
    sweep: Some(|wire, now| {
        Box::pin(async move {
            let streams = waiting(&wire, now).await;
            publish::drain(&ByIndex(wire.clone()), &wire, &streams, now).await;
        })
    }),
    ..Design::REAL
};

/// A drain that marks, then sends.
const MARK_FIRST: Design = Design {
    name: "mark before send",
    relay: Some(|wire, streams, now| Box::pin(mark_first(wire, streams, now))),
    sweep: Some(|wire, now| {
        Box::pin(async move {
            let streams = waiting(&wire, now).await;
            mark_first(wire, streams, now).await;
        })
    }),
    ..Design::REAL
};

/// A drain that sends all of a stream in one batch.
const STREAM_IN_A_BATCH: Design = Design {
    name: "two events of one stream in a batch",
    relay: Some(|wire, streams, now| Box::pin(stream_in_a_batch(wire, streams, now))),
    sweep: Some(|wire, now| {
        Box::pin(async move {
            let streams = waiting(&wire, now).await;
            stream_in_a_batch(wire, streams, now).await;
        })
    }),
    ..Design::REAL
};

/// After a lost race it reads again, but only to know the versions.
const DECIDE_ONCE: Design = Design {
    name: "retry without deciding again",
    deliver: |wire, number, notice, routing, now| {
        let ledger = Double { first: Some(Arc::default()), ..Double::new(&wire) };
        on(ledger, number, notice, routing, now, domain::decide)
    },
    ..Design::REAL
};

/// The next sequence is taken without asking whether another took it.
const NO_HEAD_CONDITION: Design = Design {
    name: "stream head not conditional",
    deliver: |wire, number, notice, routing, now| {
        let conditions = Conditions { head: false, sequence: false, ..Conditions::ALL };
        on(Double { conditions, ..Double::new(&wire) }, number, notice, routing, now, domain::decide)
    },
    ..Design::REAL
};

fn on(
    ledger: Double,
    number: usize,
    notice: Notice,
    routing: Routing,
    now: Timestamp,
    decide: record::DecideFn,
) -> super::Run {
    let wire = ledger.wire.clone();
    Box::pin(async move { deliver(&wire, ledger, number, notice, routing, now, decide).await })
}

async fn mark_first(wire: Wire, streams: Vec<Stream>, now: Timestamp) {
    for stream in streams {
        for entry in wire.pending(&stream).await.unwrap_or_default() {
            for consumer in &entry.pending {
                if wire.mark(&entry, std::slice::from_ref(consumer), now).await.is_ok() {
                    let _ = wire.send(consumer, &[message(&entry, consumer)]).await;
                }
            }
        }
    }
}

async fn stream_in_a_batch(wire: Wire, streams: Vec<Stream>, now: Timestamp) {
    for stream in streams {
        let entries = wire.pending(&stream).await.unwrap_or_default();
        let consumers: std::collections::BTreeSet<_> = entries.iter().flat_map(|entry| &entry.pending).collect();
        for consumer in consumers {
            let waiting: Vec<_> = entries.iter().filter(|entry| entry.pending.contains(consumer)).collect();
            let messages: Vec<_> = waiting.iter().map(|entry| message(entry, consumer)).collect();
            let results = wire.send(consumer, &messages).await.unwrap_or_default();
            for (entry, _) in waiting.iter().zip(results).filter(|(_, result)| result.is_ok()) {
                let _ = wire.mark(entry, std::slice::from_ref(consumer), now).await;
            }
        }
    }
}

fn message(entry: &OutboxEntry, consumer: &str) -> Message {
    let previous = entry.destinations.get(consumer).copied().unwrap_or_default();
    let body = envelope::body(entry, previous).expect("data is JSON");
    Message { group: entry.stream.to_string(), deduplication_id: entry.id(), body }
}

/// A ledger that forgets conditions, remembers what it committed, or shows the states that it read first.
#[derive(Clone)]
struct Double {
    wire: Wire,
    conditions: Conditions,
    committed: Arc<Mutex<Vec<OutboxEntry>>>,
    first: Option<Arc<Mutex<Option<Rows>>>>,
}

impl Double {
    fn new(wire: &Wire) -> Self {
        Self { wire: wire.clone(), conditions: Conditions::ALL, committed: Arc::default(), first: None }
    }

    fn committed(&self) -> Vec<OutboxEntry> {
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
struct ByIndex(Wire);

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
