//! Who asks: a ledger, and a client of WeChat.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use domain::{Fact, MchId, Timestamp};
use record::{Backoff, DecideFn, Ledger, Receipt, Recorded, Recorder};
use setup::telemetry::current_trace;
use sha2::{Digest, Sha256};
use wechat::{
    Call, CallError, Client, ErrorKind, Http, Keys, Meaning, OrderAnswer, PapOrderQuery, Prepared, Transport,
};

use crate::AskError;
use crate::recent::Recent;

/// Asks WeChat and records the answers.
pub struct Asker<L, B, T = Http> {
    pub(crate) recorder: Recorder<L, B>,
    pub(crate) wechat: Client<T>,
    pub(crate) recent: Recent,
    /// Merchants whose keys may have changed.
    distrusted: Mutex<BTreeSet<String>>,
    /// Merchants of whom an answer named a certificate that we do not have.
    unknown: Mutex<BTreeSet<String>>,
}

impl<L, B, T> fmt::Debug for Asker<L, B, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asker").finish_non_exhaustive()
    }
}

impl<L, B, T> Asker<L, B, T> {
    /// Asks over `wechat` and records in `recorder`.
    pub fn new(recorder: Recorder<L, B>, wechat: Client<T>) -> Self {
        Self { recorder, wechat, recent: Recent::default(), distrusted: Mutex::default(), unknown: Mutex::default() }
    }

    /// The recorder.
    pub fn recorder(&self) -> &Recorder<L, B> {
        &self.recorder
    }

    /// The client.
    pub fn wechat(&self) -> &Client<T> {
        &self.wechat
    }
}

impl<L, B, T: Transport> Asker<L, B, T> {
    /// Sends a request. What may mean that the keys were changed is remembered, for [`Asker::distrusts`].
    ///
    /// # Errors
    ///
    /// [`CallError`]
    pub async fn call<C: Call>(
        &self,
        prepared: &Prepared<C>,
        keys: &Keys,
        now: Timestamp,
    ) -> Result<C::Answer, CallError> {
        self.wechat.send(prepared, keys, now).await.inspect_err(|error| self.look_at(error, keys))
    }

    pub(crate) async fn call_about_deduction(
        &self,
        prepared: &Prepared<PapOrderQuery>,
        keys: &Keys,
        now: Timestamp,
    ) -> Result<OrderAnswer, CallError> {
        self.wechat.query_deduction(prepared, keys, now).await.inspect_err(|error| self.look_at(error, keys))
    }

    /// A signature that does not fit, ours or WeChat's, may mean that the keys were changed.
    fn look_at(&self, error: &CallError, keys: &Keys) {
        if error.names_unknown_key() {
            self.unknown.lock().unwrap_or_else(PoisonError::into_inner).insert(keys.mch_id().to_owned());
        }
        if error.kind == ErrorKind::Unbelievable || error.meaning == Meaning::Misconfigured {
            self.distrusted.lock().unwrap_or_else(PoisonError::into_inner).insert(keys.mch_id().to_owned());
        }
    }
}

impl<L, B, T> Asker<L, B, T> {
    /// Whether a merchant's keys may have changed since this was asked last: they are worth another look.
    pub fn distrusts(&self, mch_id: &MchId) -> bool {
        self.distrusted.lock().unwrap_or_else(PoisonError::into_inner).remove(mch_id.as_str())
    }
}

impl<L, B, T> Asker<L, B, T> {
    /// Whether an answer about a merchant named a certificate that we do not have, since this was asked last.
    pub fn met_unknown_key(&self, mch_id: &MchId) -> bool {
        self.unknown.lock().unwrap_or_else(PoisonError::into_inner).remove(mch_id.as_str())
    }
}

impl<L: Ledger, B: Backoff, T> Asker<L, B, T> {
    /// Records what an answer says; `body` is the answer as it came.
    pub(crate) async fn record(
        &self,
        fact: &Fact,
        body: &[u8],
        now: Timestamp,
        decide: DecideFn,
    ) -> Result<Recorded, AskError> {
        let receipt = Receipt {
            body: body.to_vec(),
            body_hash: Sha256::digest(body).into(),
            received_at: now,
            traceparent: current_trace(),
        };
        self.applied(fact, &receipt, now, decide).await
    }

    /// Records what we did, or are about to do.
    pub(crate) async fn record_ours(&self, fact: &Fact, now: Timestamp) -> Result<Recorded, AskError> {
        self.applied(fact, &Receipt::ours(fact, now, current_trace()), now, domain::decide).await
    }

    async fn applied(
        &self,
        fact: &Fact,
        receipt: &Receipt,
        now: Timestamp,
        decide: DecideFn,
    ) -> Result<Recorded, AskError> {
        let recorded = self.recorder.apply(fact, receipt, now, decide).await?;
        metrics::counter!("Asked", "kind" => fact.kind(), "outcome" => recorded.label()).increment(1);
        tell_of_contradiction(fact, &recorded);
        Ok(recorded)
    }
}

/// Counts and logs what contradicts the record: it is set aside, for a person to see.
pub fn tell_of_contradiction(fact: &Fact, recorded: &Recorded) {
    if let Recorded::Contradiction(field) = recorded {
        metrics::counter!("Quarantined", "reason" => field.label()).increment(1);
        tracing::error!(subject = fact.subject(), contradicts = field.label(), "an answer contradicts the record");
    }
}
