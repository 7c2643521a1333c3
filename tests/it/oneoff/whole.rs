//! A whole purchase: paid, given back in two parts, of which one comes back and is repaired. Played as it should be, with every notice
//! lost, with every notice doubled, with every notice after those that tell of what came later, and with both.

use std::time::Duration;

use serde_json::{Value, json};

use super::end::{End, causes};
use super::scene::{MINUTE, Scene};
use crate::harness::poll;

/// Short enough that nobody asks before WeChat has told.
const MOMENT: Duration = Duration::from_millis(250);

const HOUR_MS: u64 = 3_600_000;

/// What each of them comes to.
const END: End<'_> = End {
    status: "refunded",
    trade_state: "REFUND",
    refunds: &[("R1", 400, "succeeded", "SUCCESS"), ("R2", 590, "succeeded", "SUCCESS")],
    events: &["payment.succeeded", "refund.succeeded", "refund.abnormal", "refund.succeeded"],
};

impl Scene {
    /// From the payment to the repaired refund, with so much time between two looks.
    async fn is_played(&self, step: Duration) {
        self.pay().await;
        self.comes_to_be('O', &self.order, "paid", step).await;
        self.gives_back("R1", 400).await;
        self.comes_to_be('R', "R1", "succeeded", step).await;
        self.town.move_clock(MINUTE).await;
        self.of_the_order("refund-outcome", json!({ "status": "ABNORMAL" })).await;
        self.gives_back("R2", 590).await;
        self.comes_to_be('R', "R2", "abnormal", step).await;
        let (status, body) =
            self.back_end("/refunds/R2/abnormal", "repair", json!({ "type": "merchant_bank_card" })).await;
        assert!(matches!(status, 200 | 202), "{status} {body}");
    }

    /// Every notice of the order and of its refunds: the payment, R1, R2 that came back, R2 repaired.
    async fn all_notices(&self) -> Vec<Value> {
        let notices = self.notices(&self.order).await;
        assert_eq!(notices.len(), 4, "{notices:#?}");
        notices
    }

    /// What came of every notice that a callback function took, once there are so many.
    async fn outcomes(&self, count: usize) -> Vec<String> {
        let mut outcomes = Vec::new();
        poll("the callbacks have written their lines", async || {
            let lines = self.town.lines().into_iter().filter(|line| line.function.ends_with("-callback"));
            let lines = lines.filter_map(|line| serde_json::from_str::<Value>(&line.text).ok());
            let taken = lines.filter(|line| line["message"] == "callback recorded");
            outcomes = taken.map(|line| line["outcome"].as_str().unwrap().to_owned()).collect();
            outcomes.len() >= count
        })
        .await;
        outcomes.sort_unstable();
        outcomes
    }
}

