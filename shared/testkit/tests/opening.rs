//! Rows are opened once, however often they are asked for.

#![allow(clippy::unwrap_used, reason = "tests")]

use domain::{
    Called, Cause, Contract, ContractChange, ContractState, Evidence, Fact, FactBody, Fen, Keys, MchId, OpenId, Order,
    OrderKind, OrderState, PaymentResult, Refund, RefundState, Refusal, SignatureAlgorithm, Timestamp, UserId,
};
use record::{Expected, Idempotency, Opened, Opening, Receipt, Recorded, Recorder, Routing, Write};
use testkit::generate::Generator;
use testkit::memory::{Memory, MemoryLedger, NoWait};

struct Place {
    memory: Memory,
    recorder: Recorder<MemoryLedger, NoWait>,
    generator: Generator,
    now: Timestamp,
}

impl Place {
    fn new() -> Self {
        let now: Timestamp = "2026-11-01T08:00:00Z".parse().unwrap();
        let memory = Memory::new([], now);
        let recorder = Recorder::new(memory.ledger(), NoWait, Routing::default());
        Self { memory, recorder, generator: Generator::new(7), now }
    }

    /// An attempt of a user to sign this contract's plan, with a first order.
    fn attempt(&mut self, user: &UserId, like: Option<&Contract>) -> Opening {
        let code = self.generator.contract_code();
        let mut contract = self.generator.contract(&code);
        contract.state = ContractState::Created;
        contract.user = Some(user.clone());
        if let Some(like) = like {
            (contract.plan_id, contract.appid) = (like.plan_id.clone(), like.appid.clone());
        }
        let mut order = self.generator.order(OrderKind::PayAndSign, Some(&code));
        (order.state, order.appid, order.created_at) = (OrderState::Created, contract.appid.clone(), self.now);
        let opened = domain::Opened::Attempt { contract: Box::new(contract), order: Some(Box::new(order)) };
        let mch_id = self.generator.mch_id();
        Opening { mch_id, opened, idempotency: None, openid: None, traceparent: None }
    }

    async fn open(&self, opening: &Opening) -> Opened {
        self.recorder.open(opening, self.now).await.unwrap()
    }

    async fn tell(&self, body: FactBody, cause: Cause) -> Recorded {
        let fact =
            Fact { mch_id: self.generator.mch_id(), cause, evidence: Evidence::Signed(SignatureAlgorithm::Md5), body };
        let receipt = Receipt::ours(&fact, self.now, None);
        self.recorder.apply(&fact, &receipt, self.now, domain::decide).await.unwrap()
    }

    /// What a notice says of a contract.
    async fn changed(&mut self, contract: &Contract, openid: Option<&OpenId>, change: ContractChange) -> Recorded {
        let id = self.generator.contract_id();
        let mut fact = self.generator.contract_changed(contract, Some(&id), change);
        if let FactBody::Contract(told) = &mut fact.body {
            told.openid = openid.cloned();
        }
        self.tell(fact.body, Cause::Callback).await
    }

    async fn unsigned(&self, contract: &Contract) -> Recorded {
        let order = contract.first_order().unwrap().clone();
        self.tell(FactBody::Called(Called::OrderRefused { out_trade_no: order, code: "NOAUTH".to_owned() }), Cause::Api)
            .await
    }

    /// A signed contract on record.
    async fn signed(&mut self) -> Contract {
        let alice = self.generator.user();
        let opening = self.attempt(&alice, None);
        assert_eq!(self.open(&opening).await, Opened::Opened);
        let contract = contract_of(&opening).clone();
        let at = Some(self.now);
        self.changed(&contract, None, ContractChange::Signed { at, expires_at: None }).await;
        self.row(&contract).await
    }

    async fn row(&self, contract: &Contract) -> Contract {
        let keys = Keys { contract: Some(contract.contract_code.clone()), ..Keys::default() };
        self.recorder.rows(&contract.mch_id, &keys).await.unwrap().contract.unwrap().value
    }

    async fn order(&self, order: &Order) -> Order {
        let keys = Keys { order: Some(order.out_trade_no.clone()), ..Keys::default() };
        self.recorder.rows(&order.mch_id, &keys).await.unwrap().order.unwrap().value
    }

