//! Orders that a user pays: the rows of the protocol's table (section 11) that a query decides.

use ask::fake::{Reply, fields};
use domain::{ContractState, NotSignedReason, Order, OrderState, Outcome};

use super::world::{CLOSE, CONTRACT_QUERY, ORDER_QUERY, PAY_AND_SIGN, REFUND_QUERY};
use super::*;

#[tokio::test]
async fn paid_and_signed_is_found_though_both_notices_were_lost() {
    let world = World::new();
    let (contract, order) = world.attempt();
    world.put(Some(&contract), Some(&order), None).await;
    world.says_paid(ORDER_QUERY, &order, "SUCCESS");
    world.says_of_contract(&contract, "0", &[("contract_signed_time", "2026-01-01 09:01:01")]);
    world.live(0..=120).await;
    assert_eq!(world.outcome(&contract), Outcome::Active);
    assert_eq!(world.events(), ["payment.succeeded", "contract.signed", "subscription.settled"]);
}

#[tokio::test]
async fn paid_and_signing_in_progress_waits_and_asks_at_10_and_30_seconds() {
    let world = World::new();
    let (contract, order) = world.attempt();
    world.put(Some(&contract), Some(&order), None).await;
    world.says_paid(ORDER_QUERY, &order, "SUCCESS");
    world.says_of_contract(&contract, "9", &[]);
    world.live(0..=119).await;
    assert_eq!(world.outcome(&contract), Outcome::PaidSigning);
    let asked = world.wechat.take_paths().iter().filter(|path| *path == CONTRACT_QUERY).count();
    assert!(asked >= 3, "at 0, 10 and 30 s after the payment, not once a minute: {asked}");
    world.says_of_contract(&contract, "0", &[]);
    world.live(120..=360).await;
    assert_eq!(world.outcome(&contract), Outcome::Active);
}

#[tokio::test]
async fn paid_and_unknown_as_a_contract_is_not_signed_after_half_an_hour() {
    let world = World::new();
    let (contract, order) = world.attempt();
    world.put(Some(&contract), Some(&order), None).await;
    world.says_paid(ORDER_QUERY, &order, "SUCCESS");
    world.wechat.on(CONTRACT_QUERY, Reply::RefusesUnsigned("-25"));
    world.live(0..=29 * 60).await;
    assert_eq!(world.outcome(&contract), Outcome::PaidSigning, "it may still come");
    world.live(29 * 60 + 1..=34 * 60).await;
    assert_eq!(world.outcome(&contract), Outcome::PaidNotSigned);
    let reason = world.contract(&contract.contract_code).not_signed_reason;
    assert_eq!(reason, Some(NotSignedReason::Declined));
}

#[tokio::test]
async fn paid_and_said_to_be_unsigned_is_not_signed_and_a_late_signing_is_found_all_the_same() {
    let world = World::new();
    let (contract, order) = world.attempt();
    world.put(Some(&contract), Some(&order), None).await;
    world.says_paid(ORDER_QUERY, &order, "SUCCESS");
    world.says_of_contract(&contract, "1", &[]);
    world.live(0..=34 * 60).await;
    assert_eq!(world.outcome(&contract), Outcome::PaidNotSigned);
    world.says_of_contract(&contract, "0", &[]);
    world.live(34 * 60 + 1..=3 * 3600).await;
    assert_eq!(world.outcome(&contract), Outcome::SignedLater);
}

#[tokio::test]
async fn an_add_alone_makes_us_ask_for_the_payment() {
    let world = World::new();
    let (contract, order) = world.attempt();
    let order = Order { check: None, ..order };
    world.put(Some(&contract), Some(&order), None).await;
    let add = {
        let mut generator = world.generator.borrow_mut();
        let contract_id = generator.contract_id();
        generator.signed(&contract, &contract_id, seconds(10))
    };
    world.notified(&add, seconds(10)).await;
    world.says_paid(ORDER_QUERY, &order, "SUCCESS");
    world.wechat.on(REFUND_QUERY, Reply::Refuses("REFUNDNOTEXIST"));
    world.live(11..=120).await;
    assert_eq!(world.order(&order).state, OrderState::Paid);
    assert_eq!(world.outcome(&contract), Outcome::Active);
}

