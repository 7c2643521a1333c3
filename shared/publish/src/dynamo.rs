//! The outbox in DynamoDB: read strongly, marked on the condition that it is what was read.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use domain::{Consumer, OutboxEntry, Stream, Timestamp};
use futures_util::future::join_all;
use serde::Deserialize;

use crate::{Outbox, OutboxError, Waiting};

type Item = HashMap<String, AttributeValue>;

/// The sparse index of pending entries: a shard, and since when in milliseconds.
const INDEX: &str = "pending";

/// Tries to mark an entry that others mark, too. Its set of pending consumers only shrinks, so every lost try means that
/// another one got on.
const MARK_TRIES: usize = 10;

/// Reads of a stream until none was in the middle of a transaction: a commit takes milliseconds.
const WHOLE_TRIES: usize = 3;

/// The outbox in DynamoDB.
#[derive(Clone, Debug)]
pub struct DynamoOutbox {
    client: Client,
    table: String,
    shards: Vec<String>,
}

impl DynamoOutbox {
    /// An outbox in this table, whose index has these partitions (`record::pending_shards`).
    pub fn new(client: Client, table: String, shards: impl IntoIterator<Item = String>) -> Self {
        Self { client, table, shards: shards.into_iter().collect() }
    }

    /// Every entry of a stream that is still kept, published ones included, by rising sequence.
    ///
    /// # Errors
    ///
    /// [`OutboxError`]
    pub async fn history(&self, stream: &Stream) -> Result<Vec<OutboxEntry>, OutboxError> {
        self.items(stream).await?.into_iter().map(entry).collect()
    }

    async fn items(&self, stream: &Stream) -> Result<Vec<Item>, OutboxError> {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let mut pages = query
            // `stream` is a reserved word of DynamoDB's.
            .key_condition_expression("#stream = :stream")
            .expression_attribute_names("#stream", "stream")
            .expression_attribute_values(":stream", text(stream.as_str()))
            .into_paginator()
            .items()
            .send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            items.push(item.map_err(|error| unavailable(&error))?);
        }
        Ok(items)
    }

    /// Whether an entry is there now: read alone, and so never in the middle of a transaction.
    async fn exists(&self, stream: &Stream, sequence: u64) -> Result<bool, OutboxError> {
        let request = self.client.get_item().table_name(&self.table).consistent_read(true);
        let answer = request
            .key("stream", text(stream.as_str()))
            .key("sequence", AttributeValue::N(sequence.to_string()))
            .send()
            .await;
        answer.map(|output| output.item.is_some()).map_err(|error| unavailable(&error))
    }

    /// Whether a read of the stream lacks an event that is there: a query is not isolated from transactions, so it may see
    /// the second event of one and not the first. One that has expired is not there.
    async fn is_torn(&self, stream: &Stream, items: &[Item], waiting: &[OutboxEntry]) -> Result<bool, OutboxError> {
        let read: BTreeSet<u64> = items.iter().filter_map(sequence).collect();
        for missing in missing(waiting, &read) {
            if self.exists(stream, missing).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The streams of one partition of the index, the longest waiting first.
    async fn waiting(&self, shard: &str, before: Timestamp, limit: usize) -> Result<Vec<Waiting>, OutboxError> {
        let query = self.client.query().table_name(&self.table).index_name(INDEX);
        let mut pages = query
            .key_condition_expression("pending_shard = :shard AND pending_since <= :before")
            .expression_attribute_values(":shard", text(shard))
            .expression_attribute_values(":before", AttributeValue::N(before.as_millisecond().to_string()))
            .into_paginator()
            .items()
            .send();
        let mut streams: BTreeMap<Stream, Waiting> = BTreeMap::new();
        while let Some(item) = pages.next().await {
            let Some(waiting) = waiting(item.map_err(|error| unavailable(&error))?) else { continue };
            if streams.len() >= limit && !streams.contains_key(&waiting.stream) {
                break;
            }
            streams.entry(waiting.stream.clone()).and_modify(|known| known.entries += 1).or_insert(waiting);
        }
        Ok(streams.into_values().collect())
    }

    /// Takes consumers off an entry on the condition that it still waits for `known`.
    async fn take_off(
        &self,
        entry: &OutboxEntry,
        known: &BTreeSet<Consumer>,
        left: &BTreeSet<Consumer>,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("stream", text(entry.stream.as_str()))
            .key("sequence", AttributeValue::N(entry.sequence.to_string()))
            .expression_attribute_names("#pending", "pending")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let update = if known.is_empty() {
            update.condition_expression("attribute_exists(pending_shard) AND attribute_not_exists(#pending)")
        } else {
            update.condition_expression("#pending = :known").expression_attribute_values(":known", set(known))
        };
        let update = if left.is_empty() {
            let ttl = OutboxEntry::ttl(now);
            update
                .update_expression("REMOVE #pending, pending_shard, pending_since SET published_at = :now, #ttl = :ttl")
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_values(":now", text(&now.to_string()))
                .expression_attribute_values(":ttl", AttributeValue::N(ttl.to_string()))
        } else {
            update.update_expression("SET #pending = :left").expression_attribute_values(":left", set(left))
        };
        update.send().await.map(|_| ()).map_err(refused)
    }
}

impl Outbox for DynamoOutbox {
    async fn pending(&self, stream: &Stream) -> Result<Vec<OutboxEntry>, OutboxError> {
        for _ in 0..WHOLE_TRIES {
            let items = self.items(stream).await?;
            let waits = |item: &&Item| item.contains_key("pending_shard") || item.contains_key("pending");
            let waiting: Vec<_> = items.iter().filter(waits).cloned().map(entry).collect::<Result<_, _>>()?;
            if !self.is_torn(stream, &items, &waiting).await? {
                return Ok(waiting);
            }
        }
        Err(OutboxError::Unavailable("a transaction is half visible".to_owned()))
    }

    async fn mark(&self, entry: &OutboxEntry, accepted: &[Consumer], now: Timestamp) -> Result<(), OutboxError> {
        let mut known = entry.pending.clone();
        for _ in 0..MARK_TRIES {
            let left: BTreeSet<Consumer> =
                known.iter().filter(|consumer| !accepted.contains(consumer)).cloned().collect();
            if left == known && !left.is_empty() {
                return Ok(());
            }
            match self.take_off(entry, &known, &left, now).await {
                Ok(()) => return Ok(()),
                Err(Refused::Outbox(error)) => return Err(error),
                Err(Refused::Changed(now_pending)) => match now_pending {
                    Some(pending) => known = pending,
                    None => return Ok(()),
                },
            }
        }
        Err(OutboxError::Unavailable("the entry kept changing".to_owned()))
    }

    async fn pending_streams(&self, before: Timestamp, limit: usize) -> Result<Vec<Waiting>, OutboxError> {
        let shards = join_all(self.shards.iter().map(|shard| self.waiting(shard, before, limit))).await;
        let mut streams = Vec::new();
        for shard in shards {
            streams.extend(shard?);
        }
        streams.sort_by(|a, b| (a.since, &a.stream).cmp(&(b.since, &b.stream)));
        streams.truncate(limit);
        Ok(streams)
    }
}

/// Why an entry was not marked.
enum Refused {
    /// The condition was lost. What it waits for now; `None` where it is published or gone.
    Changed(Option<BTreeSet<Consumer>>),
    Outbox(OutboxError),
}

fn refused<R>(error: SdkError<UpdateItemError, R>) -> Refused {
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(lost)) => {
            let item = lost.item().filter(|item| item.contains_key("pending_shard") || item.contains_key("pending"));
            Refused::Changed(item.map(|item| match item.get("pending") {
                Some(AttributeValue::Ss(consumers)) => consumers.iter().cloned().collect(),
                Some(_) | None => BTreeSet::new(),
            }))
        }
        Some(_) | None => Refused::Outbox(unavailable(&error)),
    }
}

