//! `apply`: read, decide, commit, and again after a lost race.

mod aside;
mod bill;
mod draft;
mod guards;
mod head;
mod once;
mod open;
mod quarantine;

pub use once::{Known, Once};
pub use open::{Opened, Opening};

use domain::{Cause, Changes, Contradiction, Decision, Fact, FactBody, Keys, Loaded, MchId, Timestamp, Unanswered};

use self::aside::Aside;
use self::draft::{Draft, fresh, journal, next_version};
use crate::recorded::TRIES;
use crate::{
    Backoff, Commit, CommitError, JournalEntry, Ledger, LedgerError, Receipt, RecordError, Recorded, Routing, Rows,
};

/// The decision function: `domain::decide`, or a test's double.
pub type DecideFn = fn(&Loaded, &Fact, Timestamp) -> Decision;

/// Records facts in a ledger.
#[derive(Clone, Debug)]
pub struct Recorder<L, B> {
    ledger: L,
    backoff: B,
    routing: Routing,
}

impl<L: Ledger, B: Backoff> Recorder<L, B> {
    /// A recorder that routes its events by `routing`.
    pub fn new(ledger: L, backoff: B, routing: Routing) -> Self {
        Self { ledger, backoff, routing }
    }

    /// The ledger.
    pub fn ledger(&self) -> &L {
        &self.ledger
    }

    /// Makes `fact` durable: reads what it is about, decides, and commits state and events in one transaction.
    ///
    /// # Errors
    ///
    /// [`RecordError`]: nothing was recorded, or it is not known whether it was. A repetition is always safe.
    pub async fn apply(
        &self,
        fact: &Fact,
        receipt: &Receipt,
        now: Timestamp,
        decide: DecideFn,
    ) -> Result<Recorded, RecordError> {
        for attempt in 1..=TRIES {
            let rows = self.load(&fact.mch_id, &fact.keys()).await?;
            let decision = decide(&rows.loaded(), fact, now);
            match self.record(fact, receipt, rows, decision, now).await {
                Ok(recorded) => return Ok(recorded),
                Err(Failure::Race) if attempt < TRIES => self.backoff.wait(attempt).await,
                Err(Failure::Race) => {}
                Err(Failure::Error(error)) => return Err(error),
            }
        }
        Err(RecordError::Contended)
    }

    /// Sets aside a verified message that we do not understand, so that it can be decided again after a fix.
    ///
    /// # Errors
    ///
    /// [`RecordError`]: it is not durable.
    pub async fn hold(
        &self,
        mch_id: &MchId,
        reason: &str,
        receipt: &Receipt,
        now: Timestamp,
    ) -> Result<Recorded, RecordError> {
        let aside = Aside {
            mch_id,
            subject: "N".to_owned(),
            fact: None,
            cause: Cause::Callback,
            reason,
            known_by: None,
            receipt,
            now,
        };
        self.set_aside(aside, Recorded::NotUnderstood).await
    }

    /// Puts new rows on record, then decides again what was held for want of them.
    ///
    /// The head of the stream is created with the rows. Returns what became of each held message.
    ///
    /// # Errors
    ///
    /// [`RecordError::Exists`] where a row of that number is on record already. What is held for it is decided all the same,
    /// since the call that made the row may have died before it did.
    pub async fn create(
        &self,
        mch_id: &MchId,
        rows: Changes,
        now: Timestamp,
        decide: DecideFn,
    ) -> Result<Vec<Recorded>, RecordError> {
        let subjects = [
            rows.order.as_ref().map(|order| format!("O#{}", order.out_trade_no)),
            rows.contract.as_ref().map(|contract| format!("C#{}", contract.contract_code)),
        ];
        let commit = Commit {
            order: rows.order.map(fresh),
            contract: rows.contract.map(fresh),
            refund: rows.refund.map(fresh),
            exempt: rows.exempt.map(fresh),
            ..Commit::empty(mch_id.clone())
        };
        let committed = self.ledger.commit(&commit).await;
        match &committed {
            Ok(()) | Err(CommitError::Conflict) => {}
            Err(CommitError::Contended) => return Err(RecordError::Contended),
            Err(CommitError::Unavailable(reason)) => return Err(RecordError::Unavailable(reason.clone())),
        }
        let mut outcomes = Vec::new();
        for subject in subjects.into_iter().flatten() {
            outcomes.extend(self.revisit(mch_id, &subject, now, decide).await?);
        }
        committed.map(|()| outcomes).map_err(|_| RecordError::Exists)
    }

