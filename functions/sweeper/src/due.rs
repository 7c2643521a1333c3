//! The ledger's index of due checks: questions to ask WeChat.

use std::future::Future;

use domain::Timestamp;
use futures_util::future::join_all;
use record::{Due, DynamoLedger, LedgerError};

/// Checks that one run takes from each of the 16 shards: a bound on its time. The next run goes on.
const PER_SHARD: i32 = 500;

/// Where due checks stand: the ledger in DynamoDB, or a memory.
pub(crate) trait DueChecks: Send + Sync {
    /// What is due by now, those first that have waited longest.
    fn due(&self, now: Timestamp) -> impl Future<Output = Result<Vec<Due>, LedgerError>> + Send;

    /// Takes a check that was handed over out of the index until then, unless it was answered meanwhile. Says since when it
    /// is really due, leases aside, if it still is.
    fn lease(&self, due: &Due, until: Timestamp)
    -> impl Future<Output = Result<Option<Timestamp>, LedgerError>> + Send;
}

impl DueChecks for DynamoLedger {
    async fn due(&self, now: Timestamp) -> Result<Vec<Due>, LedgerError> {
        let shards: Vec<String> = record::due_shards().collect();
        let mut all = Vec::new();
        for shard in join_all(shards.iter().map(|shard| self.due(shard, now, PER_SHARD))).await {
            all.extend(shard?);
        }
        all.sort_by_key(|due| due.due_at);
        Ok(all)
    }

    async fn lease(&self, due: &Due, until: Timestamp) -> Result<Option<Timestamp>, LedgerError> {
        DynamoLedger::lease(self, due, until).await
    }
}
