//! One FIFO queue per consumer and the worker's queue, each with its own dead-letter queue.

use std::collections::BTreeMap;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use domain::Consumer;
use serde_json::json;

use super::StackError;

/// Receives before a message goes to the dead-letter queue.
const MAX_RECEIVES: u32 = 10;

/// The worker's queue: what is to be asked of WeChat. A standard queue, since a question may come in any order and twice.
pub const WORK: &str = "work";

/// How long a question is left to the worker before it comes again, in seconds: longer than the worker's time-out.
const WORK_VISIBILITY: &str = "60";

/// Events wait 14 days, the longest that SQS keeps them, in seconds.
const RETENTION: &str = "1209600";

/// The queue of a consumer.
#[must_use]
pub fn name(consumer: &str) -> String {
    format!("{consumer}.fifo")
}

/// Where a consumer's messages go that it failed to handle.
#[must_use]
pub fn dead_letter_name(consumer: &str) -> String {
    format!("{consumer}-dlq.fifo")
}

/// Creates the queues that are not there yet; answers their URLs by consumer.
///
/// # Errors
/// SQS refuses, for instance because a queue has other attributes.
pub async fn create(client: &Client, consumers: &[Consumer]) -> Result<BTreeMap<Consumer, String>, StackError> {
    let mut urls = BTreeMap::new();
    // High throughput: order within each group, deduplication within each group.
    let fifo = [
        (Attribute::FifoQueue, "true"),
        (Attribute::DeduplicationScope, "messageGroup"),
        (Attribute::FifoThroughputLimit, "perMessageGroupId"),
    ];
    for consumer in consumers {
        let url = create_with_dead_letters(client, &name(consumer), &dead_letter_name(consumer), &fifo).await?;
        urls.insert(consumer.clone(), url);
    }
    Ok(urls)
}

/// Creates the worker's queue, if it is not there yet; answers its URL.
///
/// # Errors
/// As [`create`].
pub async fn create_work(client: &Client) -> Result<String, StackError> {
    let attributes = [(Attribute::VisibilityTimeout, WORK_VISIBILITY)];
    create_with_dead_letters(client, WORK, &format!("{WORK}-dlq"), &attributes).await
}

async fn create_with_dead_letters(
    client: &Client,
    name: &str,
    dead_letters: &str,
    attributes: &[(Attribute, &str)],
) -> Result<String, StackError> {
    create_queue(client, dead_letters, attributes, None).await?;
    let target = format!("arn:aws:sqs:{}:{}:{dead_letters}", host::REGION, host::ACCOUNT);
    let redrive = json!({ "deadLetterTargetArn": target, "maxReceiveCount": MAX_RECEIVES });
    create_queue(client, name, attributes, Some(redrive.to_string())).await
}

async fn create_queue(
    client: &Client,
    name: &str,
    attributes: &[(Attribute, &str)],
    redrive: Option<String>,
) -> Result<String, StackError> {
    let failed = |cause: &str| StackError::Queue { queue: name.to_owned(), cause: cause.to_owned() };
    let mut request = client.create_queue().queue_name(name).attributes(Attribute::MessageRetentionPeriod, RETENTION);
    for (attribute, value) in attributes {
        request = request.attributes(attribute.clone(), *value);
    }
    if let Some(redrive) = redrive {
        request = request.attributes(Attribute::RedrivePolicy, redrive);
    }
    let created = request.send().await.map_err(|error| failed(error.code().unwrap_or("no answer")))?;
    created.queue_url.ok_or_else(|| failed("no URL"))
}
