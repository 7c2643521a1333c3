//! Contracts, from the offer on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Key;
use crate::time::{DAY, Ms};

/// A contract, or the offer of one.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Contract {
    pub(crate) mch_id: String,
    pub(crate) appid: String,
    pub(crate) plan_id: String,
    pub(crate) contract_code: String,
    pub(crate) request_serial: String,
    pub(crate) display_account: String,
    /// Where ADD is told.
    pub(crate) notify_url: String,
    /// The call that made it, without what changes from call to call.
    pub(crate) request: BTreeMap<String, String>,
    /// HMAC-SHA256 instead of MD5: notices are signed as the call was.
    pub(crate) hmac: bool,
    pub(crate) offered_ms: Ms,
    pub(crate) form: Form,
    pub(crate) state: ContractState,
    /// From signing on.
    pub(crate) signed: Option<Signed>,
    pub(crate) ended: Option<Ended>,
    /// The pre-deduction notice of this cycle.
    pub(crate) notice: Option<PreNotice>,
    /// Calls of `pappayapply` on one day, good and bad.
    pub(crate) calls: Calls,
}

/// How it is offered.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Form {
    /// With an order: `contractorder`.
    Order { out_trade_no: String },
    /// `entrustweb`: a page inside WeChat.
    Web { opened: bool },
    /// `preentrustweb`: launched from an app.
    App { id: String, made_ms: Ms, opened: bool },
    /// `h5entrustweb`: a page that can be visited once.
    H5 { token: String, made_ms: Ms, opened: bool },
    /// The mini program, which makes no call.
    MiniProgram { opened: bool },
}

/// Where a contract stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ContractState {
    /// The user may sign.
    Offered,
    /// Paid, and not decided yet: `contract_state` 9.
    Signing,
    /// In force: 0.
    Signed,
    /// Ended: 1.
    Terminated,
    /// Will never be signed: as if it had never been.
    Cancelled,
}

/// A signature of the user.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Signed {
    pub(crate) contract_id: String,
    pub(crate) user: String,
    pub(crate) openid: String,
    pub(crate) at_ms: Ms,
    pub(crate) expires_ms: Ms,
}

/// The end.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Ended {
    pub(crate) at_ms: Ms,
    /// `contract_termination_mode`.
    pub(crate) mode: u8,
    pub(crate) remark: String,
}

/// A pre-deduction notice (预扣费通知).
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PreNotice {
    pub(crate) at_ms: Ms,
    /// Fen; no deduction of the cycle may be larger.
    pub(crate) amount: u64,
    /// Deductible days after the waiting period.
    pub(crate) days: i64,
}

/// Calls on one day.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Calls {
    pub(crate) day: i64,
    pub(crate) count: u32,
}

/// Years of a contract: long enough that nobody sees the end of it.
const LIFE: Ms = 3_652 * DAY;

impl Signed {
    pub(crate) fn new(contract_id: String, user: &str, openid: String, at_ms: Ms) -> Self {
        Self { contract_id, user: user.to_owned(), openid, at_ms, expires_ms: at_ms.saturating_add(LIFE) }
    }
}

impl Contract {
    /// The page was opened as its form demands, so that the user can sign on it.
    pub(crate) fn is_opened(&self) -> bool {
        match &self.form {
            Form::Order { .. } => false,
            Form::Web { opened }
            | Form::App { opened, .. }
            | Form::H5 { opened, .. }
            | Form::MiniProgram { opened } => *opened,
        }
    }

    pub(crate) fn open(&mut self) {
        match &mut self.form {
            Form::Order { .. } => {}
            Form::Web { opened }
            | Form::App { opened, .. }
            | Form::H5 { opened, .. }
            | Form::MiniProgram { opened } => *opened = true,
        }
    }

    pub(crate) fn key(&self) -> Key {
        super::key(&self.mch_id, &self.contract_code)
    }

    pub(crate) fn contract_id(&self) -> &str {
        self.signed.as_ref().map_or("", |signed| &signed.contract_id)
    }
}

impl ContractState {
    /// `contract_state` of a query.
    pub(crate) fn as_number(self) -> Option<u8> {
        match self {
            Self::Signed => Some(0),
            Self::Terminated => Some(1),
            Self::Signing => Some(9),
            Self::Offered | Self::Cancelled => None,
        }
    }
}