    /// What is on record under these numbers; an order brings its contract.
    ///
    /// # Errors
    ///
    /// [`RecordError::Unavailable`], [`RecordError::Unreadable`].
    pub async fn rows(&self, mch_id: &MchId, keys: &Keys) -> Result<Rows, RecordError> {
        Ok(self.load(mch_id, keys).await?)
    }

    /// Notes that WeChat gave no answer that could be used about these items: their due questions are put again a minute later, and
    /// later each time.
    ///
    /// # Errors
    ///
    /// [`RecordError`]: the questions stay due.
    pub async fn unanswered(
        &self,
        mch_id: &MchId,
        keys: &Keys,
        why: Unanswered,
        now: Timestamp,
    ) -> Result<(), RecordError> {
        let rows = self.ledger.load(mch_id, keys).await?;
        let changes = domain::later(&rows.loaded(), why, now);
        self.move_checks(mch_id, rows, changes).await
    }

    /// Notes that WeChat was asked about these items and answered what moved nothing, since it contradicts our record: it would answer
    /// the same at once, so their due questions are put again when their schedules say so.
    ///
    /// # Errors
    ///
    /// [`RecordError`]: the questions stay due.
    pub async fn answered_in_vain(&self, mch_id: &MchId, keys: &Keys, now: Timestamp) -> Result<(), RecordError> {
        let rows = self.ledger.load(mch_id, keys).await?;
        let changes = domain::moved_on(&rows.loaded(), now);
        self.move_checks(mch_id, rows, changes).await
    }

    /// Writes checks and nothing else. Whoever wrote in between had an answer, or the question stays due.
    async fn move_checks(&self, mch_id: &MchId, rows: Rows, changes: Changes) -> Result<(), RecordError> {
        if changes == Changes::default() {
            return Ok(());
        }
        let commit = states(mch_id, &rows, changes);
        match self.ledger.commit(&commit).await {
            Ok(()) | Err(CommitError::Conflict | CommitError::Contended) => Ok(()),
            Err(CommitError::Unavailable(reason)) => Err(RecordError::Unavailable(reason)),
        }
    }

    /// Decides again what is held under a subject.
    async fn revisit(
        &self,
        mch_id: &MchId,
        subject: &str,
        now: Timestamp,
        decide: DecideFn,
    ) -> Result<Vec<Recorded>, RecordError> {
        let mut outcomes = Vec::new();
        for held in self.ledger.held(mch_id, subject).await? {
            let recorded = self.apply(&held.fact, &held.receipt, now, decide).await?;
            self.ledger.release(&held.key, recorded.label()).await?;
            outcomes.push(recorded);
        }
        Ok(outcomes)
    }

    /// The rows of these numbers, and the contract that the order names where its number does not.
    async fn load(&self, mch_id: &MchId, keys: &Keys) -> Result<Rows, LedgerError> {
        let mut rows = self.ledger.load(mch_id, keys).await?;
        let named = rows.order.as_ref().and_then(|row| row.value.contract_code.clone());
        if let (Some(code), None) = (named, &rows.contract) {
            let keys = Keys { contract: Some(code), ..Keys::default() };
            rows.contract = self.ledger.load(mch_id, &keys).await?.contract;
        }
        Ok(rows)
    }

