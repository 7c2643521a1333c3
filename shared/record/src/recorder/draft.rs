//! A decision on its way into a transaction.

use std::collections::BTreeMap;

use domain::{Changes, Event, Fact, Guard, MchId, Moved, Stream, Timestamp};

use super::head::Head;
use crate::keys::hex;
use crate::{Commit, Expected, JournalEntry, JournalKey, Receipt, RecordError, Recorded, Routing, Row, Rows, Write};

/// A decision on its way into a transaction.
pub(super) struct Draft<'a> {
    pub(super) fact: &'a Fact,
    pub(super) receipt: &'a Receipt,
    pub(super) rows: Rows,
    pub(super) changes: Changes,
    pub(super) events: Vec<Event>,
    pub(super) key: Option<String>,
    pub(super) outcome: &'static str,
    pub(super) now: Timestamp,
}

impl Draft<'_> {
    /// Where guards point after its contract changed.
    pub(super) fn moved_guards(&self) -> Vec<Moved> {
        match (&self.rows.contract, &self.changes.contract) {
            (Some(before), Some(after)) => Guard::moved(&before.value, after),
            (None, _) | (_, None) => Vec::new(),
        }
    }

    pub(super) fn commit(self, routing: &Routing) -> Result<(Commit, Recorded), RecordError> {
        let Self { fact, receipt, rows, changes, events, key, outcome, now } = self;
        let mch_id = &fact.mch_id;
        let events_count = events.len();
        let mut commit = Commit::empty(mch_id.clone());
        // The contract is the head of its orders' stream; an order without contract is its own.
        let (mut contract, mut order) = (None, None);
        let mut stream = None;
        if let Some(row) = rows.contract {
            let mut head = Head::of(&row, events_count);
            let next = changes.contract.or_else(|| (events_count > 0).then(|| row.value.clone()));
            if let Some(value) = next {
                let name = Stream::contract(mch_id, &value.contract_code);
                commit.outbox = head.freeze(&name, &events, mch_id, receipt, routing, now)?;
                stream = (events_count > 0).then_some(name);
                contract = Some(head.write(value));
            }
            order = changes.order.map(|value| next_version(rows.order.as_ref(), value));
        } else if let Some(value) = changes.order.or_else(|| {
            // A fact of a refund that leaves the order as it is, on an order that heads its own stream.
            rows.order.as_ref().filter(|_| events_count > 0).map(|row| row.value.clone())
        }) {
            let name = Stream::order(mch_id, &value.out_trade_no);
            let mut head = Head::of_option(rows.order.as_ref(), events_count);
            commit.outbox = head.freeze(&name, &events, mch_id, receipt, routing, now)?;
            stream = (events_count > 0).then_some(name);
            order = Some(head.write(value));
        }
        commit.contract = contract;
        commit.order = order;
        commit.refund = changes.refund.map(|value| next_version(rows.refund.as_ref(), value));
        commit.exempt = changes.exempt.map(|value| next_version(rows.exempt.as_ref(), value));
        let last = commit.outbox.last().map(|entry| (entry.stream.clone(), entry.sequence));
        let mut entry = journal(Some(fact), mch_id, &fact.subject(), key.as_deref(), receipt, outcome, None);
        entry.unique = key.is_some();
        entry.sequence = last;
        commit.journal = Some(entry);
        Ok((commit, Recorded::Applied { stream, events: events_count }))
    }
}

pub(super) fn journal(
    fact: Option<&Fact>,
    mch_id: &MchId,
    subject: &str,
    key: Option<&str>,
    receipt: &Receipt,
    outcome: &'static str,
    reason: Option<String>,
) -> JournalEntry {
    let entry = key.map_or_else(|| format!("held#{}", hex(&receipt.body_hash)), str::to_owned);
    JournalEntry {
        key: JournalKey { subject: format!("{mch_id}#{subject}"), entry },
        unique: false,
        fact: fact.cloned(),
        body: receipt.body.clone(),
        body_hash: receipt.body_hash,
        outcome,
        reason,
        sequence: None,
        received_at: receipt.received_at,
        traceparent: receipt.traceparent.clone(),
    }
}

pub(super) fn fresh<T>(value: T) -> Write<T> {
    Write { value, expected: Expected::Absent, version: 1, routed: BTreeMap::new() }
}

pub(super) fn next_version<T>(row: Option<&Row<T>>, value: T) -> Write<T> {
    match row {
        Some(row) => Write {
            value,
            expected: Expected::Version(row.version),
            version: row.version.saturating_add(1),
            routed: row.routed.clone(),
        },
        None => fresh(value),
    }
}
