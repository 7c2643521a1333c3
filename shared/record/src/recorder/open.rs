//! `open`: new rows with their guards and their idempotency record, in one transaction, before WeChat is asked.

use domain::{
    AppId, Changes, Contract, ContractCode, Decision, Fact, FactBody, Guard, MchId, OpenId, PlanId, Refusal, Timestamp,
    Unknown, UserId,
};

use super::draft::journal;
use super::guards::unchanged;
use super::{Failure, Recorder, states};
use crate::keys::guard_key;
use crate::recorded::TRIES;
use crate::{
    Backoff, Commit, Expected, GuardWrite, Idempotency, JournalEntry, Pointer, Receipt, RecordError, Row, Rows,
    Standing, Writeahead,
};

/// Rows that a call wants on record.
#[derive(Clone, Debug, PartialEq)]
pub struct Opening {
    /// The merchant.
    pub mch_id: MchId,
    /// The rows.
    pub opened: domain::Opened,
    /// The caller's key, by which a repetition of the call is known.
    pub idempotency: Option<Idempotency>,
    /// The openid of who is going to sign, where the caller knows it.
    pub openid: Option<OpenId>,
    /// W3C trace context.
    pub traceparent: Option<String>,
}

/// What became of an opening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// The rows are on record: WeChat may be asked.
    Opened,
    /// The same call was made before, with the same key; what came of it is on record under this number.
    AlreadyDone {
        /// The number of the contract, the order or the refund.
        resource: String,
    },
    /// The same thing is on record by another call, with another key or with none.
    OnRecord {
        /// Its number.
        resource: String,
    },
    /// The caller's key was used before, for another request.
    KeyReused,
    /// The user has an attempt of this plan that can still be signed, or a contract in force.
    Live {
        /// Its contract.
        contract_code: ContractCode,
    },
    /// It must not happen.
    Refused(Refusal),
    /// Its order or contract is not on record.
    Unknown(Unknown),
}

impl<L: Writeahead, B: Backoff> Recorder<L, B> {
    /// Puts new rows on record, with their guards and the caller's idempotency key: all of it, or nothing.
    ///
    /// # Errors
    ///
    /// [`RecordError`]: it is not known whether they are on record; the same call with the same key finds out.
    pub async fn open(&self, opening: &Opening, now: Timestamp) -> Result<Opened, RecordError> {
        for attempt in 1..=TRIES {
            match self.try_open(opening, now).await {
                Ok(opened) => return Ok(opened),
                Err(Failure::Race) if attempt < TRIES => self.backoff.wait(attempt).await,
                Err(Failure::Race) => {}
                Err(Failure::Error(error)) => return Err(error),
            }
        }
        Err(RecordError::Contended)
    }

    /// The user's live attempt or contract of this plan: whoever has one would pay a second time and sign nothing.
    ///
    /// # Errors
    ///
    /// [`RecordError::Unavailable`], [`RecordError::Unreadable`].
    pub async fn live(
        &self,
        mch_id: &MchId,
        plan_id: &PlanId,
        appid: &AppId,
        user: Option<&UserId>,
        openid: Option<&OpenId>,
    ) -> Result<Option<Row<Contract>>, RecordError> {
        let user = user.map(|user| Guard::User(plan_id.clone(), user.clone()));
        let payer = openid.map(|openid| Guard::Payer(plan_id.clone(), appid.clone(), openid.clone()));
        let guards: Vec<_> = user.into_iter().chain(payer).map(|guard| guard_key(mch_id, &guard)).collect();
        let standing = self.ledger.standing(mch_id, None, &guards).await?;
        let contracts = self.contracts(mch_id, standing.guards.iter().flatten()).await?;
        Ok(contracts.into_iter().find(|row| row.value.is_live()))
    }

    /// Counts a call of a principal, and answers how many he made in this minute.
    ///
    /// # Errors
    ///
    /// [`RecordError::Unavailable`].
    pub async fn count(&self, mch_id: &MchId, principal: &str, now: Timestamp) -> Result<u64, RecordError> {
        Ok(self.ledger.count(mch_id, principal, now).await?)
    }

