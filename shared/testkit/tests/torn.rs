//! A read of several items is not isolated from transactions: it may show one row as it was before and another as it is after. What is
//! decided on such a read is never written.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::atomic::{AtomicBool, Ordering};

use domain::{
    Changes, Contract, ContractChange, Fact, Keys, MchId, Order, OrderKind, PaymentResult, Timestamp, decide,
};
use record::{Ledger, LedgerError, Receipt, Recorded, Recorder, Routing, Rows};
use testkit::altered::{Alteration, Altered};
use testkit::generate::Generator;
use testkit::memory::{Memory, MemoryLedger, NoWait, Store};
use testkit::model::projection;

/// Which rows a torn read shows as they were before.
#[derive(Clone, Copy, Debug)]
enum Old {
    Order,
    Contract,
}

/// A ledger whose first read is in the middle of the last transaction.
struct Torn {
    ledger: MemoryLedger,
    before: Store,
    old: Old,
    is_torn: AtomicBool,
}

impl Alteration for Torn {
    type Ledger = MemoryLedger;

    fn ledger(&self) -> &MemoryLedger {
        &self.ledger
    }

    async fn load(&self, mch_id: &MchId, keys: &Keys) -> Result<Rows, LedgerError> {
        let now = self.ledger.load(mch_id, keys).await?;
        if self.is_torn.swap(true, Ordering::Relaxed) {
            return Ok(now);
        }
        let before = self.before.load(mch_id, keys);
        Ok(match self.old {
            Old::Order => Rows { order: before.order, ..now },
            Old::Contract => Rows { contract: before.contract, ..now },
        })
    }
}

/// A subscription on record, and what may be told of it.
struct Story {
    now: Timestamp,
    order: Order,
    contract: Contract,
    facts: Vec<(&'static str, Fact)>,
}

impl Story {
    fn new() -> Self {
        let mut generator = Generator::new(11);
        let now: Timestamp = "2026-11-01T08:00:00Z".parse().unwrap();
        let code = generator.contract_code();
        let contract = Contract { created_at: now, ..generator.contract(&code) };
        let order = Order { created_at: now, ..generator.order(OrderKind::PayAndSign, Some(&code)) };
        let (id, transaction) = (generator.contract_id(), generator.transaction_id());
        let answered = Generator::answered;
        let facts = vec![
            ("pay", generator.paid(&order, &transaction, now)),
            ("add", generator.signed(&contract, &id, now)),
            ("delete", generator.terminated(&contract, &id, now)),
            ("closed", answered(generator.payment(&order, PaymentResult::Closed))),
            ("absent", answered(generator.contract_changed(&contract, None, ContractChange::Absent))),
        ];
        Self { now, order, contract, facts }
    }

    async fn begin(&self) -> Memory {
        let memory = Memory::new([], self.now);
        let rows =
            Changes { order: Some(self.order.clone()), contract: Some(self.contract.clone()), ..Changes::default() };
        recorder(memory.ledger()).create(&self.order.mch_id, rows, self.now, decide).await.unwrap();
        memory
    }

    async fn tell(&self, ledger: impl Ledger, (name, fact): &(&str, Fact)) -> Recorded {
        let receipt = Receipt::ours(fact, self.now, None);
        let recorded = recorder(ledger).apply(fact, &receipt, self.now, decide).await;
        recorded.unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

fn recorder<L: Ledger>(ledger: L) -> Recorder<L, NoWait> {
    Recorder::new(ledger, NoWait, Routing::default())
}

#[tokio::test]
async fn what_is_decided_on_a_torn_read_is_decided_again() {
    let story = Story::new();
    let mut torn_apart = 0;
    for first in &story.facts {
        for second in &story.facts {
            let whole = story.begin().await;
            story.tell(whole.ledger(), first).await;
            story.tell(whole.ledger(), second).await;
            for old in [Old::Order, Old::Contract] {
                let memory = story.begin().await;
                let before = memory.store();
                story.tell(memory.ledger(), first).await;
                torn_apart += usize::from(projection(&before) != projection(&memory.store()));
                let torn = Torn { ledger: memory.ledger(), before, old, is_torn: AtomicBool::new(false) };
                story.tell(Altered(torn), second).await;
                let place = format!("{} after {}, with the {old:?} of before", second.0, first.0);
                assert_eq!(projection(&memory.store()), projection(&whole.store()), "{place}");
            }
        }
    }
    assert!(torn_apart > 20, "reads were torn {torn_apart} times only");
}
