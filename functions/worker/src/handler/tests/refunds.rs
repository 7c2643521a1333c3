//! Refunds: their progress, and one whose call was lost.

use ask::fake::{FakeWeChat, Reply, fields};
use domain::{Fen, Order, OrderState, Refund, RefundState, RequestText, Schedule};
use wechat::{Keys, Moment, OrderRef, Prepared};

use super::world::{REFUND, REFUND_QUERY, half};
use super::*;

#[tokio::test]
async fn a_refund_is_followed_from_processing_to_success() {
    let world = World::new();
    let (order, refund) = refunding(&world, RefundState::Processing).await;
    says_of_refund(&world, &order, &refund, "PROCESSING");
    world.live(0..=360).await;
    assert_eq!(world.refund(&refund).state, RefundState::Processing);
    says_of_refund(&world, &order, &refund, "SUCCESS");
    world.live(361..=1_020).await;
    assert_eq!(world.refund(&refund).state, RefundState::Succeeded);
    let after = world.order(&order);
    assert_eq!((after.state, after.refunded, after.reserved), (OrderState::PartlyRefunded, refund.amount, Fen::ZERO));
    assert_eq!(world.events(), ["refund.succeeded"]);
}

#[tokio::test]
async fn a_refund_that_is_closed_gives_its_amount_back_to_the_order() {
    let world = World::new();
    let (order, refund) = refunding(&world, RefundState::Processing).await;
    says_of_refund(&world, &order, &refund, "REFUNDCLOSE");
    world.sweep(minutes(2)).await;
    assert_eq!(world.refund(&refund).state, RefundState::Closed);
    assert_eq!(world.order(&order).refundable(), order.amount);
}

#[tokio::test]
async fn a_refund_to_a_dead_card_is_abnormal_and_keeps_its_amount_promised() {
    let world = World::new();
    let (order, refund) = refunding(&world, RefundState::Processing).await;
    says_of_refund(&world, &order, &refund, "CHANGE");
    world.sweep(minutes(2)).await;
    assert_eq!(world.refund(&refund).state, RefundState::Abnormal);
    assert_eq!(world.order(&order).reserved, refund.amount);
    assert_eq!(world.events(), ["refund.abnormal"]);
}

#[tokio::test]
async fn a_lost_refund_is_sent_again_with_the_stored_bytes_and_the_same_number() {
    let world = World::new();
    let (order, refund) = refunding(&world, RefundState::Created).await;
    world.wechat.on(REFUND_QUERY, Reply::Refuses("REFUNDNOTEXIST"));
    world.wechat.on(REFUND, fields(&[("refund_id", "50000000001"), ("refund_fee", &refund.amount.to_string())]));
    world.sweep(minutes(2)).await;
    let body = request(&order, &refund).body().to_owned();
    assert_eq!(world.wechat.asked().last().map(|asked| asked.body.clone()), Some(body));
    assert_eq!(world.refund(&refund).state, RefundState::Processing);
}

#[tokio::test]
async fn a_lost_refund_that_wechat_refuses_for_good_is_rejected_and_released() {
    let world = World::new();
    let (order, refund) = refunding(&world, RefundState::Created).await;
    world.wechat.on(REFUND_QUERY, Reply::Refuses("REFUNDNOTEXIST"));
    world.wechat.on(REFUND, Reply::Refuses("TRADE_OVERDUE"));
    world.sweep(minutes(2)).await;
    let after = world.refund(&refund);
    assert_eq!((after.state, after.failure.as_deref()), (RefundState::Rejected, Some("TRADE_OVERDUE")));
    assert_eq!(world.order(&order).reserved, Fen::ZERO);
    assert_eq!(world.events(), ["refund.closed"], "whoever was promised it learns that nothing is given back");
}

#[tokio::test]
async fn a_lost_refund_for_which_the_merchant_lacks_money_stays_promised_and_is_tried_again() {
    let world = World::new();
    let (order, refund) = refunding(&world, RefundState::Created).await;
    world.wechat.on(REFUND_QUERY, Reply::Refuses("REFUNDNOTEXIST"));
    world.wechat.on(REFUND, Reply::Refuses("NOTENOUGH"));
    world.sweep(minutes(2)).await;
    let waits = world.refund(&refund);
    assert_eq!((waits.state, waits.failure.as_deref()), (RefundState::Created, Some("NOTENOUGH")), "it says for what");
    assert_eq!(world.order(&order).reserved, refund.amount);
    assert!(waits.check.is_some_and(|check| check.due_at > minutes(2)));
}

#[tokio::test]
async fn a_refund_that_wechat_never_takes_is_tried_ever_less_often_and_rejected_in_the_end() {
    let world = World::new();
    let (order, refund) = refunding(&world, RefundState::Created).await;
    world.wechat.on(REFUND_QUERY, Reply::Refuses("REFUNDNOTEXIST"));
    world.wechat.on(REFUND, Reply::Refuses("NOTENOUGH"));
    for minute in (0..80 * 60).step_by(10) {
        world.sweep(minutes(minute)).await;
    }
    let sent = world.wechat.take_paths().iter().filter(|path| *path == REFUND).count();
    assert!((3..20).contains(&sent), "{sent} times");
    let after = world.refund(&refund);
    assert!(after.is_given_up() && after.check.is_none(), "{:?}", after.failure);
    assert_eq!((after.state, after.failure.as_deref()), (RefundState::Rejected, Some("NOTENOUGH")));
    assert_eq!(world.events(), ["refund.closed"]);
    assert_eq!(world.order(&order).refundable(), order.amount, "another one may follow");
}

