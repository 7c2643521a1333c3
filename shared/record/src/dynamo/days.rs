//! The index of what was paid or given back on a day, for the comparison with the bill of that day.

use domain::{Date, MchId, Order, Refund, RefundState, Timestamp};

use super::values::{shard, string, text};
use super::{DynamoLedger, error::describe};
use crate::{Due, DueItem, LedgerError};

/// The sparse index of paid orders and refunds that succeeded, by their day in Beijing.
const INDEX: &str = "by_day";

/// Index partitions of one merchant's day: one alone would be hot on a day of sales.
const SHARDS: u8 = 16;

impl DynamoLedger {
    /// The orders of a merchant that were paid on a day of Beijing, and the refunds that reached their users on it. The index lags a
    /// little behind the table.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Unavailable`].
    pub async fn of_day(&self, mch_id: &MchId, day: Date) -> Result<Vec<DueItem>, LedgerError> {
        let mut all = Vec::new();
        for shard in 0..SHARDS {
            let mut pages = self
                .client
                .query()
                .table_name(&self.tables.ledger)
                .index_name(INDEX)
                .key_condition_expression("day_shard = :shard")
                .expression_attribute_values(":shard", text(&format!("{mch_id}#{day}#{shard}")))
                .into_paginator()
                .items()
                .send();
            while let Some(item) = pages.next().await {
                let item = item.map_err(|error| LedgerError::Unavailable(describe(&error)))?;
                let key = string(&item, "pk");
                match Due::read(&key, Timestamp::UNIX_EPOCH) {
                    Some(Due { item, .. }) => all.push(item),
                    None => tracing::error!(%key, "an item in the index of days is none of ours"),
                }
            }
        }
        Ok(all)
    }
}

/// Where an order stands in the index, once it is paid.
pub(super) fn of_order(key: &str, order: &Order) -> Option<String> {
    order.paid_at.filter(|_| order.is_paid()).map(|at| day_shard(key, &order.mch_id, at))
}

/// Where a refund stands in the index, once the money left.
pub(super) fn of_refund(key: &str, refund: &Refund) -> Option<String> {
    let at = refund.succeeded_at.filter(|_| refund.state == RefundState::Succeeded);
    at.map(|at| day_shard(key, &refund.mch_id, at))
}

/// `<mch_id>#<yyyy-MM-dd>#<shard>`
fn day_shard(key: &str, mch_id: &MchId, at: Timestamp) -> String {
    format!("{mch_id}#{}#{}", domain::bill_day(at), shard(key, SHARDS))
}
