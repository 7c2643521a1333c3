//! Callers' keys: what a call with a key has done is not done again by the same call, and by no other call under that key.

use domain::{Decision, Fact, MchId, Refusal, Timestamp};

use super::draft::Draft;
use super::{Failure, Recorder};
use crate::recorded::TRIES;
use crate::{Backoff, Commit, Idempotency, IdempotencyRecord, Receipt, RecordError, Recorded, Writeahead};

/// What is known of a caller's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing came of a call with it yet.
    New,
    /// The same call was made before.
    Before {
        /// The number of what it was about.
        resource: String,
    },
    /// It was used for another call.
    Reused,
}

/// What became of a fact that a call with a key brought.
#[derive(Clone, Debug, PartialEq)]
pub enum Once {
    /// It was decided now.
    Now(Recorded),
    /// The same call was made before: nothing was written.
    Before,
    /// The key was used for another call: nothing was written.
    Reused,
}

impl<L: Writeahead, B: Backoff> Recorder<L, B> {
    /// What is known of a caller's key.
    ///
    /// # Errors
    ///
    /// [`RecordError::Unavailable`], [`RecordError::Unreadable`].
    pub async fn known(&self, mch_id: &MchId, asked: &Idempotency) -> Result<Known, RecordError> {
        let standing = self.ledger.standing(mch_id, Some(&asked.key(mch_id)), &[]).await?;
        Ok(match standing.done {
            None => Known::New,
            Some(done) if done.body_hash == asked.body_hash => Known::Before { resource: done.resource },
            Some(_) => Known::Reused,
        })
    }

    /// Keeps a caller's key for something that is on record already, and answers what it was kept for before: `New` where it is from
    /// here.
    ///
    /// # Errors
    ///
    /// [`RecordError`]: it is not known whether it is kept; the same call finds out.
    pub async fn claim(
        &self,
        mch_id: &MchId,
        asked: &Idempotency,
        resource: &str,
        now: Timestamp,
    ) -> Result<Known, RecordError> {
        for attempt in 1..=TRIES {
            match self.known(mch_id, asked).await? {
                Known::New => {}
                known @ (Known::Before { .. } | Known::Reused) => return Ok(known),
            }
            match self.keep(mch_id, asked.record(mch_id, resource, now)).await {
                Ok(()) => return Ok(Known::New),
                Err(Failure::Race) => self.backoff.wait(attempt).await,
                Err(Failure::Error(error)) => return Err(error),
            }
        }
        Err(RecordError::Contended)
    }

    /// Records a fact of our own doing and the key of the call that brought it, in one transaction. `resource` is the number of what the
    /// call is about: the same key for another number is another call. A fact that must not happen leaves the key free.
    ///
    /// # Errors
    ///
    /// [`RecordError`]: it is not known whether it is recorded; the same call finds out.
    pub async fn apply_once(
        &self,
        fact: &Fact,
        receipt: &Receipt,
        asked: &Idempotency,
        resource: &str,
        now: Timestamp,
    ) -> Result<Once, RecordError> {
        for attempt in 1..=TRIES {
            match self.known(&fact.mch_id, asked).await? {
                Known::New => {}
                Known::Before { resource: before } if before == resource => return Ok(Once::Before),
                Known::Before { .. } | Known::Reused => return Ok(Once::Reused),
            }
            match self.try_once(fact, receipt, asked.record(&fact.mch_id, resource, now), now).await {
                Ok(recorded) => return Ok(Once::Now(recorded)),
                Err(Failure::Race) => self.backoff.wait(attempt).await,
                Err(Failure::Error(error)) => return Err(error),
            }
        }
        Err(RecordError::Contended)
    }

    async fn try_once(
        &self,
        fact: &Fact,
        receipt: &Receipt,
        key: IdempotencyRecord,
        now: Timestamp,
    ) -> Result<Recorded, Failure> {
        let rows = self.load(&fact.mch_id, &fact.keys()).await.map_err(RecordError::from)?;
        let kept = match domain::decide(&rows.loaded(), fact, now) {
            Decision::Apply { changes, events, key: business_key } => {
                let changes = *changes;
                let draft = Draft { fact, receipt, rows, changes, events, key: business_key, outcome: "applied", now };
                let (commit, recorded) = draft.commit(&self.routing)?;
                self.ledger.commit(&Commit { idempotency: Some(key), ..commit }).await?;
                return Ok(recorded);
            }
            Decision::Refused(refusal) => return Ok(Recorded::Refused(refusal)),
            Decision::Unknown(what) => return Ok(Recorded::Unknown(what)),
            Decision::Duplicate => Recorded::Duplicate,
            Decision::Stale => Recorded::Stale,
            Decision::Noted => Recorded::Noted,
            // Nothing that we do ourselves proves too little, or contradicts.
            Decision::Ask(_) | Decision::Contradiction(_) => return Ok(Recorded::Refused(Refusal::Inconsistent)),
        };
        self.keep(&fact.mch_id, key).await?;
        Ok(kept)
    }

    async fn keep(&self, mch_id: &MchId, key: IdempotencyRecord) -> Result<(), Failure> {
        Ok(self.ledger.commit(&Commit { idempotency: Some(key), ..Commit::empty(mch_id.clone()) }).await?)
    }
}
