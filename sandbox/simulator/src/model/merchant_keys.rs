//! The certificates with which a merchant calls, as WeChat Pay knows them: several are in force side by side while they change
//! (<https://pay.weixin.qq.com/doc/v3/merchant/4012365342>).

use std::collections::BTreeSet;

use counterparty::{Error, MerchantKey};
use serde::{Deserialize, Serialize};

/// What changed since the configuration.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct MerchantKeys {
    applied: Vec<Applied>,
    revoked: BTreeSet<String>,
}

/// A certificate that the merchant applied for, as the key of a test merchant.
#[derive(Clone, Serialize, Deserialize)]
struct Applied {
    serial: String,
    private_key_pem: String,
}

impl MerchantKeys {
    /// The keys whose certificates are in force, the newest first.
    pub(crate) fn in_force(&self, configured: Option<&MerchantKey>) -> Result<Vec<MerchantKey>, Error> {
        let applied = self.applied.iter().rev();
        let applied =
            applied.map(|Applied { serial, private_key_pem }| MerchantKey::of_private_key(serial, private_key_pem));
        let mut keys: Vec<_> = applied.chain(configured.cloned().map(Ok)).collect::<Result<_, _>>()?;
        keys.retain(|key| !self.revoked.contains(key.serial()));
        Ok(keys)
    }

    /// A new certificate, beside what is there.
    pub(crate) fn apply(&mut self, serial: &str, private_key_pem: &str) -> Result<(), Error> {
        MerchantKey::of_private_key(serial, private_key_pem)?;
        self.applied.push(Applied { serial: serial.to_owned(), private_key_pem: private_key_pem.to_owned() });
        Ok(())
    }

    /// From here nothing that it signs is taken.
    pub(crate) fn revoke(&mut self, serial: &str) {
        self.revoked.insert(serial.to_owned());
    }
}
