use std::collections::BTreeMap;
use std::sync::Mutex;

use domain::{Check, ContractCode, MchId, OrderKind};
use record::{Commit, DueItem, Expected, Ledger, Write};
use testkit::generate::Generator;
use testkit::memory::Memory;
use work::NotSent;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn what_is_due_goes_to_the_queue_once_and_again_when_its_lease_ends() {
    let (ledger, queue) = (Index::new(), Queue::default());
    let due = ledger.contract(at(-30)).await;
    ledger.contract(at(30)).await;
    let sum = hand_over(&ledger, &queue, at(0), MINUTE).await.unwrap();
    assert_eq!(sum, HandedOver { due: 1, sent: 1, oldest: Some(at(-30)) });
    assert_eq!(queue.take(), [DueItem::Contract(due.clone())]);
    let later = hand_over(&ledger, &queue, at(20), MINUTE).await.unwrap();
    assert_eq!(later.due, 0, "it is in the queue");
    let again = hand_over(&ledger, &queue, at(600), MINUTE).await.unwrap();
    assert_eq!((again.due, again.oldest), (2, Some(at(-30))), "its lag is counted from when it was really due");
    assert!(queue.take().contains(&DueItem::Contract(due)));
}

#[tokio::test]
async fn what_the_queue_refuses_stays_due_and_the_rest_of_its_batch_goes() {
    let (ledger, queue) = (Index::new(), Queue::default());
    for second in 0..25 {
        ledger.contract(at(second - 100)).await;
    }
    queue.refuse([0, 13]);
    let sum = hand_over(&ledger, &queue, at(0), MINUTE).await.unwrap();
    assert_eq!((sum.due, sum.sent), (25, 23));
    assert_eq!(queue.take().len(), 23);
    let next = hand_over(&ledger, &queue, at(60), MINUTE).await.unwrap();
    assert_eq!((next.due, next.sent), (2, 2), "those two, and no other");
}

#[tokio::test]
async fn what_has_waited_longest_goes_first() {
    let (ledger, queue) = (Index::new(), Queue::default());
    for second in [-10, -500, -60] {
        ledger.contract(at(second)).await;
    }
    let oldest = ledger.due(at(0)).await.unwrap().first().map(|due| due.item.clone());
    hand_over(&ledger, &queue, at(0), MINUTE).await.unwrap();
    assert_eq!(queue.take().first().cloned(), oldest);
}

#[tokio::test]
async fn orders_and_refunds_are_asked_for_as_well() {
    let (ledger, queue) = (Index::new(), Queue::default());
    let (order, refund) = ledger.order_and_refund(at(0)).await;
    hand_over(&ledger, &queue, at(0), MINUTE).await.unwrap();
    let sent = queue.take();
    assert!(sent.contains(&order) && sent.contains(&refund), "{sent:?}");
}