    fn deduction(&mut self, contract: &Contract, period: u16) -> (Opening, Order) {
        let mut order = self.generator.order(OrderKind::Deduction, Some(&contract.contract_code));
        order.out_trade_no = domain::OutTradeNo::deduction(&contract.contract_code, period, 1).unwrap();
        (order.state, order.contract_id) = (OrderState::Created, contract.contract_id.clone());
        (order.appid, order.created_at) = (contract.appid.clone(), self.now);
        let opened = domain::Opened::Deduction { order: Box::new(order.clone()) };
        let mch_id = self.generator.mch_id();
        (Opening { mch_id, opened, idempotency: None, openid: None, traceparent: None }, order)
    }
}

fn contract_of(opening: &Opening) -> &Contract {
    match &opening.opened {
        domain::Opened::Attempt { contract, .. } => contract,
        other => panic!("{other:?}"),
    }
}

fn key(principal: &UserId, key: &str, body: u8) -> Option<Idempotency> {
    Some(Idempotency::new(principal.as_str(), "POST /v1/subscriptions", key, [body; 32]).unwrap())
}

#[tokio::test]
async fn an_attempt_is_on_record_with_its_order_guard_and_key() {
    let mut place = Place::new();
    let alice = place.generator.user();
    let opening = Opening { idempotency: key(&alice, "k", 1), ..place.attempt(&alice, None) };
    assert_eq!(place.open(&opening).await, Opened::Opened);
    let contract = contract_of(&opening);
    let keys = Keys { order: contract.first_order().cloned(), ..Keys::default() };
    let rows = place.recorder.rows(&contract.mch_id, &keys).await.unwrap();
    assert_eq!(rows.contract.map(|row| row.value).as_ref(), Some(contract), "the order brings its contract");
    assert_eq!(rows.order.unwrap().value.state, OrderState::Created);
    let journal: Vec<_> = place.memory.store().journal().map(|it| it.entry.key.entry.clone()).collect();
    assert_eq!(journal, [format!("contract#{}#OPENED", contract.contract_code)]);
    assert!(place.memory.store().outbox().next().is_none(), "nobody outside need know yet");
}

#[tokio::test]
async fn the_same_call_twice_gives_what_the_first_one_made() {
    let mut place = Place::new();
    let alice = place.generator.user();
    let first = Opening { idempotency: key(&alice, "k", 1), ..place.attempt(&alice, None) };
    assert_eq!(place.open(&first).await, Opened::Opened);
    // The repetition has made numbers of its own.
    let again = Opening { idempotency: key(&alice, "k", 1), ..place.attempt(&alice, Some(contract_of(&first))) };
    let resource = contract_of(&first).contract_code.to_string();
    assert_eq!(place.open(&again).await, Opened::AlreadyDone { resource });
    let other_body = Opening { idempotency: key(&alice, "k", 2), ..again };
    assert_eq!(place.open(&other_body).await, Opened::KeyReused);
    let bob = place.generator.user();
    let his = Opening { idempotency: key(&bob, "k", 2), ..place.attempt(&bob, None) };
    assert_eq!(place.open(&his).await, Opened::Opened, "another principal's key is another key");
    assert_eq!(place.memory.store().contracts().count(), 2);
}

#[tokio::test]
async fn a_user_has_one_live_attempt_of_a_plan() {
    let mut place = Place::new();
    let (alice, bob) = (place.generator.user(), place.generator.user());
    let first = place.attempt(&alice, None);
    assert_eq!(place.open(&first).await, Opened::Opened);
    let contract = contract_of(&first).clone();
    let live = Opened::Live { contract_code: contract.contract_code.clone() };
    let second = place.attempt(&alice, Some(&contract));
    assert_eq!(place.open(&second).await, live);
    let found = |user: UserId| {
        let (place, contract) = (&place, contract.clone());
        async move {
            let live = place.recorder.live(&contract.mch_id, &contract.plan_id, &contract.appid, Some(&user), None);
            live.await.unwrap().map(|row| row.value.contract_code)
        }
    };
    assert_eq!(found(alice.clone()).await, Some(contract.contract_code.clone()));
    assert_eq!(found(bob.clone()).await, None);
    let his = place.attempt(&bob, Some(&contract));
    assert_eq!(place.open(&his).await, Opened::Opened, "another user");
    let other_plan = place.attempt(&alice, None);
    assert_eq!(place.open(&other_plan).await, Opened::Opened, "another plan");
    // It came to nothing: the way is free.
    assert!(matches!(place.unsigned(&contract).await, Recorded::Applied { .. }));
    assert_eq!(place.open(&second).await, Opened::Opened);
    let third = place.attempt(&alice, Some(&contract));
    let live = Opened::Live { contract_code: contract_of(&second).contract_code.clone() };
    assert_eq!(place.open(&third).await, live);
}

