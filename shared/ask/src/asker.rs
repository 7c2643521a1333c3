//! Who asks: a ledger, and a client of WeChat.

use std::fmt;

use domain::{Fact, Timestamp};
use record::{Backoff, Ledger, Receipt, Recorded, Recorder};
use sha2::{Digest, Sha256};
use wechat::{Client, Http};

use crate::AskError;
use crate::recent::Recent;

/// Asks WeChat and records the answers.
pub struct Asker<L, B, T = Http> {
    pub(crate) recorder: Recorder<L, B>,
    pub(crate) wechat: Client<T>,
    pub(crate) recent: Recent,
}

impl<L, B, T> fmt::Debug for Asker<L, B, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asker").finish_non_exhaustive()
    }
}

impl<L, B, T> Asker<L, B, T> {
    /// Asks over `wechat` and records in `recorder`.
    pub fn new(recorder: Recorder<L, B>, wechat: Client<T>) -> Self {
        Self { recorder, wechat, recent: Recent::default() }
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

impl<L: Ledger, B: Backoff, T> Asker<L, B, T> {
    /// Records what an answer says; `body` is the answer as it came.
    pub(crate) async fn record(&self, fact: &Fact, body: &[u8], now: Timestamp) -> Result<Recorded, AskError> {
        let receipt = Receipt {
            body: body.to_vec(),
            body_hash: Sha256::digest(body).into(),
            received_at: now,
            traceparent: None,
        };
        self.applied(fact, &receipt, now).await
    }

    /// Records what we did, or are about to do.
    pub(crate) async fn record_ours(&self, fact: &Fact, now: Timestamp) -> Result<Recorded, AskError> {
        self.applied(fact, &Receipt::ours(fact, now, None), now).await
    }

    async fn applied(&self, fact: &Fact, receipt: &Receipt, now: Timestamp) -> Result<Recorded, AskError> {
        let recorded = self.recorder.apply(fact, receipt, now, domain::decide).await?;
        metrics::counter!("Asked", "kind" => fact.kind(), "outcome" => recorded.label()).increment(1);
        if let Recorded::Contradiction(field) = &recorded {
            metrics::counter!("Quarantined", "reason" => field.label()).increment(1);
            tracing::error!(subject = fact.subject(), contradicts = field.label(), "an answer contradicts the record");
        }
        Ok(recorded)
    }
}
