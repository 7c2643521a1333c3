//! A message that is set aside for a person to see.

use domain::{Cause, Event, Fact, MchId, QuarantineEvent, Timestamp};

use super::Recorder;
use super::draft::journal;
use super::quarantine::Case;
use crate::keys::{hex, released};
use crate::{Backoff, Ledger, Receipt, RecordError, Recorded};

impl<L: Ledger, B: Backoff> Recorder<L, B> {
    /// Journal, quarantine stream and event in one transaction; the second time it changes nothing. A message that was set
    /// aside for another reason, such as an order that was not known yet, is told of again.
    pub(super) async fn set_aside(&self, aside: Aside<'_>, recorded: Recorded) -> Result<Recorded, RecordError> {
        let label = recorded.label();
        let is_new = |held: Option<&str>| match (&recorded, held) {
            (_, None) => Some(true),
            // Held already, or decided since by someone who knew its order.
            (Recorded::Unknown(_), Some(_)) => None,
            (_, Some(outcome)) if outcome == label || outcome == released(label) => None,
            // The head's version sees to it that only one of two writes over it.
            (_, Some(_)) => Some(false),
        };
        self.tell(aside.case(label), is_new).await?;
        Ok(recorded)
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

    fn case(self, outcome: &'static str) -> Case<'a> {
        let Self { mch_id, subject, fact, cause, reason, known_by, receipt, now } = self;
        let why = Some(reason.to_owned());
        let entry = journal(fact, mch_id, &subject, known_by.as_deref(), receipt, outcome, why);
        let (reason, body_hash) = (reason.to_owned(), hex(&receipt.body_hash));
        let event = Event::NotificationQuarantined(QuarantineEvent { subject, reason, body_hash, cause });
        Case { mch_id, hash: receipt.body_hash, entry, event, receipt, now }
    }
}
