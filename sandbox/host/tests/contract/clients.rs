//! SDK clients by hand, as the functions build theirs: plain HTTP, static credentials, no retries that hide an error, and no time-outs.

use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use host::REGION;

macro_rules! client {
    ($name:ident, $sdk:ident) => {
        pub(crate) fn $name(endpoint: &str) -> $sdk::Client {
            let config = $sdk::Config::builder()
                .behavior_version(BehaviorVersion::v2026_01_12())
                .region(Region::new(REGION))
                .credentials_provider(Credentials::new("local", "local", None, None, "test"))
                .endpoint_url(endpoint)
                .http_client(aws_smithy_http_client::Builder::new().build_http())
                .retry_config(RetryConfig::disabled())
                .timeout_config(TimeoutConfig::disabled())
                .build();
            $sdk::Client::from_conf(config)
        }
    };
}

client!(dynamodb, aws_sdk_dynamodb);
client!(streams, aws_sdk_dynamodbstreams);
client!(secrets, aws_sdk_secretsmanager);
client!(sqs, aws_sdk_sqs);