#[tokio::test]
async fn unpaid_is_asked_for_at_its_expiry_closed_and_asked_for_once_more() {
    let world = World::new();
    let (contract, order) = world.attempt();
    world.put(Some(&contract), Some(&order), None).await;
    world.wechat.on(ORDER_QUERY, fields(&[("trade_state", "NOTPAY")]));
    world.wechat.on(CLOSE, fields(&[]));
    world.live(0..=29 * 60).await;
    assert!(!world.wechat.take_paths().contains(&CLOSE.to_owned()), "the user has until the thirtieth minute");
    world.wechat.once(ORDER_QUERY, fields(&[("trade_state", "NOTPAY")]));
    world.wechat.on(ORDER_QUERY, fields(&[("trade_state", "CLOSED")]));
    world.live(29 * 60 + 1..=32 * 60).await;
    assert_eq!(world.wechat.take_paths(), [ORDER_QUERY, CLOSE, ORDER_QUERY]);
    assert_eq!(world.order(&order).state, OrderState::Closed);
    assert_eq!(world.outcome(&contract), Outcome::Closed);
    assert!(world.due(minutes(100_000)).is_empty(), "nothing is asked any more");
}

#[tokio::test]
async fn an_order_that_the_user_is_paying_is_not_closed() {
    let world = World::new();
    let (contract, order) = world.attempt();
    world.put(Some(&contract), Some(&order), None).await;
    world.wechat.on(ORDER_QUERY, fields(&[("trade_state", "USERPAYING")]));
    world.live(0..=40 * 60).await;
    assert!(!world.wechat.take_paths().contains(&CLOSE.to_owned()));
    assert_eq!(world.order(&order).state, OrderState::Closing, "it is asked for often");
    world.says_paid(ORDER_QUERY, &order, "SUCCESS");
    world.says_of_contract(&contract, "0", &[]);
    world.live(40 * 60 + 1..=45 * 60).await;
    assert_eq!(world.outcome(&contract), Outcome::Active);
}

#[tokio::test]
async fn an_order_that_is_paid_while_we_close_it_is_paid() {
    let world = World::new();
    let (contract, order) = world.attempt();
    world.put(Some(&contract), Some(&order), None).await;
    world.wechat.once(ORDER_QUERY, fields(&[("trade_state", "NOTPAY")]));
    world.says_paid(ORDER_QUERY, &order, "SUCCESS");
    world.wechat.on(CLOSE, Reply::Refuses("ORDERPAID"));
    world.wechat.on(CONTRACT_QUERY, Reply::RefusesUnsigned("-25"));
    world.sweep(minutes(31)).await;
    assert_eq!(world.order(&order).state, OrderState::Paid);
}

#[tokio::test]
async fn a_failed_payment_stays_open_until_its_time_is_over() {
    let world = World::new();
    let (contract, order) = world.attempt();
    world.put(Some(&contract), Some(&order), None).await;
    world.wechat.on(ORDER_QUERY, fields(&[("trade_state", "PAYERROR")]));
    world.wechat.on(CLOSE, fields(&[]));
    world.live(0..=29 * 60).await;
    assert_eq!(world.order(&order).state, OrderState::Requested);
    world.wechat.once(ORDER_QUERY, fields(&[("trade_state", "PAYERROR")]));
    world.wechat.on(ORDER_QUERY, fields(&[("trade_state", "CLOSED")]));
    world.live(29 * 60 + 1..=32 * 60).await;
    assert_eq!(world.outcome(&contract), Outcome::Closed);
}

