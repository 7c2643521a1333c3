//! A payer who has the contract already: WeChat takes the money and signs nothing.

use std::time::Duration;

use serde_json::json;

use super::rows::{ACTIVE, PAID_NOT_SIGNED, SECONDS};
use super::scene::{End, Scene};
use crate::harness::MCH_ID;

#[tokio::test(flavor = "multi_thread")]
async fn a_payer_who_has_the_contract_already_is_told_so_though_wechat_was_asked_late() {
    let scene = Scene::subscribed("vip-monthly").await;
    scene.pay(json!({ "user": "wx-alice" })).await;
    let first = scene.ends(ACTIVE, SECONDS).await;
    let old = first.code.clone();
    let second = Scene::begin(first.town, "bob", "vip-monthly").await;
    second.lose("payment").await;
    let paid = second.pay(json!({ "user": "wx-alice" })).await;
    assert_eq!(paid["not_signed"], "already_signed");
    // By then it would count as declined.
    second.town.move_clock(Duration::from_secs(45 * 60)).await;
    let second = second.ends(End { reason: Some("already_signed"), ..PAID_NOT_SIGNED }, SECONDS).await;
    for event in ["contract.not_signed", "subscription.settled"] {
        assert_eq!(second.told(event)["contract"]["existing_contract_code"], old.as_str(), "{event}");
    }
    let (status, problem) = second.subscribe("vip-monthly", "again").await;
    assert_eq!((status, &problem["code"]), (409, &json!("already_subscribed")), "{problem}");
    let orders = second.town.stack.simulator.control().get(&format!("/{MCH_ID}/orders")).await.unwrap();
    assert_eq!(orders.as_array().unwrap().len(), 2, "nobody pays a third time");
    second.stop().await;
}
