//! What must be true: of an acknowledgement when it is given, and of everything once nothing moves any more.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::RangeInclusive;

use domain::{
    Contract, ContractChange, ContractState, FactBody, Fen, Order, OrderKind, OrderState, OutboxEntry, Outcome,
    PaymentResult, PaymentStatus, Refund, RefundResult, RefundState, Stream, outcome,
};
use record::JournalKey;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::task::Notice;
use super::world::World;
use crate::memory::Store;

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "their parts are named")]
pub enum Violation {
    /// WeChat heard that a notice is recorded, and it is not.
    AcknowledgedUnrecorded { notice: usize },
    /// WeChat sent a notice again and again, nothing failed, and it was never acknowledged.
    NeverAcknowledged { notice: usize },
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
            Self::Pending { .. } => "pending at rest",
            Self::Lost { .. } => "lost",
            Self::Gap { .. } => "out of order",
            Self::Differs { .. } => "differs",
            Self::Misrouted { .. } => "misrouted",
            Self::Transitions { .. } => "transitions",
            Self::FinalState { .. } => "final state",
            Self::Money { .. } => "money",
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {self:?}", self.name())
    }
}

/// Whether what a notice says is durable: the state says so, or the journal holds it.
#[must_use]
pub fn is_recorded(store: &Store, notice: &Notice) -> bool {
    let fact = &notice.fact;
    let hash: String = notice.receipt.body_hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let held = JournalKey { subject: format!("{}#{}", fact.mch_id, fact.subject()), entry: format!("held#{hash}") };
    if store.journaled(&held).is_some_and(|journaled| journaled.outcome != "unknown") {
        return true;
    }
    let rows = store.load(&fact.mch_id, &fact.keys());
    match &fact.body {
        FactBody::Payment(payment) => rows.order.is_some_and(|order| says_payment(&order.value, &payment.result)),
        FactBody::Contract(contract) => rows.contract.is_some_and(|row| says_contract(&row.value, &contract.change)),
        FactBody::Refund(refund) => rows.refund.is_some_and(|row| says_refund(&row.value, &refund.result)),
        FactBody::Noted { .. } => false,
    }
}

fn says_payment(order: &Order, told: &PaymentResult) -> bool {
    let asked = order.check.as_ref().is_some_and(|check| check.asked);
    let over = !matches!(
        order.state,
        OrderState::Created | OrderState::Requested | OrderState::Accepted | OrderState::Closing
    );
    match told {
        PaymentResult::Succeeded { transaction_id, .. } => order.transaction_id.as_ref() == Some(transaction_id),
        PaymentResult::Failed { .. } | PaymentResult::Closed => asked || over,
        PaymentResult::Unpaid | PaymentResult::Accepted | PaymentResult::NotFound | PaymentResult::Undecided { .. } => {
            true
        }
    }
}

fn says_contract(contract: &Contract, told: &ContractChange) -> bool {
    match told {
        ContractChange::Signed { .. } => contract.signed_at.is_some(),
        ContractChange::Terminated { .. } => contract.state == ContractState::Terminated,
        ContractChange::NotSigned | ContractChange::Absent | ContractChange::InProgress => true,
    }
}

fn says_refund(refund: &Refund, told: &RefundResult) -> bool {
    if refund.check.as_ref().is_some_and(|check| check.asked) {
        return true;
    }
    match told {
        RefundResult::Succeeded { .. } => refund.state == RefundState::Succeeded,
        RefundResult::Closed => refund.state == RefundState::Closed,
        RefundResult::Abnormal => refund.repairs > 0 || refund.state == RefundState::Abnormal,
        RefundResult::Processing | RefundResult::Rejected { .. } | RefundResult::NotFound => true,
    }
}

/// What is wrong with a world, the first of each kind, by its name.
pub type Violations = BTreeMap<&'static str, Violation>;

