//! The ledger's index of due checks: questions to ask WeChat.

use std::future::Future;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::{MchId, Timestamp};
use futures_util::future::join_all;
use record::DueItem;
use work::Job;

/// The sparse index of what is due.
const INDEX: &str = "due";

/// Checks that one run takes from each of the 16 shards: a bound on its time. The next run goes on.
const PER_SHARD: i32 = 500;

/// A check whose time has come, as the index tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// The key of its item.
    pub(crate) key: String,
    pub(crate) job: Job,
    /// When it was due, or when the last lease of it ended.
    pub(crate) due_at: Timestamp,
}

/// The index, or an item, could not be read or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unavailable(pub(crate) String);

/// Where due checks stand: the ledger in DynamoDB, or a memory.
pub(crate) trait DueChecks: Send + Sync {
    /// What is due by now, of every shard, those first that have waited longest.
    fn due(&self, now: Timestamp) -> impl Future<Output = Result<Vec<Due>, Unavailable>> + Send;

    /// Takes a check that was handed over out of the index until then, unless it was answered meanwhile. Says since when it
    /// is really due, leases aside, if it still is.
    fn lease(&self, due: &Due, until: Timestamp)
    -> impl Future<Output = Result<Option<Timestamp>, Unavailable>> + Send;
}

/// The `due` index of the ledger.
#[derive(Clone, Debug)]
pub(crate) struct DueIndex {
    client: Client,
    table: String,
    shards: Vec<String>,
}

impl DueIndex {
    pub(crate) fn new(client: Client, table: String, shards: impl Iterator<Item = String>) -> Self {
        Self { client, table, shards: shards.collect() }
    }

    async fn of_shard(&self, shard: &str, now: Timestamp) -> Result<Vec<Due>, Unavailable> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(INDEX)
            .key_condition_expression("due_shard = :shard AND due_at <= :now")
            .expression_attribute_values(":shard", AttributeValue::S(shard.to_owned()))
            .expression_attribute_values(":now", milliseconds(now))
            .limit(PER_SHARD);
        let output = query.send().await.map_err(|error| Unavailable(describe(&error)))?;
        let mut due = Vec::new();
        for item in output.items() {
            let key = item.get("pk").and_then(|value| value.as_s().ok()).map_or("", String::as_str);
            match (job(key), item.get("due_at").and_then(time)) {
                (Some(job), Some(due_at)) => due.push(Due { key: key.to_owned(), job, due_at }),
                _ => tracing::error!(key, "an entry of the index of due checks cannot be read; it is passed over"),
            }
        }
        Ok(due)
    }
}

impl DueChecks for DueIndex {
    async fn due(&self, now: Timestamp) -> Result<Vec<Due>, Unavailable> {
        let mut all = Vec::new();
        for shard in join_all(self.shards.iter().map(|shard| self.of_shard(shard, now))).await {
            all.extend(shard?);
        }
        all.sort_by(|a, b| (a.due_at, &a.key).cmp(&(b.due_at, &b.key)));
        Ok(all)
    }

    /// Only the index key moves: the item's version and its check stay, so that no writer is disturbed, and the next one
    /// puts the key back to what its check says.
    async fn lease(&self, due: &Due, until: Timestamp) -> Result<Option<Timestamp>, Unavailable> {
        let request = self.client.update_item().table_name(&self.table).key("pk", AttributeValue::S(due.key.clone()));
        let updated = request
            .update_expression("SET due_at = :until")
            .condition_expression("due_at = :read")
            .expression_attribute_values(":until", milliseconds(until))
            .expression_attribute_values(":read", milliseconds(due.due_at))
            .return_values(ReturnValue::AllOld)
            .send()
            .await;
        match updated {
            Ok(output) => {
                let check = output.attributes().and_then(|item| item.get("check")).and_then(|check| check.as_m().ok());
                let since = check.and_then(|check| check.get("due_at")).and_then(|value| value.as_s().ok());
                Ok(Some(since.and_then(|text| text.parse().ok()).unwrap_or(due.due_at)))
            }
            // Answered meanwhile.
            Err(error)
                if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(None)
            }
            Err(error) => Err(Unavailable(describe(&error))),
        }
    }
}

/// The job of an item, by its key: `<mch_id>#O#<out_trade_no>` and its like.
pub(crate) fn job(key: &str) -> Option<Job> {
    let mut parts = key.splitn(3, '#');
    let (mch_id, letter, number) = (parts.next()?, parts.next()?, parts.next()?);
    let kind = match letter {
        "O" => "order",
        "C" => "contract",
        "R" => "refund",
        _ => return None,
    };
    Some(Job { mch_id: MchId::parse(mch_id).ok()?, item: DueItem::parse(kind, number).ok()? })
}

fn milliseconds(time: Timestamp) -> AttributeValue {
    AttributeValue::N(time.as_millisecond().to_string())
}

fn time(value: &AttributeValue) -> Option<Timestamp> {
    Timestamp::from_millisecond(value.as_n().ok()?.parse().ok()?).ok()
}

fn describe<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    error.code().unwrap_or("no answer").to_owned()
}