fn entry(item: Item) -> Result<OutboxEntry, OutboxError> {
    let key = key(&item);
    serde_dynamo::from_item(item).map_err(|error| OutboxError::Unreadable { key, reason: error.to_string() })
}

/// The events that these say come before them and that were not read with them.
fn missing(waiting: &[OutboxEntry], read: &BTreeSet<u64>) -> BTreeSet<u64> {
    let previous = waiting.iter().flat_map(|entry| {
        entry
            .destinations
            .iter()
            .filter(|(consumer, _)| entry.pending.contains(*consumer))
            .map(|(_, previous)| *previous)
    });
    previous.filter(|previous| *previous != 0 && !read.contains(previous)).collect()
}

fn sequence(item: &Item) -> Option<u64> {
    match item.get("sequence") {
        Some(AttributeValue::N(sequence)) => sequence.parse().ok(),
        Some(_) | None => None,
    }
}

fn key(item: &Item) -> String {
    let part = |name: &str| match item.get(name) {
        Some(AttributeValue::S(text) | AttributeValue::N(text)) => text.clone(),
        Some(_) | None => "?".to_owned(),
    };
    format!("{}:{}", part("stream"), part("sequence"))
}

/// An item of the index; `None` where it holds what no release of ours has written.
fn waiting(item: Item) -> Option<Waiting> {
    #[derive(Deserialize)]
    struct Keys {
        stream: Stream,
        pending_since: i64,
    }
    let keys: Keys = serde_dynamo::from_item(item).ok()?;
    let since = Timestamp::from_millisecond(keys.pending_since).ok()?;
    Some(Waiting { stream: keys.stream, since, entries: 1 })
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn set(consumers: &BTreeSet<Consumer>) -> AttributeValue {
    AttributeValue::Ss(consumers.iter().cloned().collect())
}

/// The error's code, or its kind; never a request's content.
fn unavailable<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> OutboxError {
    OutboxError::Unavailable(match error {
        SdkError::TimeoutError(_) => "timed out".to_owned(),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => "timed out".to_owned(),
        SdkError::DispatchFailure(_) => "no connection".to_owned(),
        SdkError::ConstructionFailure(_) => "the request could not be built".to_owned(),
        SdkError::ServiceError(_) => error.code().unwrap_or("unknown service error").to_owned(),
        _ => "the answer could not be read".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(sequence: u64, destinations: &[(&str, u64)], pending: &[&str]) -> OutboxEntry {
        OutboxEntry {
            schema: 1,
            stream: Stream::named("1#C#A"),
            sequence,
            mch_id: domain::MchId::parse("1").unwrap(),
            event_type: "papay.contract.signed.v1".to_owned(),
            subject: "A".to_owned(),
            time: Timestamp::UNIX_EPOCH,
            traceparent: None,
            data: "{}".to_owned(),
            destinations: destinations.iter().map(|(consumer, previous)| ((*consumer).to_owned(), *previous)).collect(),
            pending: pending.iter().map(|consumer| (*consumer).to_owned()).collect(),
        }
    }

    #[test]
    fn an_event_whose_predecessor_was_not_read_with_it_is_noticed() {
        let second = entry(6, &[("a", 5), ("b", 0)], &["a", "b"]);
        assert_eq!(missing(std::slice::from_ref(&second), &[6].into()), [5].into(), "half of a transaction");
        assert!(missing(&[entry(5, &[("a", 0)], &["a"]), second.clone()], &[5, 6].into()).is_empty());
        assert!(missing(&[entry(6, &[("a", 5), ("b", 0)], &["b"])], &[6].into()).is_empty(), "a has it already");
    }
}
