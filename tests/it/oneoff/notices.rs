//! The same when WeChat's notices do not come as they should.

use std::time::Duration;

use serde_json::json;

use super::scene::{End, MINUTE, SECOND, Scene, causes};

/// Given back in two parts.
const GIVEN_BACK: End<'_> = End {
    status: "refunded",
    trade_state: "REFUND",
    refunds: &[("R1", 400, "succeeded", "SUCCESS"), ("R2", 590, "succeeded", "SUCCESS")],
    events: &["payment.succeeded", "refund.succeeded", "refund.succeeded"],
};

#[tokio::test(flavor = "multi_thread")]
async fn with_every_notice_lost_payment_and_refunds_are_found_by_query() {
    let scene = Scene::of_a_book().await;
    scene.loses_every_notice().await;
    scene.pay().await;
    scene.comes_to_be('O', &scene.order, "paid", MINUTE).await;
    scene.gives_back("R1", 400).await;
    scene.comes_to_be('R', "R1", "succeeded", MINUTE).await;
    scene.town.move_clock(MINUTE);
    scene.gives_back("R2", 590).await;
    scene.comes_to_be('R', "R2", "succeeded", MINUTE).await;
    let heard = scene.ends(GIVEN_BACK).await;
    assert_eq!(causes(&heard), ["query"; 3]);
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_every_notice_lost_an_abnormal_refund_is_found_and_repaired() {
    let scene = Scene::of_a_book().await;
    scene.loses_every_notice().await;
    scene.pay().await;
    scene.comes_to_be('O', &scene.order, "paid", MINUTE).await;
    scene.of_the_order("refund-outcome", json!({ "status": "ABNORMAL" })).await;
    scene.gives_back("R1", 990).await;
    scene.comes_to_be('R', "R1", "abnormal", MINUTE).await;
    let (status, body) =
        scene.back_end("/refunds/R1/abnormal", "repair", json!({ "type": "merchant_bank_card" })).await;
    assert!(matches!(status, 200 | 202), "{status} {body}");
    scene.comes_to_be('R', "R1", "succeeded", MINUTE).await;
    let end = End {
        refunds: &[("R1", 990, "succeeded", "SUCCESS")],
        events: &["payment.succeeded", "refund.abnormal", "refund.succeeded"],
        ..GIVEN_BACK
    };
    scene.ends(end).await;
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_every_notice_doubled_each_thing_happens_once() {
    let scene = Scene::of_a_book().await;
    for kind in ["payment", "refund"] {
        scene.notices_meet(kind, json!("double"), 1_000).await;
    }
    scene.pay().await;
    scene.comes_to_be('O', &scene.order, "paid", SECOND).await;
    for (number, amount) in [("R1", 400), ("R2", 590)] {
        scene.gives_back(number, amount).await;
        scene.comes_to_be('R', number, "succeeded", SECOND).await;
        scene.town.move_clock(MINUTE);
    }
    scene.hears_every_notice(&scene.order, SECOND).await;
    scene.ends(GIVEN_BACK).await;
    let notices = scene.notices(&scene.order).await;
    assert!(notices.iter().all(|notice| notice["doubles"].as_array().unwrap().len() == 1), "{notices:#?}");
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn notices_that_come_in_the_wrong_order_change_nothing_that_is_known() {
    let scene = Scene::of_a_book().await;
    // The payment is told after the first refund, and the first refund after the second.
    scene.notices_meet("payment", json!("swapped"), 1).await;
    scene.notices_meet("refund", json!({ "late": { "ms": 180_000 } }), 1).await;
    scene.pay().await;
    scene.town.move_clock(Duration::from_secs(6));
    assert_eq!(scene.status().await["status"], "paid", "the app asked before WeChat told");
    scene.gives_back("R1", 400).await;
    scene.comes_to_be('R', "R1", "succeeded", MINUTE).await;
    scene.town.move_clock(MINUTE);
    scene.gives_back("R2", 590).await;
    scene.comes_to_be('R', "R2", "succeeded", SECOND).await;
    scene.hears_every_notice(&scene.order, MINUTE).await;
    scene.ends(GIVEN_BACK).await;
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_that_nobody_signed_books_nothing_and_wechats_next_one_does() {
    let scene = Scene::of_a_book().await;
    scene.notices_meet("payment", json!("wrong_signature"), 1).await;
    scene.pay().await;
    scene.comes_to_be('O', &scene.order, "paid", SECOND).await;
    scene.hears_every_notice(&scene.order, Duration::from_secs(15)).await;
    let first = scene.notices(&scene.order).await[0]["deliveries"][0].clone();
    assert_eq!(first["status"], 401, "{first}");
    scene.ends(super::scene::PAID).await;
    scene.stop().await;
}
