//! Rows are opened once, however often they are asked for.

#![allow(clippy::unwrap_used, reason = "tests")]

mod guards;
mod place;

use place::{Place, contract_of};

use domain::{
    Called, Cause, Contract, FactBody, Fen, Keys, MchId, OrderKind, OrderState, PaymentResult, Refund, RefundState,
    Refusal, UserId,
};
use record::{Expected, Idempotency, Opened, Opening, Recorded, Write};

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
    place.recorder.answered_in_vain(&order.mch_id, &keys, place.now).await.unwrap();
    let check = place.order(order).await.check.unwrap();
    assert_eq!((check.step, check.due_at.duration_since(place.now).as_secs()), (1, 90));
    // A notice that contradicts says nothing of questions.
    place.now = check.due_at;
    assert!(matches!(place.tell(paid.body, Cause::Callback).await, Recorded::Contradiction(_)));
    assert_eq!(place.order(order).await.check, Some(check));
}
