//! Refunds that come to nothing: refused after their answer was lost, closed, or both for one order.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;

use super::end::End;
use super::scene::{MINUTE, SECOND, Scene};
use crate::harness::{MCH_ID, attribute, poll};

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
    let (status, body) = scene.town.back_end_reads("/refunds/R1").await;
    assert_eq!((status, &body["failure"]), (200, &json!("USER_ACCOUNT_ABNORMAL")), "{body}");
    // The event of R1 is demanded there, as of every refund on record that came to nothing.
    scene
        .ends(End {
            status: "refunded",
            trade_state: "REFUND",
            refunds: &[("R2", 990, "succeeded", "SUCCESS")],
            events: &["payment.succeeded", "refund.succeeded"],
        })
        .await;
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_closed_refund_and_a_refused_one_all_of_the_order_can_be_given_back() {
    let scene = Scene::of_a_paid_book().await;
    scene.of_the_order("refund-outcome", json!({ "status": "CLOSED" })).await;
    scene.gives_back("R1", 990).await;
    scene.comes_to_be('R', "R1", "closed", SECOND).await;
    scene.town.move_clock(MINUTE).await;
    // WeChat refuses it, and is asked about the order: REFUND, since R1 was accepted once.
    scene.calls_meet("refund", 1, json!({ "error": { "err_code": "USER_ACCOUNT_ABNORMAL" } })).await;
    let (_, body) = scene.give_back("R2", 990).await;
    assert_eq!(body["state"], "rejected", "{body}");
    assert!(!scene.asks_what_was_given_back().await, "R1 explains it");
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
    assert!(scene.asks_what_was_given_back().await, "nobody has told of P1");
    scene.cannot_give_back("R2", 990, "more_than_refundable").await;
    // The end of it is told.
    scene.town.stack.simulator.control().delete("/faults").await.unwrap();
    scene.at_wechat(&format!("/{MCH_ID}/refunds/P1/settle"), json!({ "status": "CLOSED" })).await;
    scene.comes_to_be('R', "P1", "closed", MINUTE).await;
    scene.of_the_order("refund-outcome", json!({ "status": "SUCCESS" })).await;
    scene.gives_back("R3", 990).await;
    scene.comes_to_be('R', "R3", "succeeded", SECOND).await;
    scene.ends_refunded(&[("P1", 400, "closed", "CLOSED"), ("R3", 990, "succeeded", "SUCCESS")]).await;
    scene.stop().await;
}

impl Scene {
    /// WeChat is asked about the order, which its refusal of a refund has made due. Answers whether it knows of a refund that we do not.
    async fn asks_what_was_given_back(&self) -> bool {
        let mut is_refunded_elsewhere = false;
        poll("the order was asked for", async || {
            self.time_passes(MINUTE).await;
            // An answer that is minutes old when it arrives is not believed.
            tokio::time::sleep(Duration::from_millis(400)).await;
            let dump = self.town.dump().await;
            let order = dump.state(MCH_ID, 'O', &self.order);
            is_refunded_elsewhere = attribute(order, "refunded_elsewhere") == "true";
            !matches!(order.get("check"), Some(AttributeValue::M(_)))
        })
        .await;
        is_refunded_elsewhere
    }

    /// What was given back is told, and that one was closed.
    async fn ends_refunded(&self, refunds: &[(&str, u64, &str, &str)]) {
        let events = &["payment.succeeded", "refund.closed", "refund.succeeded"];
        self.ends(End { status: "refunded", trade_state: "REFUND", refunds, events }).await;
    }
}
