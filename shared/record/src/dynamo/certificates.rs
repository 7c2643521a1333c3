//! That somebody met a platform certificate which we do not have: a check in the index, which the sweeper hands to the worker.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use domain::{MchId, SignedDuration, Timestamp};

use super::error::describe;
use super::values::{number, shard, text};
use super::{DUE_SHARDS, DynamoLedger};
use crate::{DueItem, LedgerError};

/// Anyone can name a certificate that we do not have: WeChat is not asked more often for it.
const PAUSE: SignedDuration = SignedDuration::from_mins(1);

impl DynamoLedger {
    /// Has the platform certificates of a merchant fetched soon, unless that was wanted within the last minute. Says whether it was
    /// written down. It is no state: the row holds when they were wanted, and nothing that the sender chose.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Unavailable`]
    pub async fn want_certificates(&self, mch_id: &MchId, now: Timestamp) -> Result<bool, LedgerError> {
        let key = DueItem::Certificates.key(mch_id);
        let before = now.saturating_sub(PAUSE).unwrap_or(now);
        let after = now.saturating_add(PAUSE).unwrap_or(now);
        let update = self
            .certificates(&key)
            .update_expression("SET due_shard = :shard, due_at = :now, asked_at = :now")
            // A time that lies far ahead is of a clock that went back; one a little ahead is of a process whose clock is.
            .condition_expression("attribute_not_exists(asked_at) OR asked_at <= :before OR asked_at > :after")
            .expression_attribute_values(":shard", text(&format!("check#{}", shard(&key, DUE_SHARDS))))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .expression_attribute_values(":before", number(before.as_millisecond()))
            .expression_attribute_values(":after", number(after.as_millisecond()));
        was_done(update).await
    }

    /// Takes the wish of [`DynamoLedger::want_certificates`] out of the index. Says whether there was one.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Unavailable`]: it stays due.
    pub async fn take_wanted_certificates(&self, mch_id: &MchId) -> Result<bool, LedgerError> {
        let update = self
            .certificates(&DueItem::Certificates.key(mch_id))
            .update_expression("REMOVE due_shard, due_at")
            .condition_expression("attribute_exists(due_at)");
        was_done(update).await
    }

    fn certificates(&self, key: &str) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.tables.ledger).key("pk", text(key))
    }
}

/// Whether the condition held.
async fn was_done(update: UpdateItemFluentBuilder) -> Result<bool, LedgerError> {
    match update.send().await {
        Ok(_) => Ok(true),
        Err(error) if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) => {
            Ok(false)
        }
        Err(error) => Err(LedgerError::Unavailable(describe(&error))),
    }
}
