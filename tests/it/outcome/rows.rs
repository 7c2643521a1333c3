//! The rows of the table, a test each.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::scene::{End, Scene, text};
use crate::harness::{MCH_ID, Town};

/// Between two looks of the app.
pub(super) const SECONDS: Duration = Duration::from_secs(6);

/// For what takes half an hour and more.
pub(super) const MINUTES: Duration = Duration::from_secs(300);

pub(super) const ACTIVE: End<'_> = End {
    outcome: "active",
    payment: "paid",
    contract: "signed",
    reason: None,
    trade_state: "SUCCESS",
    at_wechat: Some("signed"),
    events: &["contract.signed", "payment.succeeded", "subscription.settled"],
};

pub(super) const PAID_NOT_SIGNED: End<'_> = End {
    outcome: "paid_not_signed",
    payment: "paid",
    contract: "not_signed",
    reason: Some("declined"),
    trade_state: "SUCCESS",
    at_wechat: Some("cancelled"),
    events: &["contract.not_signed", "payment.succeeded", "subscription.settled"],
};

#[tokio::test(flavor = "multi_thread")]
async fn paid_and_signed_with_the_payment_notice_first() {
    let scene = Scene::subscribed("vip-monthly").await;
    scene.pay(json!({ "user": "wx-alice", "first": "payment" })).await;
    scene.ends(ACTIVE, SECONDS).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paid_and_signed_with_the_signing_notice_first() {
    let scene = Scene::subscribed("vip-monthly").await;
    scene.pay(json!({ "user": "wx-alice", "first": "contract" })).await;
    scene.ends(ACTIVE, SECONDS).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paid_and_not_signed_because_the_user_switched_renewal_off() {
    let scene = Scene::subscribed("vip-monthly").await;
    scene.pay(json!({ "user": "wx-alice", "sign": false })).await;
    scene.ends(PAID_NOT_SIGNED, MINUTES).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paid_and_not_signed_because_the_account_is_abnormal() {
    let scene = Scene::subscribed("vip-monthly").await;
    scene.pay(json!({ "user": "wx-alice", "reason": "account_abnormal" })).await;
    scene.ends(PAID_NOT_SIGNED, MINUTES).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paid_and_not_signed_because_the_user_has_too_many_contracts() {
    let scene = Scene::subscribed("vip-monthly").await;
    scene.pay(json!({ "user": "wx-alice", "reason": "too_many_items" })).await;
    scene.ends(PAID_NOT_SIGNED, MINUTES).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paid_and_not_signed_because_the_same_wechat_user_has_the_contract_already() {
    let scene = Scene::subscribed("vip-monthly").await;
    scene.pay(json!({ "user": "wx-alice" })).await;
    let first = scene.ends(ACTIVE, SECONDS).await;
    // Another account of the app, and the same person at WeChat: nothing tells us before the payment.
    let old = first.code.clone();
    let second = Scene::begin(first.town, "bob", "vip-monthly").await;
    let paid = second.pay(json!({ "user": "wx-alice" })).await;
    assert_eq!(paid["not_signed"], "already_signed");
    let end = End { reason: Some("already_signed"), ..PAID_NOT_SIGNED };
    let second = second.ends(end, SECONDS).await;
    for event in ["contract.not_signed", "subscription.settled"] {
        assert_eq!(second.told(event)["contract"]["existing_contract_code"], old.as_str(), "{event}");
    }
    let (status, problem) = second.subscribe("vip-monthly", "again").await;
    assert_eq!((status, &problem["code"]), (409, &json!("already_subscribed")), "{problem}");
    let orders = second.town.stack.simulator.control().get(&format!("/{MCH_ID}/orders")).await.unwrap();
    assert_eq!(orders.as_array().unwrap().len(), 2, "nobody pays a third time");
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signing_that_was_abandoned_gives_way_to_a_purchase() {
    let mut scene = Scene::unbegun(Town::start().await, "alice");
    let wanted = json!({ "product": "vip-monthly", "channel": "app" });
    let (status, offered) = scene.call(Method::POST, "/contracts", Some(("sign", wanted))).await;
    assert_eq!(status, 201, "{offered}");
    let (status, problem) = scene.subscribe("vip-monthly", "pay").await;
    assert_eq!((status, &problem["code"]), (409, &json!("attempt_pending")), "{problem}");
    // What an app starts signing with is good for two minutes.
    scene.town.move_clock(Duration::from_secs(121)).await;
    let begun = scene.subscribe("vip-monthly", "pay").await;
    let path = format!("/subscriptions/{}", offered["contract_code"].as_str().unwrap());
    let (_, abandoned) = scene.call(Method::GET, &path, None).await;
    assert_eq!(abandoned["outcome"], "closed", "{abandoned}");
    scene.goes_on_with(begun);
    scene.pay(json!({ "user": "wx-alice" })).await;
    scene.ends(ACTIVE, SECONDS).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signing_in_progress_is_waited_for() {
    let scene = Scene::subscribed("vip-monthly").await;
    scene.pay(json!({ "user": "wx-alice", "signing_ms": 90_000 })).await;
    assert_eq!(scene.comes_to("paid_signing", Duration::from_secs(1)).await["contract"]["state"], "pending");
    scene.ends(ACTIVE, SECONDS).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_presigning_failed_is_closed_and_never_offered() {
    let mut scene = Scene::unbegun(Town::start().await, "alice");
    let (status, problem) = scene.subscribe("vip-misconfigured", "first").await;
    assert_eq!((status, &problem["code"]), (502, &json!("presign_failed")), "{problem}");
    scene.find().await;
    let end = End {
        outcome: "closed",
        payment: "closed",
        contract: "not_signed",
        reason: Some("presign_failed"),
        trade_state: "CLOSED",
        // It knows the attempt, and no contract came of it.
        at_wechat: Some("offered"),
        events: &["contract.not_signed", "payment.closed", "subscription.settled"],
    };
    scene.ends(end, MINUTES).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_signing_notice_is_lost_and_the_query_finds_the_contract() {
    let scene = Scene::subscribed("vip-monthly").await;
    scene.lose("contract_add").await;
    scene.pay(json!({ "user": "wx-alice" })).await;
    scene.ends(ACTIVE, SECONDS).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_payment_notice_is_lost_and_the_signing_notice_has_the_order_asked_for() {
    let scene = Scene::subscribed("vip-monthly").await;
    scene.lose("payment").await;
    scene.pay(json!({ "user": "wx-alice" })).await;
    scene.ends(ACTIVE, SECONDS).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_notice_is_lost_and_the_queries_find_everything() {
    let scene = Scene::subscribed("vip-monthly").await;
    scene.lose("payment").await;
    scene.lose("contract_add").await;
    scene.pay(json!({ "user": "wx-alice" })).await;
    scene.ends(ACTIVE, SECONDS).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_nobody_pays_is_closed_at_its_expiry() {
    let scene = Scene::subscribed("vip-monthly").await;
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
    scene.ends(end, MINUTES).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paid_and_then_refunded_on_the_merchant_platform() {
    let scene = Scene::subscribed("vip-monthly").await;
    scene.pay(json!({ "user": "wx-alice" })).await;
    scene.comes_to("active", SECONDS).await;
    scene.control(&format!("/{MCH_ID}/orders/{}/refund", scene.order), json!({})).await;
    let end = End {
        outcome: "refunded",
        payment: "refunded",
        contract: "signed",
        trade_state: "REFUND",
        events: &[
            "contract.signed",
            "payment.succeeded",
            "refund.succeeded",
            "subscription.settled",
            "subscription.settled",
        ],
        ..ACTIVE
    };
    scene.ends(end, SECONDS).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paid_and_then_refunded_by_the_back_end_in_part_and_later_the_rest() {
    let scene = Scene::subscribed("vip-monthly").await;
    scene.pay(json!({ "user": "wx-alice" })).await;
    scene.comes_to("active", SECONDS).await;
    let refund = |number: &str, amount: u64| json!({ "out_trade_no": scene.order, "out_refund_no": number, "amount": amount, "reason": "少了一周" });
    let (status, part) = scene.back_end("/refunds", "part", &refund("part", 800)).await;
    assert_eq!(status, 202, "{part}");
    let partly = scene.is_paid_as("partly_refunded", SECONDS).await;
    assert_eq!([text(&partly["outcome"]), text(&partly["contract"]["state"])], ["active", "signed"], "{partly}");
    scene.town.drained().await;
    // Two refunds of an order are a minute apart.
    scene.town.move_clock(Duration::from_secs(61)).await;
    let (status, problem) = scene.back_end("/refunds", "more", &refund("more", 1001)).await;
    assert_eq!((status, &problem["code"], &problem["refundable"]), (409, &json!("more_than_refundable"), &json!(1000)));
    let (status, rest) = scene.back_end("/refunds", "rest", &refund("rest", 1000)).await;
    assert_eq!(status, 202, "{rest}");
    let end = End {
        outcome: "refunded",
        payment: "refunded",
        contract: "signed",
        trade_state: "REFUND",
        events: &[
            "contract.signed",
            "payment.succeeded",
            "refund.succeeded",
            "refund.succeeded",
            "subscription.settled",
            "subscription.settled",
        ],
        ..ACTIVE
    };
    scene.ends(end, SECONDS).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_and_terminated_by_the_user_at_once() {
    let scene = Scene::subscribed("vip-monthly").await;
    scene.pay(json!({ "user": "wx-alice" })).await;
    scene.comes_to("active", SECONDS).await;
    scene.control(&format!("/{MCH_ID}/contracts/{}/terminate", scene.code), json!({ "by": "user" })).await;
    let end = End {
        outcome: "terminated",
        contract: "terminated",
        reason: Some("user"),
        at_wechat: Some("terminated"),
        events: &[
            "contract.signed",
            "contract.terminated",
            "payment.succeeded",
            "subscription.settled",
            "subscription.settled",
        ],
        ..ACTIVE
    };
    scene.ends(end, SECONDS).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settled_as_not_signed_and_signed_later_after_all() {
    let scene = Scene::subscribed("vip-monthly").await;
    // WeChat does not know the contract for longer than anybody waits, and then signs it.
    scene.lose("contract_add").await;
    scene.pay(json!({ "user": "wx-alice", "signing_ms": 3_600_000, "signing_unknown": true })).await;
    scene.comes_to("paid_not_signed", MINUTES).await;
    let end = End {
        outcome: "signed_later",
        events: &[
            "contract.not_signed",
            "contract.signed",
            "payment.succeeded",
            "subscription.settled",
            "subscription.settled",
        ],
        ..ACTIVE
    };
    scene.ends(end, MINUTES).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_app_ends_the_contract_and_nothing_is_charged_after() {
    let town = Town::start().await;
    // Outside the window nothing is charged anyway.
    town.wait_for_the_morning().await;
    let scene = Scene::begin(town, "alice", "vip-monthly").await;
    scene.pay(json!({ "user": "wx-alice" })).await;
    scene.comes_to("active", SECONDS).await;
    let path = format!("/subscriptions/{}/termination", scene.code);
    let (status, ended) = scene.call(Method::POST, &path, Some(("end", json!({})))).await;
    assert!(matches!(status, 200 | 202), "{ended}");
    let charge = json!({ "contract_code": scene.code, "period": 1, "attempt": 1, "amount": 1800 });
    for later in [Duration::ZERO, Duration::from_secs(360), Duration::from_secs(24 * 3600)] {
        scene.town.move_clock(later).await;
        let (status, problem) = scene.back_end("/deductions", "charge", &charge).await;
        assert_eq!((status, &problem["code"]), (409, &json!("contract_ended")), "{problem}");
    }
    let orders = scene.town.stack.simulator.control().get(&format!("/{MCH_ID}/orders")).await.unwrap();
    let numbers: Vec<_> = orders.as_array().unwrap().iter().map(|order| text(&order["out_trade_no"])).collect();
    assert_eq!(numbers, std::slice::from_ref(&scene.order), "WeChat was asked for no deduction");
    let end = End {
        outcome: "terminated",
        contract: "terminated",
        reason: Some("merchant_api"),
        at_wechat: Some("terminated"),
        events: &[
            "contract.signed",
            "contract.terminated",
            "payment.succeeded",
            "subscription.settled",
            "subscription.settled",
        ],
        ..ACTIVE
    };
    scene.ends(end, SECONDS).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_a_live_contract_is_told_before_an_order_is_made() {
    let scene = Scene::subscribed("vip-monthly").await;
    scene.pay(json!({ "user": "wx-alice" })).await;
    scene.comes_to("active", SECONDS).await;
    let (status, problem) = scene.subscribe("vip-monthly", "second").await;
    assert_eq!((status, &problem["code"]), (409, &json!("already_subscribed")), "{problem}");
    assert_eq!(problem["contract_code"], scene.code.as_str());
    let orders = scene.town.stack.simulator.control().get(&format!("/{MCH_ID}/orders")).await.unwrap();
    assert_eq!(orders.as_array().unwrap().len(), 1, "WeChat would take the money and sign nothing");
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_click_gets_the_same_attempt_with_fresh_launch_parameters() {
    let scene = Scene::subscribed("vip-monthly").await;
    let (status, again) = scene.subscribe("vip-monthly", "second").await;
    assert_eq!(status, 200, "{again}");
    assert_eq!(again["contract_code"], scene.code.as_str());
    assert_ne!(again["launch"]["params"]["noncestr"], scene.begun["launch"]["params"]["noncestr"], "signed anew");
    scene.pay(json!({ "user": "wx-alice" })).await;
    scene.ends(ACTIVE, SECONDS).await.stop().await;
}
