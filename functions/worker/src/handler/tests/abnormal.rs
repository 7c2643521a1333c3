//! Refunds whose money waits, and what WeChat refuses: each is followed to its end, and none for ever.

use ask::fake::{Reply, fields};
use domain::{Fen, Keys, Order, OrderState, Protocol, Refund, RefundState, RequestText};
use record::{Commit, Expected, Write};
use serde_json::json;
use wechat::{Moment, v3};

use super::v3::{ORDERS, REFUND_ID, REFUNDS, TRANSACTION, of_refund, unknown};
use super::world::REFUND_QUERY;
use super::*;

impl World {
    /// A refund whose repair is on record, and not sent yet.
    async fn repairing(&self) -> (Order, Refund) {
        let (order, refund) = self.refund_of_purchase(RefundState::Repairing).await;
        let to = v3::RepairTo::MerchantBankCard;
        let refund_id = domain::RefundId::parse(REFUND_ID).unwrap();
        let number = refund.out_refund_no.clone();
        let repair = v3::AbnormalRefund { refund_id: refund_id.clone(), out_refund_no: number, to };
        let repair = repair.prepare(&super::v3::keys(), &Moment::new(at(0))).unwrap();
        let wanted = Refund {
            repair: Some(RequestText::new(repair.to_text())),
            repairs: 1,
            repairing_at: Some(at(0)),
            refund_id: Some(refund_id),
            ..refund
        };
        let next =
            Write { value: wanted.clone(), expected: Expected::Version(1), version: 2, routed: Default::default() };
        let commit = Commit { refund: Some(next), ..Commit::empty(super::world::mch_id()) };
        record::Ledger::commit(&self.memory.ledger(), &commit).await.unwrap();
        (order, wanted)
    }

    /// The sweeper comes every so many minutes, from one hour to another.
    async fn hours(&self, hours: std::ops::Range<i64>, every: usize) {
        for minute in (hours.start * 60..hours.end * 60).step_by(every) {
            self.sweep(minutes(minute)).await;
        }
    }

    fn asked_for(&self, path: &str) -> usize {
        self.wechat.take_paths().iter().filter(|asked| *asked == path).count()
    }
}

fn repair_path() -> String {
    format!("{REFUNDS}/{REFUND_ID}/apply-abnormal-refund")
}

#[tokio::test]
async fn an_abnormal_refund_that_a_person_settled_is_booked_within_a_day_though_no_notice_says_so() {
    let world = World::new();
    let (order, refund) = world.refund_of_purchase(RefundState::Processing).await;
    world.says_of_v3_refund(&order, &refund, "ABNORMAL");
    world.hours(0..2, 10).await;
    assert_eq!(world.refund(&refund).state, RefundState::Abnormal);
    let query = format!("{REFUNDS}/{}", refund.out_refund_no);
    assert_eq!(world.asked_for(&query), 1);
    world.hours(2..(2 + 10 * 24), 60).await;
    assert!((9..=10).contains(&world.asked_for(&query)), "once a day");
    world.says_of_v3_refund(&order, &refund, "SUCCESS");
    world.hours((2 + 10 * 24)..(3 + 11 * 24), 60).await;
    assert_eq!(world.refund(&refund).state, RefundState::Succeeded);
    let after = world.order(&order);
    assert_eq!((after.state, after.refunded, after.reserved), (OrderState::PartlyRefunded, refund.amount, Fen::ZERO));
    assert_eq!(world.events(), ["refund.abnormal", "refund.succeeded"]);
    assert!(world.due(minutes(10_000_000)).is_empty(), "nothing is asked any more");
}

#[tokio::test]
async fn whoever_reads_an_abnormal_refund_learns_at_once_that_a_person_settled_it() {
    let world = World::new();
    let (order, refund) = world.refund_of_purchase(RefundState::Processing).await;
    world.says_of_v3_refund(&order, &refund, "ABNORMAL");
    world.sweep(minutes(2)).await;
    world.says_of_v3_refund(&order, &refund, "SUCCESS");
    let wanted = Keys { refund: Some(refund.out_refund_no.clone()), ..Keys::default() };
    let mch_id = super::world::mch_id();
    let rows = world.asker.fresh(&super::v3::keys(), &mch_id, &wanted, minutes(5)).await.unwrap();
    assert_eq!(rows.refund.unwrap().value.state, RefundState::Succeeded);
    assert_eq!(world.order(&order).refunded, refund.amount);
    assert_eq!(world.events(), ["refund.abnormal", "refund.succeeded"]);
}

