//! What becomes of messages that come before the order or contract that they are about.
#![allow(clippy::unwrap_used, reason = "tests")]

use domain::{
    Changes, Contradiction, Fact, FactBody, Fen, Order, OrderKind, PaymentResult, Timestamp, Unknown, decide,
};
use record::{Receipt, Recorded, Recorder, Route, Routing};
use testkit::generate::Generator;
use testkit::memory::{Memory, MemoryLedger, NoWait, Store};

#[tokio::test]
async fn a_held_message_is_applied_when_its_order_comes_and_keeps_its_body() {
    let mut world = World::new();
    let fact = world.paid();
    assert_eq!(world.tell(&fact).await, Recorded::Unknown(Unknown::Order));
    assert!(matches!(world.create().await[..], [Recorded::Applied { .. }]));
    let outcomes = outcomes(&world.memory.store());
    assert_eq!(outcomes, [("then_applied".to_owned(), BODY.to_vec()), ("applied".to_owned(), BODY.to_vec())]);
}

#[tokio::test]
async fn a_held_message_that_contradicts_the_order_that_came_is_told_of_again() {
    let mut world = World::new();
    let mut fact = world.paid();
    let FactBody::Payment(payment) = &mut fact.body else { unreachable!() };
    let PaymentResult::Succeeded { total, .. } = &mut payment.result else { unreachable!() };
    *total = total.plus(Fen::new(1));
    assert_eq!(world.tell(&fact).await, Recorded::Unknown(Unknown::Order));
    assert_eq!(world.create().await, [Recorded::Contradiction(Contradiction::Amount)]);
    assert_eq!(world.tell(&fact).await, Recorded::Contradiction(Contradiction::Amount), "WeChat's resend");
    assert_eq!(world.reasons(), ["unknown_order", "amount"], "one event for each, none for the resend");
    assert_eq!(outcomes(&world.memory.store()), [("then_contradiction".to_owned(), BODY.to_vec())]);
}

#[tokio::test]
async fn a_resend_decides_a_held_message_when_no_one_else_did() {
    let mut world = World::new();
    let mut fact = world.paid();
    let FactBody::Payment(payment) = &mut fact.body else { unreachable!() };
    payment.appid = Some(world.generator.appid());
    world.tell(&fact).await;
    // The process that creates the order stops before it looks for what is held.
    world.memory.with_store(|store| {
        let order = Some(record::Write {
            value: world.order.clone(),
            expected: record::Expected::Absent,
            version: 1,
            routed: Default::default(),
        });
        let commit = record::Commit { order, ..record::Commit::empty(world.order.mch_id.clone()) };
        store.commit(&commit).unwrap();
    });
    assert_eq!(world.tell(&fact).await, Recorded::Contradiction(Contradiction::AppId));
    assert_eq!(world.reasons(), ["unknown_order", "appid"]);
    assert_eq!(outcomes(&world.memory.store()), [("contradiction".to_owned(), BODY.to_vec())]);
}

#[tokio::test]
async fn a_held_message_that_is_old_news_by_now_is_stale_in_the_journal() {
    let mut world = World::new();
    let failed = PaymentResult::Failed { code: "NOTENOUGH".to_owned() };
    let failed = world.generator.payment(&world.order, failed);
    world.tell(&failed).await;
    world.create_paid().await;
    assert_eq!(world.tell(&failed).await, Recorded::Stale);
    let outcomes = outcomes(&world.memory.store());
    assert_eq!(outcomes, [("stale".to_owned(), BODY.to_vec())]);
}

const BODY: &[u8] = b"<xml/>";

struct World {
    memory: Memory,
    generator: Generator,
    recorder: Recorder<MemoryLedger, NoWait>,
    order: Order,
    now: Timestamp,
}

impl World {
    fn new() -> Self {
        let mut generator = Generator::new(1);
        let now = generator.time();
        let memory = Memory::new(["all".to_owned()], now);
        let route = Route { consumer: "all".to_owned(), merchants: Vec::new(), types: Vec::new() };
        let recorder = Recorder::new(memory.ledger(), NoWait, Routing { routes: vec![route] });
        let order = generator.order(OrderKind::OneOff, None);
        Self { memory, generator, recorder, order, now }
    }

    fn paid(&mut self) -> Fact {
        let transaction_id = self.generator.transaction_id();
        self.generator.paid(&self.order, &transaction_id, self.now)
    }

    async fn tell(&self, fact: &Fact) -> Recorded {
        let receipt = Receipt { body: BODY.to_vec(), body_hash: [1; 32], received_at: self.now, traceparent: None };
        self.recorder.apply(fact, &receipt, self.now, decide).await.unwrap()
    }

    async fn create(&self) -> Vec<Recorded> {
        let rows = Changes { order: Some(self.order.clone()), ..Changes::default() };
        self.recorder.create(&self.order.mch_id, rows, self.now, decide).await.unwrap()
    }

    /// The order is on record and paid when what is held is decided.
    async fn create_paid(&mut self) {
        self.order.state = domain::OrderState::Paid;
        self.create().await;
    }

    /// The reasons of the quarantine's events, in order.
    fn reasons(&self) -> Vec<String> {
        let store = self.memory.store();
        let data = store.outbox().map(|outboxed| outboxed.entry.data.clone());
        data.map(|data| {
            let event: serde_json::Value = serde_json::from_str(&data).unwrap();
            event["reason"].as_str().unwrap_or("none").to_owned()
        })
        .collect()
    }
}

/// Outcome and body of each journal entry.
fn outcomes(store: &Store) -> Vec<(String, Vec<u8>)> {
    store.journal().map(|journaled| (journaled.outcome.clone(), journaled.entry.body.clone())).collect()
}
