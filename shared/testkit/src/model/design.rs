//! What is explored: the real code, or a mutant of it.

use std::sync::Arc;

use domain::{Stream, Timestamp};
use publish::Outbox;
use record::{Backoff, DecideFn, Ledger, Recorded, Recorder, Routing};

use super::actor::{Plan, Run};
use super::task::{Notice, Task};
use super::wire::Wire;
use super::world::World;

/// How many streams a sweep takes at once.
const SWEEP: usize = 100;

/// Takes a notice, the task of that number.
pub type Deliver = fn(Wire, usize, Notice, Routing, Timestamp) -> Run;

/// Is woken for these streams.
pub type Relay = fn(Wire, Vec<Stream>, Timestamp) -> Run;

/// Looks for what is pending.
pub type Sweep = fn(Wire, Timestamp) -> Run;

/// How a callback, the relay and the sweeper work.
#[derive(Clone, Copy)]
pub struct Design {
    /// Its name.
    pub name: &'static str,
    /// The callback functions.
    pub deliver: Deliver,
    /// The relay, where there is one.
    pub relay: Option<Relay>,
    /// The sweeper, where there is one.
    pub sweep: Option<Sweep>,
}

impl Design {
    /// The real code.
    pub const REAL: Self = Self {
        name: "real",
        deliver: |wire, number, notice, routing, now| {
            Box::pin(async move { deliver(&wire, wire.clone(), number, notice, routing, now, domain::decide).await })
        },
        relay: Some(|wire, streams, now| {
            Box::pin(async move {
                publish::drain(&wire, &wire, &streams, now).await;
            })
        }),
        sweep: Some(|wire, now| {
            Box::pin(async move {
                let streams = waiting(&wire, now).await;
                publish::drain(&wire, &wire, &streams, now).await;
            })
        }),
    };

    /// How a task is done: a notice as this design does it, the others as the APIs and the worker do.
    pub(super) fn doing(&self, world: &World, number: usize) -> Plan {
        let (deliver, now) = (self.deliver, world.now);
        let (tasks, routing) = (Arc::clone(&world.tasks), Arc::clone(&world.routing));
        Plan::new(format!("task {number} at {}", now.as_second()), move |wire| match &tasks[number] {
            Task::Notice(notice) => deliver(wire, number, notice.clone(), (*routing).clone(), now),
            other => Box::pin(other.clone().done(wire, number, (*routing).clone(), now)),
        })
    }

    pub(super) fn relaying(&self, world: &World, streams: Vec<Stream>) -> Option<Plan> {
        let (relay, now) = (self.relay?, world.now);
        Some(Plan::new(format!("relay of {streams:?} at {}", now.as_second()), move |wire| {
            relay(wire, streams.clone(), now)
        }))
    }

    pub(super) fn sweeping(&self, world: &World) -> Option<Plan> {
        let (sweep, now) = (self.sweep?, world.now);
        Some(Plan::new(format!("sweep at {}", now.as_second()), move |wire| sweep(wire, now)))
    }
}

/// A callback function from the verified fact on: record, and say so.
pub(super) async fn deliver<L: Ledger + Backoff + Clone>(
    wire: &Wire,
    ledger: L,
    number: usize,
    notice: Notice,
    routing: Routing,
    now: Timestamp,
    decide: DecideFn,
) {
    let recorder = Recorder::new(ledger.clone(), ledger, routing);
    let recorded = recorder.apply(&notice.fact, &notice.receipt, now, decide).await;
    if recorded.is_ok_and(|recorded| may_be_acknowledged(&recorded)) {
        wire.acknowledge(number).await;
    }
}

/// Everything but what is about an order or a contract that we do not know.
pub(super) fn may_be_acknowledged(recorded: &Recorded) -> bool {
    !matches!(recorded, Recorded::Unknown(_))
}

/// The streams in which something waits.
pub(super) async fn waiting(outbox: &impl Outbox, now: Timestamp) -> Vec<Stream> {
    let waiting = outbox.pending_streams(now, SWEEP).await.unwrap_or_default();
    waiting.into_iter().map(|waiting| waiting.stream).collect()
}