#[tokio::test]
async fn an_abnormal_refund_over_v2_that_a_person_settled_is_booked_as_well() {
    let world = World::new();
    let (contract, order) = world.paid();
    let amount = super::world::half(order.amount);
    let refund = world.generator.borrow_mut().refund(&order, amount);
    let check = Some(domain::Check::new(at(0), 0));
    let refund = Refund { state: RefundState::Processing, created_at: at(0), check, ..refund };
    assert_eq!(refund.protocol, Protocol::V2);
    let order = Order { reserved: amount, ..order };
    world.put(Some(&contract), Some(&order), Some(&refund)).await;
    let says = |status: &str| {
        let told = [
            ("out_trade_no", order.out_trade_no.as_str()),
            ("transaction_id", order.transaction_id.as_ref().unwrap().as_str()),
            ("total_fee", &order.amount.to_string()),
            ("refund_count", "1"),
            ("out_refund_no_0", refund.out_refund_no.as_str()),
            ("refund_id_0", "50000000001"),
            ("refund_fee_0", &refund.amount.to_string()),
            ("refund_status_0", status),
        ];
        world.wechat.on(REFUND_QUERY, fields(&told));
    };
    says("CHANGE");
    world.sweep(minutes(1)).await;
    assert_eq!(world.refund(&refund).state, RefundState::Abnormal);
    says("SUCCESS");
    world.hours(1..26, 60).await;
    assert_eq!(world.refund(&refund).state, RefundState::Succeeded);
    assert_eq!((world.order(&order).refunded, world.order(&order).reserved), (amount, Fen::ZERO));
}

#[tokio::test]
async fn a_refund_whose_repair_was_refused_is_followed_and_booked_once_a_person_settled_it() {
    let world = World::new();
    let (order, refund) = world.repairing().await;
    world.says_of_v3_refund(&order, &refund, "ABNORMAL");
    let refused = json!({ "code": "INVALID_REQUEST", "message": "银行卡信息错误" });
    world.wechat.on(&repair_path(), Reply::Json(400, refused));
    world.asker.send_repair(&super::v3::keys(), &refund, at(1)).await.unwrap();
    let after = world.refund(&refund);
    assert_eq!((after.state, after.failure.as_deref()), (RefundState::Abnormal, Some("INVALID_REQUEST")));
    world.says_of_v3_refund(&order, &refund, "SUCCESS");
    world.hours(1..26, 60).await;
    assert_eq!(world.refund(&refund).state, RefundState::Succeeded);
    assert_eq!(world.order(&order).refunded, refund.amount);
    assert_eq!(world.events(), ["refund.abnormal", "refund.succeeded"]);
}

#[tokio::test]
async fn a_repair_whose_answer_was_lost_is_not_called_refused_where_wechat_says_that_it_was_asked_for_before() {
    let world = World::new();
    let (order, refund) = world.repairing().await;
    world.says_of_v3_refund(&order, &refund, "ABNORMAL");
    world.wechat.once(&repair_path(), Reply::Silence);
    world.asker.send_repair(&super::v3::keys(), &refund, at(1)).await.unwrap();
    let before = json!({ "code": "INVALID_REQUEST", "message": "该退款单已申请过异常退款" });
    world.wechat.on(&repair_path(), Reply::Json(400, before));
    world.hours(0..3 * 24, 30).await;
    let after = world.refund(&refund);
    assert_eq!((after.state, after.failure.as_deref()), (RefundState::Repairing, Some("INVALID_REQUEST")));
    assert!(world.events().is_empty(), "nobody is told to pay the user in another way");
    world.says_of_v3_refund(&order, &refund, "SUCCESS");
    world.hours(3 * 24..6 * 24, 60).await;
    assert_eq!(world.refund(&refund).state, RefundState::Succeeded);
    assert_eq!(world.events(), ["refund.succeeded"]);
}

