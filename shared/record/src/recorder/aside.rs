//! A message that is set aside for a person to see.

use domain::{Cause, Event, Fact, MchId, QuarantineEvent, Stream, Timestamp};

use super::Recorder;
use super::draft::journal;
use super::head::Head;
use crate::keys::{hex, released};
use crate::recorded::TRIES;
use crate::{
    Backoff, Commit, CommitError, Expected, JournalEntry, Ledger, Receipt, RecordError, Recorded, Routing, Row,
};

/// Quarantine streams of a merchant: what is set aside is rare, and one stream would serialise an incident.
const QUARANTINE_SHARDS: u8 = 4;

impl<L: Ledger, B: Backoff> Recorder<L, B> {
    /// Journal, quarantine stream and event in one transaction; the second time it changes nothing. A message that was set
    /// aside for another reason, such as an order that was not known yet, is told of again.
    pub(super) async fn set_aside(&self, aside: Aside<'_>, recorded: Recorded) -> Result<Recorded, RecordError> {
        let shard = aside.receipt.body_hash.first().map_or(0, |byte| byte % QUARANTINE_SHARDS);
        let stream = Stream::quarantine(aside.mch_id, shard);
        for attempt in 1..=TRIES {
            let mut entry = aside.journal(&recorded);
            let quarantine = self.ledger.load_quarantine(&stream, &entry.key).await?;
            match (&recorded, quarantine.held) {
                (_, None) => {}
                // Held already, or decided since by someone who knew its order.
                (Recorded::Unknown(_), Some(_)) => return Ok(recorded),
                (_, Some(outcome)) if outcome == recorded.label() || outcome == released(recorded.label()) => {
                    return Ok(recorded);
                }
                // The head's version sees to it that only one of two writes over it.
                (_, Some(_)) => entry.unique = false,
            }
            let commit = aside.commit(entry, &stream, quarantine.head, &self.routing)?;
            match self.ledger.commit(&commit).await {
                Ok(()) => return Ok(recorded),
                Err(CommitError::Unavailable(reason)) => return Err(RecordError::Unavailable(reason)),
                Err(_) if attempt < TRIES => self.backoff.wait(attempt).await,
                Err(_) => {}
            }
        }
        Err(RecordError::Contended)
    }
}

/// A message that is set aside.
pub(super) struct Aside<'a> {
    pub(super) mch_id: &'a MchId,
    pub(super) subject: String,
    pub(super) fact: Option<&'a Fact>,
    pub(super) cause: Cause,
    pub(super) reason: &'a str,
    /// What it is known by where its body differs each time.
    pub(super) known_by: Option<String>,
    pub(super) receipt: &'a Receipt,
    pub(super) now: Timestamp,
}

impl<'a> Aside<'a> {
    pub(super) fn of(fact: &'a Fact, receipt: &'a Receipt, reason: &'a str, now: Timestamp) -> Self {
        let subject = fact.subject();
        Self {
            mch_id: &fact.mch_id,
            subject,
            fact: Some(fact),
            cause: fact.cause,
            reason,
            known_by: None,
            receipt,
            now,
        }
    }

    pub(super) fn journal(&self, recorded: &Recorded) -> JournalEntry {
        let mut entry = journal(
            self.fact,
            self.mch_id,
            &self.subject,
            self.known_by.as_deref(),
            self.receipt,
            recorded.label(),
            Some(self.reason.to_owned()),
        );
        entry.unique = true;
        entry
    }

    pub(super) fn commit(
        &self,
        mut entry: JournalEntry,
        stream: &Stream,
        head: Row<()>,
        routing: &Routing,
    ) -> Result<Commit, RecordError> {
        let event = Event::NotificationQuarantined(QuarantineEvent {
            subject: self.subject.clone(),
            reason: self.reason.to_owned(),
            body_hash: hex(&self.receipt.body_hash),
            cause: self.cause,
        });
        let mut next = Head::of(&head, 1);
        let outbox = next.freeze(stream, &[event], self.mch_id, self.receipt, routing, self.now)?;
        entry.sequence = outbox.last().map(|entry| (entry.stream.clone(), entry.sequence));
        let mut write = next.write(());
        if head.version == 0 {
            write.expected = Expected::Absent;
        }
        Ok(Commit {
            journal: Some(entry),
            quarantine: Some((stream.clone(), write)),
            outbox,
            ..Commit::empty(self.mch_id.clone())
        })
    }
}
