//! WeChat changes its keys while notices come: by certificate and by public key, by an old certificate and a new one, sealed by two APIv3
//! keys.

use std::time::Duration;

use counterparty::TEST_MERCHANT;
use counterparty::fixtures::Endpoint;
use serde_json::{Value, json};

use super::scene::{MINUTE, PAID, SECOND, Scene};
use crate::harness::{MCH_ID, Town, poll};

impl Town {
    /// `POST /control/…/keys/…` of the simulator.
    async fn wechats_keys(&self, what: &str, body: Value) -> Value {
        self.stack.simulator.control().post(&format!("/{MCH_ID}/keys/{what}"), body).await.unwrap()
    }

    /// WeChat begins to send so many notices at once. Answers their ids.
    async fn wechat_tells(&self, count: usize) -> Vec<Value> {
        let url = self.url(Endpoint::Payment, &format!("/v3/{MCH_ID}"));
        let mut ids = Vec::new();
        for at in 0..count {
            let resource = json!({ "at": at, "now": self.now().as_millisecond() });
            let notice =
                json!({ "url": url, "event_type": "SOMETHING.NEW", "original_type": "new", "resource": resource });
            let path = format!("/{MCH_ID}/notices");
            ids.push(self.stack.simulator.control().post(&path, notice).await.unwrap()["id"].clone());
        }
        ids
    }

    /// What WeChat heard at each delivery of those notices, once it has sent each so often.
    async fn heard_by_wechat(&self, ids: &[Value], deliveries: usize) -> Vec<Vec<u64>> {
        let mut heard = Vec::new();
        poll("the notices are sent", async || {
            let notices = self.stack.simulator.control().get(&format!("/{MCH_ID}/notices")).await.unwrap();
            let ours = notices.as_array().unwrap().iter().filter(|notice| ids.contains(&notice["id"]));
            heard = ours.map(statuses).collect();
            heard.iter().all(|statuses| statuses.len() >= deliveries)
        })
        .await;
        heard
    }

    /// What the functions verify with, changed.
    fn change_secret(&self, change: impl FnOnce(&mut Value)) {
        let name = format!("papay/{MCH_ID}/verify");
        let mut secret: Value = serde_json::from_str(&self.config.secrets()[&name]).unwrap();
        change(&mut secret);
        self.stack.host.secrets.put(&name, secret.to_string());
    }
}

fn statuses(notice: &Value) -> Vec<u64> {
    let deliveries = notice["deliveries"].as_array().unwrap().iter();
    deliveries.map(|delivery| delivery["status"].as_u64().unwrap_or_default()).collect()
}

fn is_taken(status: u64) -> bool {
    matches!(status, 200 | 204)
}

#[tokio::test(flavor = "multi_thread")]
async fn old_certificate_new_certificate_and_public_key_all_verify_in_the_same_minute() {
    let town = Town::start().await;
    let new = town.wechats_keys("certificates", json!({})).await;
    let half = json!({ "serial": new["serial"], "share": 0.5 });
    town.wechats_keys("mode", json!({ "mode": "certificate" })).await;
    town.wechats_keys("renewal", half).await;
    let heard = town.heard_by_wechat(&town.wechat_tells(4).await, 1).await;
    let refused = heard.iter().filter(|statuses| statuses[0] == 401).count();
    assert_eq!(refused, 2, "nobody knows the new certificate yet, and WeChat is to try again: {heard:?}");

    town.change_secret(|secret| secret["platform_certificates"].as_array_mut().unwrap().push(new["pem"].clone()));
    town.move_clock(MINUTE);
    town.wechats_keys("mode", json!({ "mode": "grey", "day": 6 })).await;
    let heard = town.heard_by_wechat(&town.wechat_tells(8).await, 1).await;
    assert!(heard.iter().all(|statuses| is_taken(statuses[0])), "{heard:?}");
    poll("WeChat's next try is taken", async || {
        town.move_clock(Duration::from_secs(15));
        let notices = town.stack.simulator.control().get(&format!("/{MCH_ID}/notices")).await.unwrap();
        notices.as_array().unwrap().iter().all(|notice| notice["state"] == "accepted")
    })
    .await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_api_v3_key_changes_both_keys_open_what_wechat_sealed() {
    const NEW: &str = "New0ApiV3Key0of0the0Merchant0001";
    let scene = Scene::of_a_book().await;
    scene.town.change_secret(|secret| {
        secret["api_v3_key"] = json!({ "current": NEW, "previous": TEST_MERCHANT.api_v3_key });
    });
    scene.town.move_clock(MINUTE);
    scene.town.wechats_keys("api-v3-key", json!({ "key": NEW, "old_share": 0.5 })).await;
    let heard = scene.town.heard_by_wechat(&scene.town.wechat_tells(4).await, 1).await;
    assert!(heard.iter().all(|statuses| is_taken(statuses[0])), "{heard:?}");
    scene.pay().await;
    scene.comes_to_be('O', &scene.order, "paid", SECOND).await;
    scene.ends(PAID).await;
    scene.stop().await;
}
