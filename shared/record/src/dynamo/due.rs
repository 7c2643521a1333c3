//! The index of due checks.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::Timestamp;

use super::DynamoLedger;
use super::error::describe;
use super::values::{Item, number, string, text};
use crate::{Due, LedgerError};

/// The sparse index of what is due.
const INDEX: &str = "due";

impl DynamoLedger {
    /// What is to be asked of WeChat by now, of one partition ([`crate::due_shards`]), the longest overdue first. The index lags a
    /// little behind the table: whoever asks reads the item.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Unavailable`].
    pub async fn due(&self, shard: &str, now: Timestamp, limit: i32) -> Result<Vec<Due>, LedgerError> {
        let page = self
            .client
            .query()
            .table_name(&self.tables.ledger)
            .index_name(INDEX)
            .key_condition_expression("due_shard = :shard AND due_at <= :now")
            .expression_attribute_values(":shard", text(shard))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .limit(limit)
            .send()
            .await
            .map_err(|error| LedgerError::Unavailable(describe(&error)))?;
        Ok(page.items().iter().filter_map(due).collect())
    }
}

/// One that cannot be read must not hide the others.
fn due(item: &Item) -> Option<Due> {
    let key = string(item, "pk");
    let due_at = match item.get("due_at") {
        Some(AttributeValue::N(milliseconds)) => milliseconds.parse().ok(),
        Some(_) | None => None,
    };
    let due = due_at.and_then(|at| Timestamp::from_millisecond(at).ok()).and_then(|at| Due::read(&key, at));
    if due.is_none() {
        tracing::error!(%key, "an item in the index of due checks is none of ours");
    }
    due
}
