//! Who calls? The headers that WeChat asks for, and the signature.

use counterparty::{Authorization, MerchantKey, NotSigned, V3Call};

use crate::config::{Merchant, Settings};
use crate::rules::v3::Refusal;

/// The headers that matter.
#[derive(Default)]
pub(crate) struct Headers {
    pub(crate) authorization: Option<String>,
    pub(crate) accept: Option<String>,
    pub(crate) user_agent: Option<String>,
    pub(crate) content_type: Option<String>,
    /// The key of WeChat's that the caller knows.
    pub(crate) serial: Option<String>,
}

/// The merchant whose call it is (`now` in Unix seconds); `keys` are those whose certificates are in force.
pub(crate) fn caller<'a>(
    settings: &'a Settings,
    headers: &Headers,
    method: &str,
    target: &str,
    body: &[u8],
    now: i64,
    keys: impl FnOnce(&Merchant) -> Vec<MerchantKey>,
) -> Result<&'a Merchant, Refusal> {
    if headers.accept.is_none() || headers.user_agent.is_none() {
        return Err(Refusal::new("INVALID_REQUEST", "Http头缺少Accept或User-Agent"));
    }
    let authorization = headers.authorization.as_deref().unwrap_or_default();
    let said = Authorization::read(authorization).map_err(unsigned)?;
    let merchant = settings.merchants.get(said.mch_id);
    let merchant = merchant.ok_or_else(|| Refusal::new("MCH_NOT_EXISTS", "商户号不存在"))?;
    let keys = keys(merchant);
    let named = keys.iter().find(|key| key.serial() == said.serial);
    let key = named.or(keys.first()).ok_or_else(|| Refusal::new("SIGN_ERROR", "商户未申请过证书。"))?;
    let call = V3Call { method, target, body, authorization };
    key.check(call, now).map_err(unsigned)?;
    let is_json = |text: &str| text.split(';').next().is_some_and(|kind| kind.trim() == "application/json");
    if !body.is_empty() && !headers.content_type.as_deref().is_some_and(is_json) {
        return Err(Refusal::new("INVALID_REQUEST", "Http头Content-Type不是application/json"));
    }
    Ok(merchant)
}

fn unsigned(why: NotSigned) -> Refusal {
    Refusal::new("SIGN_ERROR", &why.to_string())
}
