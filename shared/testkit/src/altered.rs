//! A ledger that is another one but for what a test changes of it.

use std::future::{Future, ready};

use domain::{Keys, MchId, SignedDuration, Stream, Timestamp};
use record::{
    Commit, CommitError, DueItem, Held, JournalKey, Ledger, LedgerError, Pointer, Quarantine, Rows, Standing,
    Writeahead,
};

/// What a test changes of a ledger.
pub trait Alteration: Send + Sync {
    /// The ledger behind it.
    type Ledger: Ledger;

    /// The ledger behind it.
    fn ledger(&self) -> &Self::Ledger;

    /// Comes before each call.
    fn before(&self) -> impl Future<Output = ()> + Send {
        ready(())
    }

    /// As [`Ledger::load`].
    fn load(&self, mch_id: &MchId, keys: &Keys) -> impl Future<Output = Result<Rows, LedgerError>> + Send {
        self.ledger().load(mch_id, keys)
    }

    /// As [`Ledger::commit`].
    fn commit(&self, commit: &Commit) -> impl Future<Output = Result<(), CommitError>> + Send {
        self.ledger().commit(commit)
    }
}

/// A ledger with an alteration.
#[derive(Clone, Debug)]
pub struct Altered<T>(pub T);

impl<T: Alteration> Ledger for Altered<T> {
    async fn load(&self, mch_id: &MchId, keys: &Keys) -> Result<Rows, LedgerError> {
        self.0.before().await;
        self.0.load(mch_id, keys).await
    }

    async fn pointers(&self, guards: &[String]) -> Result<Vec<Option<Pointer>>, LedgerError> {
        self.0.before().await;
        self.0.ledger().pointers(guards).await
    }

    async fn load_quarantine(&self, stream: &Stream, key: &JournalKey) -> Result<Quarantine, LedgerError> {
        self.0.before().await;
        self.0.ledger().load_quarantine(stream, key).await
    }

    async fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        self.0.before().await;
        self.0.commit(commit).await
    }

    async fn held(&self, mch_id: &MchId, subject: &str) -> Result<Vec<Held>, LedgerError> {
        self.0.before().await;
        self.0.ledger().held(mch_id, subject).await
    }

    async fn release(&self, key: &JournalKey, outcome: &str) -> Result<(), LedgerError> {
        self.0.before().await;
        self.0.ledger().release(key, outcome).await
    }
}

impl<T: Alteration<Ledger: Writeahead>> Writeahead for Altered<T> {
    async fn standing(
        &self,
        mch_id: &MchId,
        idempotency: Option<&JournalKey>,
        guards: &[String],
    ) -> Result<Standing, LedgerError> {
        self.0.before().await;
        self.0.ledger().standing(mch_id, idempotency, guards).await
    }

    async fn count(&self, mch_id: &MchId, principal: &str, now: Timestamp) -> Result<u64, LedgerError> {
        self.0.before().await;
        self.0.ledger().count(mch_id, principal, now).await
    }

    async fn may_ask(
        &self,
        mch_id: &MchId,
        item: &DueItem,
        pause: SignedDuration,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        self.0.before().await;
        self.0.ledger().may_ask(mch_id, item, pause, now).await
    }
}