/// The deliveries of a notice, in their order.
fn deliveries(notice: &Value) -> &Vec<Value> {
    notice["deliveries"].as_array().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_the_same_as_it_should_be() {
    let scene = Scene::of_a_book().await;
    scene.is_played(MOMENT).await;
    scene.comes_to_be('R', "R2", "succeeded", MOMENT).await;
    scene.hears_every_notice(&scene.order, MOMENT).await;
    let heard = scene.ends(END).await;
    assert_eq!(causes(&heard), ["callback"; 4], "WeChat's notices alone told of it");
    let notices = scene.all_notices().await;
    assert!(notices.iter().all(|notice| deliveries(notice).len() == 1), "{notices:#?}");
    assert_eq!(scene.outcomes(4).await, ["applied"; 4]);
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_the_same_with_every_notice_lost() {
    let scene = Scene::of_a_book().await;
    scene.loses_every_notice().await;
    scene.is_played(MINUTE).await;
    scene.comes_to_be('R', "R2", "succeeded", MINUTE).await;
    let heard = scene.ends(END).await;
    assert_eq!(causes(&heard), ["query"; 4]);
    let notices = scene.all_notices().await;
    let mut all = notices.iter().flat_map(deliveries);
    assert!(all.all(|delivery| delivery["fault"] == "lost" && delivery["status"].is_null()), "{notices:#?}");
    assert_eq!(scene.outcomes(0).await, Vec::<String>::new(), "no callback came");
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_the_same_with_every_notice_doubled() {
    let scene = Scene::of_a_book().await;
    for kind in ["payment", "refund"] {
        scene.notices_meet(kind, json!("double"), 1_000).await;
    }
    scene.is_played(MOMENT).await;
    scene.comes_to_be('R', "R2", "succeeded", MOMENT).await;
    scene.hears_every_notice(&scene.order, MOMENT).await;
    let heard = scene.ends(END).await;
    assert_eq!(causes(&heard), ["callback"; 4]);
    for notice in scene.all_notices().await {
        let doubles = notice["doubles"].as_array().unwrap();
        let taken = deliveries(&notice).iter().chain(doubles).filter(|delivery| delivery["accepted"] == true).count();
        assert_eq!((taken, doubles.len()), (2, 1), "{notice:#}");
    }
    let once_and_again = [["applied"; 4], ["duplicate"; 4]].concat();
    assert_eq!(scene.outcomes(8).await, once_and_again, "each came twice, and counted once");
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_the_same_with_every_notice_after_the_later_ones() {
    let scene = Scene::of_a_book().await;
    scene.hears_the_last_notice_first(&[]).await;
    assert_eq!(scene.outcomes_but_one_applied(4).await, 3);
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_the_same_with_every_notice_doubled_and_after_the_later_ones() {
    let scene = Scene::of_a_book().await;
    let notices = scene.hears_the_last_notice_first(&["double"]).await;
    for notice in notices {
        let doubles = notice["doubles"].as_array().unwrap();
        let taken = deliveries(&notice).iter().chain(doubles).filter(|delivery| delivery["accepted"] == true);
        // A pair that the clock left behind, so that its signature is too old, is refused and made again.
        assert_eq!(taken.count(), 2, "{notice:#}");
    }
    assert_eq!(scene.outcomes_but_one_applied(8).await, 7);
    scene.stop().await;
}

impl Scene {
    /// Each notice is told hours after what followed it, but that R2 was repaired at once; then this happens to each. Answers the notices.
    async fn hears_the_last_notice_first(&self, faults: &[&str]) -> Vec<Value> {
        self.notices_meet("payment", json!({ "late": { "ms": 12 * HOUR_MS } }), 1).await;
        self.next_notice_of("R1", json!({ "late": { "ms": 8 * HOUR_MS } })).await;
        self.next_notice_of("R2", json!({ "late": { "ms": 4 * HOUR_MS } })).await;
        for fault in faults {
            self.notices_meet("payment", json!(fault), 1_000).await;
            self.notices_meet("refund", json!(fault), 1_000).await;
        }
        self.is_played(MINUTE).await;
        self.comes_to_be('R', "R2", "succeeded", MOMENT).await;
        self.hears_every_notice(&self.order, 10 * MINUTE).await;
        let heard = self.ends(END).await;
        assert_eq!(causes(&heard), ["query", "query", "query", "callback"], "what was late was asked for");
        let mut notices = self.all_notices().await;
        let written: Vec<u64> = notices.iter().map(|notice| notice["id"].as_u64().unwrap()).collect();
        notices.sort_by_key(|notice| deliveries(notice)[0]["at_ms"].as_i64());
        let told: Vec<u64> = notices.iter().map(|notice| notice["id"].as_u64().unwrap()).collect();
        assert!(told.iter().rev().eq(&written), "the last was told first: {told:?} of {written:?}");
        notices
    }

    /// One of so many notices was applied, the others were known. Answers how many others.
    async fn outcomes_but_one_applied(&self, count: usize) -> usize {
        let outcomes = self.outcomes(count).await;
        let (applied, others): (Vec<_>, Vec<_>) = outcomes.iter().partition(|outcome| *outcome == "applied");
        assert_eq!(applied.len(), 1, "{outcomes:?}");
        assert!(others.iter().all(|outcome| ["duplicate", "stale"].contains(&outcome.as_str())), "{outcomes:?}");
        others.len()
    }
}
