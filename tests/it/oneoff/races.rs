//! A close against a payment, and refunds against each other.

use futures_util::future::join_all;
use serde_json::json;

use super::scene::{CLOSED, End, MINUTE, PAID, SECOND, Scene};
use crate::harness::MCH_ID;

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
async fn of_twenty_refunds_at_once_no_more_than_was_paid_is_given_back() {
    let scene = Scene::of_a_paid_book().await;
    let first = refunded_at_once(&scene, "A", 500).await;
    assert_eq!(first.len(), 1, "the others are too soon");
    scene.comes_to_be('R', &first[0], "succeeded", SECOND).await;
    scene.town.move_clock(MINUTE);
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
