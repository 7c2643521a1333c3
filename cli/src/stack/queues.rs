//! One FIFO queue per consumer, each with its own dead-letter queue.

use std::collections::BTreeMap;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use domain::Consumer;
use serde_json::json;

use super::StackError;

/// Receives before a message goes to the dead-letter queue.
const MAX_RECEIVES: u32 = 10;

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
    for consumer in consumers {
        let dead_letters = dead_letter_name(consumer);
        create_queue(client, &dead_letters, None).await?;
        let target = format!("arn:aws:sqs:{}:{}:{dead_letters}", host::REGION, host::ACCOUNT);
        let redrive = json!({ "deadLetterTargetArn": target, "maxReceiveCount": MAX_RECEIVES });
        let url = create_queue(client, &name(consumer), Some(redrive.to_string())).await?;
        urls.insert(consumer.clone(), url);
    }
    Ok(urls)
}

async fn create_queue(client: &Client, name: &str, redrive: Option<String>) -> Result<String, StackError> {
    let failed = |cause: &str| StackError::Queue { queue: name.to_owned(), cause: cause.to_owned() };
    let mut request = client
        .create_queue()
        .queue_name(name)
        .attributes(Attribute::FifoQueue, "true")
        // High throughput: order within each group, deduplication within each group.
        .attributes(Attribute::DeduplicationScope, "messageGroup")
        .attributes(Attribute::FifoThroughputLimit, "perMessageGroupId")
        .attributes(Attribute::MessageRetentionPeriod, RETENTION);
    if let Some(redrive) = redrive {
        request = request.attributes(Attribute::RedrivePolicy, redrive);
    }
    let created = request.send().await.map_err(|error| failed(error.code().unwrap_or("no answer")))?;
    created.queue_url.ok_or_else(|| failed("no URL"))
}