#[tokio::test]
async fn a_refund_that_only_unsigned_answers_do_not_know_is_asked_for_daily_and_is_overdue_after_three_days() {
    let world = World::new();
    let (order, refund) = refunding(&world, RefundState::Created).await;
    world.wechat.on(REFUND_QUERY, Reply::RefusesUnsigned("REFUNDNOTEXIST"));
    for hour in 0..5 * 24 {
        world.sweep(minutes(hour * 60)).await;
    }
    assert!(world.refund(&refund).is_overdue(minutes(72 * 60)) && !world.wechat.take_paths().is_empty());
    for hour in 5 * 24..12 * 24 {
        world.sweep(minutes(hour * 60)).await;
    }
    let asked = world.wechat.take_paths();
    assert!((6..=7).contains(&asked.len()) && asked.iter().all(|path| path == REFUND_QUERY), "{asked:?}");
    assert_eq!(world.refund(&refund).state, RefundState::Created);
    assert_eq!(world.order(&order).reserved, refund.amount, "it may exist after all");
}

#[tokio::test]
async fn every_page_of_an_orders_refunds_is_read() {
    let world = World::new();
    let (contract, order) = world.paid();
    let amount = Fen::new(1_200);
    let order = Order { amount, check: Some(domain::Check::asked(None, at(0))), ..order };
    world.put(Some(&contract), Some(&order), None).await;
    let page = |first: u32, rows: u32| {
        let mut told = vec![
            ("total_fee".to_owned(), "1200".to_owned()),
            ("transaction_id".to_owned(), order.transaction_id.clone().unwrap().to_string()),
            ("total_refund_count".to_owned(), "12".to_owned()),
        ];
        for row in 0..rows {
            told.push((format!("out_refund_no_{row}"), format!("PLATFORM{}", first + row)));
            told.push((format!("refund_id_{row}"), format!("5000000000{:02}", first + row)));
            told.push((format!("refund_fee_{row}"), "100".to_owned()));
            told.push((format!("refund_status_{row}"), "SUCCESS".to_owned()));
        }
        Reply::Fields(told)
    };
    world.wechat.once(REFUND_QUERY, page(0, 10));
    world.wechat.once(REFUND_QUERY, page(10, 2));
    let paid = Order { transaction_id: order.transaction_id.clone(), ..order.clone() };
    let transaction_id = paid.transaction_id.unwrap().to_string();
    world.wechat.on(
        super::world::ORDER_QUERY,
        fields(&[("trade_state", "REFUND"), ("transaction_id", &transaction_id), ("total_fee", "1200")]),
    );
    world.sweep(minutes(1)).await;
    let after = world.order(&order);
    assert_eq!((after.state, after.refunded), (OrderState::Refunded, amount));
    let offsets: Vec<_> = world
        .wechat
        .asked()
        .into_iter()
        .filter(|asked| asked.path == REFUND_QUERY)
        .map(|asked| asked.fields.get("offset").cloned())
        .collect();
    assert_eq!(offsets, [None, Some("10".to_owned())]);
}

/// Half of a paid order is being refunded.
async fn refunding(world: &World, state: RefundState) -> (Order, Refund) {
    let (contract, order) = world.paid();
    let amount = half(order.amount);
    let refund = world.generator.borrow_mut().refund(&order, amount);
    let refund = Refund { state, created_at: at(0), check: Some(Schedule::Refund.first(at(0))), ..refund };
    let refund = Refund { request: Some(RequestText::new(request(&order, &refund).to_text())), ..refund };
    let order = Order { reserved: amount, ..order };
    world.put(Some(&contract), Some(&order), Some(&refund)).await;
    (order, refund)
}

fn request(order: &Order, refund: &Refund) -> Prepared<wechat::Refund> {
    let call = wechat::Refund {
        appid: order.appid.clone(),
        order: OrderRef::OutTradeNo(order.out_trade_no.clone()),
        out_refund_no: refund.out_refund_no.clone(),
        total: order.amount,
        refund: refund.amount,
        reason: None,
        from_recharge: false,
        notify_url: None,
    };
    let at = Moment::with_nonce(at(0), "5K8264ILTKCH16CQ2502SI8ZNMTM67VS").unwrap();
    call.prepare(&Keys::new(FakeWeChat::keys()), &at).unwrap()
}

fn says_of_refund(world: &World, order: &Order, refund: &Refund, status: &str) {
    world.wechat.on(
        REFUND_QUERY,
        fields(&[
            ("out_trade_no", order.out_trade_no.as_str()),
            ("transaction_id", order.transaction_id.as_ref().unwrap().as_str()),
            ("total_fee", &order.amount.to_string()),
            ("refund_count", "1"),
            ("out_refund_no_0", refund.out_refund_no.as_str()),
            ("refund_id_0", "50000000001"),
            ("refund_fee_0", &refund.amount.to_string()),
            ("refund_status_0", status),
        ]),
    );
}
