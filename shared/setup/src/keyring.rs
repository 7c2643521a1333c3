//! What verifies: one secret per merchant, `<prefix><mch_id>/verify`, and the certificates that the worker keeps beside it.

use domain::MchId;
use verify::{ApiV2Key, ApiV3Key, Generations, MerchantKeys, WechatpayKeys};

use crate::kept::{FromSecrets, Kept};
use crate::layout::{Generation, Purpose, VerifySecret, read_secret};
use crate::secrets::Secrets;
use crate::{Misconfigured, certificates};

/// What verifies the callbacks of the configured merchants.
pub type Keyring = Kept<MerchantKeys>;

impl FromSecrets for MerchantKeys {
    async fn fetch(secrets: &Secrets, mch_id: &MchId) -> Result<Self, Misconfigured> {
        let name = secrets.name(mch_id, Purpose::Verify);
        let (text, fetched) = tokio::join!(secrets.required(&name), certificates::fetch(secrets, mch_id));
        Ok(certificates::added(parse(&name, mch_id, &text?)?, fetched?))
    }
}

pub(crate) fn parse(name: &str, mch_id: &MchId, text: &str) -> Result<MerchantKeys, Misconfigured> {
    let secret: VerifySecret = read_secret(name, text)?;
    let v2 = generations(name, "api_v2_key", secret.api_v2_key, ApiV2Key::parse)?;
    let v3 = generations(name, "api_v3_key", secret.api_v3_key, ApiV3Key::parse)?;
    let mut wechatpay = WechatpayKeys::default();
    for (id, pem) in &secret.public_keys {
        let field = || format!("{name} public_keys.{id}");
        wechatpay.insert_public_key(id, pem).map_err(|error| Misconfigured::new(field(), error))?;
    }
    for (index, pem) in secret.platform_certificates.iter().enumerate() {
        let field = || format!("{name} platform_certificates[{index}]");
        wechatpay.insert_certificate(pem).map_err(|error| Misconfigured::new(field(), error))?;
    }
    MerchantKeys::new(mch_id.as_str(), v2, v3, wechatpay).map_err(|error| Misconfigured::new(name, error))
}

fn generations<K, E: std::fmt::Display>(
    name: &str,
    field: &str,
    generation: Option<Generation>,
    parse: impl Fn(&str) -> Result<K, E>,
) -> Result<Option<Generations<K>>, Misconfigured> {
    let Some(Generation { current, previous }) = generation else { return Ok(None) };
    let key = |which: &str, text: &str| {
        parse(text).map_err(|error| Misconfigured::new(format!("{name} {field}.{which}"), error))
    };
    let previous = previous.map(|text| key("previous", &text)).transpose()?;
    Ok(Some(Generations { current: key("current", &current)?, previous }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(secret: &str) -> String {
        parse("papay/10000100/verify", &MchId::parse("10000100").unwrap(), secret).unwrap_err().to_string()
    }

    #[test]
    fn a_secret_that_is_wrong_is_told_by_field_and_never_by_value() {
        let short = problem(r#"{"api_v2_key": {"current": "short"}, "api_v3_key": null}"#);
        assert!(short.starts_with("papay/10000100/verify api_v2_key.current: "), "{short}");
        assert!(!short.contains("short:"), "{short}");
        let unknown = problem(r#"{"api_v2_key": {"current": "x", "oops": "secret"}}"#);
        assert!(unknown.contains("line 1"), "{unknown}");
        assert!(!unknown.contains("secret\""), "{unknown}");
    }

    #[test]
    fn equal_apiv2_and_apiv3_keys_stop_the_start() {
        let key = "192006250b4c09247ec02edce69f6a2d";
        let equal =
            problem(&format!(r#"{{"api_v2_key": {{"current": "{key}"}}, "api_v3_key": {{"current": "{key}"}}}}"#));
        assert!(equal.starts_with("papay/10000100/verify: "), "{equal}");
        assert!(!equal.contains(key), "{equal}");
    }
}
