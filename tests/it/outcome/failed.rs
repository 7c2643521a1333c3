//! A payment that comes to nothing at the cashier.

use std::time::Duration;

use serde_json::json;

use super::rows::{ACTIVE, MINUTES, SECONDS};
use super::scene::{End, Scene};
use crate::harness::MCH_ID;

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_the_bank_refuses_ends_the_attempt_and_another_one_may_follow() {
    let scene = Scene::subscribed("vip-monthly").await;
    scene.open().await;
    scene.control(&format!("/{MCH_ID}/orders/{}/fail", scene.order), json!({})).await;
    let end = End {
        outcome: "closed",
        payment: "closed",
        contract: "not_signed",
        reason: Some("unpaid"),
        trade_state: "CLOSED",
        // It knows the attempt, and no contract came of it.
        at_wechat: Some("offered"),
        events: &["payment.closed", "subscription.settled"],
    };
    let first = scene.ends(end, MINUTES).await;
    let second = Scene::begin(first.town, "alice", "vip-monthly").await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_ends_nothing_and_the_user_pays_with_the_right_one() {
    let scene = Scene::subscribed("vip-monthly").await;
    scene.open().await;
    scene.control(&format!("/{MCH_ID}/orders/{}/wrong-password", scene.order), json!({})).await;
    scene.town.move_clock(Duration::from_secs(61)).await;
    let waiting = scene.comes_to("pending", SECONDS).await;
    assert_eq!(waiting["payment"]["status"], "unpaid", "{waiting}");
    scene.pay(json!({ "user": "wx-alice" })).await;
    scene.ends(ACTIVE, SECONDS).await.stop().await;
}
