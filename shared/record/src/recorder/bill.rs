//! A difference between a bill and our record, for a person to see.

use domain::{BillEvent, Event, MchId, Stream, Timestamp};

use super::Recorder;
use super::draft::journal;
use super::head::Head;
use crate::keys::sha256;
use crate::recorded::TRIES;
use crate::{Backoff, Commit, CommitError, Expected, JournalEntry, Ledger, Receipt, RecordError};

/// Differences stand in the streams of what was set aside, which are as rare.
const STREAMS: u8 = 4;

impl<L: Ledger, B: Backoff> Recorder<L, B> {
    /// Puts a difference in the journal of its order and publishes it, in one transaction. Answers whether it was told now: of one bill a
    /// difference is told once, however often the bill is compared.
    ///
    /// # Errors
    ///
    /// [`RecordError`]: it is not known whether it was told. A repetition is always safe.
    pub async fn differed(&self, mch_id: &MchId, event: &BillEvent, now: Timestamp) -> Result<bool, RecordError> {
        let BillEvent { bill_date, difference, .. } = event;
        let name = format!("bill#{bill_date}#{}#{}", event.number(), difference.label());
        let body = serde_json::to_vec(event).unwrap_or_default();
        let receipt = Receipt { body_hash: sha256(&body), body, received_at: now, traceparent: None };
        let stream = Stream::quarantine(mch_id, sha256(name.as_bytes()).first().map_or(0, |byte| byte % STREAMS));
        let subject = format!("O#{}", event.out_trade_no);
        let reason = Some(difference.label().to_owned());
        let entry = journal(None, mch_id, &subject, Some(&name), &receipt, "differed", reason);
        for attempt in 1..=TRIES {
            let before = self.ledger.load_quarantine(&stream, &entry.key).await?;
            if before.held.is_some() {
                return Ok(false);
            }
            let mut head = Head::of(&before.head, 1);
            let told = Event::BillDiffered(event.clone());
            let outbox = head.freeze(&stream, &[told], mch_id, &receipt, &self.routing, now)?;
            let sequence = outbox.last().map(|entry| (entry.stream.clone(), entry.sequence));
            let mut write = head.write(());
            if before.head.version == 0 {
                write.expected = Expected::Absent;
            }
            let commit = Commit {
                journal: Some(JournalEntry { unique: true, sequence, ..entry.clone() }),
                quarantine: Some((stream.clone(), write)),
                outbox,
                ..Commit::empty(mch_id.clone())
            };
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
