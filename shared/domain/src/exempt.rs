//! Password-exempt contracts (免密支付): a product of its own, by which later payments of one service need no password.
//!
//! The form of its notices is not documented, so that only queries decide; a notice is a reason to ask.

mod called;
mod told;

pub(crate) use called::{offered, opened, refused, termination_asked};
pub(crate) use told::decide;

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AppId, Check, ContractCode, ContractId, InvalidValue, MchId, OpenId, OutTradeNo, RequestText, Schedule,
    TerminationReason, UserId,
};

/// The number of a password-exempt contract: its service (免密支付服务ID) and the merchant's contract number, `1234#<contract_code>`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ExemptKey {
    text: String,
    service_id: u64,
    contract_code: ContractCode,
}

impl ExemptKey {
    /// The contract of this number with this service.
    #[must_use]
    pub fn new(service_id: u64, contract_code: &ContractCode) -> Self {
        let text = format!("{service_id}#{contract_code}");
        Self { text, service_id, contract_code: contract_code.clone() }
    }

    /// Reads `<service_id>#<contract_code>`.
    ///
    /// ```
    /// use domain::ExemptKey;
    /// let key = ExemptKey::parse("500001#01JD8K6M2QZ4XW7RTNBV")?;
    /// assert_eq!((key.service_id(), key.contract_code().as_str()), (500_001, "01JD8K6M2QZ4XW7RTNBV"));
    /// assert!(ExemptKey::parse("01JD8K6M2QZ4XW7RTNBV").is_err());
    /// # Ok::<(), domain::InvalidValue>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidValue`]
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        const INVALID: InvalidValue =
            InvalidValue { field: "password-exempt contract", rule: "<service_id>#<contract_code>" };
        let (service_id, code) = text.split_once('#').ok_or(INVALID)?;
        let service_id: u64 = service_id.parse().map_err(|_| INVALID)?;
        let key = Self::new(service_id, &ContractCode::parse(code)?);
        // A number has one text.
        if key.text == text { Ok(key) } else { Err(INVALID) }
    }

    /// `<service_id>#<contract_code>`
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The service.
    #[must_use]
    pub fn service_id(&self) -> u64 {
        self.service_id
    }

    /// The merchant's contract number, `out_contract_code`.
    #[must_use]
    pub fn contract_code(&self) -> &ContractCode {
        &self.contract_code
    }
}

impl TryFrom<String> for ExemptKey {
    type Error = InvalidValue;
    fn try_from(text: String) -> Result<Self, InvalidValue> {
        Self::parse(&text)
    }
}

impl From<ExemptKey> for String {
    fn from(key: ExemptKey) -> Self {
        key.text
    }
}

impl fmt::Display for ExemptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for ExemptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

/// Who pre-signs (预签约), and so by which call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExemptMode {
    /// A payment institution, in clearing mode (清算机构模式).
    Qs,
    /// The merchant itself (普通商户).
    Normal,
    /// A service provider for its merchant (服务商).
    ServiceProvider,
}

/// The state of a password-exempt contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExemptState {
    /// On record; WeChat was not asked yet.
    Created,
    /// Pre-signed: the user is asked after his payment.
    Offered,
    /// WeChat refused the pre-signing; the payment is not touched by it.
    Refused,
    /// The session is over, and WeChat knows no contract. One that it knows later counts all the same.
    NotSigned,
    /// In force.
    Signed,
    /// We are ending it.
    Terminating,
    /// Ended, for good.
    Terminated,
}

/// A password-exempt contract on record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExemptContract {
    /// The layout of this item.
    pub schema: u32,
    /// The merchant that calls: of a service provider or an institution its own number.
    pub mch_id: MchId,
    /// The service (免密支付服务ID).
    pub service_id: u64,
    /// The merchant's number, `out_contract_code`.
    pub contract_code: ContractCode,
    /// Who pre-signs.
    pub mode: ExemptMode,
    /// The application that it is made under.
    pub appid: AppId,
    /// The merchant that it is made for, by an institution or a service provider.
    pub sub_mch_id: Option<MchId>,
    /// That merchant's application.
    pub sub_appid: Option<AppId>,
    /// The order of ours that it is offered with.
    pub out_trade_no: Option<OutTradeNo>,
    /// The user of the merchant's app who pays.
    pub user: Option<UserId>,
    /// WeChat's number, once signed.
    pub contract_id: Option<ContractId>,
    /// The user under `appid`.
    pub openid: Option<OpenId>,
    /// The request that pre-signs it.
    pub request: Option<RequestText>,
    /// Where it stands.
    pub state: ExemptState,
    /// WeChat's code of a refusal.
    pub failure: Option<String>,
    /// When it was signed.
    pub signed_at: Option<Timestamp>,
    /// When its end was asked for.
    pub terminating_at: Option<Timestamp>,
    /// When it ended.
    pub terminated_at: Option<Timestamp>,
    /// Why it ended.
    pub termination_reason: Option<TerminationReason>,
    /// When it was put on record, or offered anew.
    pub created_at: Timestamp,
    /// When to ask WeChat.
    pub check: Option<Check>,
}

impl ExemptContract {
    /// Its number.
    #[must_use]
    pub fn key(&self) -> ExemptKey {
        ExemptKey::new(self.service_id, &self.contract_code)
    }

    pub(crate) fn schedule(&self) -> Schedule {
        match self.state {
            ExemptState::Created | ExemptState::Offered | ExemptState::Refused | ExemptState::NotSigned => {
                Schedule::PreSigning
            }
            ExemptState::Signed | ExemptState::Terminated => Schedule::SignedContract,
            ExemptState::Terminating => Schedule::Termination,
        }
    }
}