/// What is wrong once nothing moves any more.
#[must_use]
pub fn at_rest(world: &World) -> Violations {
    let mut found = Found::default();
    found.extend(world.broken.clone());
    found.extend(pending(world));
    for consumer in world.routing.routes.iter().map(|route| &route.consumer).collect::<BTreeSet<_>>() {
        seen_by(world, consumer, &mut found);
    }
    transitions(&world.store, &mut found);
    found.extend(world.store.orders().filter_map(|row| money(&world.store, &row.value)));
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

/// The events of the outbox tell of what the states say happened, each once.
fn transitions(store: &Store, found: &mut Found) {
    let mut told: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for outboxed in store.outbox() {
        *told.entry((&outboxed.entry.event_type, &outboxed.entry.subject)).or_default() += 1;
    }
    let mut check = |(what, subject): (&str, &str), allowed: RangeInclusive<usize>, state: &dyn fmt::Debug| {
        let events = told.get(&(what, subject)).copied().unwrap_or(0);
        if !allowed.contains(&events) {
            let (what, subject, state) = (what.to_owned(), subject.to_owned(), format!("{state:?}"));
            found.add(Violation::Transitions { what, subject, events, state });
        }
    };
    for order in store.orders().map(|row| &row.value) {
        let (paid, ended) = match order.kind {
            OrderKind::Deduction => ("papay.deduction.succeeded.v1", "papay.deduction.failed.v1"),
            OrderKind::PayAndSign | OrderKind::OneOff => ("papay.payment.succeeded.v1", "papay.payment.closed.v1"),
        };
        let is_paid = matches!(order.state, OrderState::Paid | OrderState::PartlyRefunded | OrderState::Refunded);
        let is_ended = matches!(order.state, OrderState::Failed | OrderState::Closed);
        let ends = if is_ended { 1..=1 } else { 0..=usize::from(is_paid) };
        check((paid, order.out_trade_no.as_str()), exactly(is_paid), &order.state);
        check((ended, order.out_trade_no.as_str()), ends, &order.state);
    }
    for contract in store.contracts().map(|row| &row.value) {
        let code = contract.contract_code.as_str();
        let is_terminated = contract.state == ContractState::Terminated;
        check(("papay.contract.signed.v1", code), exactly(contract.signed_at.is_some()), &contract.state);
        check(("papay.contract.terminated.v1", code), exactly(is_terminated), &contract.state);
    }
    for refund in store.refunds().map(|row| &row.value) {
        let number = refund.out_refund_no.as_str();
        let repairs = usize::try_from(refund.repairs).unwrap_or(0);
        let succeeded = refund.state == RefundState::Succeeded;
        let closings = if refund.state == RefundState::Closed { 1..=1 } else { 0..=usize::from(succeeded) };
        let faults = match refund.state {
            RefundState::Abnormal => repairs + 1..=repairs + 1,
            RefundState::Repairing => repairs..=repairs,
            _ => repairs..=repairs + 1,
        };
        check(("papay.refund.succeeded.v1", number), exactly(succeeded), &refund.state);
        check(("papay.refund.closed.v1", number), closings, &refund.state);
        check(("papay.refund.abnormal.v1", number), faults, &refund.state);
    }
    for contract in store.contracts() {
        found.extend(settled_otherwise(store, &contract.value));
    }
}

fn exactly(once: bool) -> RangeInclusive<usize> {
    usize::from(once)..=usize::from(once)
}

/// The last settled outcome that consumers were told is the one that follows from the contract.
fn settled_otherwise(store: &Store, contract: &Contract) -> Option<Violation> {
    #[derive(Deserialize)]
    struct Told {
        outcome: Outcome,
    }
    let stream = Stream::contract(&contract.mch_id, &contract.contract_code);
    let told: Vec<_> = store
        .of_stream(&stream)
        .filter(|entry| entry.event_type == "papay.subscription.settled.v1")
        .map(|entry| serde_json::from_str::<Told>(&entry.data).expect("data is JSON").outcome)
        .collect();
    let now = outcome(contract);
    let same = if now.is_settled() { told.last() == Some(&now) } else { told.is_empty() };
    let repeated = told.windows(2).any(|pair| pair[0] == pair[1]);
    if same && !repeated && contract.settled == told.last().copied() {
        return None;
    }
    Some(Violation::Transitions {
        what: "papay.subscription.settled.v1".to_owned(),
        subject: contract.contract_code.to_string(),
        events: told.len(),
        state: format!("told {told:?}, is {now:?}, noted {:?}", contract.settled),
    })
}

/// What an order gave back and promised is what its refunds got and wait for, and never more than was paid.
fn money(store: &Store, order: &Order) -> Option<Violation> {
    let sum = |states: &[RefundState]| {
        let refunds = store.refunds().map(|row| &row.value);
        let of_order = refunds.filter(|it| it.out_trade_no == order.out_trade_no && states.contains(&it.state));
        of_order.fold(Fen::ZERO, |sum, it| sum.plus(it.amount))
    };
    let refunded = sum(&[RefundState::Succeeded]);
    let reserved = sum(&[RefundState::Created, RefundState::Processing, RefundState::Abnormal, RefundState::Repairing]);
    let right = order.refunded == refunded && order.reserved == reserved;
    let enough = refunded.plus(reserved) <= order.amount;
    (!right || !enough).then(|| Violation::Money {
        order: format!(
            "{} of {}: refunded {}, reserved {}",
            order.out_trade_no, order.amount, order.refunded, order.reserved
        ),
        refunded,
        reserved,
    })
}

/// What must not depend on the order in which facts came: states and sums, without times, checks and versions.
#[must_use]
pub fn projection(store: &Store) -> Vec<String> {
    let orders = store.orders().map(|row| {
        let it = &row.value;
        let paid = it.transaction_id.as_ref();
        format!("{}: {:?}, {paid:?}, refunded {}, reserved {}", it.out_trade_no, it.state, it.refunded, it.reserved)
    });
    let contracts = store.contracts().map(|row| {
        let it = &row.value;
        let payment = it.payment.as_ref().map(|payment| payment.status).unwrap_or(PaymentStatus::Unpaid);
        // Whether the signing was given up in between depends on the order; that it is signed does not.
        let outcome = match outcome(it) {
            Outcome::SignedLater => Outcome::Active,
            other => other,
        };
        format!("{}: {:?}, {payment:?}, {outcome:?}, {:?}", it.contract_code, it.state, it.contract_id)
    });
    let refunds = store.refunds().map(|row| {
        let it = &row.value;
        format!("{}: {:?}, {}, repairs {}", it.out_refund_no, it.state, it.amount, it.repairs)
    });
    orders.chain(contracts).chain(refunds).collect()
}