#[tokio::test]
async fn a_payer_who_signed_before_has_a_live_contract_whoever_asks() {
    let mut place = Place::new();
    let (alice, bob, openid) = (place.generator.user(), place.generator.user(), place.generator.openid());
    let first = place.attempt(&alice, None);
    assert_eq!(place.open(&first).await, Opened::Opened);
    let contract = contract_of(&first).clone();
    let at = Some(place.now);
    place.changed(&contract, Some(&openid), ContractChange::Signed { at, expires_at: None }).await;
    let opening = |place: &mut Place, openid: &OpenId| Opening {
        openid: Some(openid.clone()),
        ..place.attempt(&bob, Some(&contract))
    };
    let same_payer = opening(&mut place, &openid);
    let live = Opened::Live { contract_code: contract.contract_code.clone() };
    assert_eq!(place.open(&same_payer).await, live, "the ADD revealed who signed");
    let terminated = Contract { contract_id: place.row(&contract).await.contract_id, ..contract.clone() };
    let id = terminated.contract_id.clone().unwrap();
    let fact = place.generator.terminated(&terminated, &id, place.now);
    assert!(matches!(place.tell(fact.body, Cause::Callback).await, Recorded::Applied { .. }));
    assert_eq!(place.open(&same_payer).await, Opened::Opened, "it has ended");
}

#[tokio::test]
async fn a_late_signing_takes_its_users_guard_back() {
    let mut place = Place::new();
    let alice = place.generator.user();
    let first = place.attempt(&alice, None);
    assert_eq!(place.open(&first).await, Opened::Opened);
    let contract = contract_of(&first).clone();
    place.unsigned(&contract).await;
    let second = place.attempt(&alice, Some(&contract));
    assert_eq!(place.open(&second).await, Opened::Opened);
    let at = Some(place.now);
    place.changed(&contract, None, ContractChange::Signed { at, expires_at: None }).await;
    place.unsigned(contract_of(&second)).await;
    let third = place.attempt(&alice, Some(&contract));
    let live = Opened::Live { contract_code: contract.contract_code.clone() };
    assert_eq!(place.open(&third).await, live, "the first attempt was signed after all");
}

#[tokio::test]
async fn a_deduction_is_opened_once_and_holds_back_the_next() {
    let mut place = Place::new();
    let contract = place.signed().await;
    let (first, order) = place.deduction(&contract, 1);
    assert_eq!(place.open(&first).await, Opened::Opened);
    assert_eq!(place.row(&contract).await.open_deduction, Some(order.out_trade_no.clone()));
    let resource = order.out_trade_no.to_string();
    assert_eq!(place.open(&first).await, Opened::OnRecord { resource: resource.clone() });
    let (second, _) = place.deduction(&contract, 2);
    let refused = Opened::Refused(Refusal::OpenDeduction(order.out_trade_no.clone()));
    assert_eq!(place.open(&second).await, refused);
    let failed = place.generator.payment(&order, PaymentResult::Failed { code: "NOTENOUGH".to_owned() });
    assert!(matches!(place.tell(failed.body, Cause::Query).await, Recorded::Applied { events: 1, .. }));
    assert_eq!(place.open(&second).await, Opened::Opened);
    let with_key = Opening { idempotency: key(&place.generator.user(), "k", 1), ..first };
    assert_eq!(place.open(&with_key).await, Opened::OnRecord { resource }, "by a call without this key");
}

#[tokio::test]
async fn nothing_is_charged_once_the_end_was_asked_for() {
    let mut place = Place::new();
    let contract = place.signed().await;
    let asked = FactBody::Called(Called::TerminationAsked { contract_code: contract.contract_code.clone() });
    assert!(matches!(place.tell(asked.clone(), Cause::Api).await, Recorded::Applied { events: 0, .. }));
    assert_eq!(place.tell(asked, Cause::Api).await, Recorded::Duplicate);
    let (deduction, _) = place.deduction(&contract, 1);
    assert_eq!(place.open(&deduction).await, Opened::Refused(Refusal::Ended));
    let stranger = place.generator.contract_code();
    let stranger = place.generator.contract(&stranger);
    let (unknown, _) = place.deduction(&Contract { contract_id: contract.contract_id.clone(), ..stranger }, 1);
    assert_eq!(place.open(&unknown).await, Opened::Unknown(domain::Unknown::Contract));
}

