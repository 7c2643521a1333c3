//! The index of due checks.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
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

    /// Takes a check that was handed over out of the index until then, unless it was answered meanwhile: answers since when it is
    /// really due, leases aside. Only the index key moves. Version and check stay, so that no writer is disturbed, and the next one
    /// puts the key back to what its check says.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Unavailable`]: it stays due.
    pub async fn lease(&self, due: &Due, until: Timestamp) -> Result<Option<Timestamp>, LedgerError> {
        let updated = self
            .client
            .update_item()
            .table_name(&self.tables.ledger)
            .key("pk", text(&due.key()))
            .update_expression("SET due_at = :until")
            .condition_expression("due_at = :read")
            .expression_attribute_values(":until", number(until.as_millisecond()))
            .expression_attribute_values(":read", number(due.due_at.as_millisecond()))
            .return_values(ReturnValue::AllOld)
            .send()
            .await;
        match updated {
            Ok(output) => Ok(Some(output.attributes().and_then(really_due).unwrap_or(due.due_at))),
            // Answered meanwhile.
            Err(error)
                if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(None)
            }
            Err(error) => Err(LedgerError::Unavailable(describe(&error))),
        }
    }
}

fn really_due(item: &Item) -> Option<Timestamp> {
    let check = item.get("check")?.as_m().ok()?;
    string(check, "due_at").parse().ok()
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
