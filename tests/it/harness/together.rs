//! Transactions that rest on what was read at the same moment.

use std::sync::atomic::{AtomicBool, Ordering};

use domain::{Keys, MchId};
use record::{DynamoLedger, Jitter, Ledger, LedgerError, Recorder, Rows};
use testkit::altered::{Alteration, Altered};
use tokio::sync::Barrier;

use super::Ground;

/// A ledger whose first read of rows waits until everybody has read, and which does not know when the last refund of an order was: what was
/// read together is allowed together, however close.
pub(crate) struct Together<'a> {
    ledger: DynamoLedger,
    barrier: &'a Barrier,
    read: AtomicBool,
}

impl Ground {
    /// A recorder that decides on what everybody at the barrier reads.
    pub(crate) fn together<'a>(&self, barrier: &'a Barrier) -> Recorder<Altered<Together<'a>>, Jitter> {
        let together = Together { ledger: self.ledger(), barrier, read: AtomicBool::default() };
        Recorder::new(Altered(together), Jitter, self.config.routing.clone())
    }
}

impl Alteration for Together<'_> {
    type Ledger = DynamoLedger;

    fn ledger(&self) -> &DynamoLedger {
        &self.ledger
    }

    async fn load(&self, mch_id: &MchId, keys: &Keys) -> Result<Rows, LedgerError> {
        let rows = self.ledger.load(mch_id, keys).await;
        if !self.read.swap(true, Ordering::Relaxed) {
            self.barrier.wait().await;
        }
        rows.map(|mut rows| {
            rows.order.iter_mut().for_each(|row| row.value.last_refund_at = None);
            rows
        })
    }
}
