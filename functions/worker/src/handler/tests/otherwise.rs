//! Refunds of which WeChat knows something else than we do.

use ask::fake::Reply;
use domain::{
    Cause, Evidence, Fact, FactBody, Fen, Order, OrderState, Refund, RefundFact, RefundResult, RefundState, Timestamp,
};
use serde_json::json;

use super::v3::{REFUNDS, of_refund};
use super::world::half;
use super::*;

impl World {
    /// Another order, paid, without a refund.
    async fn other_order(&self, like: &Order) -> Order {
        let out_trade_no = domain::OutTradeNo::parse("OTHER-0001").unwrap();
        let order = Order { out_trade_no, reserved: Fen::ZERO, refunds: 0, ..like.clone() };
        self.put(None, Some(&order), None).await;
        order
    }

    /// A notice that proves nothing says that this refund of this order succeeded.
    async fn hears_of(&self, order: &Order, refund: &Refund, now: Timestamp) {
        let told = RefundFact {
            out_refund_no: refund.out_refund_no.clone(),
            refund_id: None,
            out_trade_no: Some(order.out_trade_no.clone()),
            transaction_id: None,
            refund: Some(refund.amount),
            total: Some(order.amount),
            said_at: None,
            result: RefundResult::Succeeded { at: None },
        };
        let (cause, evidence) = (Cause::Callback, Evidence::Decrypted);
        self.notified(&Fact { mch_id: super::world::mch_id(), cause, evidence, body: FactBody::Refund(told) }, now)
            .await;
    }

    /// A refund of an order of ours that a forged notice told of, for another one.
    async fn forged(&self) -> (Order, Order, Refund) {
        let (order, refund) = self.refund_of_purchase(RefundState::Succeeded).await;
        self.says_of_v3_refund(&order, &refund, "SUCCESS");
        let platforms = Refund { out_refund_no: domain::OutRefundNo::parse("P1").unwrap(), ..refund.clone() };
        let other = self.other_order(&order).await;
        self.hears_of(&order, &platforms, at(0)).await;
        assert_eq!(self.refund(&platforms).out_trade_no, order.out_trade_no);
        (order, other, platforms)
    }
}

#[tokio::test]
async fn a_refund_that_a_forged_notice_gave_to_the_wrong_order_is_booked_where_wechat_says() {
    let world = World::new();
    let (order, other, refund) = world.forged().await;
    world.says_of_v3_refund(&other, &refund, "SUCCESS");
    world.sweep(minutes(1)).await;
    let booked = world.refund(&refund);
    assert_eq!((booked.state, &booked.out_trade_no), (RefundState::Succeeded, &other.out_trade_no));
    assert_eq!(world.order(&other).refunded, refund.amount);
    assert_eq!(world.order(&order).refunded, Fen::ZERO);
}

#[tokio::test]
async fn the_true_notice_after_a_forged_one_has_its_own_order_asked_for() {
    let world = World::new();
    let (_, other, refund) = world.forged().await;
    world.hears_of(&other, &refund, at(30)).await;
    assert_eq!(world.refund(&refund).out_trade_no, other.out_trade_no);
    world.says_of_v3_refund(&other, &refund, "SUCCESS");
    world.sweep(minutes(1)).await;
    assert_eq!(world.order(&other).refunded, refund.amount);
}

#[tokio::test]
async fn a_reported_refund_of_an_order_that_is_not_ours_is_asked_for_once() {
    let world = World::new();
    let (order, other, refund) = world.forged().await;
    let strangers = Order { out_trade_no: domain::OutTradeNo::parse("STRANGE-1").unwrap(), ..other };
    world.says_of_v3_refund(&strangers, &refund, "SUCCESS");
    for hour in 0..48 {
        world.sweep(minutes(1 + hour * 60)).await;
    }
    let query = format!("{REFUNDS}/{}", refund.out_refund_no);
    assert_eq!(world.wechat.take_paths().iter().filter(|path| **path == query).count(), 1);
    let ended = world.refund(&refund);
    assert_eq!((ended.state, ended.check), (RefundState::Rejected, None));
    assert_eq!(world.order(&order).refunded, Fen::ZERO);
    assert!(world.events().is_empty());
}

#[tokio::test]
async fn a_number_under_which_another_system_refunded_another_amount_ends_our_refund_and_counts_theirs() {
    let world = World::new();
    let (order, refund) = world.refund_of_purchase(RefundState::Created).await;
    let theirs = Refund { amount: half(refund.amount), ..refund.clone() };
    let mismatch = json!({ "code": "REFUND_FEE_MISMATCH", "message": "退款金额与之前请求不一致" });
    world.wechat.on(REFUNDS, Reply::Json(400, mismatch));
    world.says_of_v3_refund(&order, &theirs, "SUCCESS");
    for hour in 0..48 {
        world.sweep(minutes(2 + hour * 60)).await;
    }
    assert_eq!(world.wechat.take_paths().len(), 1, "one answer is enough");
    let after = world.order(&order);
    assert_eq!((after.refunded, after.reserved, after.state), (theirs.amount, Fen::ZERO, OrderState::PartlyRefunded));
    let row = world.refund(&refund);
    assert_eq!(
        (row.state, row.amount, row.failure.as_deref()),
        (RefundState::Succeeded, theirs.amount, Some("NUMBER_USED"))
    );
    assert_eq!(world.events(), ["refund.closed", "refund.succeeded"]);
}

#[tokio::test]
async fn a_number_that_wechat_has_for_another_order_ends_our_refund() {
    let world = World::new();
    let (order, refund) = world.refund_of_purchase(RefundState::Created).await;
    let strangers = Order { out_trade_no: domain::OutTradeNo::parse("STRANGE-1").unwrap(), ..order.clone() };
    world.wechat.on(&format!("{REFUNDS}/{}", refund.out_refund_no), of_refund(&strangers, &refund, "SUCCESS"));
    world.sweep(minutes(2)).await;
    let ended = world.refund(&refund);
    assert_eq!((ended.state, ended.failure.as_deref()), (RefundState::Rejected, Some("NUMBER_USED")));
    assert_eq!((world.order(&order).reserved, world.order(&order).refunded), (Fen::ZERO, Fen::ZERO));
    assert_eq!(world.events(), ["refund.closed"]);
}

#[tokio::test]
async fn a_refund_that_wechat_accepted_and_then_never_knows_is_overdue_after_eight_days() {
    let world = World::new();
    let (_, refund) = world.refund_of_purchase(RefundState::Processing).await;
    let unsigned = json!({ "code": "RESOURCE_NOT_EXISTS", "message": "不存在" });
    world.wechat.on(&format!("{REFUNDS}/{}", refund.out_refund_no), Reply::UnsignedJson(404, unsigned));
    for hour in 0..9 * 24 {
        world.sweep(minutes(hour * 60)).await;
    }
    let after = world.refund(&refund);
    assert!(!after.is_overdue(minutes(8 * 24 * 60 - 1)) && after.is_overdue(minutes(8 * 24 * 60)));
    assert_eq!(after.state, RefundState::Processing, "nobody's word ends it");
}
