//! A close against a payment, and refunds against each other.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use serde_json::json;

use super::end::{CLOSED, End, PAID};
use super::scene::{MINUTE, SECOND, Scene};
use crate::harness::{MCH_ID, attribute, poll};

/// Refunds that are asked for at once.
const AT_ONCE: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_paid_before_it_could_be_closed_stays_paid() {
    let scene = Scene::of_a_book().await;
    scene.loses_every_notice().await;
    scene.pay().await;
    let (status, body) = scene.close().await;
    assert_eq!((status, body["code"].as_str()), (409, Some("order_paid")), "{body}");
    scene.ends(PAID).await;
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_closed_first_cannot_be_paid() {
    let scene = Scene::of_a_book().await;
    let (status, body) = scene.close().await;
    assert_eq!((status, body["status"].as_str()), (200, Some("closed")), "{body}");
    let paid = scene.try_at_wechat(&format!("/{MCH_ID}/orders/{}/pay", scene.order), json!({})).await;
    assert_eq!(paid, None);
    scene.ends(CLOSED).await;
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_whose_answer_is_lost_is_settled_by_query() {
    let scene = Scene::of_a_book().await;
    let fault = json!({ "on": "call", "call": "order_close", "times": 1, "fault": "answer_lost" });
    scene.at_wechat("/faults", fault).await;
    let (status, body) = scene.close().await;
    assert!(matches!(status, 200 | 202), "{status} {body}");
    scene.comes_to_be('O', &scene.order, "closed", MINUTE).await;
    scene.ends(CLOSED).await;
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_that_wechat_did_not_hear_loses_against_the_payment_after_it() {
    let scene = Scene::of_a_book().await;
    let fault = json!({ "on": "call", "call": "order_close", "times": 2, "fault": "disconnect" });
    scene.at_wechat("/faults", fault).await;
    let (status, body) = scene.close().await;
    assert_eq!((status, body["status"].as_str()), (202, Some("closing")), "{body}");
    scene.pay().await;
    scene.comes_to_be('O', &scene.order, "paid", SECOND).await;
    scene.ends(PAID).await;
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_close_and_a_payment_at_the_same_moment_one_wins_and_all_sides_know_which() {
    let mut scene = Scene::of_a_book().await;
    for round in 0..4 {
        if round > 0 {
            scene = Scene::begin(scene.town, &format!("user{round}"), "ebook", "app").await;
        }
        let path = format!("/{MCH_ID}/orders/{}/pay", scene.order);
        let (paid, _) = tokio::join!(scene.try_at_wechat(&path, json!({})), scene.close());
        let (state, end) = if paid.is_some() { ("paid", PAID) } else { ("closed", CLOSED) };
        scene.comes_to_be('O', &scene.order, state, MINUTE).await;
        scene.ends(end).await;
    }
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_while_the_close_is_on_its_way_wins() {
    let scene = Scene::of_a_book().await;
    let slow = json!({ "on": "call", "call": "order_close", "times": 1, "fault": { "slow": { "ms": 1_500 } } });
    scene.at_wechat("/faults", slow).await;
    let pays = async {
        let key = format!("{MCH_ID}#O#{}", scene.order);
        poll("the close is on record", async || {
            scene.town.dump().await.ledger.get(&key).is_some_and(|item| attribute(item, "state") == "closing")
        })
        .await;
        scene.pay().await;
    };
    let ((status, body), ()) = tokio::join!(scene.close(), pays);
    assert_eq!((status, body["code"].as_str()), (409, Some("order_paid")), "{body}");
    scene.comes_to_be('O', &scene.order, "paid", SECOND).await;
    scene.ends(PAID).await;
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_twenty_refunds_race_and_the_platform_refunds_too_no_more_is_promised_than_was_paid() {
    let scene = Scene::of_a_paid_book().await;
    let ended = AtomicBool::new(false);
    let race = async {
        let first = refunded_at_once(&scene, "A", 300).await;
        assert_eq!(first.len(), 1, "the others are too soon: {first:?}");
        scene.comes_to_be('R', &first[0], "succeeded", SECOND).await;
        scene.town.move_clock(MINUTE).await;
        let platform = scene.of_the_order("refund", json!({ "amount": 500, "out_refund_no": "PLATFORM1" }));
        // WeChat takes one of the two: 690 are left, and 190 after the other.
        let (second, _) = tokio::join!(refunded_at_once(&scene, "B", 600), platform);
        assert!(second.len() <= 1, "{second:?}");
        scene.comes_to_be('R', "PLATFORM1", "succeeded", SECOND).await;
        if let Some(second) = second.first() {
            scene.comes_to_be('R', second, "rejected", SECOND).await;
        }
        scene.town.move_clock(MINUTE).await;
        let third = refunded_at_once(&scene, "C", 191).await;
        assert_eq!(third, Vec::<String>::new(), "190 are left");
        let fourth = refunded_at_once(&scene, "D", 190).await;
        assert_eq!(fourth.len(), 1, "{fourth:?}");
        scene.comes_to_be('R', &fourth[0], "succeeded", SECOND).await;
        ended.store(true, Ordering::Relaxed);
        [first[0].clone(), fourth[0].clone()]
    };
    let (numbers, looks) = tokio::join!(race, scene.never_promises_more_than_was_paid(&ended));
    assert!(looks > 20, "only {looks} looks");
    let end = End {
        status: "refunded",
        trade_state: "REFUND",
        refunds: &[
            (&numbers[0], 300, "succeeded", "SUCCESS"),
            ("PLATFORM1", 500, "succeeded", "SUCCESS"),
            (&numbers[1], 190, "succeeded", "SUCCESS"),
        ],
        events: &["payment.succeeded", "refund.succeeded", "refund.succeeded", "refund.succeeded"],
    };
    scene.ends(end).await;
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_calls_for_one_refund_are_one_refund() {
    let scene = Scene::of_a_paid_book().await;
    let body = |amount: u64| json!({ "out_trade_no": scene.order, "out_refund_no": "R1", "amount": amount });
    let keys: Vec<_> = (0..AT_ONCE).map(|index| format!("key {index}")).collect();
    let calls = keys.iter().map(|key| scene.back_end("/refunds", key, body(400)));
    for (status, body) in join_all(calls).await {
        assert!(matches!(status, 200 | 202 | 503), "{status} {body}");
    }
    let (status, told) = scene.back_end("/refunds", "another key", body(300)).await;
    assert_eq!(status, 409, "the number is a refund of 400: {told}");
    scene.comes_to_be('R', "R1", "succeeded", SECOND).await;
    let end = End {
        status: "partly_refunded",
        trade_state: "REFUND",
        refunds: &[("R1", 400, "succeeded", "SUCCESS")],
        events: &["payment.succeeded", "refund.succeeded"],
    };
    scene.ends(end).await;
    scene.stop().await;
}

impl Scene {
    /// Looks at the order again and again until it is over: what we have promised and what we have given is together at most what was paid.
    /// Answers how often it looked.
    async fn never_promises_more_than_was_paid(&self, ended: &AtomicBool) -> usize {
        let mut looks = 0;
        while !ended.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let before = self.by_platform().await;
            let order = self.item('O', &self.order).await.unwrap();
            // The platform's refund changed between two readings: nobody knows which of its states belongs to the order's.
            if self.by_platform().await != before {
                continue;
            }
            let fen = |name: &str| attribute(&order, name).parse::<u64>().unwrap();
            let (reserved, refunded, paid) = (fen("reserved"), fen("refunded"), fen("amount"));
            let said = format!("{reserved} promised, {refunded} given of {paid}, {before} of it by the platform");
            assert!(refunded <= paid, "{said}");
            // What the platform gives, it gives without our promise.
            assert!(reserved + refunded <= paid + before, "{said}");
            looks += 1;
        }
        looks
    }

    /// What of the order's amounts is the platform's refund, in fen.
    async fn by_platform(&self) -> u64 {
        let Some(refund) = self.item('R', "PLATFORM1").await else { return 0 };
        let counts = matches!(attribute(&refund, "state").as_str(), "processing" | "succeeded");
        if counts { attribute(&refund, "amount").parse().unwrap() } else { 0 }
    }

    /// An item of the ledger, read consistently.
    async fn item(&self, kind: char, number: &str) -> Option<HashMap<String, AttributeValue>> {
        let get = self.town.clients().dynamodb.get_item().table_name(&self.town.stack.tables.ledger);
        let key = AttributeValue::S(format!("{MCH_ID}#{kind}#{number}"));
        get.key("pk", key).consistent_read(true).send().await.unwrap().item
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_refunds_at_once_no_more_than_was_paid_is_given_back() {
    let scene = Scene::of_a_paid_book().await;
    let first = refunded_at_once(&scene, "A", 500).await;
    assert_eq!(first.len(), 1, "the others are too soon");
    scene.comes_to_be('R', &first[0], "succeeded", SECOND).await;
    scene.town.move_clock(MINUTE).await;
    assert_eq!(refunded_at_once(&scene, "B", 491).await, Vec::<String>::new());
    let second = refunded_at_once(&scene, "C", 490).await;
    assert_eq!(second.len(), 1);
    scene.comes_to_be('R', &second[0], "succeeded", SECOND).await;
    let end = End {
        status: "refunded",
        trade_state: "REFUND",
        refunds: &[(&first[0], 500, "succeeded", "SUCCESS"), (&second[0], 490, "succeeded", "SUCCESS")],
        events: &["payment.succeeded", "refund.succeeded", "refund.succeeded"],
    };
    scene.ends(end).await;
    let at_wechat = scene.town.stack.simulator.control().get(&format!("/{MCH_ID}/refunds")).await.unwrap();
    let given: u64 = at_wechat.as_array().unwrap().iter().map(|refund| refund["refund_fee"].as_u64().unwrap()).sum();
    assert_eq!(given, 990);
    scene.stop().await;
}

/// The numbers of those that were taken.
async fn refunded_at_once(scene: &Scene, series: &str, amount: u64) -> Vec<String> {
    let numbers: Vec<_> = (0..AT_ONCE).map(|index| format!("{series}{index}")).collect();
    let answers = join_all(numbers.iter().map(|number| scene.give_back(number, amount))).await;
    let mut taken = Vec::new();
    for (number, (status, body)) in numbers.into_iter().zip(answers) {
        match status {
            200 | 202 => taken.push(number),
            // 503: it lost three races, and may be asked for again.
            _ => assert!(matches!(status, 409 | 503), "{status} {body}"),
        }
    }
    taken
}
