//! An answer that contradicts our record is told of once, and its question goes on in its time.

#![allow(clippy::unwrap_used, reason = "tests")]

use domain::{
    AppId, Check, Contradiction, Fact, FactBody, Keys, Order, OrderKind, OrderState, PaymentResult, Timestamp, decide,
    decide_in_passing,
};
use record::{Commit, DecideFn, Expected, Receipt, Recorded, Recorder, Route, Routing, Write};
use testkit::generate::Generator;
use testkit::memory::{Memory, MemoryLedger, NoWait};

struct World {
    memory: Memory,
    generator: Generator,
    recorder: Recorder<MemoryLedger, NoWait>,
    order: Order,
    now: Timestamp,
    answers: u8,
}

impl World {
    /// An order whose question is due.
    fn new() -> Self {
        let mut generator = Generator::new(11);
        let now = generator.time();
        let memory = Memory::new(["all".to_owned()], now);
        let route = Route { consumer: "all".to_owned(), merchants: Vec::new(), types: Vec::new() };
        let recorder = Recorder::new(memory.ledger(), NoWait, Routing { routes: vec![route] });
        let order = Order { check: Some(Check::new(now, 9)), ..generator.order(OrderKind::OneOff, None) };
        let write = Write { value: order.clone(), expected: Expected::Absent, version: 1, routed: Default::default() };
        let commit = Commit { order: Some(write), ..Commit::empty(order.mch_id.clone()) };
        memory.with_store(|store| store.commit(&commit)).unwrap();
        Self { memory, generator, recorder, order, now, answers: 0 }
    }

    /// An answer: its nonce makes another body each time.
    async fn answered(&mut self, fact: &Fact, decide: DecideFn) -> Recorded {
        self.answers += 1;
        let body_hash = [self.answers; 32];
        let receipt = Receipt { body: vec![self.answers], body_hash, received_at: self.now, traceparent: None };
        self.recorder.apply(fact, &receipt, self.now, decide).await.unwrap()
    }

    fn of_another_app(&mut self, result: PaymentResult) -> Fact {
        let mut fact = Generator::answered(self.generator.payment(&self.order, result));
        let FactBody::Payment(payment) = &mut fact.body else { unreachable!() };
        payment.appid = Some(AppId::parse("wx0000000000000000").unwrap());
        fact
    }

    fn events(&self) -> usize {
        self.memory.store().outbox().count()
    }

    async fn row(&self) -> Order {
        let keys = Keys { order: Some(self.order.out_trade_no.clone()), ..Keys::default() };
        self.recorder.rows(&self.order.mch_id, &keys).await.unwrap().order.unwrap().value
    }
}

#[tokio::test]
async fn one_contradiction_makes_one_event_however_often_wechat_answers_it() {
    let mut world = World::new();
    let unpaid = world.of_another_app(PaymentResult::Unpaid);
    for _ in 0..3 {
        let recorded = world.answered(&unpaid, decide).await;
        assert_eq!(recorded, Recorded::Contradiction(Contradiction::AppId));
    }
    assert_eq!(world.events(), 1, "another nonce is no other contradiction");
    let transaction_id = world.generator.transaction_id();
    let mut paid = Generator::answered(world.generator.paid(&world.order, &transaction_id, world.now));
    if let FactBody::Payment(payment) = &mut paid.body
        && let PaymentResult::Succeeded { total, .. } = &mut payment.result
    {
        *total = total.plus(domain::Fen::new(1));
    }
    assert_eq!(world.answered(&paid, decide).await, Recorded::Contradiction(Contradiction::Amount));
    assert_eq!(world.events(), 2, "another field is told of");
    world.memory.with_store(|store| {
        let value = Order { state: OrderState::Closing, ..world.order.clone() };
        let write = Write { value, expected: Expected::Version(1), version: 2, routed: Default::default() };
        store.commit(&Commit { order: Some(write), ..Commit::empty(world.order.mch_id.clone()) }).unwrap();
    });
    world.answered(&unpaid, decide).await;
    assert_eq!(world.events(), 3, "and so is another state of ours");
}

#[tokio::test]
async fn only_a_question_that_was_due_moves_on_and_it_goes_on_while_the_order_is_open() {
    let mut world = World::new();
    let unpaid = world.of_another_app(PaymentResult::Unpaid);
    world.answered(&unpaid, decide_in_passing).await;
    world.answered(&unpaid, decide).await;
    assert_eq!(world.row().await, world.order, "a look leaves it where it is, and so does what it told");
    let keys = Keys { order: Some(world.order.out_trade_no.clone()), ..Keys::default() };
    world.recorder.answered_in_vain(&world.order.mch_id, &keys, world.now).await.unwrap();
    let check = world.row().await.check.unwrap();
    assert_eq!(check.due_at.as_second() - world.now.as_second(), 86_400, "its schedule has run out, and it is open");
    // Before its time it stays there.
    world.recorder.answered_in_vain(&world.order.mch_id, &keys, world.now).await.unwrap();
    assert_eq!(world.row().await.check, Some(check));
}
