//! Where the secrets are: the local stack's store, or an AWS account's.

use std::sync::Arc;

use domain::{MchId, Timestamp};
use serde::Serialize;
use setup::layout::{CertificatesSecret, Purpose, SignSecret, VerifySecret, read_secret};
use setup::{Aws, Env, Misconfigured, Secrets, SigningKeys, SystemClock};

use super::issuer::IssuerSecret;
use super::vault::{Vault, Version};
use crate::clients;
use crate::config::SECRET_PREFIX;
use crate::stack::Running;

/// The secrets of merchants.
#[derive(Clone, Debug)]
pub struct KeyStore {
    secrets: Secrets,
    pub(super) vault: Vault,
    prefix: String,
}

/// A merchant's two secrets that people write. A missing one is empty.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// What verifies.
    pub verify: VerifySecret,
    /// What signs.
    pub sign: SignSecret,
    read: Read,
}

/// What the two were when they were read.
#[derive(Clone, Default, PartialEq, Eq)]
struct Read {
    verify: Option<Version>,
    sign: Option<Version>,
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
        Ok(Self::over(aws.secrets(), SECRET_PREFIX))
    }

    /// Those of an AWS account, by these credentials, below a prefix.
    #[must_use]
    pub fn aws(config: &aws_config::SdkConfig, prefix: &str) -> Self {
        Self::over(aws_sdk_secretsmanager::Client::new(config), prefix)
    }

    fn over(client: aws_sdk_secretsmanager::Client, prefix: &str) -> Self {
        let secrets = Secrets::over(client.clone(), prefix);
        Self { secrets, vault: Vault::new(client), prefix: prefix.to_owned() }
    }

    /// What a secret is called.
    #[must_use]
    pub fn name(&self, mch_id: &MchId, purpose: Purpose) -> String {
        self.secrets.name(mch_id, purpose)
    }

    /// What the secret of an issuer of tokens is called.
    pub(super) fn issuer_name(&self, name: &str) -> String {
        format!("{}issuers/{name}", self.prefix)
    }

    /// The secrets of a merchant; nothing where it has none yet.
    ///
    /// # Errors
    /// The store does not answer, or a secret has another layout.
    pub async fn read(&self, mch_id: &MchId) -> Result<Option<Held>, Misconfigured> {
        let (verify, sign) = (self.name(mch_id, Purpose::Verify), self.name(mch_id, Purpose::Sign));
        let (verifying, signing) = tokio::try_join!(self.vault.current(&verify), self.vault.current(&sign))?;
        if verifying.is_none() && signing.is_none() {
            return Ok(None);
        }
        let read = Read { verify: verifying, sign: signing };
        let verifying = read.verify.as_ref().map(|version| read_secret(&verify, &version.text)).transpose()?;
        let signing = read.sign.as_ref().map(|version| read_secret(&sign, &version.text)).transpose()?;
        Ok(Some(Held { verify: verifying.unwrap_or_default(), sign: signing.unwrap_or_default(), read }))
    }

    /// Since when a merchant's keys are as they are in one respect, as the version before shows; nothing where the store does not
    /// tell. It may be longer: older versions are not asked for.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn since(
        &self,
        mch_id: &MchId,
        held: &Held,
        was_so: impl Fn(&VerifySecret) -> bool,
    ) -> Result<Option<Timestamp>, Misconfigured> {
        let name = self.name(mch_id, Purpose::Verify);
        let was_so = |text: &str| read_secret(&name, text).is_ok_and(|before| was_so(&before));
        self.since_version(&name, held.read.verify.as_ref(), was_so).await
    }

    /// The same of an issuer's secret in force.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn issuer_since(&self, secret: &IssuerSecret) -> Result<Option<Timestamp>, Misconfigured> {
        self.since_version(secret.name(), secret.read.as_ref(), |text| secret.is_in_force_in(text)).await
    }

    async fn since_version(
        &self,
        name: &str,
        read: Option<&Version>,
        was_so: impl Fn(&str) -> bool,
    ) -> Result<Option<Timestamp>, Misconfigured> {
        let before = self.vault.previous(name).await?.filter(|before| was_so(&before.text));
        Ok(before.and_then(|before| before.created).or_else(|| read?.created))
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

    /// Writes what has changed, if a function could start with it, and if nobody else has changed it since `before` was read. Answers
    /// the names of the secrets that were written.
    ///
    /// # Errors
    /// What would keep a function from starting; somebody was faster; the store refuses.
    pub async fn write(&self, mch_id: &MchId, before: &Held, after: &Held) -> Result<Vec<String>, Misconfigured> {
        self.keys(mch_id, after)?;
        let mut changed = Vec::new();
        if before.verify != after.verify {
            let text = serde_json::to_string_pretty(&after.verify);
            changed.push((self.name(mch_id, Purpose::Verify), text, &before.read.verify));
        }
        if before.sign != after.sign {
            let text = serde_json::to_string_pretty(&after.sign);
            changed.push((self.name(mch_id, Purpose::Sign), text, &before.read.sign));
        }
        let mut written = Vec::new();
        for (name, text, read) in changed {
            let text = text.map_err(|error| Misconfigured::new(&name, error))?;
            let put = self.vault.put(&name, &text, read.as_ref()).await;
            put.map_err(|wrong| match written.as_slice() {
                [] => wrong,
                done => {
                    Misconfigured::new(wrong.field, format_args!("{}; {} is written", wrong.problem, done.join(", ")))
                }
            })?;
            written.push(name);
        }
        Ok(written)
    }
}

fn text(name: &str, secret: &impl Serialize) -> Result<String, Misconfigured> {
    serde_json::to_string(secret).map_err(|error| Misconfigured::new(name, error))
}
