//! What must be true: of an acknowledgement when it is given, and of everything once nothing moves any more.

mod recorded;
mod states;
mod transitions;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use domain::{Fen, OutboxEntry};
use record::JournalEntry;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::world::World;

pub use recorded::is_recorded;
pub use states::projection;

pub(super) use states::charged;

pub(super) use recorded::is_done;

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "their parts are named")]
pub enum Violation {
    /// WeChat heard that a notice is recorded, and it is not.
    AcknowledgedUnrecorded { task: usize },
    /// WeChat sent a notice again and again, nothing failed, and it was never acknowledged.
    NeverAcknowledged { task: usize },
    /// The journal does not hold what was verified.
    Journal { entry: String },
    /// Nothing moves any more, and an event waits.
    Pending { event: String, consumers: Vec<String> },
    /// An event never reached a consumer that it was for.
    Lost { event: String, consumer: String },
    /// A consumer got an event although it had not seen the one before.
    Gap { event: String, consumer: String },
    /// A consumer got something that is on no record, or that differs from it.
    Differs { event: String, consumer: String },
    /// An event is not routed as the table says.
    Misrouted { event: String },
    /// What the events say happened so many times, and the state says another number.
    Transitions { what: String, subject: String, events: usize, state: String },
    /// Not the state that the same facts lead to without faults.
    FinalState { expected: String, found: String },
    /// A deduction was put on record although its contract was not in force, or had another one open.
    Charged { order: String, contract: String },
    /// A contract that came back after it had been given up is not what its user's guard points at.
    Unguarded { contract: String },
    /// The sums of an order's refunds are wrong.
    Money { order: String, refunded: Fen, reserved: Fen },
}

impl Violation {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::AcknowledgedUnrecorded { .. } => "acknowledged, not recorded",
            Self::NeverAcknowledged { .. } => "never acknowledged",
            Self::Journal { .. } => "journal",
            Self::Pending { .. } => "pending at rest",
            Self::Lost { .. } => "lost",
            Self::Gap { .. } => "out of order",
            Self::Differs { .. } => "differs",
            Self::Misrouted { .. } => "misrouted",
            Self::Transitions { .. } => "transitions",
            Self::FinalState { .. } => "final state",
            Self::Charged { .. } => "charged",
            Self::Unguarded { .. } => "unguarded",
            Self::Money { .. } => "money",
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {self:?}", self.name())
    }
}

/// What is wrong with a world, the first of each kind, by its name.
pub type Violations = BTreeMap<&'static str, Violation>;

/// What is wrong once nothing moves any more.
#[must_use]
pub fn at_rest(world: &World) -> Violations {
    let mut found = Found::default();
    found.extend(world.broken.clone());
    found.extend(world.store.journal().filter(|it| without_body(&it.entry)).map(|it| {
        let entry = it.entry.key.entry.clone();
        Violation::Journal { entry }
    }));
    found.extend(pending(world));
    for consumer in world.routing.routes.iter().map(|route| &route.consumer).collect::<BTreeSet<_>>() {
        seen_by(world, consumer, &mut found);
    }
    transitions::transitions(&world.store, &mut found);
    found.extend(world.store.contracts().filter_map(|row| states::open_deduction(&world.store, &row.value)));
    found.extend(world.store.contracts().filter_map(|row| states::unguarded(&world.store, &row.value)));
    found.extend(world.store.orders().filter_map(|row| states::money(&world.store, &row.value)));
    found.0
}

/// Violations, of which the first of each kind is kept.
#[derive(Default)]
pub(super) struct Found(pub(super) Violations);

impl Found {
    pub(super) fn add(&mut self, violation: Violation) {
        self.0.entry(violation.name()).or_insert(violation);
    }

    fn extend(&mut self, violations: impl IntoIterator<Item = Violation>) {
        violations.into_iter().for_each(|violation| self.add(violation));
    }
}

/// The hash of a message of the model repeats its only byte.
fn without_body(entry: &JournalEntry) -> bool {
    entry.body != entry.body_hash[..1]
}

fn pending(world: &World) -> impl Iterator<Item = Violation> {
    world.store.outbox().filter_map(|outboxed| {
        let entry = &outboxed.entry;
        let routed: BTreeSet<_> = world.routing.consumers(&entry.mch_id, &entry.event_type).collect();
        if !routed.iter().copied().eq(entry.destinations.keys()) {
            return Some(Violation::Misrouted { event: entry.id() });
        }
        let consumers: Vec<_> = entry.pending.iter().cloned().collect();
        (!consumers.is_empty()).then(|| Violation::Pending { event: entry.id(), consumers })
    })
}

/// An event as a consumer reads it.
#[derive(Deserialize)]
struct Seen<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    event_type: &'a str,
    subject: &'a str,
    sequence: &'a str,
    previous: &'a str,
    #[serde(borrow)]
    data: &'a RawValue,
}

impl Seen<'_> {
    fn is(&self, entry: &OutboxEntry) -> bool {
        let number_of_id = self.id.strip_prefix(entry.stream.as_str()).and_then(|rest| rest.strip_prefix(':'));
        number_of_id.map(number) == Some(entry.sequence)
            && number(self.sequence) == entry.sequence
            && self.data.get() == entry.data
            && self.event_type == entry.event_type
            && self.subject == entry.subject
    }
}

/// A consumer applies the event after the last that it saw and ignores what it saw before. It never meets a gap, since
/// its queue gets all that is routed to it, and what it gets is what is on record: so all consumers see the same.
fn seen_by(world: &World, consumer: &str, found: &mut Found) {
    let recorded: BTreeMap<(&str, u64), _> =
        world.store.outbox().map(|item| ((item.entry.stream.as_str(), item.entry.sequence), &item.entry)).collect();
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    let mut seen_at_all = BTreeSet::new();
    for message in world.fifo.accepted(consumer) {
        let seen: Seen<'_> = serde_json::from_str(&message.body).expect("a message is an event");
        let (sequence, previous) = (number(seen.sequence), number(seen.previous));
        let (stream, event) = (message.group.as_str(), || seen.id.to_owned());
        seen_at_all.insert((stream, sequence));
        if !recorded.get(&(stream, sequence)).is_some_and(|entry| seen.is(entry)) {
            found.add(Violation::Differs { event: event(), consumer: consumer.to_owned() });
        }
        let last = last.entry(stream).or_insert(0);
        if previous != *last && sequence > *last {
            found.add(Violation::Gap { event: event(), consumer: consumer.to_owned() });
        }
        *last = sequence.max(*last);
    }
    for (at, entry) in recorded {
        if entry.destinations.contains_key(consumer) && !entry.pending.contains(consumer) && !seen_at_all.contains(&at)
        {
            found.add(Violation::Lost { event: entry.id(), consumer: consumer.to_owned() });
        }
    }
}

fn number(text: &str) -> u64 {
    text.parse().expect("a number")
}
