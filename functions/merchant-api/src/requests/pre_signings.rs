//! Pre-signings of password-exempt contracts (免密支付预签约).

use domain::{AppId, ContractCode, ExemptKey, ExemptMode, InvalidValue, MchId, OpenId};
use serde::Deserialize;
use utoipa::ToSchema;
use wechat::v3::{PreSignCaller, User};

/// A password-exempt contract that a payment is to invite to, or that is to be signed in WeChat's mini program.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PreSigningRequest {
    /// Who pre-signs.
    pub(crate) mode: PreSigningMode,
    /// 免密支付服务ID
    #[schema(example = 20535)]
    pub(crate) service_id: u64,
    /// The caller's number of the contract, 1 to 32 letters and digits; never used again once the contract has ended.
    #[schema(example = "A20260101000001")]
    pub(crate) out_contract_code: String,
    /// Of the order, made elsewhere just now and not handed out yet. Without it the user signs in WeChat's mini program.
    pub(crate) prepay_id: Option<String>,
    /// What WeChat shows as the account, at most 32 characters.
    pub(crate) display_account: String,
    /// The caller's application: of an institution or a service provider its own.
    pub(crate) appid: String,
    /// The merchant that an institution or a service provider does it for.
    pub(crate) sub_mchid: Option<String>,
    /// That merchant's application.
    pub(crate) sub_appid: Option<String>,
    /// Who pays, under `appid`. `normal` needs it; the others this or `sub_openid`.
    pub(crate) openid: Option<String>,
    /// Who pays, under `sub_appid`.
    pub(crate) sub_openid: Option<String>,
}

/// Who pre-signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PreSigningMode {
    /// A payment institution (清算机构模式).
    Qs,
    /// The merchant itself.
    Normal,
    /// A service provider for its merchant (服务商).
    ServiceProvider,
}

/// What a pre-signing is about, read.
pub(crate) struct PreSigner {
    pub(crate) key: ExemptKey,
    pub(crate) mode: ExemptMode,
    pub(crate) appid: AppId,
    pub(crate) sub_mch_id: Option<MchId>,
    pub(crate) sub_appid: Option<AppId>,
    pub(crate) caller: PreSignCaller,
}

impl PreSigningRequest {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// [`InvalidValue`] names the field.
    pub(crate) fn read(&self) -> Result<PreSigner, InvalidValue> {
        let key = exempt_key(self.service_id, &self.out_contract_code)?;
        let appid = AppId::parse(&self.appid)?;
        let sub_mch_id = parsed("sub_mchid", self.sub_mchid.as_deref(), MchId::parse)?;
        let sub_appid = parsed("sub_appid", self.sub_appid.as_deref(), AppId::parse)?;
        let user = User {
            openid: parsed("openid", self.openid.as_deref(), OpenId::parse)?,
            sub_openid: parsed("sub_openid", self.sub_openid.as_deref(), OpenId::parse)?,
        };
        let sub = || Ok((needed("sub_mchid", sub_mch_id.clone())?, needed("sub_appid", sub_appid.clone())?));
        let (mode, caller) = match self.mode {
            PreSigningMode::Qs => {
                let (sub_mchid, sub_appid) = sub()?;
                (ExemptMode::Qs, PreSignCaller::Qs { appid: appid.clone(), sub_appid, sub_mchid, user })
            }
            PreSigningMode::Normal => {
                absent("sub_mchid", sub_mch_id.is_none() && sub_appid.is_none() && user.sub_openid.is_none())?;
                let openid = needed("openid", user.openid)?;
                (ExemptMode::Normal, PreSignCaller::Normal { appid: appid.clone(), openid })
            }
            PreSigningMode::ServiceProvider => {
                let (sub_mchid, sub_appid) = sub()?;
                let caller = PreSignCaller::ServiceProvider { sp_appid: appid.clone(), sub_mchid, sub_appid, user };
                (ExemptMode::ServiceProvider, caller)
            }
        };
        Ok(PreSigner { key, mode, appid, sub_mch_id, sub_appid, caller })
    }
}

/// The number of a password-exempt contract.
///
/// # Errors
///
/// [`InvalidValue`] names the field.
pub(crate) fn exempt_key(service_id: u64, out_contract_code: &str) -> Result<ExemptKey, InvalidValue> {
    let invalid = InvalidValue { field: "out_contract_code", rule: "1 to 32 letters and digits" };
    let fits = out_contract_code.len() <= 32 && out_contract_code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !fits {
        return Err(invalid);
    }
    Ok(ExemptKey::new(service_id, &ContractCode::parse(out_contract_code).map_err(|_| invalid)?))
}

fn parsed<T>(
    field: &'static str,
    text: Option<&str>,
    parse: fn(&str) -> Result<T, InvalidValue>,
) -> Result<Option<T>, InvalidValue> {
    text.map(parse).transpose().map_err(|error| InvalidValue { field, ..error })
}

fn needed<T>(field: &'static str, value: Option<T>) -> Result<T, InvalidValue> {
    value.ok_or(InvalidValue { field, rule: "needed in this mode" })
}

fn absent(field: &'static str, is_absent: bool) -> Result<(), InvalidValue> {
    if is_absent { Ok(()) } else { Err(InvalidValue { field, rule: "a merchant signs for itself: no sub_… fields" }) }
}