#[tokio::test]
async fn paid_and_refunded_since_is_paid_first_and_then_refunded() {
    let world = World::new();
    let (contract, order) = world.attempt();
    world.put(Some(&contract), Some(&order), None).await;
    world.says_paid(ORDER_QUERY, &order, "REFUND");
    world.says_of_contract(&contract, "0", &[]);
    let total = order.amount.to_string();
    world.wechat.on(
        REFUND_QUERY,
        fields(&[
            ("transaction_id", "4200001234202601010000000001"),
            ("total_fee", &total),
            ("refund_count", "1"),
            ("out_refund_no_0", "PLATFORM1"),
            ("refund_id_0", "50000000001"),
            ("refund_fee_0", &total),
            ("refund_status_0", "SUCCESS"),
        ]),
    );
    world.live(0..=180).await;
    assert_eq!(world.order(&order).state, OrderState::Refunded);
    assert_eq!(world.outcome(&contract), Outcome::Refunded);
    assert_eq!(world.contract(&contract.contract_code).state, ContractState::Signed, "a refund ends no contract");
}

#[tokio::test]
async fn a_lost_contractorder_is_sent_again_with_the_stored_bytes_while_its_timestamp_is_good() {
    let world = World::new();
    let (contract, order) = world.attempt();
    let (contract, order) =
        (domain::Contract { state: ContractState::Created, ..contract }, Order { state: OrderState::Created, ..order });
    let request = super::contracts::contract_order(&contract, &order);
    let order = Order { request: Some(domain::RequestText::new(request.to_text())), ..order };
    world.put(Some(&contract), Some(&order), None).await;
    world.wechat.on(ORDER_QUERY, Reply::Refuses("ORDERNOTEXIST"));
    world.wechat.on(PAY_AND_SIGN, fields(&[("prepay_id", "wx201512111107"), ("trade_type", "APP")]));
    world.sweep(minutes(1)).await;
    let asked = world.wechat.asked();
    assert_eq!(asked.last().map(|asked| asked.body.as_str()), Some(request.body()));
    let after = world.order(&order);
    assert_eq!(after.state, OrderState::Requested);
    assert_eq!(after.launch.and_then(|launch| launch.prepay_id).as_deref(), Some("wx201512111107"));
    assert_eq!(world.contract(&contract.contract_code).state, ContractState::Pending);
}

#[tokio::test]
async fn an_unsigned_refusal_of_a_lost_contractorder_ends_nothing() {
    let world = World::new();
    let (contract, order) = world.attempt();
    let (contract, order) =
        (domain::Contract { state: ContractState::Created, ..contract }, Order { state: OrderState::Created, ..order });
    let request = super::contracts::contract_order(&contract, &order);
    let order = Order { request: Some(domain::RequestText::new(request.to_text())), ..order };
    world.put(Some(&contract), Some(&order), None).await;
    world.wechat.on(ORDER_QUERY, Reply::Refuses("ORDERNOTEXIST"));
    world.wechat.on(PAY_AND_SIGN, Reply::RefusesUnsigned("SIGNERROR"));
    world.sweep(minutes(1)).await;
    assert!(world.wechat.take_paths().contains(&PAY_AND_SIGN.to_owned()));
    assert_eq!(world.order(&order).state, OrderState::Created, "the call before may have placed it");
    assert_eq!(world.contract(&contract.contract_code).state, ContractState::Created);
    world.wechat.on(PAY_AND_SIGN, Reply::Refuses("APPID_MCHID_NOT_MATCH"));
    world.sweep(minutes(3)).await;
    assert_eq!(world.order(&order).state, OrderState::Closed, "WeChat's own word does");
}

#[tokio::test]
async fn a_contractorder_that_was_never_sent_is_closed_at_its_expiry() {
    let world = World::new();
    let (contract, order) = world.attempt();
    let order = Order { state: OrderState::Created, ..order };
    world.put(Some(&contract), Some(&order), None).await;
    world.wechat.on(ORDER_QUERY, Reply::Refuses("ORDERNOTEXIST"));
    world.wechat.on(CLOSE, Reply::Refuses("ORDERNOTEXIST"));
    world.sweep(minutes(10)).await;
    assert_eq!(world.wechat.take_paths(), [ORDER_QUERY], "its timestamp is too old to send it again");
    world.live(10 * 60 + 1..=62 * 60).await;
    assert_eq!(world.outcome(&contract), Outcome::Closed);
}
