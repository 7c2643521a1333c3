//! AWS clients from the environment: one HTTP client with pinned roots, no aws-config, which would read files, probe a
//! metadata address and load the system's certificates.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;

use crate::{Env, Misconfigured};

/// The roots that sign every AWS endpoint; `roots/README.md` says where they come from.
const AMAZON_ROOTS: &[u8] = include_bytes!("../roots/amazon.pem");

/// Where WeChat waits for the answer: a request that hangs is tried once more, well before the callback's deadline of 3 s,
/// which is what keeps the promise.
const ATTEMPT: Duration = Duration::from_millis(800);
const ATTEMPTS: u32 = 2;

/// Makes the clients of a function.
#[derive(Clone, Debug)]
pub struct Aws {
    shared: SdkConfig,
    dynamodb: Option<String>,
    sqs: Option<String>,
    secrets: Option<String>,
}

impl Aws {
    /// Reads region, credentials (session token included), endpoints and `PAPAY_CA_BUNDLE`.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`] names what is missing.
    pub fn new(env: &Env) -> Result<Self, Misconfigured> {
        let credentials = Credentials::new(
            env.required("AWS_ACCESS_KEY_ID")?,
            env.required("AWS_SECRET_ACCESS_KEY")?,
            env.optional("AWS_SESSION_TOKEN"),
            None,
            "environment",
        );
        let shared = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(http_client(env)?)
            .region(Region::new(env.required("AWS_REGION")?))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .timeout_config(timeouts(ATTEMPT))
            .retry_config(retries())
            .build();
        // A configuration built by hand ignores AWS_ENDPOINT_URL_*, so they are read here.
        let endpoint = |service: &str| {
            env.optional(&format!("AWS_ENDPOINT_URL_{service}")).or_else(|| env.optional("AWS_ENDPOINT_URL"))
        };
        let (dynamodb, sqs, secrets) = (endpoint("DYNAMODB"), endpoint("SQS"), endpoint("SECRETS_MANAGER"));
        Ok(Self { shared, dynamodb, sqs, secrets })
    }

    /// DynamoDB.
    #[must_use]
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let mut config = aws_sdk_dynamodb::config::Builder::from(&self.shared);
        config.set_endpoint_url(self.dynamodb.clone());
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// SQS. Its attempts may take longer: nobody waits for the relay.
    #[must_use]
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        let mut config = aws_sdk_sqs::config::Builder::from(&self.shared);
        config.set_endpoint_url(self.sqs.clone()).set_timeout_config(Some(timeouts(Duration::from_secs(5))));
        aws_sdk_sqs::Client::from_conf(config.build())
    }

    /// Secrets Manager.
    #[must_use]
    pub fn secrets(&self) -> aws_sdk_secretsmanager::Client {
        let mut config = aws_sdk_secretsmanager::config::Builder::from(&self.shared);
        config.set_endpoint_url(self.secrets.clone());
        aws_sdk_secretsmanager::Client::from_conf(config.build())
    }
}

/// A client that trusts Amazon's roots alone, or those of `PAPAY_CA_BUNDLE`, a file.
///
/// # Errors
///
/// [`Misconfigured`]: the file cannot be read.
pub fn http_client(env: &Env) -> Result<SharedHttpClient, Misconfigured> {
    let roots = match env.optional("PAPAY_CA_BUNDLE") {
        Some(path) => std::fs::read(&path).map_err(|error| Misconfigured::new("PAPAY_CA_BUNDLE", error))?,
        None => AMAZON_ROOTS.to_vec(),
    };
    let context = TlsContext::builder()
        .with_trust_store(TrustStore::empty().with_pem_certificate(roots))
        .build()
        .map_err(|error| Misconfigured::new("PAPAY_CA_BUNDLE", error))?;
    let builder = aws_smithy_http_client::Builder::new();
    Ok(builder.tls_provider(Provider::Rustls(CryptoMode::AwsLc)).tls_context(context).build_https())
}

fn timeouts(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(Duration::from_millis(500)).operation_attempt_timeout(attempt).build()
}

fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(Duration::from_millis(50))
}
