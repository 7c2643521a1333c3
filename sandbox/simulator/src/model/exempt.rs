//! Password-exempt contracts (免密支付): offered after a payment or in a mini program, by V3 alone.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Key, key};
use crate::time::{HOUR, Ms};

/// Life of a signing session.
const SESSION: Ms = 2 * HOUR;

/// A password-exempt contract, or the offer of one.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Exempt {
    pub(crate) mch_id: String,
    pub(crate) appid: String,
    pub(crate) service_id: u64,
    pub(crate) out_contract_code: String,
    pub(crate) display_account: String,
    pub(crate) notify_url: String,
    /// The user under `appid`, or under `sub_appid` if only that openid was given.
    pub(crate) openid: String,
    /// The call that offered it, without its prepay_id.
    pub(crate) body: Value,
    pub(crate) offered_ms: Ms,
    /// The order after whose payment it is offered; none: in a mini program.
    pub(crate) order: Option<Key>,
    pub(crate) state: ExemptState,
    pub(crate) signed: Option<ExemptSigned>,
    pub(crate) ended: Option<ExemptEnded>,
}

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ExemptState {
    Offered,
    Signed,
    Terminated,
}

/// The agreement of a user.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ExemptSigned {
    pub(crate) contract_id: String,
    pub(crate) user: String,
    pub(crate) at_ms: Ms,
}

/// The end of it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ExemptEnded {
    /// `contract_termination_mode`
    pub(crate) mode: String,
    pub(crate) remark: String,
    pub(crate) at_ms: Ms,
}

impl Exempt {
    pub(crate) fn key(&self) -> Key {
        key(&self.mch_id, &self.out_contract_code)
    }

    /// Whether the user can still be asked.
    pub(crate) fn is_open(&self, now: Ms) -> bool {
        self.state == ExemptState::Offered && now <= self.offered_ms.saturating_add(SESSION)
    }
}
