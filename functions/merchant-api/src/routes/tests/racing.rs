//! A ledger and a WeChat that take a moment, as the real ones do: calls that are made at once are in each other's way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::{Keys, MchId, Order};
use record::{Commit, CommitError, Ledger, LedgerError, Rows};
use serde_json::json;
use testkit::altered::{Alteration, Altered};
use testkit::memory::{Memory, MemoryLedger};
use tokio::task::yield_now;
use wechat::{Failure, Incoming, Outgoing, Transport};

use super::town::{Told, Town, at};

/// How many calls are made at once.
const AT_ONCE: usize = 20;

/// Lets others have their turn before each reading, each writing and each answer of WeChat's.
pub(super) struct Unhurried<T>(pub(super) T);

impl<T: Transport> Transport for Unhurried<T> {
    async fn exchange(&self, request: Outgoing<'_>) -> Result<Incoming, Failure> {
        yield_now().await;
        self.0.exchange(request).await
    }
}

/// How many commits another writer was faster than. Clones are one count.
#[derive(Clone, Debug, Default)]
pub(super) struct Lost(Arc<AtomicUsize>);

impl Lost {
    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// The ledger.
pub(super) struct Racing {
    ledger: MemoryLedger,
    lost: Lost,
    is_forgetful: bool,
}

impl Racing {
    pub(super) fn of(memory: &Memory, lost: &Lost) -> Altered<Self> {
        Altered(Self { ledger: memory.ledger(), lost: lost.clone(), is_forgetful: false })
    }

    /// It does not know when the last refund of an order was, so that nothing but the amount forbids one.
    pub(super) fn without_pauses(memory: &Memory, lost: &Lost) -> Altered<Self> {
        Altered(Self { is_forgetful: true, ..Self::of(memory, lost).0 })
    }
}

impl Alteration for Racing {
    type Ledger = MemoryLedger;

    fn ledger(&self) -> &MemoryLedger {
        &self.ledger
    }

    async fn before(&self) {
        yield_now().await;
    }

    async fn load(&self, mch_id: &MchId, keys: &Keys) -> Result<Rows, LedgerError> {
        let mut rows = self.ledger.load(mch_id, keys).await?;
        if let Some(row) = rows.order.as_mut().filter(|_| self.is_forgetful) {
            row.value.last_refund_at = None;
        }
        Ok(rows)
    }

    async fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        let committed = self.ledger.commit(commit).await;
        if committed == Err(CommitError::Conflict) {
            self.lost.0.fetch_add(1, Ordering::Relaxed);
        }
        committed
    }
}

impl Town {
    /// Twenty refunds of so much of an order, at once, each with a number of its own.
    pub(super) async fn twenty_refunds_at_once(&self, order: &Order, amount: u64) -> Vec<Told> {
        let calls = (0..AT_ONCE).map(|n| self.refund(order, format!("R{n}"), amount, "09:00"));
        futures_util::future::join_all(calls).await
    }

    /// Twenty more, one after the other, two minutes apart at least. Answers how many were taken.
    pub(super) async fn twenty_refunds_in_turn(&self, order: &Order, amount: u64) -> usize {
        let mut taken = 0;
        for minute in 2..2 + AT_ONCE {
            let told = self.refund(order, format!("L{minute}"), amount, &format!("09:{minute:02}")).await;
            taken += usize::from(told.status == 202);
        }
        taken
    }

    async fn refund(&self, order: &Order, number: String, amount: u64, time: &str) -> Told {
        let wanted = json!({ "out_trade_no": order.out_trade_no, "out_refund_no": number, "amount": amount });
        self.post("/v1/10000100/refunds", wanted, at(time)).await
    }
}
