//! A refund is told of before the payment is: it was made beside papay, by a person on the merchant platform or by another system of the
//! merchant's, whose call names our address. Nobody has asked WeChat anything before.

use std::time::Duration;

use serde_json::{Value, json};

use super::end::{End, causes};
use super::scene::{MINUTE, Scene};
use crate::harness::MCH_ID;

/// Short enough that nobody asks before WeChat has told.
const MOMENT: Duration = Duration::from_millis(250);

const END: End<'_> = End {
    status: "partly_refunded",
    trade_state: "REFUND",
    refunds: &[("R1", 400, "succeeded", "SUCCESS")],
    events: &["payment.succeeded", "refund.succeeded"],
};

impl Scene {
    /// Both notices were taken, that of the refund first; then the refund is asked for, and booked.
    async fn books_both_in_their_order(self) {
        self.hears_every_notice(&self.order, MOMENT).await;
        let mut notices = self.notices(&self.order).await;
        notices.sort_by_key(|notice| notice["deliveries"][0]["at_ms"].as_i64());
        let kinds: Vec<&str> = notices.iter().map(|notice| notice["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["refund", "payment"], "{notices:#?}");
        assert!(notices.iter().all(|notice| accepted(notice) == 1), "each was taken at once: {notices:#?}");
        self.comes_to_be('R', "R1", "succeeded", MINUTE).await;
        let heard = self.ends(END).await;
        assert_eq!(causes(&heard), ["callback", "query"], "the payment was told of, the refund asked for");
        self.stop().await;
    }
}

fn accepted(notice: &Value) -> usize {
    let deliveries = notice["deliveries"].as_array().unwrap();
    deliveries.iter().filter(|delivery| delivery["accepted"] == true).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_platforms_refund_is_told_of_before_its_payment() {
    let scene = Scene::of_a_book().await;
    scene.notices_meet("payment", json!("swapped"), 1).await;
    scene.pay().await;
    scene.of_the_order("refund", json!({ "amount": 400, "out_refund_no": "R1" })).await;
    scene.books_both_in_their_order().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_systems_refund_is_told_of_before_its_payment() {
    let scene = Scene::of_a_book().await;
    scene.notices_meet("payment", json!("swapped"), 1).await;
    scene.pay().await;
    let refunds = scene.town.stack.lambda.url("refund-callback").unwrap();
    let address = format!("{}/v3/{MCH_ID}", refunds.trim_end_matches('/'));
    scene.wechat.give_back(&scene.town, &scene.order, "R1", (400, 990), address).await;
    scene.books_both_in_their_order().await;
}
