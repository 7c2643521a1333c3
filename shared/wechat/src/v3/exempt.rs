//! Pre-sign a password-exempt contract (免密支付预签约): the user who pays is asked to pay without a password from then on.
//!
//! `POST /v3/password-exempt-contract/contracts/{qs, normal, service-provider}/pre-entrust-sign/{pay-redirect-sign, mini-program}`

use domain::{AppId, ContractCode, MchId, OpenId};
use serde::{Deserialize, Serialize};

use super::{posted, route, tables};
use crate::answer::Received;
use crate::prepared::{Call, Form, Prepared, Route, sealed};
use crate::{CallError, Invalid, Keys, Moment, check};

/// Asks WeChat to offer the contract. The payment is not affected by a failure. A user who declines is told of by nobody: the contract
/// is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreSign {
    /// Who asks, and for which user.
    pub caller: PreSignCaller,
    /// The service (免密支付服务ID).
    pub service_id: u64,
    /// Our number: at most 32 letters and digits, never used twice, not after a termination either.
    pub out_contract_code: ContractCode,
    /// Where the contract is told.
    pub notify_url: String,
    /// The account that the user sees, at most 32 characters.
    pub display_account: String,
    /// When the user is asked.
    pub after: PreSignAfter,
}

/// Who may pre-sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PreSignCaller {
    /// A payment institution in clearing mode (清算机构模式, 从业机构).
    Qs {
        /// The institution's.
        appid: AppId,
        /// Its merchant's.
        sub_appid: AppId,
        /// Its merchant.
        sub_mchid: MchId,
        /// Who pays.
        user: User,
    },
    /// An ordinary merchant (普通商户).
    Normal {
        /// The merchant's.
        appid: AppId,
        /// Who pays.
        openid: OpenId,
    },
    /// A service provider (服务商).
    ServiceProvider {
        /// The provider's.
        sp_appid: AppId,
        /// Its merchant's.
        sub_appid: AppId,
        /// Its merchant.
        sub_mchid: MchId,
        /// Who pays.
        user: User,
    },
}

/// A user under one of two applications, or under both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// Under the caller's.
    pub openid: Option<OpenId>,
    /// Under its merchant's.
    pub sub_openid: Option<OpenId>,
}

/// When the user is asked.
#[derive(Clone, PartialEq, Eq)]
pub enum PreSignAfter {
    /// After this payment (支付后场景): before the `prepay_id` is handed out.
    Payment {
        /// Of the order just made.
        prepay_id: String,
    },
    /// In WeChat's mini program.
    MiniProgram,
}

/// The user will be asked; two hours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreSigned {
    /// What the mini program is opened with.
    pub mini_program: Option<SigningSession>,
}

/// A session of WeChat's signing mini program.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSession {
    /// The session.
    pub pre_entrustweb_id: String,
    /// WeChat's mini program.
    pub appid: String,
    /// Its page.
    pub path: String,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(flatten)]
    caller: CallerFields<'a>,
    service_id: u64,
    out_contract_code: &'a str,
    notify_url: &'a str,
    contract_display_account: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    prepay_id: Option<&'a str>,
}

#[derive(Default, Serialize)]
struct CallerFields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    appid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sp_appid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_appid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_mchid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    openid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sp_openid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_openid: Option<&'a str>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    pre_entrustweb_id: Option<String>,
    sign_mp_appid: Option<String>,
    sign_mp_path: Option<String>,
}

impl PreSign {
    /// Checks the request. It is signed when it is sent, each time anew. (`at` is not used.)
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule.
    pub fn prepare(&self, keys: &Keys, _at: &Moment) -> Result<Prepared<Self>, Invalid> {
        check::out_contract_code(self.out_contract_code.as_str())?;
        check::notify_url("notify_url", &self.notify_url)?;
        check::characters("contract_display_account", &self.display_account, 32)?;
        let body = Body {
            caller: self.caller.fields()?,
            service_id: self.service_id,
            out_contract_code: self.out_contract_code.as_str(),
            notify_url: &self.notify_url,
            contract_display_account: &self.display_account,
            prepay_id: self.after.prepay_id()?,
        };
        let target = format!("{}{}/pre-entrust-sign/{}", Self::ROUTE.path, self.caller.segment(), self.after.segment());
        posted(keys, target, &body)
    }
}

impl PreSignCaller {
    fn segment(&self) -> &'static str {
        match self {
            Self::Qs { .. } => "qs",
            Self::Normal { .. } => "normal",
            Self::ServiceProvider { .. } => "service-provider",
        }
    }

    fn fields(&self) -> Result<CallerFields<'_>, Invalid> {
        let none = CallerFields::default();
        Ok(match self {
            Self::Qs { appid, sub_appid, sub_mchid, user } => CallerFields {
                appid: Some(appid.as_str()),
                sub_appid: Some(sub_appid.as_str()),
                sub_mchid: Some(sub_mchid.as_str()),
                openid: user.checked()?.openid.as_ref().map(OpenId::as_str),
                sub_openid: user.sub_openid.as_ref().map(OpenId::as_str),
                ..none
            },
            Self::Normal { appid, openid } => {
                CallerFields { appid: Some(appid.as_str()), openid: Some(openid.as_str()), ..none }
            }
            Self::ServiceProvider { sp_appid, sub_appid, sub_mchid, user } => CallerFields {
                sp_appid: Some(sp_appid.as_str()),
                sub_appid: Some(sub_appid.as_str()),
                sub_mchid: Some(sub_mchid.as_str()),
                sp_openid: user.checked()?.openid.as_ref().map(OpenId::as_str),
                sub_openid: user.sub_openid.as_ref().map(OpenId::as_str),
                ..none
            },
        })
    }
}

impl User {
    fn checked(&self) -> Result<&Self, Invalid> {
        check::holds(self.openid.is_some() || self.sub_openid.is_some(), "openid", "openid or sub_openid")?;
        Ok(self)
    }
}

impl PreSignAfter {
    fn segment(&self) -> &'static str {
        match self {
            Self::Payment { .. } => "pay-redirect-sign",
            Self::MiniProgram => "mini-program",
        }
    }

    fn prepay_id(&self) -> Result<Option<&str>, Invalid> {
        match self {
            Self::Payment { prepay_id } => {
                check::characters("prepay_id", prepay_id, 64)?;
                Ok(Some(prepay_id))
            }
            Self::MiniProgram => Ok(None),
        }
    }
}

impl sealed::Known for PreSign {}

impl Call for PreSign {
    type Answer = PreSigned;

    const ROUTE: Route =
        Route { errors: tables::EXEMPT, ..route("v3-pre-sign", "/v3/password-exempt-contract/contracts/", Form::V3) };

    fn read(received: &Received<'_>) -> Result<Self::Answer, CallError> {
        let answer: Answer = received.v3_json()?;
        if !received.target.ends_with("/mini-program") {
            return Ok(PreSigned { mini_program: None });
        }
        let given = |name: &'static str, value: Option<String>| {
            value.filter(|value| !value.is_empty()).ok_or_else(|| CallError::unreadable(&Self::ROUTE, name))
        };
        Ok(PreSigned {
            mini_program: Some(SigningSession {
                pre_entrustweb_id: given("pre_entrustweb_id", answer.pre_entrustweb_id)?,
                appid: given("sign_mp_appid", answer.sign_mp_appid)?,
                path: given("sign_mp_path", answer.sign_mp_path)?,
            }),
        })
    }
}

/// Whoever holds them can pay or sign in the user's place.
impl std::fmt::Debug for PreSignAfter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.segment())
    }
}

impl std::fmt::Debug for SigningSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}
