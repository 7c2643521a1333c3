//! Products whose payment invites to paying without a password from then on (免密支付).

use std::time::{Duration, Instant};

use serde_json::json;

use super::scene::{MINUTE, PAID, SECOND, Scene};
use crate::harness::{DEADLINE, MCH_ID, Town, attribute};

impl Scene {
    /// Waits until the app sees the invitation there, moving the clock between the looks.
    async fn invitation_comes_to(&self, status: &str, step: Duration) {
        let started = Instant::now();
        loop {
            let seen = self.status().await;
            if seen["pre_signing"]["status"] == status {
                return;
            }
            assert!(started.elapsed() < DEADLINE, "waited for {status}: {seen}");
            self.time_passes(step).await;
        }
    }

    /// The state of the password-exempt contract, on record and at WeChat.
    async fn exempt(&self) -> (String, Option<String>) {
        let dump = self.town.dump().await;
        let mut on_record = dump.ledger.iter().filter(|(key, _)| key.starts_with(&format!("{MCH_ID}#X#")));
        let (_, item) = on_record.next().unwrap();
        let all = self.town.stack.simulator.control().get(&format!("/{MCH_ID}/exempt-contracts")).await.unwrap();
        let at_wechat = all[0]["state"].as_str().map(str::to_owned);
        (attribute(item, "state"), at_wechat)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_invites_before_it_can_be_made_and_signs() {
    let scene = Scene::begin(Town::start().await, "alice", "coffee", "mini_program").await;
    assert_eq!(scene.begun["pre_signing"]["status"], "offered", "{}", scene.begun);
    assert_eq!(
        scene.exempt().await,
        ("offered".to_owned(), Some("offered".to_owned())),
        "before the app had its answer"
    );
    let paid = scene.pay().await;
    assert!(paid["contract_id"].is_string(), "{paid}");
    scene.comes_to_be('O', &scene.order, "paid", SECOND).await;
    scene.invitation_comes_to("signed", MINUTE).await;
    scene.ends(PAID).await;
    assert_eq!(scene.exempt().await, ("signed".to_owned(), Some("signed".to_owned())));
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_declines_has_paid_and_signed_nothing() {
    let scene = Scene::begin(Town::start().await, "alice", "coffee", "mini_program").await;
    scene.of_the_order("pay", json!({ "sign": false })).await;
    scene.comes_to_be('O', &scene.order, "paid", SECOND).await;
    scene.ends(PAID).await;
    // Nobody tells of it: the session is over after two hours.
    scene.invitation_comes_to("not_signed", 10 * MINUTE).await;
    assert_eq!(scene.exempt().await, ("not_signed".to_owned(), Some("offered".to_owned())));
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_pre_signing_leaves_the_order_valid() {
    let scene = Scene::begin(Town::start().await, "alice", "coffee-misconfigured", "mini_program").await;
    assert_eq!(
        scene.begun["pre_signing"],
        json!({ "status": "failed", "wechat_code": "PARAM_ERROR" }),
        "{}",
        scene.begun
    );
    let paid = scene.pay().await;
    assert!(paid["contract_id"].is_null(), "{paid}");
    scene.comes_to_be('O', &scene.order, "paid", SECOND).await;
    scene.ends(PAID).await;
    assert_eq!(scene.exempt().await, ("refused".to_owned(), None));
    scene.stop().await;
}
