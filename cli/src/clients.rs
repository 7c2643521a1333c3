//! AWS clients of a local stack, built as the functions build theirs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_types::timeout::TimeoutConfig;
use setup::{Aws, Env, Misconfigured, SystemClock};

/// Clients of the local stack.
#[derive(Clone, Debug)]
pub struct Clients {
    /// DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// SQS.
    pub sqs: aws_sdk_sqs::Client,
}

impl Clients {
    /// Clients of the services at these endpoints.
    ///
    /// # Errors
    /// None in practice: everything that could be missing is given here.
    pub fn new(dynamodb: &str, sqs: &str) -> Result<Self, Misconfigured> {
        let variables = variables([("AWS_ENDPOINT_URL_DYNAMODB", dynamodb), ("AWS_ENDPOINT_URL_SQS", sqs)]);
        let aws = Aws::new(&Env::of(variables, Arc::new(SystemClock)))?;
        Ok(Self { dynamodb: patient(&aws.dynamodb()), sqs: aws.sqs() })
    }
}

/// What the functions' environment says of AWS, with these endpoints.
pub(crate) fn variables<const N: usize>(endpoints: [(&str, &str); N]) -> BTreeMap<String, String> {
    let fixed = [("AWS_REGION", host::REGION), ("AWS_ACCESS_KEY_ID", "local"), ("AWS_SECRET_ACCESS_KEY", "local")];
    fixed.into_iter().chain(endpoints).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Nobody waits for these tools as WeChat waits for a function.
fn patient(client: &aws_sdk_dynamodb::Client) -> aws_sdk_dynamodb::Client {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(20)).build();
    aws_sdk_dynamodb::Client::from_conf(client.config().to_builder().timeout_config(timeouts).build())
}
