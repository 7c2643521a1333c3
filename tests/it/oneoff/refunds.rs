//! What is given back: in parts, again after it came back, on the merchant platform.

use serde_json::json;

use super::end::{End, causes};
use super::scene::{MINUTE, SECOND, Scene};

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_is_paid_and_given_back_in_two_parts_and_no_third() {
    let scene = Scene::of_a_paid_book().await;
    scene.gives_back("R1", 400).await;
    scene.comes_to_be('R', "R1", "succeeded", SECOND).await;
    scene.cannot_give_back("R2", 590, "refund_too_soon").await;
    scene.town.move_clock(MINUTE).await;
    scene.cannot_give_back("R2", 591, "more_than_refundable").await;
    scene.gives_back("R2", 590).await;
    scene.comes_to_be('R', "R2", "succeeded", SECOND).await;
    scene.town.move_clock(MINUTE).await;
    scene.cannot_give_back("R3", 1, "more_than_refundable").await;
    let end = End {
        status: "refunded",
        trade_state: "REFUND",
        refunds: &[("R1", 400, "succeeded", "SUCCESS"), ("R2", 590, "succeeded", "SUCCESS")],
        events: &["payment.succeeded", "refund.succeeded", "refund.succeeded"],
    };
    let heard = scene.ends(end).await;
    assert_eq!(causes(&heard), ["callback"; 3], "WeChat's notices alone told of it");
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abnormal_refund_is_repaired_by_another_card() {
    let scene = Scene::of_a_paid_book().await;
    scene.of_the_order("refund-outcome", json!({ "status": "ABNORMAL" })).await;
    scene.gives_back("R1", 400).await;
    scene.comes_to_be('R', "R1", "abnormal", SECOND).await;
    scene.town.move_clock(MINUTE).await;
    scene.cannot_give_back("R2", 591, "more_than_refundable").await;
    let card = json!({
        "type": "user_bank_card", "bank_type": "ICBC_DEBIT", "bank_account": "6222021234567890123", "real_name": "张三",
    });
    let (status, body) = scene.back_end("/refunds/R1/abnormal", "repair", card).await;
    assert!(matches!(status, 200 | 202), "{status} {body}");
    scene.comes_to_be('R', "R1", "succeeded", SECOND).await;
    let end = End {
        status: "partly_refunded",
        trade_state: "REFUND",
        refunds: &[("R1", 400, "succeeded", "SUCCESS")],
        events: &["payment.succeeded", "refund.abnormal", "refund.succeeded"],
    };
    scene.ends(end).await;
    let dump = format!("{:?}", scene.town.dump().await);
    assert!(!dump.contains("6222021234567890123") && !dump.contains("张三"), "the card is nowhere in the tables");
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abnormal_refund_whose_repair_fails_is_repaired_again() {
    let scene = Scene::of_a_paid_book().await;
    scene.of_the_order("refund-outcome", json!({ "status": "ABNORMAL" })).await;
    scene.gives_back("R1", 990).await;
    scene.comes_to_be('R', "R1", "abnormal", SECOND).await;
    let outcome = format!("/{}/refunds/R1/repair-outcome", crate::harness::MCH_ID);
    // Only a refund that is PROCESSING meanwhile can become ABNORMAL again, which WeChat then tells.
    scene.at_wechat(&outcome, json!({ "status": "PROCESSING", "meanwhile": "PROCESSING" })).await;
    let to_the_merchant = json!({ "type": "merchant_bank_card" });
    let (status, body) = scene.back_end("/refunds/R1/abnormal", "first", to_the_merchant.clone()).await;
    assert!(matches!(status, 200 | 202), "{status} {body}");
    // Notices tell their time by the second: one of the second of the repair may have been made before it.
    scene.town.move_clock(SECOND).await;
    scene.at_wechat(&format!("/{}/refunds/R1/settle", crate::harness::MCH_ID), json!({ "status": "ABNORMAL" })).await;
    scene.comes_to_be('R', "R1", "abnormal", MINUTE).await;
    scene.at_wechat(&outcome, json!({ "status": "SUCCESS" })).await;
    let (status, body) = scene.back_end("/refunds/R1/abnormal", "second", to_the_merchant).await;
    assert!(matches!(status, 200 | 202), "{status} {body}");
    scene.comes_to_be('R', "R1", "succeeded", SECOND).await;
    let end = End {
        status: "refunded",
        trade_state: "REFUND",
        refunds: &[("R1", 990, "succeeded", "SUCCESS")],
        events: &["payment.succeeded", "refund.abnormal", "refund.abnormal", "refund.succeeded"],
    };
    scene.ends(end).await;
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_on_the_merchant_platform_counts_towards_what_was_paid() {
    let scene = Scene::of_a_paid_book().await;
    scene.of_the_order("refund", json!({ "amount": 400, "out_refund_no": "PLATFORM1" })).await;
    scene.comes_to_be('R', "PLATFORM1", "succeeded", SECOND).await;
    scene.town.move_clock(MINUTE).await;
    scene.cannot_give_back("R1", 591, "more_than_refundable").await;
    scene.gives_back("R1", 590).await;
    scene.comes_to_be('R', "R1", "succeeded", SECOND).await;
    let end = End {
        status: "refunded",
        trade_state: "REFUND",
        refunds: &[("PLATFORM1", 400, "succeeded", "SUCCESS"), ("R1", 590, "succeeded", "SUCCESS")],
        events: &["payment.succeeded", "refund.succeeded", "refund.succeeded"],
    };
    let heard = scene.ends(end).await;
    assert_eq!(causes(&heard)[1], "query", "its unsigned notice is a reason to ask, no more");
    scene.stop().await;
}
