use ask::fake::Reply;
use domain::OrderState;

use super::world::{ORDER_QUERY, message};
use super::*;
use crate::handler::*;

#[tokio::test]
async fn a_message_that_cannot_be_read_fails_alone() {
    let world = World::new();
    let (contract, order) = world.attempt();
    world.put(Some(&contract), Some(&order), None).await;
    world.says_paid(ORDER_QUERY, &order, "SUCCESS");
    let good = message(DueItem::Order(order.out_trade_no.clone()));
    let response = world.deliver(&["nonsense".to_owned(), good, "{}".to_owned()], minutes(1)).await;
    assert_eq!(response, ["m0", "m2"].map(str::to_owned).into_iter().collect());
    assert_eq!(world.order(&order).state, OrderState::Paid);
}

#[tokio::test]
async fn a_message_that_comes_twice_asks_once() {
    let world = World::new();
    let (contract, order) = world.attempt();
    world.put(Some(&contract), Some(&order), None).await;
    world.wechat.on(ORDER_QUERY, ask::fake::fields(&[("trade_state", "NOTPAY")]));
    let body = message(DueItem::Order(order.out_trade_no.clone()));
    world.deliver(&[body.clone(), body.clone()], minutes(1)).await;
    assert_eq!(world.wechat.take_paths(), [ORDER_QUERY]);
    world.deliver(&[body], minutes(1)).await;
    assert!(world.wechat.take_paths().is_empty(), "its check is not due any more");
}

#[tokio::test]
async fn what_is_not_due_or_not_known_is_done_with() {
    let world = World::new();
    let (contract, order) = world.attempt();
    world.put(Some(&contract), Some(&order), None).await;
    let early = message(DueItem::Order(order.out_trade_no.clone()));
    let unknown = message(DueItem::Order(order.contract_code.clone().unwrap().first_order().unwrap()));
    let elsewhere = message(DueItem::Contract(contract.contract_code));
    assert_eq!(world.deliver(&[early, unknown, elsewhere], seconds(5)).await, BatchResponse::default());
    assert!(world.wechat.asked().is_empty());
}

#[tokio::test]
async fn a_ledger_that_is_down_brings_the_message_back() {
    let world = World::new();
    let (contract, order) = world.attempt();
    world.put(Some(&contract), Some(&order), None).await;
    world.memory.set_ledger_down(true);
    let body = message(DueItem::Order(order.out_trade_no.clone()));
    assert_eq!(world.deliver(&[body], minutes(1)).await, ["m0".to_owned()].into_iter().collect());
}

#[tokio::test]
async fn a_wechat_that_is_silent_is_asked_again_in_a_minute_and_the_schedule_is_not_used_up() {
    let world = World::new();
    let (contract, order) = world.attempt();
    world.put(Some(&contract), Some(&order), None).await;
    world.wechat.on(ORDER_QUERY, Reply::Silence);
    for (minute, next) in [(1, 2), (2, 4), (4, 8)] {
        assert_eq!(world.sweep(minutes(minute)).await, BatchResponse::default(), "the message is done with");
        let check = world.order(&order).check.unwrap();
        assert_eq!((check.step, check.due_at), (0, minutes(next)));
    }
    world.says_paid(ORDER_QUERY, &order, "SUCCESS");
    world.sweep(minutes(8)).await;
    assert_eq!(world.order(&order).state, OrderState::Paid);
}

#[tokio::test]
async fn a_refusal_that_only_a_person_can_mend_puts_the_question_off_and_has_the_keys_looked_at() {
    let world = World::new();
    let (contract, order) = world.attempt();
    world.put(Some(&contract), Some(&order), None).await;
    world.wechat.on(ORDER_QUERY, Reply::Refuses("APPID_MCHID_NOT_MATCH"));
    assert_eq!(world.sweep(minutes(1)).await, BatchResponse::default());
    assert_eq!(world.order(&order).check.unwrap().due_at, minutes(2));
    assert!(world.asker.distrusts(&world::mch_id()), "changed keys would explain it: they are looked at again");
    assert!(!world.asker.distrusts(&world::mch_id()));
}

#[tokio::test]
async fn an_answer_that_contradicts_the_record_is_set_aside_and_the_check_moves_on() {
    let world = World::new();
    let (contract, order) = world.attempt();
    world.put(Some(&contract), Some(&order), None).await;
    let cheaper = domain::Order { amount: world::half(order.amount), ..order.clone() };
    world.says_paid(ORDER_QUERY, &cheaper, "SUCCESS");
    world.sweep(minutes(1)).await;
    let after = world.order(&order);
    assert_eq!((after.state, after.transaction_id), (OrderState::Requested, None));
    assert!(after.check.is_some_and(|check| check.step == 1 && check.due_at > minutes(1)));
    assert_eq!(world.events(), ["notification.quarantined"]);
}

#[tokio::test]
async fn an_answer_that_goes_on_contradicting_is_told_of_once_and_asked_for_as_the_schedule_says() {
    let world = World::new();
    let (contract, order) = world.attempt();
    world.put(Some(&contract), Some(&order), None).await;
    let cheaper = domain::Order { amount: world::half(order.amount), ..order.clone() };
    world.says_paid(ORDER_QUERY, &cheaper, "SUCCESS");
    for minute in 0..3 * 24 * 60 {
        world.sweep(minutes(minute)).await;
    }
    let asked = world.wechat.take_paths().len();
    assert!((6..12).contains(&asked), "{asked} times in three days, each with a nonce of its own");
    assert_eq!(world.events(), ["notification.quarantined"]);
    let check = world.order(&order).check;
    assert!(check.is_some(), "it is open, so it is asked for");
    // The app looks, too: it moves nothing and tells nobody.
    let keys = Keys::new(ask::fake::FakeWeChat::keys());
    world.asker.order(&keys, &world.order(&order), check.clone().unwrap().due_at).await.unwrap();
    assert_eq!((world.order(&order).check, world.events().len()), (check, 1));
}

#[tokio::test]
async fn a_question_that_is_refused_for_a_reason_nobody_knows_is_put_ever_less_often() {
    let world = World::new();
    let contract = world.signed();
    world.put(Some(&contract), None, None).await;
    for (code, at_most) in [("SOMETHING_NEW", 15), ("SIGNERROR", 4)] {
        world.wechat.on(super::world::CONTRACT_QUERY, Reply::Refuses(code));
        let from = if code == "SIGNERROR" { 3 * 24 * 60 } else { 0 };
        for minute in from..from + 3 * 24 * 60 {
            world.sweep(minutes(minute)).await;
        }
        let asked = world.wechat.take_paths().len();
        assert!((2..=at_most).contains(&asked), "{code}: {asked} times in three days");
    }
    world.says_of_contract(&contract, "0", &[]);
    world.sweep(minutes(8 * 24 * 60)).await;
    let check = world.contract(&contract.contract_code).check.unwrap();
    assert_eq!((check.unanswered, check.due_at), (0, minutes(9 * 24 * 60)), "an answer brings the schedule back");
}

#[tokio::test]
async fn while_wechat_is_silent_a_question_is_put_every_ten_minutes_at_least() {
    let world = World::new();
    let contract = world.signed();
    world.put(Some(&contract), None, None).await;
    world.wechat.on(super::world::CONTRACT_QUERY, Reply::Status(502));
    for minute in 0..240 {
        world.sweep(minutes(minute)).await;
    }
    // Each question is put to both hosts.
    let asked = world.wechat.take_paths().len() / 2;
    assert!((24..=28).contains(&asked), "{asked} times in four hours");
}
