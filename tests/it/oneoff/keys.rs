//! WeChat changes its keys while notices come: by certificate and by public key, by an old certificate and a new one, sealed by two APIv3
//! keys.

use std::time::Duration;

use counterparty::TEST_MERCHANT;
use counterparty::fixtures::Endpoint;
use serde_json::{Value, json};

use super::end::PAID;
use super::scene::{MINUTE, SECOND, Scene};
use crate::harness::{MCH_ID, Town, poll};

impl Town {
    /// `POST /control/…/keys/…` of the simulator.
    pub(super) async fn wechats_keys(&self, what: &str, body: Value) -> Value {
        self.stack.simulator.control().post(&format!("/{MCH_ID}/keys/{what}"), body).await.unwrap()
    }

    /// WeChat begins to send so many notices at once. Answers their ids.
    pub(super) async fn wechat_tells(&self, count: usize) -> Vec<Value> {
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

    /// The deliveries of each of those notices, once WeChat has sent each so often.
    pub(super) async fn heard_by_wechat(&self, ids: &[Value], deliveries: usize) -> Vec<Vec<Delivery>> {
        let mut heard = Vec::new();
        poll("the notices are sent", async || {
            let notices = self.stack.simulator.control().get(&format!("/{MCH_ID}/notices")).await.unwrap();
            let ours = notices.as_array().unwrap().iter().filter(|notice| ids.contains(&notice["id"]));
            heard = ours.map(deliveries_of).collect();
            heard.iter().all(|heard: &Vec<Delivery>| heard.len() >= deliveries)
        })
        .await;
        heard
    }

    /// The first delivery of new notices, of which one follows the other.
    async fn first_heard(&self, count: usize) -> Vec<Delivery> {
        let mut first = Vec::new();
        for _ in 0..count {
            let mut heard = self.heard_by_wechat(&self.wechat_tells(1).await, 1).await;
            first.push(heard.swap_remove(0).swap_remove(0));
        }
        first
    }

    /// Waits until every notice was taken, moving the clock from one try of WeChat's to the next.
    async fn takes_every_notice(&self) {
        poll("WeChat's next try is taken", async || {
            self.move_clock(Duration::from_secs(15)).await;
            let notices = self.stack.simulator.control().get(&format!("/{MCH_ID}/notices")).await.unwrap();
            notices.as_array().unwrap().iter().all(|notice| notice["state"] == "accepted")
        })
        .await;
    }

    /// What the functions verify with, changed.
    fn change_secret(&self, change: impl FnOnce(&mut Value)) {
        let name = format!("papay/{MCH_ID}/verify");
        let mut secret: Value = serde_json::from_str(&self.config.secrets()[&name]).unwrap();
        change(&mut secret);
        self.stack.host.secrets.put(&name, secret.to_string());
    }
}

/// How WeChat told something once, and what it heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Delivery {
    pub(super) status: u64,
    /// The key that signed it.
    pub(super) serial: String,
}

fn deliveries_of(notice: &Value) -> Vec<Delivery> {
    let delivery = |delivery: &Value| Delivery {
        status: delivery["status"].as_u64().unwrap_or_default(),
        serial: delivery["serial"].as_str().unwrap_or_default().to_owned(),
    };
    notice["deliveries"].as_array().unwrap().iter().map(delivery).collect()
}

impl Delivery {
    pub(super) fn is_taken(&self) -> bool {
        matches!(self.status, 200 | 204)
    }
}

/// How many of them that key signed.
fn by(serial: &str, heard: &[Delivery]) -> usize {
    heard.iter().filter(|delivery| delivery.serial == serial).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn old_certificate_new_certificate_and_public_key_all_verify_in_the_same_minute() {
    let town = Town::start().await;
    let new = town.wechats_keys("certificates", json!({})).await;
    let renewed = new["serial"].as_str().unwrap();
    town.wechats_keys("mode", json!({ "mode": "certificate" })).await;
    town.wechats_keys("renewal", json!({ "serial": renewed, "share": 0.5 })).await;
    let heard = town.first_heard(4).await;
    assert_eq!((by(TEST_MERCHANT.certificate_serial, &heard), by(renewed, &heard)), (2, 2), "{heard:?}");
    for delivery in &heard {
        let expected = if delivery.serial == renewed { 401 } else { 204 };
        assert_eq!(delivery.status, expected, "nobody knows the new one yet, and WeChat is to try again: {heard:?}");
    }

    town.change_secret(|secret| secret["platform_certificates"].as_array_mut().unwrap().push(new["pem"].clone()));
    town.move_clock(MINUTE).await;
    town.takes_every_notice().await;
    town.wechats_keys("mode", json!({ "mode": "grey", "day": 6 })).await;
    let heard = town.first_heard(8).await;
    assert!(heard.iter().all(Delivery::is_taken), "{heard:?}");
    let signers = [TEST_MERCHANT.public_key_id, TEST_MERCHANT.certificate_serial, renewed];
    assert_eq!(signers.map(|serial| by(serial, &heard)), [4, 2, 2], "half by the public key: {heard:?}");
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_api_v3_key_changes_both_keys_open_what_wechat_sealed() {
    const NEW: &str = "New0ApiV3Key0of0the0Merchant0001";
    let scene = Scene::of_a_book().await;
    scene.town.change_secret(|secret| {
        secret["api_v3_key"] = json!({ "current": NEW, "previous": TEST_MERCHANT.api_v3_key });
    });
    scene.town.move_clock(MINUTE).await;
    scene.town.wechats_keys("api-v3-key", json!({ "key": NEW, "old_share": 0.5 })).await;
    let heard = scene.town.first_heard(4).await;
    assert!(heard.iter().all(Delivery::is_taken), "{heard:?}");
    scene.pay().await;
    scene.comes_to_be('O', &scene.order, "paid", SECOND).await;
    scene.ends(PAID).await;
    scene.stop().await;
}
