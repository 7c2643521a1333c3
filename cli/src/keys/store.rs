//! Where the secrets are: the local stack's store, or an AWS account's.

use std::sync::Arc;

use domain::MchId;
use serde::Serialize;
use setup::layout::{CertificatesSecret, Purpose, SignSecret, VerifySecret, read_secret};
use setup::{Aws, Env, Misconfigured, Secrets, SigningKeys, SystemClock};

use crate::clients;
use crate::config::SECRET_PREFIX;
use crate::stack::Running;

/// The secrets of merchants.
#[derive(Clone, Debug)]
pub struct KeyStore {
    secrets: Secrets,
}

/// A merchant's two secrets that people write. A missing one is empty.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// What verifies.
    pub verify: VerifySecret,
    /// What signs.
    pub sign: SignSecret,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl KeyStore {
    /// The local stack's, which forgets when it stops.
    ///
    /// # Errors
    /// None in practice: everything that could be missing is given here.
    pub fn local(stack: &Running) -> Result<Self, Misconfigured> {
        let variables = clients::variables([("AWS_ENDPOINT_URL_SECRETS_MANAGER", stack.secrets.as_str())]);
        let aws = Aws::new(&Env::of(variables, Arc::new(SystemClock)))?;
        Ok(Self { secrets: Secrets::over(aws.secrets(), SECRET_PREFIX) })
    }

    /// Those of an AWS account, by these credentials, below a prefix.
    #[must_use]
    pub fn aws(config: &aws_config::SdkConfig, prefix: &str) -> Self {
        Self { secrets: Secrets::over(aws_sdk_secretsmanager::Client::new(config), prefix) }
    }

    /// What a secret is called.
    #[must_use]
    pub fn name(&self, mch_id: &MchId, purpose: Purpose) -> String {
        self.secrets.name(mch_id, purpose)
    }

    /// The secrets of a merchant; nothing where it has none yet.
    ///
    /// # Errors
    /// The store does not answer, or a secret has another layout.
    pub async fn read(&self, mch_id: &MchId) -> Result<Option<Held>, Misconfigured> {
        let (verify, sign) = (self.name(mch_id, Purpose::Verify), self.name(mch_id, Purpose::Sign));
        let (verifying, signing) = tokio::try_join!(self.secrets.optional(&verify), self.secrets.optional(&sign))?;
        if verifying.is_none() && signing.is_none() {
            return Ok(None);
        }
        let verifying = verifying.map(|text| read_secret(&verify, &text)).transpose()?;
        let signing = signing.map(|text| read_secret(&sign, &text)).transpose()?;
        Ok(Some(Held { verify: verifying.unwrap_or_default(), sign: signing.unwrap_or_default() }))
    }

    /// The platform certificates that the worker keeps.
    ///
    /// # Errors
    /// As [`KeyStore::read`].
    pub async fn certificates(&self, mch_id: &MchId) -> Result<Option<CertificatesSecret>, Misconfigured> {
        let name = self.name(mch_id, Purpose::Certificates);
        self.secrets.optional(&name).await?.map(|text| read_secret(&name, &text)).transpose()
    }

    /// The keys as a function would make them of the secrets.
    ///
    /// # Errors
    /// What would keep a function from starting.
    pub fn keys(&self, mch_id: &MchId, held: &Held) -> Result<SigningKeys, Misconfigured> {
        let (verify, sign) = (self.name(mch_id, Purpose::Verify), self.name(mch_id, Purpose::Sign));
        let (verifying, signing) = (text(&verify, &held.verify)?, text(&sign, &held.sign)?);
        SigningKeys::parse((&verify, &verifying), (&sign, Some(&signing)), mch_id)
    }

    /// Writes what has changed, if a function could start with it. Answers the names of the secrets that were written.
    ///
    /// # Errors
    /// What would keep a function from starting; the store refuses.
    pub async fn write(&self, mch_id: &MchId, before: &Held, after: &Held) -> Result<Vec<String>, Misconfigured> {
        self.keys(mch_id, after)?;
        let mut written = Vec::new();
        if before.verify != after.verify {
            written.push((self.name(mch_id, Purpose::Verify), serde_json::to_string_pretty(&after.verify)));
        }
        if before.sign != after.sign {
            written.push((self.name(mch_id, Purpose::Sign), serde_json::to_string_pretty(&after.sign)));
        }
        let mut names = Vec::new();
        for (name, text) in written {
            let text = text.map_err(|error| Misconfigured::new(&name, error))?;
            self.secrets.write(&name, &text).await?;
            names.push(name);
        }
        Ok(names)
    }
}

fn text(name: &str, secret: &impl Serialize) -> Result<String, Misconfigured> {
    serde_json::to_string(secret).map_err(|error| Misconfigured::new(name, error))
}
