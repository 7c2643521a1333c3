//! Streams, and the outbox entries in which an event waits until every consumer's queue has accepted it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{ContractCode, MchId, OutTradeNo};

/// The name of a consumer, whose queue is `<consumer>.fifo`.
pub type Consumer = String;

/// The ordered events of one contract, of one order without contract, or of a quarantine shard.
///
/// Its text is the key of the ledger item that is the stream's head, and the message group of its events.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stream(String);

impl Stream {
    /// `<mch_id>#C#<contract_code>`
    #[must_use]
    pub fn contract(mch_id: &MchId, contract_code: &ContractCode) -> Self {
        Self(format!("{mch_id}#C#{contract_code}"))
    }

    /// `<mch_id>#O#<out_trade_no>`: an order without contract.
    #[must_use]
    pub fn order(mch_id: &MchId, out_trade_no: &OutTradeNo) -> Self {
        Self(format!("{mch_id}#O#{out_trade_no}"))
    }

    /// `<mch_id>#Q#<shard>`: what was set aside.
    #[must_use]
    pub fn quarantine(mch_id: &MchId, shard: u8) -> Self {
        Self(format!("{mch_id}#Q#{shard}"))
    }

    /// A stream by its text, as it stands in an outbox key or an event id.
    #[must_use]
    pub fn named(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How long an event is kept once every consumer has it, to be sent again on request: 30 days, in seconds.
const KEPT_S: i64 = 30 * 86_400;

/// An event as it was frozen when the fact was recorded; publishing adds nothing to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxEntry {
    /// The layout of this item.
    pub schema: u32,
    /// The stream.
    pub stream: Stream,
    /// Its place in the stream: rising, with gaps.
    pub sequence: u64,
    /// The merchant.
    pub mch_id: MchId,
    /// The CloudEvents `type`.
    pub event_type: String,
    /// The CloudEvents `subject`.
    pub subject: String,
    /// The CloudEvents `time`: when the fact was recorded.
    pub time: Timestamp,
    /// W3C trace context of the callback or call that caused it.
    pub traceparent: Option<String>,
    /// The event's `data`, as JSON text.
    pub data: String,
    /// The consumers that it goes to, each with `previous`: the last sequence of this stream that was routed to that
    /// consumer (0 where there was none), so that a filtered queue can tell a gap.
    pub destinations: BTreeMap<Consumer, u64>,
    /// The consumers whose queue has not accepted it yet. Absent once there are none.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub pending: BTreeSet<Consumer>,
}

impl OutboxEntry {
    /// The CloudEvents `id`, `<stream>:<sequence>`, which is also the deduplication id.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}:{}", self.stream, self.sequence)
    }

    /// The time to live, in seconds since 1970, of an event that every consumer has had since then.
    #[must_use]
    pub fn ttl(published_at: Timestamp) -> i64 {
        published_at.as_second().saturating_add(KEPT_S)
    }
}
