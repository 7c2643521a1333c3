//! A contract is signed without payment, in each of the four ways, and charged for the first time after it.

use std::time::Duration;

use serde_json::json;

use super::scene::{METADATA, Scene, carries_metadata, data};
use crate::harness::{MCH_ID, Town, attribute};

/// Each channel, and what the client does.
const WAYS: [(&str, &str); 4] = [
    ("app", "WXLaunchMiniProgram"),
    ("official_account", "Page"),
    ("h5", "Page"),
    ("mini_program", "NavigateToMiniProgram"),
];

impl Scene {
    /// All four sides say that it is signed, and that nothing was paid.
    async fn ends_signed(mut self) -> Self {
        let status = self.comes_to("signed", Duration::from_secs(6)).await;
        assert_eq!((&status["contract"]["state"], status.get("payment")), (&json!("signed"), None), "{status}");
        assert_eq!(status["metadata"], METADATA);
        self.hears("signed").await;
        assert_eq!(self.types(), ["contract.signed", "subscription.settled"]);
        let dump = self.town.dump().await;
        assert_eq!(attribute(dump.state(MCH_ID, 'C', &self.code), "state"), "signed");
        assert!(!dump.ledger.keys().any(|key| key.contains(&format!("#O#{}", self.code))), "there is no order");
        let contract = format!("/{MCH_ID}/contracts/{}", self.code);
        assert_eq!(self.town.stack.simulator.control().get(&contract).await.unwrap()["state"], "signed");
        self
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_is_signed_without_payment_in_each_of_the_four_ways() {
    let mut town = Town::start().await;
    for (channel, launch) in WAYS {
        let user = channel.replace('_', "");
        let scene = Scene::begin_in(town, &user, "/contracts", channel).await;
        assert_eq!(scene.begun["launch"]["type"], launch, "{}", scene.begun);
        scene.sign(&format!("wx-{user}")).await;
        town = scene.ends_signed().await.town;
    }
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signing_of_which_every_notice_is_lost_is_found_in_each_of_the_four_ways() {
    let mut town = Town::start().await;
    for (channel, _) in WAYS {
        let user = channel.replace('_', "");
        let scene = Scene::begin_in(town, &user, "/contracts", channel).await;
        scene.lose("contract_add").await;
        scene.sign(&format!("wx-{user}")).await;
        town = scene.ends_signed().await.town;
    }
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_callers_gave_along_arrives_in_the_queue_of_each_consumer() {
    let town = Town::start().await;
    town.wait_for_the_morning().await;
    let scene = Scene::begin_in(town, "alice", "/contracts", "app").await;
    scene.sign("wx-alice").await;
    let scene = scene.ends_signed().await;
    let charge = json!({
        "contract_code": scene.code, "period": 1, "amount": 1800, "description": "月度会员", "metadata": METADATA,
    });
    let (status, told) = scene.back_end("/deductions", "d1", &charge).await;
    assert_eq!((status, told["metadata"].as_str()), (202, Some(METADATA)), "{told}");
    scene.town.move_clock(Duration::from_secs(5)).await;
    for consumer in ["membership", "ledger"] {
        let deducted = loop {
            let event = scene.town.receive(consumer, 1).await.remove(0);
            if event.event_type == "papay.deduction.succeeded.v1" {
                break event;
            }
        };
        carries_metadata(&deducted);
        assert_eq!(data(&deducted)["order"]["attach"], METADATA, "{consumer}");
    }
    // The refund's event has the order in it.
    let order = told["out_trade_no"].as_str().unwrap();
    let refund = json!({ "out_trade_no": order, "out_refund_no": format!("{order}R1"), "amount": 1800 });
    let (status, told) = scene.back_end("/refunds", "r1", &refund).await;
    assert_eq!(status, 202, "{told}");
    scene.town.refunds(&format!("{order}R1")).await;
    let refunded = scene.town.receive("ledger", 1).await.remove(0);
    assert_eq!(refunded.event_type, "papay.refund.succeeded.v1");
    carries_metadata(&refunded);
    scene.stop().await;
}