#[tokio::test]
async fn a_repair_that_only_an_unsigned_answer_refuses_goes_on() {
    let world = World::new();
    let (order, refund) = world.repairing().await;
    world.says_of_v3_refund(&order, &refund, "ABNORMAL");
    let unsigned = json!({ "code": "INVALID_REQUEST", "message": "银行卡信息错误" });
    world.wechat.on(&repair_path(), Reply::UnsignedJson(400, unsigned));
    world.asker.send_repair(&super::v3::keys(), &refund, at(1)).await.unwrap();
    let after = world.refund(&refund);
    assert_eq!((after.state, after.failure), (RefundState::Repairing, None));
    assert!(after.repair.is_some() && world.events().is_empty());
}

#[tokio::test]
async fn a_repair_that_wechat_took_is_followed_for_days_while_the_refund_is_still_called_abnormal() {
    let world = World::new();
    let (order, refund) = world.repairing().await;
    world.says_of_v3_refund(&order, &refund, "ABNORMAL");
    world.wechat.on(&repair_path(), of_refund(&order, &refund, "ABNORMAL"));
    world.hours(0..3 * 24, 10).await;
    assert_eq!(world.refund(&refund).state, RefundState::Repairing);
    assert_eq!(world.asked_for(&repair_path()), 1, "WeChat has it");
    assert!(world.events().is_empty());
    world.says_of_v3_refund(&order, &refund, "SUCCESS");
    world.hours(3 * 24..3 * 24 + 2, 10).await;
    assert_eq!(world.refund(&refund).state, RefundState::Succeeded);
    assert_eq!(world.events(), ["refund.succeeded"]);
}

#[tokio::test]
async fn a_repair_for_which_money_lacks_is_tried_ever_less_often_and_given_up_after_a_fortnight() {
    let world = World::new();
    let (order, refund) = world.repairing().await;
    world.says_of_v3_refund(&order, &refund, "ABNORMAL");
    let lacks = json!({ "code": "NOT_ENOUGH", "message": "余额不足" });
    world.wechat.on(&repair_path(), Reply::Json(403, lacks));
    world.hours(0..13 * 24, 30).await;
    assert!(world.refund(&refund).is_overdue(minutes(13 * 24 * 60)), "somebody was told after three days");
    assert_eq!(world.refund(&refund).state, RefundState::Repairing);
    world.hours(13 * 24..16 * 24, 30).await;
    let sent = world.asked_for(&repair_path());
    assert!((10..30).contains(&sent), "{sent} times");
    let after = world.refund(&refund);
    assert_eq!((after.state, after.failure.as_deref()), (RefundState::Abnormal, Some("NOT_ENOUGH")));
    assert!(after.is_given_up() && after.repair.is_none());
    assert_eq!(world.order(&order).reserved, refund.amount, "its money still waits");
    assert_eq!(world.events(), ["refund.abnormal"]);
}

#[tokio::test]
async fn a_repair_that_wechat_will_not_hear_of_without_a_signature_is_asked_for_daily_and_overdue() {
    let world = World::new();
    let (_, refund) = world.repairing().await;
    world.wechat.on(&format!("{REFUNDS}/{}", refund.out_refund_no), Reply::Status(401));
    world.wechat.on(&repair_path(), Reply::Status(401));
    world.hours(0..80, 10).await;
    assert!(world.refund(&refund).is_overdue(minutes(80 * 60)));
    let _ = world.wechat.take_paths();
    world.hours(80..80 + 7 * 24, 60).await;
    let asked = world.wechat.take_paths();
    assert!((6..=8).contains(&asked.len()), "{asked:?}");
    assert_eq!(world.refund(&refund).state, RefundState::Repairing, "nobody's word ends it");
}

/// What WeChat answers to the application of a refund, and to the question whether it is there.
async fn refused(world: &World, there: Reply) -> (Order, Refund) {
    let (order, refund) = world.refund_of_purchase(RefundState::Created).await;
    let query = format!("{REFUNDS}/{}", refund.out_refund_no);
    world.wechat.once(&query, unknown("RESOURCE_NOT_EXISTS"));
    world.wechat.on(&query, there);
    let refused = json!({ "code": "INVALID_REQUEST", "message": "订单金额或退款金额有误" });
    world.wechat.on(REFUNDS, Reply::Json(400, refused));
    (order, refund)
}

