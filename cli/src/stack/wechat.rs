//! WeChat Pay in the local stack: the simulator, with the merchants and templates of `papay.toml`.

use counterparty::{MerchantKey, WechatPay};
use host::Store;
use host::clock::Clock;
use host::lambda::LambdaHost;
use serde_json::Value;
use simulator::{Callbacks, Config as SimulatorConfig, Merchant, Pace, Simulator};

use super::StackError;
use crate::Config;
use crate::config::SECRET_PREFIX;

/// The variable that tells the functions where WeChat Pay is.
pub(super) const HOSTS_VARIABLE: &str = "PAPAY_WECHAT_HOSTS";

/// Starts it. Other merchants than the two test merchants have no key with which WeChat signs V3.
pub(super) async fn start(config: &Config, store: Store, clock: Clock, port: u16) -> Result<Simulator, StackError> {
    let mut merchants = Vec::new();
    for mch_id in &config.merchants {
        let failed = |cause: counterparty::Error| StackError::WechatPay {
            mch_id: mch_id.as_str().to_owned(),
            cause: cause.to_string(),
        };
        merchants.push(merchant(config, mch_id.as_str()).map_err(failed)?);
    }
    let (templates, services) = (config.templates.clone(), config.services.clone());
    let config = SimulatorConfig { port, store, clock, merchants, templates, services, pace: Pace::default() };
    Ok(Simulator::start(config).await?)
}

/// Tells WeChat where terminations and refunds by hand go.
pub(super) fn introduce(simulator: &Simulator, functions: &LambdaHost) {
    let url = |name: &str| functions.url(name).unwrap_or_default().trim_end_matches('/').to_owned();
    simulator.callbacks(Callbacks { contract: url("contract-callback"), refund: url("refund-callback") });
}

fn merchant(config: &Config, mch_id: &str) -> Result<Merchant, counterparty::Error> {
    // The secrets that the functions fetch: what WeChat Pay shares with the merchant is in them.
    let secret = |purpose: &str| {
        let text = config.secrets().remove(&format!("{SECRET_PREFIX}{mch_id}/{purpose}"));
        text.map_or(Ok(Value::Null), |text| serde_json::from_str::<Value>(&text))
    };
    let verify = secret("verify")?;
    let shared = |key: &str| verify[key]["current"].as_str().unwrap_or_default().to_owned();
    let (api_v2_key, api_v3_key) = (shared("api_v2_key"), shared("api_v3_key"));
    let wechat = match WechatPay::by_mch_id(mch_id) {
        Ok(known) => known.with_api_v2_key(&api_v2_key).with_api_v3_key(&api_v3_key)?,
        Err(_) => WechatPay::new(mch_id, &api_v2_key, &api_v3_key)?,
    };
    let sign = secret("sign")?;
    let key = match (sign["merchant"]["serial"].as_str(), sign["merchant"]["private_key"].as_str()) {
        (Some(serial), Some(private_key)) => Some(MerchantKey::of_private_key(serial, private_key)?),
        _ => None,
    };
    Ok(Merchant { wechat, key })
}