#[tokio::test]
async fn a_refund_is_opened_within_what_is_left() {
    let mut place = Place::new();
    let mut order = place.generator.order(OrderKind::OneOff, None);
    (order.amount, order.state, order.paid_at) = (Fen::new(100), OrderState::Paid, Some(place.now));
    let write = Write { value: order.clone(), expected: Expected::Absent, version: 1, routed: Default::default() };
    let commit = record::Commit { order: Some(write), ..record::Commit::empty(order.mch_id.clone()) };
    place.memory.with_store(|store| store.commit(&commit)).unwrap();
    let mut opening = |amount| {
        let refund = Refund { state: RefundState::Created, ..place.generator.refund(&order, Fen::new(amount)) };
        let opened = domain::Opened::Refund { refund: Box::new(refund) };
        Opening { mch_id: order.mch_id.clone(), opened, idempotency: None, openid: None, traceparent: None }
    };
    let (first, second, third) = (opening(60), opening(41), opening(40));
    assert_eq!(place.open(&first).await, Opened::Opened);
    assert_eq!(place.open(&first).await, Opened::OnRecord { resource: first.opened.number().to_owned() });
    let refundable = Fen::new(40);
    assert_eq!(place.open(&second).await, Opened::Refused(Refusal::MoreThanRefundable { refundable }));
    let soon = place.recorder.open(&third, place.now.saturating_add(domain::SignedDuration::from_secs(59)).unwrap());
    assert!(matches!(soon.await.unwrap(), Opened::Refused(Refusal::RefundTooSoon { .. })));
    let later = place.recorder.open(&third, place.now.saturating_add(domain::SignedDuration::from_secs(60)).unwrap());
    assert_eq!(later.await.unwrap(), Opened::Opened);
    let row = place.order(&order).await;
    assert_eq!((row.reserved, row.refunds, row.refundable()), (Fen::new(100), 2, Fen::ZERO));
}

#[tokio::test]
async fn rows_of_another_merchant_are_refused() {
    let mut place = Place::new();
    let alice = place.generator.user();
    let opening = Opening { mch_id: MchId::parse("10000200").unwrap(), ..place.attempt(&alice, None) };
    assert_eq!(place.open(&opening).await, Opened::Refused(Refusal::Inconsistent));
    assert_eq!(place.memory.store().contracts().count(), 0);
}

#[tokio::test]
async fn an_answer_that_contradicts_moves_the_question_on_and_a_missing_one_puts_it_off() {
    let mut place = Place::new();
    let alice = place.generator.user();
    let mut opening = place.attempt(&alice, None);
    if let domain::Opened::Attempt { order: Some(order), .. } = &mut opening.opened {
        order.check = Some(domain::Schedule::Order.first(place.now));
    }
    assert_eq!(place.open(&opening).await, Opened::Opened);
    let domain::Opened::Attempt { order: Some(order), .. } = &opening.opened else { panic!() };
    place.now = place.now.saturating_add(domain::SignedDuration::from_secs(30)).unwrap();
    let keys = Keys { order: Some(order.out_trade_no.clone()), ..Keys::default() };
    place.recorder.unanswered(&order.mch_id, &keys, domain::Unanswered::Silence, place.now).await.unwrap();
    let check = place.order(order).await.check.unwrap();
    assert_eq!((check.step, check.due_at.duration_since(place.now).as_secs()), (0, 60));
    place.now = check.due_at;
    let transaction = place.generator.transaction_id();
    let mut paid = place.generator.paid(order, &transaction, place.now);
    if let FactBody::Payment(told) = &mut paid.body {
        told.appid = Some(place.generator.appid());
    }
    let recorded = place.tell(paid.body.clone(), Cause::Query).await;
    assert_eq!(recorded, Recorded::Contradiction(domain::Contradiction::AppId));
    let check = place.order(order).await.check.unwrap();
    assert_eq!((check.step, check.due_at.duration_since(place.now).as_secs()), (1, 90));
    // A notice that contradicts says nothing of questions.
    place.now = check.due_at;
    assert!(matches!(place.tell(paid.body, Cause::Callback).await, Recorded::Contradiction(_)));
    assert_eq!(place.order(order).await.check, Some(check));
}
