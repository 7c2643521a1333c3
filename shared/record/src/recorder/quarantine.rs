//! The streams of what a person has to see: messages that were set aside, and bills that differ.

use domain::{Event, MchId, Stream, Timestamp};

use super::Recorder;
use super::head::Head;
use crate::recorded::TRIES;
use crate::{Backoff, Commit, CommitError, Expected, JournalEntry, Ledger, Receipt, RecordError, Routing, Row};

/// Quarantine streams of a merchant: what stands there is rare, and one stream would serialise an incident.
const SHARDS: u8 = 4;

/// What is to stand in the journal and in a quarantine stream.
pub(super) struct Case<'a> {
    pub(super) mch_id: &'a MchId,
    /// Decides which of the streams it stands in.
    pub(super) hash: [u8; 32],
    pub(super) entry: JournalEntry,
    pub(super) event: Event,
    pub(super) receipt: &'a Receipt,
    pub(super) now: Timestamp,
}

impl<L: Ledger, B: Backoff> Recorder<L, B> {
    /// Journal entry, quarantine stream and event in one transaction. `is_new` is told the outcome that the journal has of it already,
    /// and answers whether the entry must not be there yet; `None` leaves everything as it is. Answers whether it was written.
    pub(super) async fn tell(
        &self,
        mut case: Case<'_>,
        is_new: impl Fn(Option<&str>) -> Option<bool>,
    ) -> Result<bool, RecordError> {
        let stream = case.stream();
        for attempt in 1..=TRIES {
            let quarantine = self.ledger.load_quarantine(&stream, &case.entry.key).await?;
            let Some(unique) = is_new(quarantine.held.as_deref()) else { return Ok(false) };
            case.entry.unique = unique;
            let commit = case.commit(&stream, &quarantine.head, &self.routing)?;
            match self.ledger.commit(&commit).await {
                Ok(()) => return Ok(true),
                Err(CommitError::Unavailable(reason)) => return Err(RecordError::Unavailable(reason)),
                Err(_) if attempt < TRIES => self.backoff.wait(attempt).await,
                Err(_) => {}
            }
        }
        Err(RecordError::Contended)
    }
}

impl Case<'_> {
    fn stream(&self) -> Stream {
        Stream::quarantine(self.mch_id, self.hash.first().map_or(0, |byte| byte % SHARDS))
    }

    fn commit(&self, stream: &Stream, head: &Row<()>, routing: &Routing) -> Result<Commit, RecordError> {
        let mut next = Head::of(head, 1);
        let outbox =
            next.freeze(stream, std::slice::from_ref(&self.event), self.mch_id, self.receipt, routing, self.now)?;
        let sequence = outbox.last().map(|entry| (entry.stream.clone(), entry.sequence));
        let mut write = next.write(());
        if head.version == 0 {
            write.expected = Expected::Absent;
        }
        Ok(Commit {
            journal: Some(JournalEntry { sequence, ..self.entry.clone() }),
            quarantine: Some((stream.clone(), write)),
            outbox,
            ..Commit::empty(self.mch_id.clone())
        })
    }
}