    async fn try_open(&self, opening: &Opening, now: Timestamp) -> Result<Opened, Failure> {
        let mch_id = &opening.mch_id;
        let guards = opening.guards();
        let record_key = opening.idempotency.as_ref().map(|it| it.key(mch_id));
        let standing = match (&record_key, guards.is_empty()) {
            (None, true) => Standing::default(),
            (Some(_), _) | (None, false) => {
                self.ledger.standing(mch_id, record_key.as_ref(), &guards).await.map_err(RecordError::from)?
            }
        };
        if let (Some(done), Some(asked)) = (standing.done, &opening.idempotency) {
            let same = done.body_hash == asked.body_hash;
            return Ok(if same { Opened::AlreadyDone { resource: done.resource } } else { Opened::KeyReused });
        }
        let fact = Fact::ours(mch_id.clone(), FactBody::Opened(opening.opened.clone()));
        let rows = self.load(mch_id, &fact.keys()).await.map_err(RecordError::from)?;
        let (changes, key) = match domain::decide(&rows.loaded(), &fact, now) {
            Decision::Apply { changes, key, .. } => (*changes, key),
            Decision::Duplicate => return Ok(Opened::OnRecord { resource: opening.number() }),
            Decision::Refused(refusal) => return Ok(Opened::Refused(refusal)),
            Decision::Unknown(what) => return Ok(Opened::Unknown(what)),
            Decision::Ask(_) | Decision::Stale | Decision::Contradiction(_) | Decision::Noted => {
                return Ok(Opened::Refused(Refusal::Inconsistent));
            }
        };
        let before = self.contracts(mch_id, standing.guards.iter().flatten()).await?;
        if let Some(live) = before.iter().find(|row| row.value.is_live()) {
            return Ok(Opened::Live { contract_code: live.value.contract_code.clone() });
        }
        let write = Plan { opening, fact: &fact, guards, pointers: standing.guards, before, now };
        self.ledger.commit(&write.commit(&rows, changes, key)).await?;
        Ok(Opened::Opened)
    }
}

impl Opening {
    fn guards(&self) -> Vec<String> {
        let guards = match &self.opened {
            domain::Opened::Attempt { contract, .. } => Guard::of(contract, self.openid.as_ref()),
            domain::Opened::Purchase { .. }
            | domain::Opened::Deduction { .. }
            | domain::Opened::Refund { .. }
            | domain::Opened::Exempt { .. } => Vec::new(),
        };
        guards.iter().map(|guard| guard_key(&self.mch_id, guard)).collect()
    }

    fn number(&self) -> String {
        self.opened.number()
    }
}

/// An opening that may happen, on its way into a transaction.
struct Plan<'a> {
    opening: &'a Opening,
    fact: &'a Fact,
    guards: Vec<String>,
    /// What each guard points at.
    pointers: Vec<Option<Pointer>>,
    /// The contracts that they point at, none of them live.
    before: Vec<Row<Contract>>,
    now: Timestamp,
}

impl Plan<'_> {
    fn commit(self, rows: &Rows, changes: Changes, key: Option<String>) -> Commit {
        let (mch_id, asked) = (&self.opening.mch_id, self.opening.idempotency.as_ref());
        Commit {
            journal: Some(self.journal(key.as_deref())),
            idempotency: asked.map(|asked| asked.record(mch_id, &self.opening.number(), self.now)),
            guards: self.guard_writes(),
            unchanged: self.before.iter().map(unchanged).collect(),
            ..states(mch_id, rows, changes)
        }
    }

    /// The rows say the rest.
    fn journal(&self, key: Option<&str>) -> JournalEntry {
        let receipt = Receipt::ours(self.fact, self.now, self.opening.traceparent.clone());
        let entry = journal(None, &self.opening.mch_id, &self.fact.subject(), key, &receipt, "opened", None);
        JournalEntry { unique: true, ..entry }
    }

    fn guard_writes(&self) -> Vec<GuardWrite> {
        let domain::Opened::Attempt { contract, .. } = &self.opening.opened else { return Vec::new() };
        let write = |(key, pointer): (&String, &Option<Pointer>)| GuardWrite {
            key: key.clone(),
            contract_code: contract.contract_code.clone(),
            expected: Some(pointer.as_ref().map_or(Expected::Absent, |pointer| Expected::Version(pointer.version))),
        };
        self.guards.iter().zip(&self.pointers).map(write).collect()
    }
}