    async fn record(
        &self,
        fact: &Fact,
        receipt: &Receipt,
        rows: Rows,
        decision: Decision,
        now: Timestamp,
    ) -> Result<Recorded, Failure> {
        match decision {
            Decision::Apply { changes, events, key } => {
                let draft = Draft { fact, receipt, rows, changes: *changes, events, key, outcome: "applied", now };
                self.commit_changes(draft).await
            }
            Decision::Ask(changes) => {
                let draft = Draft {
                    fact,
                    receipt,
                    rows,
                    changes: *changes,
                    events: Vec::new(),
                    key: None,
                    outcome: "asked",
                    now,
                };
                self.commit_changes(draft).await.map(|_| Recorded::Asked)
            }
            Decision::Duplicate => Ok(Recorded::Duplicate),
            Decision::Refused(refusal) => Ok(Recorded::Refused(refusal)),
            Decision::Stale => self.note(fact, receipt, Recorded::Stale).await,
            Decision::Noted => self.note(fact, receipt, Recorded::Noted).await,
            Decision::Contradiction(field) => {
                let mut aside = Aside::of(fact, receipt, field.label(), now);
                aside.known_by = contradicted(fact, &rows, field);
                Ok(self.set_aside(aside, Recorded::Contradiction(field)).await?)
            }
            Decision::Unknown(what) => {
                let aside = Aside::of(fact, receipt, what.label(), now);
                Ok(self.set_aside(aside, Recorded::Unknown(what)).await?)
            }
        }
    }

    async fn commit_changes(&self, draft: Draft<'_>) -> Result<Recorded, Failure> {
        let moved = draft.moved_guards();
        let (mut commit, recorded) = draft.commit(&self.routing)?;
        self.move_guards(moved, &mut commit).await?;
        match self.ledger.commit(&commit).await {
            Ok(()) => Ok(recorded),
            Err(error) => Err(error.into()),
        }
    }

    /// An entry in the journal and nothing else. It may be there already: sent twice, or held until its order was known.
    async fn note(&self, fact: &Fact, receipt: &Receipt, recorded: Recorded) -> Result<Recorded, Failure> {
        let entry = journal(Some(fact), &fact.mch_id, &fact.subject(), None, receipt, recorded.label(), None);
        let commit = |unique| Commit {
            journal: Some(JournalEntry { unique, ..entry.clone() }),
            ..Commit::empty(fact.mch_id.clone())
        };
        let mut committed = self.ledger.commit(&commit(true)).await;
        if committed == Err(CommitError::Conflict) {
            committed = self.ledger.commit(&commit(false)).await;
        }
        committed.map(|()| recorded).map_err(Failure::from)
    }
}

/// The name of a contradiction in an answer. Each answer has another nonce, and says the same until somebody mends it: it is told of
/// once for each field and each state of ours. A notice is known by its body.
fn contradicted(fact: &Fact, rows: &Rows, field: Contradiction) -> Option<String> {
    if fact.cause != Cause::Query {
        return None;
    }
    let (number, state) = match &fact.body {
        FactBody::Payment(_) => ("", rows.order.as_ref().map(|row| label(&row.value.state))),
        FactBody::Contract(_) => ("", rows.contract.as_ref().map(|row| label(&row.value.state))),
        FactBody::Refund(refund) => {
            (refund.out_refund_no.as_str(), rows.refund.as_ref().map(|row| label(&row.value.state)))
        }
        FactBody::Exempt(_) => ("", rows.exempt.as_ref().map(|row| label(&row.value.state))),
        FactBody::Opened(_) | FactBody::Called(_) | FactBody::Noted { .. } => return None,
    };
    Some(format!("contradiction#{number}#{}#{}", field.label(), state.unwrap_or_default()))
}

/// The word of a state in its item.
fn label(state: &impl serde::Serialize) -> String {
    let word = serde_json::to_value(state).ok();
    word.as_ref().and_then(|word| word.as_str()).unwrap_or_default().to_owned()
}

/// The next states, each on the condition that it is what was read.
fn states(mch_id: &MchId, rows: &Rows, changes: Changes) -> Commit {
    Commit {
        order: changes.order.map(|value| next_version(rows.order.as_ref(), value)),
        contract: changes.contract.map(|value| next_version(rows.contract.as_ref(), value)),
        refund: changes.refund.map(|value| next_version(rows.refund.as_ref(), value)),
        exempt: changes.exempt.map(|value| next_version(rows.exempt.as_ref(), value)),
        ..Commit::empty(mch_id.clone())
    }
}

/// Why one try came to nothing.
enum Failure {
    Race,
    Error(RecordError),
}

impl From<CommitError> for Failure {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict | CommitError::Contended => Self::Race,
            CommitError::Unavailable(reason) => Self::Error(RecordError::Unavailable(reason)),
        }
    }
}

impl From<RecordError> for Failure {
    fn from(error: RecordError) -> Self {
        Self::Error(error)
    }
}
