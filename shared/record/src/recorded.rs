//! What becomes of a fact, and how it came.

use std::fmt;

use domain::{Contradiction, Fact, Refusal, Stream, Timestamp, Unknown};

use crate::LedgerError;
use crate::keys::sha256;

/// Reads of one fact and decides; three lost races are more than two callbacks of one order can cause.
pub(crate) const TRIES: u32 = 3;

/// What is known of a message beside what it says.
#[derive(Clone, PartialEq)]
pub struct Receipt {
    /// What was verified, as it came.
    pub body: Vec<u8>,
    /// SHA-256 of what was verified.
    pub body_hash: [u8; 32],
    /// When it arrived.
    pub received_at: Timestamp,
    /// W3C trace context.
    pub traceparent: Option<String>,
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bytes, at) = (self.body.len(), self.received_at);
        f.debug_struct("Receipt").field("bytes", &bytes).field("received_at", &at).finish_non_exhaustive()
    }
}

impl Receipt {
    /// The receipt of a fact of our own doing, of which WeChat says nothing. The same fact at another time is another entry of the
    /// journal.
    #[must_use]
    pub fn ours(fact: &Fact, now: Timestamp, traceparent: Option<String>) -> Self {
        // A fact whose text cannot be made would not get into the journal either.
        let mut text = serde_json::to_vec(fact).unwrap_or_default();
        text.extend_from_slice(&now.as_nanosecond().to_be_bytes());
        Self { body: Vec::new(), body_hash: sha256(&text), received_at: now, traceparent }
    }
}

/// What became of a verified message. Everything but `Unknown` may be acknowledged: it is durable.
#[derive(Clone, Debug, PartialEq)]
pub enum Recorded {
    /// State and events are durable together.
    Applied {
        /// The stream of its events.
        stream: Option<Stream>,
        /// How many events tell of it.
        events: usize,
    },
    /// It proves nothing by itself; a query is due now.
    Asked,
    /// The state already said so.
    Duplicate,
    /// Older than what we know: in the journal, not applied.
    Stale,
    /// It contradicts our record: in the journal, published for a person to see, not applied.
    Contradiction(Contradiction),
    /// Its order or contract is not known: in the journal and published, but *not* to be acknowledged.
    Unknown(Unknown),
    /// Verified, yet new to us: in the journal and published.
    NotUnderstood,
    /// A call of our own that must not happen: nothing was written.
    Refused(Refusal),
    /// Understood, and nothing follows: in the journal.
    Noted,
}

impl Recorded {
    /// A stable label for metrics, logs and the journal.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Applied { .. } => "applied",
            Self::Asked => "asked",
            Self::Duplicate => "duplicate",
            Self::Stale => "stale",
            Self::Contradiction(_) => "contradiction",
            Self::Unknown(_) => "unknown",
            Self::NotUnderstood => "not_understood",
            Self::Refused(_) => "refused",
            Self::Noted => "noted",
        }
    }
}

/// Why nothing could be recorded. WeChat's resend is the next try.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Throttled, timed out, or the table is gone.
    #[error("the ledger is not available: {0}")]
    Unavailable(String),
    /// Every try lost its race.
    #[error("{TRIES} tries lost their race")]
    Contended,
    /// What was to be created is on record already.
    #[error("it is on record already")]
    Exists,
    /// An item on record that we cannot read.
    #[error("item {key} cannot be read: {reason}")]
    Unreadable {
        /// Its key.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl From<LedgerError> for RecordError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Unavailable(reason) => Self::Unavailable(reason),
            LedgerError::Unreadable { key, reason } => Self::Unreadable { key, reason },
        }
    }
}
