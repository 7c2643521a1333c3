//! The ledger's index of due checks: questions to ask WeChat. The sweeper only counts those that are overdue.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::Timestamp;
use futures_util::future::join_all;

/// The sparse index of what is due.
const INDEX: &str = "due";

/// Where due checks stand.
#[derive(Clone, Debug)]
pub(crate) struct DueIndex {
    client: Client,
    table: String,
    shards: Vec<String>,
}

/// The checks whose time has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Overdue {
    pub(crate) checks: u64,
    /// When the oldest of them was due.
    pub(crate) oldest: Option<Timestamp>,
}

/// The index could not be read.
#[derive(Debug)]
pub(crate) struct Unreadable(pub(crate) String);

impl DueIndex {
    pub(crate) fn new(client: Client, table: String, shards: impl Iterator<Item = String>) -> Self {
        Self { client, table, shards: shards.collect() }
    }

    /// Counts what is overdue.
    ///
    /// # Errors
    ///
    /// [`Unreadable`]
    pub(crate) async fn overdue(&self, now: Timestamp) -> Result<Overdue, Unreadable> {
        let mut sum = Overdue::default();
        for shard in join_all(self.shards.iter().map(|shard| self.of_shard(shard, now))).await {
            let Overdue { checks, oldest } = shard?;
            sum.checks += checks;
            sum.oldest = sum.oldest.into_iter().chain(oldest).min();
        }
        Ok(sum)
    }

    async fn of_shard(&self, shard: &str, now: Timestamp) -> Result<Overdue, Unreadable> {
        let mut items = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(INDEX)
            .key_condition_expression("due_shard = :shard AND due_at <= :now")
            .expression_attribute_values(":shard", AttributeValue::S(shard.to_owned()))
            .expression_attribute_values(":now", AttributeValue::N(now.as_millisecond().to_string()))
            .projection_expression("due_at")
            .into_paginator()
            .items()
            .send();
        let mut overdue = Overdue::default();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| Unreadable(describe(&error)))?;
            let due_at = item.get("due_at").and_then(|value| value.as_n().ok()).and_then(|text| text.parse().ok());
            let due_at = due_at.and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok());
            overdue.checks += 1;
            overdue.oldest = overdue.oldest.into_iter().chain(due_at).min();
        }
        Ok(overdue)
    }
}

fn describe<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    error.code().unwrap_or("no answer").to_owned()
}
