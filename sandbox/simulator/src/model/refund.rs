//! Refunds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Key;
use crate::time::Ms;

/// A refund.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Refund {
    pub(crate) mch_id: String,
    pub(crate) appid: String,
    pub(crate) out_refund_no: String,
    pub(crate) refund_id: String,
    pub(crate) order: Key,
    pub(crate) out_trade_no: String,
    pub(crate) transaction_id: String,
    /// Fen.
    pub(crate) refund_fee: u64,
    /// Fen, of the order.
    pub(crate) total_fee: u64,
    pub(crate) account: String,
    /// None: nobody is told.
    pub(crate) notify_url: Option<String>,
    pub(crate) request: BTreeMap<String, String>,
    pub(crate) source: Source,
    pub(crate) made_ms: Ms,
    pub(crate) state: RefundState,
    pub(crate) ended_ms: Option<Ms>,
    /// What only a refund by a call of V3 has.
    #[serde(default)]
    pub(crate) v3: Option<V3Refund>,
}

/// A refund of V3.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct V3Refund {
    /// The body that made it: a repetition must say the same.
    pub(crate) body: Value,
    /// The repair that was asked for last, without what is nobody's business.
    pub(crate) repair: Option<Value>,
    /// How the repair ends.
    pub(crate) repair_outcome: RefundState,
    /// That repair has not come to its end.
    #[serde(default)]
    pub(crate) under_repair: bool,
    /// The refund is PROCESSING while it is repaired. The documents name no way back from ABNORMAL but SUCCESS, so usually it is not.
    #[serde(default)]
    pub(crate) processes_again: bool,
}

/// `refund_status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum RefundState {
    /// Under way.
    Processing,
    /// Done.
    #[default]
    Success,
    /// Abnormal: the money is back at the merchant.
    #[serde(alias = "ABNORMAL")]
    Change,
    /// Closed: not refunded.
    #[serde(rename = "REFUNDCLOSE", alias = "CLOSED")]
    RefundClose,
}

/// `refund_request_source`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Source {
    /// By a call.
    Api,
    /// On the merchant platform.
    VendorPlatform,
}

impl Refund {
    /// Whether its repair was taken and has not come to its end.
    pub(crate) fn is_under_repair(&self) -> bool {
        self.v3.as_ref().is_some_and(|v3| v3.under_repair)
    }
}

impl RefundState {
    /// The word on the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "PROCESSING",
            Self::Success => "SUCCESS",
            Self::Change => "CHANGE",
            Self::RefundClose => "REFUNDCLOSE",
        }
    }

    /// The word of V3.
    pub(crate) fn as_v3(self) -> &'static str {
        match self {
            Self::Processing => "PROCESSING",
            Self::Success => "SUCCESS",
            Self::Change => "ABNORMAL",
            Self::RefundClose => "CLOSED",
        }
    }
}
