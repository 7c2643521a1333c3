//! Deductions: accepted, deducted, failed, lost.

use std::net::{IpAddr, Ipv4Addr};

use ask::fake::{FakeWeChat, Reply, fields};
use domain::{Called, Contract, Evidence, Fact, FactBody, Order, OrderState, PaymentResult, RequestText};
use record::DueItem;
use wechat::{Keys, Moment, PapPayApply, Prepared};

use super::world::{CLOSE, DEDUCT, DEDUCTION_QUERY, ORDER_QUERY, mch_id};
use super::*;

#[tokio::test]
async fn a_deduction_is_followed_through_its_24_hours_until_it_is_deducted() {
    let world = World::new();
    let (contract, order) = world.deduction(&world.signed());
    world.put(Some(&contract), Some(&order), None).await;
    world.wechat.on(DEDUCTION_QUERY, fields(&[("trade_state", "ACCEPT")]));
    world.live(0..=7200).await;
    assert_eq!(world.order(&order).state, OrderState::Accepted);
    world.says_paid(DEDUCTION_QUERY, &order, "SUCCESS");
    world.sweep(minutes(26 * 60)).await;
    assert_eq!(world.order(&order).state, OrderState::Paid);
    assert_eq!(world.contract(&contract.contract_code).open_deduction, None, "the next one may follow");
    assert_eq!(world.events(), ["deduction.succeeded"]);
}

#[tokio::test]
async fn a_failure_notice_is_booked_once_the_query_confirms_it() {
    let world = World::new();
    let (contract, order) = world.deduction(&world.signed());
    world.put(Some(&contract), Some(&order), None).await;
    world.notified(&failure_notice(&world, &order), at(20)).await;
    assert_eq!(world.order(&order).state, OrderState::Accepted, "a notice alone proves no failure");
    world.wechat.on(DEDUCTION_QUERY, fields(&[("trade_state", "PAY_FAIL"), ("err_code", "NOTENOUGH")]));
    world.live(21..=60).await;
    let after = world.order(&order);
    assert_eq!((after.state, after.failure.as_deref()), (OrderState::Failed, Some("NOTENOUGH")));
    assert_eq!(world.contract(&contract.contract_code).open_deduction, None);
    assert_eq!(world.events(), ["deduction.failed"]);
}

#[tokio::test]
async fn a_failure_notice_of_a_deduction_that_was_paid_after_all_books_the_payment() {
    let world = World::new();
    let (contract, order) = world.deduction(&world.signed());
    world.put(Some(&contract), Some(&order), None).await;
    world.notified(&failure_notice(&world, &order), at(20)).await;
    world.says_paid(DEDUCTION_QUERY, &order, "SUCCESS");
    world.sweep(minutes(1)).await;
    assert_eq!(world.order(&order).state, OrderState::Paid);
}

#[tokio::test]
async fn a_deduction_that_failed_and_that_wechat_left_open_is_closed() {
    let world = World::new();
    let (contract, order) = world.deduction(&world.signed());
    world.put(Some(&contract), Some(&order), None).await;
    world.notified(&failure_notice(&world, &order), minutes(9)).await;
    world.wechat.once(DEDUCTION_QUERY, fields(&[("trade_state", "NOTPAY")]));
    world.wechat.on(DEDUCTION_QUERY, fields(&[("trade_state", "CLOSED")]));
    world.wechat.on(CLOSE, fields(&[]));
    world.sweep(minutes(10)).await;
    assert_eq!(world.wechat.take_paths(), [DEDUCTION_QUERY, CLOSE, DEDUCTION_QUERY]);
    let after = world.order(&order);
    assert_eq!((after.state, after.failure.as_deref()), (OrderState::Failed, Some("NOTENOUGH")), "as the notice said");
}

