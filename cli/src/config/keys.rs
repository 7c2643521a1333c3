//! The merchants' keys: each is read and tried, and becomes part of a secret.

use std::collections::BTreeMap;
use std::path::Path;

use domain::MchId;
use serde_json::json;
use verify::sign::v3::MerchantSigner;
use verify::{ApiV2Key, ApiV3Key, KeyError, WechatpayKeys};

use super::{Check, ConfigError, Generations, Merchant, read_file};

impl Check<'_> {
    /// What the functions verify with, as JSON.
    pub(super) fn verifying(&self, merchant: &Merchant, at: &dyn Fn(&str) -> String) -> Result<String, ConfigError> {
        self.keys(at("api_v2_key"), &merchant.api_v2_key, ApiV2Key::parse)?;
        self.keys(at("api_v3_key"), &merchant.api_v3_key, ApiV3Key::parse)?;
        if merchant.api_v2_key.current == merchant.api_v3_key.current {
            return Err(self.field(at("api_v3_key"), KeyError::EqualApiKeys));
        }
        let mut wechatpay = WechatpayKeys::default();
        let mut public_keys = BTreeMap::new();
        for (id, file) in &merchant.public_keys {
            let pem = self.pem(file)?;
            wechatpay
                .insert_public_key(id, &pem)
                .map_err(|error| self.field(at(&format!("public_keys.{id}")), error))?;
            public_keys.insert(id, pem);
        }
        let mut certificates = Vec::new();
        for (index, file) in merchant.platform_certificates.iter().enumerate() {
            let pem = self.pem(file)?;
            wechatpay
                .insert_certificate(&pem)
                .map_err(|error| self.field(at(&format!("platform_certificates[{index}]")), error))?;
            certificates.push(pem);
        }
        let generation = |keys: &Generations| json!({ "current": keys.current, "previous": keys.previous });
        let secret = json!({
            "api_v2_key": generation(&merchant.api_v2_key),
            "api_v3_key": generation(&merchant.api_v3_key),
            "public_keys": public_keys,
            "platform_certificates": certificates,
        });
        Ok(secret.to_string())
    }

    /// What the APIs and the worker sign V3 calls with, as JSON, if the merchant has it.
    pub(super) fn signing(
        &self,
        mch_id: &MchId,
        merchant: &Merchant,
        at: &dyn Fn(&str) -> String,
    ) -> Result<Option<String>, ConfigError> {
        let Some(key) = &merchant.api_key else { return Ok(None) };
        let private_key = self.pem(&key.private_key)?;
        MerchantSigner::new(mch_id.as_str(), &key.serial, &private_key)
            .map_err(|error| self.field(at("api_key"), error))?;
        let secret = json!({ "merchant": { "serial": key.serial, "private_key": private_key } });
        Ok(Some(secret.to_string()))
    }

    fn keys<K>(
        &self,
        field: String,
        keys: &Generations,
        parse: fn(&str) -> Result<K, KeyError>,
    ) -> Result<(), ConfigError> {
        parse(&keys.current).map_err(|error| self.field(format!("{field}.current"), error))?;
        match &keys.previous {
            Some(previous) => {
                parse(previous).map(|_| ()).map_err(|error| self.field(format!("{field}.previous"), error))
            }
            None => Ok(()),
        }
    }

    fn pem(&self, file: &Path) -> Result<String, ConfigError> {
        read_file(&self.path.parent().unwrap_or(Path::new(".")).join(file))
    }
}
