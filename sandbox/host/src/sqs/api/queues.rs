//! Operations on queues, redrives included.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Api, OnQueue, in_range};
use crate::sqs::error::SqsError;
use crate::sqs::queue::{QueueAttributes, arn, name_of_arn};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Named {
    #[serde(default)]
    queue_name: String,
    #[serde(default)]
    attributes: Option<QueueAttributes>,
}

pub(super) async fn create_queue(api: &Api, request: Named) -> Result<Value, SqsError> {
    api.store.create_queue(request.queue_name.clone(), request.attributes.unwrap_or_default()).await?;
    Ok(json!({ "QueueUrl": url(api, &request.queue_name) }))
}

pub(super) async fn get_queue_url(api: &Api, request: Named) -> Result<Value, SqsError> {
    let queue = api.store.queue(request.queue_name).await?;
    Ok(json!({ "QueueUrl": url(api, &queue.name) }))
}

fn url(api: &Api, name: &str) -> String {
    format!("{}/{name}", api.base_url)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListQueues {
    #[serde(default)]
    queue_name_prefix: Option<String>,
}

pub(super) async fn list_queues(api: &Api, request: ListQueues) -> Result<Value, SqsError> {
    let names = api.store.queue_names(request.queue_name_prefix.unwrap_or_default()).await?;
    Ok(json!({ "QueueUrls": names.iter().map(|name| url(api, name)).collect::<Vec<_>>() }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetAttributes {
    #[serde(flatten)]
    queue: OnQueue,
    #[serde(default)]
    attribute_names: Option<Vec<String>>,
}

pub(super) async fn get_attributes(api: &Api, request: GetAttributes) -> Result<Value, SqsError> {
    let (queue, counts) = api.store.queue_with_counts(request.queue.name()?).await?;
    let arn = queue.arn();
    let mut attributes = queue.attributes;
    let computed = [
        ("QueueArn", arn),
        ("CreatedTimestamp", queue.created_ms.div_euclid(1000).to_string()),
        ("LastModifiedTimestamp", queue.modified_ms.div_euclid(1000).to_string()),
        ("ApproximateNumberOfMessages", counts.visible.to_string()),
        ("ApproximateNumberOfMessagesNotVisible", counts.in_flight.to_string()),
        ("ApproximateNumberOfMessagesDelayed", counts.delayed.to_string()),
    ];
    attributes.extend(computed.map(|(name, value)| (name.to_owned(), value)));
    let names = request.attribute_names.unwrap_or_default();
    attributes.retain(|name, _| names.iter().any(|wanted| wanted == name || wanted == "All"));
    Ok(json!({ "Attributes": attributes }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SetAttributes {
    #[serde(flatten)]
    queue: OnQueue,
    #[serde(default)]
    attributes: QueueAttributes,
}

pub(super) async fn set_attributes(api: &Api, request: SetAttributes) -> Result<Value, SqsError> {
    api.store.set_attributes(request.queue.name()?, request.attributes).await?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MoveTask {
    #[serde(default)]
    source_arn: String,
    #[serde(default)]
    destination_arn: Option<String>,
    #[serde(default)]
    max_results: Option<i64>,
}

pub(super) async fn start_move(api: &Api, request: MoveTask) -> Result<Value, SqsError> {
    let destination = request.destination_arn.as_deref().map(queue_of).transpose()?;
    let done = api.store.start_move(queue_of(&request.source_arn)?, destination).await?;
    Ok(json!({ "TaskHandle": done.handle }))
}

pub(super) async fn list_moves(api: &Api, request: MoveTask) -> Result<Value, SqsError> {
    let limit = in_range("MaxResults", request.max_results.unwrap_or(1), 1, 10)?;
    let moves = api.store.moves(queue_of(&request.source_arn)?, limit).await?;
    let results = moves.into_iter().map(|done| {
        let mut result = json!({
            "Status": "COMPLETED",
            "SourceArn": arn(&done.source),
            "ApproximateNumberOfMessagesMoved": done.moved,
            "ApproximateNumberOfMessagesToMove": done.moved,
            "StartedTimestamp": done.started_ms,
        });
        if let Some(destination) = done.destination {
            result["DestinationArn"] = json!(arn(&destination));
        }
        result
    });
    Ok(json!({ "Results": results.collect::<Vec<_>>() }))
}

fn queue_of(arn: &str) -> Result<String, SqsError> {
    let name = name_of_arn(arn).filter(|name| !name.is_empty());
    name.map(str::to_owned).ok_or_else(|| SqsError::invalid("SourceArn", arn, "It is not the ARN of a queue."))
}
