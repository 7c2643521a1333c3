//! Batches: ten entries at most, each with an id, each with an outcome of its own.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::send::SendResult;
use super::{Api, OnQueue};
use crate::sqs::error::{Kind, SqsError};
use crate::sqs::fault::Fault;
use crate::sqs::message::{NewMessage, SIZE_LIMIT};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound = "T: Deserialize<'de>")]
pub(super) struct Batch<T> {
    #[serde(flatten)]
    queue: OnQueue,
    #[serde(default = "Vec::new")]
    entries: Vec<Entry<T>>,
}

#[derive(Deserialize)]
struct Entry<T> {
    #[serde(rename = "Id", default)]
    id: String,
    #[serde(flatten)]
    content: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Handle {
    #[serde(default)]
    receipt_handle: String,
    #[serde(default)]
    visibility_timeout: Option<i64>,
}

pub(super) async fn send(
    api: &Api,
    queue: String,
    batch: Batch<NewMessage>,
    fault: Option<&Fault>,
) -> Result<Value, SqsError> {
    batch.check()?;
    if batch.entries.iter().map(|entry| entry.content.size()).sum::<usize>() > SIZE_LIMIT {
        let message = format!("Batch requests cannot be longer than {SIZE_LIMIT} bytes.");
        return Err(Kind::BatchRequestTooLong.because(message));
    }
    let mut answer = Outcomes::default();
    let mut accepted = Vec::new();
    for (position, entry) in batch.entries.into_iter().enumerate() {
        let group = entry.content.message_group_id.as_deref();
        if fault.is_some_and(|fault| fault.fails_entry(position, group)) {
            answer.failed(&entry.id, &Kind::InternalError.because("The fault that was asked for."));
        } else {
            accepted.push(entry);
        }
    }
    let messages = accepted.iter().map(|entry| entry.content.clone()).collect();
    let sent = api.store.send(queue, messages).await?;
    for (entry, outcome) in accepted.iter().zip(sent) {
        match outcome {
            Ok(sent) => answer.succeeded(&entry.id, json!(SendResult::new(&sent, &entry.content))),
            Err(error) => answer.failed(&entry.id, &error),
        }
    }
    Ok(answer.into_json())
}

pub(super) async fn delete(api: &Api, batch: Batch<Handle>) -> Result<Value, SqsError> {
    batch.check()?;
    let handles = batch.entries.iter().map(|entry| entry.content.receipt_handle.clone()).collect();
    let outcomes = api.store.delete(batch.queue.name()?, handles).await?;
    Ok(batch.settle(outcomes))
}

pub(super) async fn change_visibility(api: &Api, batch: Batch<Handle>) -> Result<Value, SqsError> {
    batch.check()?;
    let changes = batch.entries.iter().map(|entry| {
        let seconds = entry.content.visibility_timeout.ok_or_else(|| SqsError::missing("VisibilityTimeout"))?;
        Ok((entry.content.receipt_handle.clone(), seconds))
    });
    let changes = changes.collect::<Result<Vec<_>, SqsError>>()?;
    let outcomes = api.store.change_visibility(batch.queue.name()?, changes).await?;
    Ok(batch.settle(outcomes))
}

impl<T> Batch<T> {
    fn check(&self) -> Result<(), SqsError> {
        match self.entries.len() {
            0 => return Err(Kind::EmptyBatchRequest.because("There should be at least one entry in the request.")),
            1..=10 => {}
            sent => {
                let message = format!("Maximum number of entries per request are 10. You have sent {sent}.");
                return Err(Kind::TooManyEntriesInBatchRequest.because(message));
            }
        }
        let mut seen = HashSet::new();
        for entry in &self.entries {
            if !is_batch_id(&entry.id) {
                return Err(Kind::InvalidBatchEntryId.because("A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long."));
            }
            if !seen.insert(&entry.id) {
                return Err(Kind::BatchEntryIdsNotDistinct.because(format!("Id {} repeated.", entry.id)));
            }
        }
        Ok(())
    }

    fn settle(&self, outcomes: Vec<Result<(), SqsError>>) -> Value {
        let mut answer = Outcomes::default();
        for (entry, outcome) in self.entries.iter().zip(outcomes) {
            match outcome {
                Ok(()) => answer.succeeded(&entry.id, json!({})),
                Err(error) => answer.failed(&entry.id, &error),
            }
        }
        answer.into_json()
    }
}

fn is_batch_id(id: &str) -> bool {
    (1..=80).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[derive(Default)]
struct Outcomes {
    successful: Vec<Value>,
    failed: Vec<Value>,
}

impl Outcomes {
    fn succeeded(&mut self, id: &str, mut entry: Value) {
        entry["Id"] = json!(id);
        self.successful.push(entry);
    }

    fn failed(&mut self, id: &str, error: &SqsError) {
        self.failed.push(json!({
            "Id": id,
            "SenderFault": error.kind.is_senders_fault(),
            "Code": error.kind.code(),
            "Message": error.message,
        }));
    }

    fn into_json(self) -> Value {
        json!({ "Successful": self.successful, "Failed": self.failed })
    }
}
