//! The secret store, and what our secrets are called there.

use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use aws_sdk_secretsmanager::operation::put_secret_value::PutSecretValueError;
use domain::MchId;

use crate::layout::Purpose;
use crate::{Aws, Env, Misconfigured};

/// Where the secrets are unless something else is said.
pub const DEFAULT_PREFIX: &str = "papay/";

/// The secret store.
#[derive(Clone, Debug)]
pub struct Secrets {
    client: aws_sdk_secretsmanager::Client,
    prefix: String,
}

impl Secrets {
    pub(crate) fn new(env: &Env, aws: &Aws) -> Self {
        let prefix = env.optional("PAPAY_SECRET_PREFIX").unwrap_or_else(|| DEFAULT_PREFIX.to_owned());
        Self::over(aws.secrets(), prefix)
    }

    /// What this client reaches, below this prefix.
    #[must_use]
    pub fn over(client: aws_sdk_secretsmanager::Client, prefix: impl Into<String>) -> Self {
        Self { client, prefix: prefix.into() }
    }

    /// `<prefix><mch_id>/<purpose>`
    #[must_use]
    pub fn name(&self, mch_id: &MchId, purpose: Purpose) -> String {
        purpose.secret_name(&self.prefix, mch_id)
    }

    pub(crate) async fn required(&self, name: &str) -> Result<String, Misconfigured> {
        self.optional(name).await?.ok_or_else(|| Misconfigured::new(name, "is not there"))
    }

    /// Writes a secret, and makes it where there is none.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`] names the secret, and what the store said.
    pub async fn write(&self, name: &str, text: &str) -> Result<(), Misconfigured> {
        let refused = |code: Option<&str>| Misconfigured::new(name, code.unwrap_or("not reachable"));
        match self.client.put_secret_value().secret_id(name).secret_string(text).send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(PutSecretValueError::is_resource_not_found_exception) =>
            {
                let created = self.client.create_secret().name(name).secret_string(text).send().await;
                created.map(|_| ()).map_err(|error| refused(error.code()))
            }
            Err(error) => Err(refused(error.code())),
        }
    }

    /// A secret that a merchant may do without.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`] names the secret, and what the store said.
    pub async fn optional(&self, name: &str) -> Result<Option<String>, Misconfigured> {
        match self.client.get_secret_value().secret_id(name).send().await {
            Ok(output) => match output.secret_string {
                Some(text) => Ok(Some(text)),
                None => Err(Misconfigured::new(name, "has no text")),
            },
            Err(error)
                if error.as_service_error().is_some_and(GetSecretValueError::is_resource_not_found_exception) =>
            {
                Ok(None)
            }
            Err(error) => Err(Misconfigured::new(name, error.code().unwrap_or("not reachable"))),
        }
    }
}
