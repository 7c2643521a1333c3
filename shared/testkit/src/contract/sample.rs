//! Transactions and events to try a port with.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Consumer, Fact, Guard, MchId, OutboxEntry, SCHEMA, Stream, Timestamp};
use record::{Commit, Expected, GuardWrite, Idempotency, IdempotencyRecord, JournalEntry, JournalKey, Write};

use crate::generate::Generator;

/// Something new.
pub(super) fn fresh<T>(value: T) -> Write<T> {
    Write { value, expected: Expected::Absent, version: 1, routed: BTreeMap::new() }
}

/// The next version of something that was read at `version`.
pub(super) fn next<T>(value: T, version: u64) -> Write<T> {
    Write { value, expected: Expected::Version(version), version: version + 1, routed: BTreeMap::new() }
}

/// Per consumer a last sequence, for none to two consumers.
pub(super) fn routed(generator: &mut Generator) -> BTreeMap<Consumer, u64> {
    let numbers = [1, 9, 10, 4_000_000_000_000];
    [generator.option(Generator::consumer), generator.option(Generator::consumer)]
        .into_iter()
        .flatten()
        .map(|consumer| (consumer, generator.one_of(&numbers)))
        .collect()
}

/// A journal entry that must be new.
pub(super) fn journal(generator: &mut Generator, subject: &str, entry: &str, outcome: &'static str) -> JournalEntry {
    let fact = generator.any_fact();
    about(generator, subject, entry, outcome, Some(fact))
}

/// The same about a given fact.
pub(super) fn about(
    generator: &mut Generator,
    subject: &str,
    entry: &str,
    outcome: &'static str,
    fact: Option<Fact>,
) -> JournalEntry {
    JournalEntry {
        key: JournalKey { subject: format!("{}#{subject}", generator.mch_id()), entry: entry.to_owned() },
        unique: true,
        fact,
        body: b"<xml>body</xml>".to_vec(),
        body_hash: generator.body_hash(),
        outcome,
        reason: generator.option(|it| it.text()),
        sequence: None,
        received_at: generator.time(),
        traceparent: generator.option(|_| "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
    }
}

/// An event of a stream, for these consumers.
pub(super) fn event(
    generator: &mut Generator,
    stream: &Stream,
    sequence: u64,
    time: Timestamp,
    consumers: &[&str],
) -> OutboxEntry {
    let destinations: BTreeMap<Consumer, u64> =
        consumers.iter().map(|consumer| ((*consumer).to_owned(), sequence.saturating_sub(1))).collect();
    OutboxEntry {
        schema: SCHEMA,
        stream: stream.clone(),
        sequence,
        mch_id: generator.mch_id(),
        event_type: "papay.payment.succeeded.v1".to_owned(),
        subject: generator.out_trade_no().to_string(),
        time,
        traceparent: generator.option(|_| "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        data: r#"{"text":"续费 \"quoted\""}"#.to_owned(),
        pending: destinations.keys().cloned().collect::<BTreeSet<_>>(),
        destinations,
    }
}

/// What came of a caller's key that no other run uses.
pub(super) fn idempotency(generator: &mut Generator) -> IdempotencyRecord {
    let principal = generator.user();
    let key = Idempotency::new(principal.as_str(), "POST /v1/subscriptions", "key-1", generator.body_hash());
    let key = key.expect("a key");
    IdempotencyRecord {
        key: key.key(&generator.mch_id()),
        body_hash: key.body_hash,
        resource: generator.contract_code().to_string(),
        at: generator.time(),
    }
}

/// A guard that no other run uses.
pub(super) fn guard(generator: &mut Generator, expected: Option<Expected>) -> GuardWrite {
    let guard = match generator.one_of(&[true, false]) {
        true => Guard::User(generator.plan_id(), generator.user()),
        false => Guard::Payer(generator.plan_id(), generator.appid(), generator.openid()),
    };
    let key = record::guard_key(&generator.mch_id(), &guard);
    GuardWrite { key, contract_code: generator.contract_code(), expected }
}

/// A transaction of nothing but events.
pub(super) fn events(mch_id: &MchId, outbox: Vec<OutboxEntry>) -> Commit {
    Commit { outbox, ..Commit::empty(mch_id.clone()) }
}