#[tokio::test]
async fn a_queue_that_hangs_ends_with_the_run_and_nothing_is_leased() {
    let ledger = Index::new();
    ledger.contract(at(0)).await;
    let sum = hand_over(&ledger, &Hanging, at(0), Duration::from_millis(20)).await.unwrap();
    assert_eq!((sum.due, sum.sent), (1, 0));
    assert_eq!(ledger.due(at(0)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_index_that_is_down_fails_the_run() {
    let ledger = Index::new();
    ledger.memory.set_ledger_down(true);
    assert!(hand_over(&ledger, &Queue::default(), at(0), MINUTE).await.is_err());
}

/// The `due` index over a ledger in memory, with its leases.
struct Index {
    memory: Memory,
    generator: Mutex<Generator>,
    leased: Mutex<BTreeMap<DueItem, Timestamp>>,
}

impl Index {
    fn new() -> Self {
        let memory = Memory::new([], at(0));
        Self { memory, generator: Mutex::new(Generator::new(7)), leased: Mutex::default() }
    }

    /// A contract that is due then.
    async fn contract(&self, due_at: Timestamp) -> ContractCode {
        let contract = {
            let mut generator = self.generator.lock().unwrap();
            let code = generator.contract_code();
            domain::Contract { check: Some(check(due_at)), ..generator.contract(&code) }
        };
        let code = contract.contract_code.clone();
        let commit = Commit { contract: Some(new(contract.clone())), ..Commit::empty(contract.mch_id) };
        self.memory.ledger().commit(&commit).await.unwrap();
        code
    }

    async fn order_and_refund(&self, due_at: Timestamp) -> (DueItem, DueItem) {
        let (order, refund) = {
            let mut generator = self.generator.lock().unwrap();
            let order = domain::Order { check: Some(check(due_at)), ..generator.order(OrderKind::OneOff, None) };
            let refund = domain::Refund { check: Some(check(due_at)), ..generator.refund(&order, order.amount) };
            (order, refund)
        };
        let subjects = (DueItem::Order(order.out_trade_no.clone()), DueItem::Refund(refund.out_refund_no.clone()));
        let empty = Commit::empty(order.mch_id.clone());
        let commit = Commit { order: Some(new(order)), refund: Some(new(refund)), ..empty };
        self.memory.ledger().commit(&commit).await.unwrap();
        subjects
    }

    fn all(&self) -> Vec<Due> {
        let store = self.memory.store();
        let due = |mch_id: &MchId, item, check: &Option<Check>| {
            check.as_ref().map(|check| Due { mch_id: mch_id.clone(), item, due_at: check.due_at })
        };
        let orders = store.orders().map(|row| &row.value);
        let contracts = store.contracts().map(|row| &row.value);
        let refunds = store.refunds().map(|row| &row.value);
        orders
            .filter_map(|it| due(&it.mch_id, DueItem::Order(it.out_trade_no.clone()), &it.check))
            .chain(contracts.filter_map(|it| due(&it.mch_id, DueItem::Contract(it.contract_code.clone()), &it.check)))
            .chain(refunds.filter_map(|it| due(&it.mch_id, DueItem::Refund(it.out_refund_no.clone()), &it.check)))
            .collect()
    }
}

impl DueChecks for Index {
    async fn due(&self, now: Timestamp) -> Result<Vec<Due>, LedgerError> {
        self.memory.ledger().load(&MchId::parse("1").unwrap(), &domain::Keys::default()).await?;
        let leased = self.leased.lock().unwrap();
        let with_lease = |due: Due| Due { due_at: leased.get(&due.item).copied().unwrap_or(due.due_at), ..due };
        let mut due: Vec<Due> = self.all().into_iter().map(with_lease).filter(|due| due.due_at <= now).collect();
        due.sort_by_key(|due| due.due_at);
        Ok(due)
    }

    async fn lease(&self, due: &Due, until: Timestamp) -> Result<Option<Timestamp>, LedgerError> {
        self.leased.lock().unwrap().insert(due.item.clone(), until);
        Ok(self.all().into_iter().find(|other| other.item == due.item).map(|due| due.due_at))
    }
}

/// A queue that refuses jobs by their place in the order of sending.
#[derive(Default)]
struct Queue(Mutex<QueueState>);

#[derive(Default)]
struct QueueState {
    sent: Vec<DueItem>,
    seen: usize,
    refuse: Vec<usize>,
}

impl Queue {
    fn refuse(&self, places: impl Into<Vec<usize>>) {
        self.0.lock().unwrap().refuse = places.into();
    }

    fn take(&self) -> Vec<DueItem> {
        std::mem::take(&mut self.0.lock().unwrap().sent)
    }
}

impl WorkQueue for Queue {
    async fn send(&self, jobs: &[Job], delay: Duration) -> Vec<Result<(), NotSent>> {
        assert!(jobs.len() <= BATCH && delay.is_zero());
        let mut state = self.0.lock().unwrap();
        let mut results = Vec::new();
        for job in jobs {
            let place = state.seen;
            state.seen += 1;
            if state.refuse.contains(&place) {
                results.push(Err(NotSent("InternalError".to_owned())));
            } else {
                state.sent.push(job.item.clone());
                results.push(Ok(()));
            }
        }
        results
    }
}

/// A queue that never answers.
struct Hanging;

impl WorkQueue for Hanging {
    async fn send(&self, _: &[Job], _: Duration) -> Vec<Result<(), NotSent>> {
        std::future::pending().await
    }
}

fn check(due_at: Timestamp) -> Check {
    Check::new(due_at, 0)
}

fn new<T>(value: T) -> Write<T> {
    Write { value, expected: Expected::Absent, version: 1, routed: BTreeMap::new() }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_760_000_000 + second).unwrap()
}
