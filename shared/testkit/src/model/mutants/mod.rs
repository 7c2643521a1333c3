//! Designs that are wrong in one way each. The exploration has to find out.
//!
//! They are wrappers around the ports, or small drivers of their own: the real code has no switch for them.

mod doubles;
mod drains;

use std::sync::Arc;

use domain::{Decision, Fact, Loaded, Timestamp};
use publish::{Outbox, Queues};
use record::{Recorder, Routing};

use self::doubles::{ByIndex, Double};
use self::drains::{mark_first, message, stream_in_a_batch};
use super::design::{Design, deliver, may_be_acknowledged, waiting};
use super::scenario::{Budgets, Pair, Scenario};
use super::task::Notice;
use crate::altered::Altered;
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
        mutant(NO_STATE_CONDITION, once(Pair::DeductionAndTermination), &["charged"]),
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
            let recorder = Recorder::new(Altered(ledger.clone()), Altered(ledger.clone()), routing);
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
    Box::pin(async move { deliver(&wire, Altered(ledger), number, notice, routing, now, decide).await })
}