#[tokio::test]
async fn a_deduction_that_failed_within_seconds_and_that_wechat_left_open_is_closed_once_it_can_be() {
    let world = World::new();
    let (contract, order) = world.deduction(&world.signed());
    world.put(Some(&contract), Some(&order), None).await;
    world.notified(&failure_notice(&world, &order), at(20)).await;
    world.wechat.on(DEDUCTION_QUERY, fields(&[("trade_state", "NOTPAY")]));
    world.wechat.on(CLOSE, fields(&[]));
    world.live(21..=240).await;
    assert!(
        !world.wechat.take_paths().contains(&CLOSE.to_owned()),
        "WeChat closes none that is younger than five minutes"
    );
    assert_eq!(world.order(&order).state, OrderState::Closing);
    world.live(241..=420).await;
    assert!(world.wechat.take_paths().contains(&CLOSE.to_owned()));
    world.wechat.on(DEDUCTION_QUERY, fields(&[("trade_state", "CLOSED")]));
    world.live(421..=1_800).await;
    assert_eq!(world.order(&order).state, OrderState::Failed);
    assert_eq!(world.contract(&contract.contract_code).open_deduction, None);
}

#[tokio::test]
async fn where_paporderquery_cannot_know_orderquery_is_asked() {
    let world = World::new();
    let (contract, order) = world.deduction(&world.signed());
    world.put(Some(&contract), Some(&order), None).await;
    world.wechat.on(DEDUCTION_QUERY, Reply::Refuses("NOAUTH"));
    world.wechat.on(ORDER_QUERY, fields(&[("trade_state", "CLOSED")]));
    world.sweep(minutes(1)).await;
    assert_eq!(world.wechat.take_paths(), [DEDUCTION_QUERY, ORDER_QUERY]);
    assert_eq!(world.order(&order).state, OrderState::Failed);
}

#[tokio::test]
async fn after_a_month_orderquery_is_asked_whatever_paporderquery_would_refuse() {
    let world = World::new();
    let (contract, order) = world.deduction(&world.signed());
    world.put(Some(&contract), Some(&order), None).await;
    world.wechat.on(DEDUCTION_QUERY, Reply::Refuses("PARAM_ERROR"));
    world.wechat.on(ORDER_QUERY, fields(&[("trade_state", "CLOSED")]));
    world.sweep(minutes(29 * 24 * 60)).await;
    assert_eq!(world.wechat.take_paths(), [ORDER_QUERY]);
    assert_eq!(world.order(&order).state, OrderState::Failed);
}

#[tokio::test]
async fn a_deduction_that_wechat_accepted_and_forgot_fails_after_three_days() {
    let world = World::new();
    let (contract, order) = world.deduction(&world.signed());
    world.put(Some(&contract), Some(&order), None).await;
    world.wechat.on(DEDUCTION_QUERY, Reply::Refuses("ORDERNOTEXIST"));
    world.wechat.on(ORDER_QUERY, Reply::Refuses("ORDERNOTEXIST"));
    world.live(0..=7_200).await;
    assert_eq!(world.order(&order).state, OrderState::Accepted, "it may be on another host");
    for hour in 2..=120 {
        world.sweep(minutes(hour * 60)).await;
    }
    let after = world.order(&order);
    assert_eq!((after.state, after.failure.as_deref()), (OrderState::Failed, Some("ORDERNOTEXIST")));
    assert_eq!(world.contract(&contract.contract_code).open_deduction, None, "the next one may follow");
    assert!(world.due(minutes(1_000_000)).iter().all(|job| job.item != DueItem::Order(order.out_trade_no.clone())));
}

#[tokio::test]
async fn a_pappayapply_whose_number_was_used_is_looked_up_before_anything_is_believed() {
    let world = World::new();
    let (_, order, _) = lost(&world).await;
    world.wechat.on(
        DEDUCT,
        fields(&[("result_code", "FAIL"), ("err_code", "INVALID_REQUEST"), ("err_code_des", "201 商户订单号重复")]),
    );
    world.sweep(minutes(1)).await;
    assert_eq!(world.order(&order).state, OrderState::Created, "an earlier call may have made it");
    world.says_paid(DEDUCTION_QUERY, &order, "SUCCESS");
    world.live(61..=300).await;
    assert_eq!(world.order(&order).state, OrderState::Paid);
}

