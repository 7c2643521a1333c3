//! The app's function dies between the ledger and WeChat, or nobody hears WeChat's answer: the same `Idempotency-Key` again is one
//! order and one contract.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::rows::ACTIVE;
use super::scene::Scene;
use crate::harness::{MCH_ID, Town, poll};

const SECONDS: Duration = Duration::from_secs(6);

impl Scene {
    /// What goes wrong with calls at this path.
    async fn calls_meet(&self, path: &str, times: u32, fault: Value) {
        self.control("/faults", json!({ "on": "call", "path": path, "times": times, "fault": fault })).await;
    }

    /// Nothing goes wrong any more.
    async fn calls_are_well(&self) {
        self.town.stack.simulator.control().delete("/faults").await.unwrap();
    }

    /// How many orders and contracts are on record, and how many of each WeChat has.
    async fn counts(&self) -> [usize; 4] {
        let dump = self.town.dump().await;
        let on_record = |letter: &str| {
            let prefix = format!("{MCH_ID}#{letter}#");
            dump.ledger.keys().filter(|key| key.starts_with(&prefix)).count()
        };
        let control = self.town.stack.simulator.control();
        let orders = control.get(&format!("/{MCH_ID}/orders")).await.unwrap();
        let contracts = control.get(&format!("/{MCH_ID}/contracts")).await.unwrap();
        let at_wechat = |rows: &Value| rows.as_array().map_or(0, Vec::len);
        [on_record("O"), on_record("C"), at_wechat(&orders), at_wechat(&contracts)]
    }

    /// The function is killed in the middle of a call, once the ledger has its rows.
    async fn dies_in(&self, path: &str, body: Value) {
        let call = self.call(Method::POST, path, Some(("the key", body)));
        let death = async {
            poll("the rows are on record", async || self.counts().await[1] == 1).await;
            self.town.stack.lambda.kill("sign-api");
        };
        let ((status, _), ()) = tokio::join!(call, death);
        assert_eq!(status, 502, "as a function URL answers for a function that died");
    }
}

fn wanted() -> Value {
    json!({ "product": "vip-monthly", "channel": "app", "metadata": "campaign 11" })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_was_killed_before_wechat_had_the_order_goes_on_with_the_same_order() {
    let mut scene = Scene::unbegun(Town::start().await, "alice");
    // WeChat has not read it when the function dies.
    scene.calls_meet("/pay/contractorder", 10, json!({ "slow": { "ms": 20_000 } })).await;
    scene.dies_in("/subscriptions", wanted()).await;
    assert_eq!(scene.counts().await, [1, 1, 0, 0]);
    scene.calls_are_well().await;
    let again = scene.call(Method::POST, "/subscriptions", Some(("the key", wanted()))).await;
    scene.goes_on_with(again);
    assert_eq!(scene.counts().await, [1, 1, 1, 1]);
    scene.pay(json!({ "user": "wx-alice" })).await;
    scene.ends(ACTIVE, SECONDS).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_wechat_accepted_without_being_heard_is_the_same_order_the_next_time() {
    let mut scene = Scene::unbegun(Town::start().await, "alice");
    // Both tries: the client asks the other host at once.
    scene.calls_meet("/pay/contractorder", 2, json!("answer_lost")).await;
    let (status, problem) = scene.call_once(Method::POST, "/subscriptions", Some(("the key", wanted()))).await;
    assert!(matches!(status, 502..=504), "{status} {problem}");
    assert_eq!(scene.counts().await, [1, 1, 1, 1], "WeChat has it");
    let again = scene.call(Method::POST, "/subscriptions", Some(("the key", wanted()))).await;
    scene.goes_on_with(again);
    assert_eq!(scene.counts().await, [1, 1, 1, 1]);
    scene.pay(json!({ "user": "wx-alice" })).await;
    scene.ends(ACTIVE, SECONDS).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_was_killed_before_it_heard_that_wechat_has_the_order_goes_on_with_the_same_order() {
    let mut scene = Scene::unbegun(Town::start().await, "alice");
    // The first try is accepted, and the function dies in the second.
    scene.calls_meet("/pay/contractorder", 1, json!("answer_lost")).await;
    scene.calls_meet("/pay/contractorder", 10, json!({ "slow": { "ms": 20_000 } })).await;
    let call = scene.call(Method::POST, "/subscriptions", Some(("the key", wanted())));
    let death = async {
        poll("WeChat has the order", async || scene.counts().await == [1, 1, 1, 1]).await;
        scene.town.stack.lambda.kill("sign-api");
    };
    let ((status, _), ()) = tokio::join!(call, death);
    assert_eq!(status, 502);
    scene.calls_are_well().await;
    let again = scene.call(Method::POST, "/subscriptions", Some(("the key", wanted()))).await;
    scene.goes_on_with(again);
    assert_eq!(scene.counts().await, [1, 1, 1, 1]);
    scene.pay(json!({ "user": "wx-alice" })).await;
    scene.ends(ACTIVE, SECONDS).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_was_killed_before_wechat_had_the_signing_goes_on_with_the_same_contract() {
    let mut scene = Scene::unbegun(Town::start().await, "alice");
    scene.calls_meet("/papay/preentrustweb", 10, json!({ "slow": { "ms": 20_000 } })).await;
    scene.dies_in("/contracts", wanted()).await;
    scene.calls_are_well().await;
    let again = scene.call(Method::POST, "/contracts", Some(("the key", wanted()))).await;
    scene.goes_on_with(again);
    assert_eq!(scene.counts().await, [0, 1, 0, 1]);
    scene.sign("wx-alice").await;
    scene.comes_to("signed", SECONDS).await;
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_of_a_function_that_died_for_good_is_sent_by_the_worker_and_there_is_one() {
    let mut scene = Scene::unbegun(Town::start().await, "alice");
    scene.calls_meet("/pay/contractorder", 10, json!({ "slow": { "ms": 20_000 } })).await;
    scene.dies_in("/subscriptions", wanted()).await;
    scene.calls_are_well().await;
    scene.town.move_clock(Duration::from_secs(61)).await;
    poll("the worker has sent it", async || scene.counts().await == [1, 1, 1, 1]).await;
    let again = scene.call(Method::POST, "/subscriptions", Some(("the key", wanted()))).await;
    scene.goes_on_with(again);
    assert_eq!(scene.counts().await, [1, 1, 1, 1]);
    scene.pay(json!({ "user": "wx-alice" })).await;
    scene.ends(ACTIVE, SECONDS).await.stop().await;
}