#[tokio::test]
async fn a_refused_refund_is_rejected_once_a_signed_answer_says_that_it_is_not_there() {
    let world = World::new();
    let (order, refund) = refused(&world, unknown("RESOURCE_NOT_EXISTS")).await;
    world.sweep(minutes(2)).await;
    let query = format!("{REFUNDS}/{}", refund.out_refund_no);
    assert_eq!(world.wechat.take_paths(), [query.as_str(), REFUNDS, query.as_str()]);
    let after = world.refund(&refund);
    assert_eq!((after.state, after.failure.as_deref()), (RefundState::Rejected, Some("INVALID_REQUEST")));
    assert_eq!(world.order(&order).reserved, Fen::ZERO);
    assert_eq!(world.events(), ["refund.closed"]);
}

#[tokio::test]
async fn a_refused_refund_that_is_there_after_all_is_what_wechat_says() {
    let world = World::new();
    let (order, refund) = refused(&world, Reply::Silence).await;
    world.wechat.on(&format!("{REFUNDS}/{}", refund.out_refund_no), of_refund(&order, &refund, "PROCESSING"));
    world.sweep(minutes(2)).await;
    assert_eq!(world.refund(&refund).state, RefundState::Processing);
    assert_eq!(world.order(&order).reserved, refund.amount);
}

#[tokio::test]
async fn a_refused_refund_of_which_nothing_is_known_keeps_its_amount() {
    let unsigned = json!({ "code": "RESOURCE_NOT_EXISTS", "message": "不存在" });
    for there in [Reply::Silence, Reply::UnsignedJson(404, unsigned)] {
        let world = World::new();
        let (order, refund) = refused(&world, there).await;
        world.sweep(minutes(2)).await;
        assert_eq!(world.refund(&refund).state, RefundState::Created);
        assert_eq!(world.order(&order).reserved, refund.amount);
    }
}

#[tokio::test]
async fn after_a_refused_refund_the_order_tells_that_it_was_refunded_on_the_merchant_platform() {
    let world = World::new();
    let (order, refund) = refused(&world, unknown("RESOURCE_NOT_EXISTS")).await;
    world.says_of_order(&order, json!({ "trade_state": "REFUND", "transaction_id": TRANSACTION, "trade_type": "APP" }));
    world.sweep(minutes(2)).await;
    assert_eq!(world.refund(&refund).state, RefundState::Rejected);
    world.sweep(minutes(3)).await;
    let after = world.order(&order);
    assert!(after.refunded_elsewhere && after.check.is_none());
    assert_eq!(after.refundable(), Fen::new(order.amount.get() - 1), "at least a fen is gone");
    let path = format!("{ORDERS}/{}", order.out_trade_no);
    assert_eq!(world.asked_for(&path), 1);
    world.says_of_order(&order, json!({ "trade_state": "SUCCESS" }));
    world.sweep(minutes(10_000)).await;
    assert_eq!(world.asked_for(&path), 0, "one answer is enough");
}

#[tokio::test]
async fn a_purchase_that_only_unsigned_answers_do_not_know_is_asked_for_daily_while_it_is_closed_and_is_overdue() {
    let world = World::new();
    let order = world.purchase(OrderState::Requested).await;
    let unknown = || Reply::UnsignedJson(404, json!({ "code": "ORDER_NOT_EXIST", "message": "订单不存在" }));
    let path = format!("{ORDERS}/{}", order.out_trade_no);
    world.wechat.on(&path, unknown());
    world.wechat.on(&format!("{path}/close"), unknown());
    world.hours(0..80, 10).await;
    let after = world.order(&order);
    assert_eq!(after.state, OrderState::Closing, "nobody's word ends it");
    assert!(after.is_overdue(minutes(80 * 60)));
    let _ = world.wechat.take_paths();
    world.hours(80..80 + 7 * 24, 60).await;
    assert!((6..=8).contains(&world.asked_for(&format!("{path}/close"))), "asked, closed and asked once a day");
    world.wechat.on(&path, super::v3::unknown("ORDER_NOT_EXIST"));
    world.hours(80 + 7 * 24..80 + 9 * 24, 60).await;
    assert_eq!(world.order(&order).state, OrderState::Closed);
    assert_eq!(world.events(), ["payment.closed"]);
}