#[tokio::test]
async fn a_lost_pappayapply_is_sent_again_with_the_stored_bytes() {
    let world = World::new();
    let (contract, order, request) = lost(&world).await;
    world.wechat.on(DEDUCT, fields(&[]));
    world.sweep(minutes(1)).await;
    assert_eq!(world.wechat.asked().last().map(|asked| asked.body.clone()), Some(request.body().to_owned()));
    assert_eq!(world.order(&order).state, OrderState::Accepted);
    let open = world.contract(&contract.contract_code).open_deduction;
    assert_eq!(open, Some(order.out_trade_no));
}

#[tokio::test]
async fn a_lost_pappayapply_that_wechat_refuses_for_good_has_failed() {
    let world = World::new();
    let (contract, order, _) = lost(&world).await;
    world.wechat.on(DEDUCT, Reply::Refuses("RULELIMIT"));
    world.sweep(minutes(1)).await;
    let after = world.order(&order);
    assert_eq!((after.state, after.failure.as_deref()), (OrderState::Failed, Some("RULELIMIT")));
    assert_eq!(world.contract(&contract.contract_code).open_deduction, None);
}

#[tokio::test]
async fn a_lost_pappayapply_whose_outcome_stays_unknown_is_asked_for_again() {
    let world = World::new();
    let (_, order, _) = lost(&world).await;
    world.wechat.on(DEDUCT, Reply::Silence);
    world.sweep(minutes(1)).await;
    let after = world.order(&order);
    assert_eq!(after.state, OrderState::Created);
    assert!(after.check.is_some_and(|check| check.due_at > minutes(1)));
}

#[tokio::test]
async fn a_lost_pappayapply_is_not_sent_once_the_contract_shall_end() {
    let world = World::new();
    let (contract, order, _) = lost(&world).await;
    let contract_code = contract.contract_code.clone();
    let asked = Fact::ours(mch_id(), FactBody::Called(Called::TerminationAsked { contract_code }));
    world.notified(&asked, at(10)).await;
    world.says_of_contract(&contract, "9", &[]);
    world.wechat.on(super::world::DELETE, fields(&[]));
    world.live(11..=15 * 60).await;
    assert!(!world.wechat.take_paths().contains(&DEDUCT.to_owned()), "nothing is charged from here");
    let after = world.order(&order);
    assert_eq!((after.state, after.failure.as_deref()), (OrderState::Failed, Some("NOT_SENT")));
}

#[tokio::test]
async fn a_lost_pappayapply_is_not_sent_at_night_and_given_up_after_a_day() {
    let world = World::new();
    let (_, order, _) = lost(&world).await;
    // 23:00 in Beijing.
    world.sweep(minutes(14 * 60)).await;
    assert!(!world.wechat.take_paths().contains(&DEDUCT.to_owned()));
    world.sweep(minutes(40 * 60)).await;
    assert!(!world.wechat.take_paths().contains(&DEDUCT.to_owned()));
    assert_eq!(world.order(&order).state, OrderState::Failed);
}

/// A deduction on record whose call WeChat never got.
async fn lost(world: &World) -> (Contract, Order, Prepared<PapPayApply>) {
    let (contract, order) = world.deduction(&world.signed());
    let request = PapPayApply {
        appid: order.appid.clone(),
        out_trade_no: order.out_trade_no.clone(),
        contract_id: contract.contract_id.clone().unwrap(),
        body: "月度会员".to_owned(),
        detail: None,
        attach: None,
        total: order.amount,
        client_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        notify_url: "https://example.com/v2/10000100".to_owned(),
        goods_tag: None,
        receipt: false,
    };
    let request = request.prepare(&Keys::new(FakeWeChat::keys()), &Moment::new(at(0))).unwrap();
    let order = Order { state: OrderState::Created, request: Some(RequestText::new(request.to_text())), ..order };
    world.put(Some(&contract), Some(&order), None).await;
    world.wechat.on(DEDUCTION_QUERY, Reply::Refuses("ORDERNOTEXIST"));
    world.wechat.on(ORDER_QUERY, Reply::Refuses("ORDERNOTEXIST"));
    (contract, order, request)
}

fn failure_notice(world: &World, order: &Order) -> Fact {
    let result = PaymentResult::Failed { code: "NOTENOUGH".to_owned() };
    let fact = world.generator.borrow_mut().payment(order, result);
    Fact { evidence: Evidence::Signed(domain::SignatureAlgorithm::Md5), ..fact }
}
