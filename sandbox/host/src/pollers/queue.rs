//! A queue as an event source.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{Target, failed_items};
use crate::REGION;
use crate::sqs::{QueueStore, Received, arn, md5_of_attributes, md5_of_body, poll};

/// One long poll; short, so that stopping does not wait for it.
const WAIT: Duration = Duration::from_secs(1);

pub(super) async fn run(mut target: Target, queue: String, batch: usize, store: QueueStore) {
    let batch = batch.clamp(1, 10);
    while !target.is_stopped() {
        match poll(&store, &queue, batch, None, WAIT).await {
            Ok(received) if received.is_empty() => {}
            Ok(received) => deliver(&target, &queue, &store, received).await,
            // It does not exist yet.
            Err(_) => target.sleep(WAIT / 4).await,
        }
    }
}

/// Deletes what the function did not report as failed; the rest comes again when its visibility time-out ends.
async fn deliver(target: &Target, queue: &str, store: &QueueStore, received: Vec<Received>) {
    let records: Vec<Value> = received.iter().map(|message| record(queue, message)).collect();
    let Some(answer) = target.invoke(&json!({ "Records": records })).await else { return };
    let handles = match failed_items(&answer) {
        Some(failed) => done(target, &received, failed),
        None => {
            target.log("the answer is no partial batch response: the whole batch counts as failed");
            return;
        }
    };
    if let Err(error) = store.delete(queue.to_owned(), handles).await {
        target.log(&format!("handled messages could not be deleted: {error}"));
    }
}

/// The receipt handles of what is done. In a FIFO queue that ends, for each group, at its first failure: a function
/// that handles a later message all the same breaks the order, in AWS unnoticed.
fn done(target: &Target, received: &[Received], failed: Vec<String>) -> Vec<String> {
    let failed: HashSet<String> = failed.into_iter().collect();
    if let Some(unknown) = failed.iter().find(|id| received.iter().all(|message| message.id != **id)) {
        target.log(&format!("the answer names {unknown}, which is not in the batch: the whole batch counts as failed"));
        return Vec::new();
    }
    let mut stopped_groups = HashSet::new();
    let mut done = Vec::new();
    for message in received {
        let group = message.group_id.as_deref().filter(|_| message.is_fifo);
        if failed.contains(&message.id) {
            stopped_groups.extend(group);
        } else if group.is_some_and(|group| stopped_groups.contains(group)) {
            target.log(&format!("{} was handled after a failure in its group: it comes again", message.id));
        } else {
            done.push(message.receipt_handle.clone());
        }
    }
    done
}

fn record(queue: &str, message: &Received) -> Value {
    let attributes: Map<String, Value> = message
        .attributes
        .iter()
        .map(|(name, attribute)| {
            let value = json!({
                "dataType": attribute.data_type,
                "stringValue": attribute.string_value,
                "binaryValue": attribute.binary_value,
                "stringListValues": [],
                "binaryListValues": [],
            });
            (name.clone(), value)
        })
        .collect();
    let mut record = json!({
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": message.system_attributes(),
        "messageAttributes": attributes,
        "md5OfBody": md5_of_body(&message.body),
        "eventSource": "aws:sqs",
        "eventSourceARN": arn(queue),
        "awsRegion": REGION,
    });
    if let Some(md5) = md5_of_attributes(&message.attributes) {
        record["md5OfMessageAttributes"] = json!(md5);
    }
    record
}
