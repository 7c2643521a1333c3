//! An AWS account, as the operator's own environment and profile say: `AWS_PROFILE`, `AWS_REGION`, `credential_process` and the rest.
//! Functions have nothing of this: they build their clients from what Lambda gives them.

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials;
use setup::{Env, Misconfigured};

/// Region and credentials, tried once.
///
/// # Errors
/// [`Misconfigured`] says which of them is missing.
pub async fn config() -> Result<SdkConfig, Misconfigured> {
    let http = setup::http_client(&Env::system())?;
    let config = aws_config::defaults(aws_config::BehaviorVersion::latest()).http_client(http).load().await;
    if config.region().is_none() {
        return Err(Misconfigured::new("AWS_REGION", "is not set, and the profile names none"));
    }
    let missing = || {
        Misconfigured::new("AWS credentials", "there are none: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and its secret")
    };
    let provider = config.credentials_provider().ok_or_else(missing)?;
    provider.provide_credentials().await.map_err(|_| missing())?;
    Ok(config)
}
