//! Refunds that come to nothing: refused after their answer was lost, closed, or both for one order.

use serde_json::json;

use super::end::{End, data};
use super::scene::{MINUTE, SECOND, Scene};

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_is_refused_after_it_was_promised_is_told_by_an_event() {
    let scene = Scene::of_a_paid_book().await;
    scene.calls_meet("refund", 1, json!({ "error": { "err_code": "FREQUENCY_LIMITED" } })).await;
    scene.calls_meet("refund", 100, json!({ "error": { "err_code": "USER_ACCOUNT_ABNORMAL" } })).await;
    let (status, body) = scene.give_back("R1", 400).await;
    assert_eq!((status, &body["state"]), (202, &json!("created")), "{body}");
    scene.comes_to_be('R', "R1", "rejected", MINUTE).await;
    scene.town.stack.simulator.control().delete("/faults").await.unwrap();
    scene.gives_back("R2", 990).await;
    scene.comes_to_be('R', "R2", "succeeded", SECOND).await;
    let heard = scene
        .ends(End {
            status: "refunded",
            trade_state: "REFUND",
            refunds: &[("R2", 990, "succeeded", "SUCCESS")],
            events: &["payment.succeeded", "refund.closed", "refund.succeeded"],
        })
        .await;
    let told = data(&heard[1]);
    assert_eq!((&told["refund"]["out_refund_no"], &told["refund"]["state"]), (&json!("R1"), &json!("rejected")));
    assert_eq!(told["refund"]["failure"], "USER_ACCOUNT_ABNORMAL");
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_closed_refund_and_a_refused_one_all_of_the_order_can_be_given_back() {
    let scene = Scene::of_a_paid_book().await;
    scene.of_the_order("refund-outcome", json!({ "status": "CLOSED" })).await;
    scene.gives_back("R1", 990).await;
    scene.comes_to_be('R', "R1", "closed", SECOND).await;
    scene.town.move_clock(MINUTE);
    // WeChat refuses it, and is asked about the order: REFUND, since R1 was accepted once.
    scene.calls_meet("refund", 1, json!({ "error": { "err_code": "USER_ACCOUNT_ABNORMAL" } })).await;
    let (_, body) = scene.give_back("R2", 990).await;
    assert_eq!(body["state"], "rejected", "{body}");
    scene.passes_minutes(5).await;
    scene.of_the_order("refund-outcome", json!({ "status": "SUCCESS" })).await;
    scene.gives_back("R3", 990).await;
    scene.comes_to_be('R', "R3", "succeeded", SECOND).await;
    scene.ends_refunded(&[("R1", 990, "closed", "CLOSED"), ("R3", 990, "succeeded", "SUCCESS")]).await;
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_the_platform_began_and_that_was_closed_takes_nothing_of_the_order() {
    let scene = Scene::of_a_paid_book().await;
    scene.of_the_order("refund-outcome", json!({ "status": "PROCESSING" })).await;
    scene.notices_meet("refund", json!("lost"), 1_000).await;
    scene.of_the_order("refund", json!({ "amount": 400, "out_refund_no": "P1" })).await;
    scene.calls_meet("refund", 1, json!({ "error": { "err_code": "USER_ACCOUNT_ABNORMAL" } })).await;
    let (_, body) = scene.give_back("R1", 990).await;
    assert_eq!(body["state"], "rejected", "{body}");
    scene.passes_minutes(5).await;
    scene.cannot_give_back("R2", 990, "more_than_refundable").await;
    // The end of it is told.
    scene.town.stack.simulator.control().delete("/faults").await.unwrap();
    scene.at_wechat(&format!("/{}/refunds/P1/settle", crate::harness::MCH_ID), json!({ "status": "CLOSED" })).await;
    scene.comes_to_be('R', "P1", "closed", MINUTE).await;
    scene.of_the_order("refund-outcome", json!({ "status": "SUCCESS" })).await;
    scene.gives_back("R3", 990).await;
    scene.comes_to_be('R', "R3", "succeeded", SECOND).await;
    scene.ends_refunded(&[("P1", 400, "closed", "CLOSED"), ("R3", 990, "succeeded", "SUCCESS")]).await;
    scene.stop().await;
}

impl Scene {
    async fn passes_minutes(&self, minutes: u32) {
        for _ in 0..minutes {
            self.time_passes(MINUTE).await;
        }
        self.town.drained().await;
    }

    /// What was given back is told, and that one was closed; whether the refused one is told of is another play's.
    async fn ends_refunded(&self, refunds: &[(&str, u64, &str, &str)]) {
        let events = &["payment.succeeded", "refund.closed", "refund.succeeded"];
        self.ends(End { status: "refunded", trade_state: "REFUND", refunds, events }).await;
    }
}
