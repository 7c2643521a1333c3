//! A function dies between the ledger and WeChat, or before it has written what WeChat answered. Each call is played with both deaths: what
//! was asked for happens, and once.

use serde_json::{Value, json};

use super::end::{End, PAID};
use super::scene::{MINUTE, SECOND, Scene};
use crate::harness::{MCH_ID, Town, attribute, poll};

/// When a function dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Death {
    /// It is on record, and WeChat knows nothing.
    BeforeTheCall,
    /// WeChat has done it, and nobody has heard it.
    BeforeTheAnswer,
}

const DEATHS: [Death; 2] = [Death::BeforeTheCall, Death::BeforeTheAnswer];

impl Death {
    /// The calls of this name are not read, or not answered, for longer than anyone waits.
    async fn meets(self, scene: &Scene, call: &str) {
        let slow = match self {
            Self::BeforeTheCall => json!({ "slow": { "ms": 20_000 } }),
            Self::BeforeTheAnswer => json!({ "answered_late": { "ms": 20_000 } }),
        };
        scene.at_wechat("/faults", json!({ "on": "call", "call": call, "times": 10, "fault": slow })).await;
    }
}

impl Scene {
    /// Waits for the moment in the middle of a call, kills the function, and lets WeChat be well again.
    async fn dies(&self, function: &str, what: &str, moment: impl AsyncFnMut() -> bool) {
        poll(what, moment).await;
        self.town.stack.lambda.kill(function);
        self.town.stack.simulator.control().delete("/faults").await.unwrap();
    }

    /// How many rows of a letter are on record, and how many WeChat has.
    async fn counts(&self, letter: char, at_wechat: &str) -> (usize, usize) {
        let prefix = format!("{MCH_ID}#{letter}#");
        let on_record = self.town.dump().await.ledger.keys().filter(|key| key.starts_with(&prefix)).count();
        let rows = self.town.stack.simulator.control().get(&format!("/{MCH_ID}/{at_wechat}")).await.unwrap();
        (on_record, rows.as_array().unwrap().len())
    }

    /// Where a row of the ledger stands, if it is there.
    pub(super) async fn stands(&self, letter: char, number: &str) -> Option<String> {
        let dump = self.town.dump().await;
        dump.ledger.get(&format!("{MCH_ID}#{letter}#{number}")).map(|item| attribute(item, "state"))
    }

    /// What the simulator has of a refund.
    async fn refund_at_wechat(&self, number: &str) -> Option<Value> {
        self.town.stack.simulator.control().get(&format!("/{MCH_ID}/refunds/{number}")).await.ok()
    }

    /// Alice has begun a purchase of this product, and its function died in the middle of this call.
    async fn of_a_death(death: Death, call: &str, product: &str, channel: &str, rows: (char, &str)) -> Self {
        let scene = Self::unbegun(Town::start().await, "alice").await;
        death.meets(&scene, call).await;
        let expected = if death == Death::BeforeTheCall { (1, 0) } else { (1, 1) };
        let begin = scene.buy(product, channel, "the key");
        let die = scene.dies("sign-api", "it is on record", async || scene.counts(rows.0, rows.1).await == expected);
        let ((status, body), ()) = tokio::join!(begin, die);
        assert_eq!(status, 502, "as a function URL answers for a function that died: {body}");
        scene
    }

    /// The same key again goes on with the order that there is, to its end.
    async fn goes_on_under_its_key(mut self, death: Death) {
        let again = self.buy("ebook", "app", "the key").await;
        self.goes_on_with(again);
        assert_eq!(self.counts('O', "orders").await, (1, 1), "{death:?}");
        self.pay().await;
        self.comes_to_be('O', &self.order, "paid", SECOND).await;
        self.ends(PAID).await;
        self.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_whose_function_died_goes_on_with_the_same_key_and_is_one_order() {
    for death in DEATHS {
        let scene = Scene::of_a_death(death, "app", "ebook", "app", ('O', "orders")).await;
        scene.goes_on_under_its_key(death).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_whose_function_died_for_good_is_sent_by_the_worker_and_is_one_order() {
    for death in DEATHS {
        let scene = Scene::of_a_death(death, "app", "ebook", "app", ('O', "orders")).await;
        poll("WeChat has it", async || {
            scene.time_passes(MINUTE).await;
            scene.counts('O', "orders").await == (1, 1)
        })
        .await;
        scene.goes_on_under_its_key(death).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_whose_function_died_is_made_before_the_payment_can_be_and_is_one_contract() {
    for death in DEATHS {
        let rows = ('X', "exempt-contracts");
        let mut scene = Scene::of_a_death(death, "pre_sign", "coffee", "mini_program", rows).await;
        let again = scene.buy("coffee", "mini_program", "the key").await;
        scene.goes_on_with(again);
        assert_eq!(scene.begun["pre_signing"]["status"], "offered", "{death:?} {}", scene.begun);
        assert_eq!(scene.counts('X', "exempt-contracts").await, (1, 1), "{death:?}");
        assert_eq!(scene.counts('O', "orders").await, (1, 1), "{death:?}");
        let paid = scene.pay().await;
        assert!(paid["contract_id"].is_string(), "{paid}");
        scene.comes_to_be('O', &scene.order, "paid", SECOND).await;
        scene.ends(PAID).await;
        scene.stop().await;
    }
}

const GIVEN_BACK: End<'_> = End {
    status: "partly_refunded",
    trade_state: "REFUND",
    refunds: &[("R1", 400, "succeeded", "SUCCESS")],
    events: &["payment.succeeded", "refund.succeeded"],
};

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_whose_function_died_is_made_by_the_worker_and_once() {
    for death in DEATHS {
        let scene = Scene::of_a_paid_book().await;
        death.meets(&scene, "refund").await;
        let moment = async || match death {
            Death::BeforeTheCall => scene.stands('R', "R1").await.is_some(),
            Death::BeforeTheAnswer => scene.refund_at_wechat("R1").await.is_some(),
        };
        let die = scene.dies("merchant-api", "the refund is on record", moment);
        let ((status, body), ()) = tokio::join!(scene.give_back("R1", 400), die);
        assert_eq!(status, 502, "{death:?} {body}");
        assert_eq!(scene.refund_at_wechat("R1").await.is_some(), death == Death::BeforeTheAnswer);
        scene.comes_to_be('R', "R1", "succeeded", MINUTE).await;
        // Whoever asked for it asks again.
        scene.gives_back("R1", 400).await;
        scene.ends(GIVEN_BACK).await;
        assert_eq!(scene.counts('R', "refunds").await, (1, 1), "{death:?}");
        scene.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repair_whose_function_died_is_made_by_the_worker_and_once() {
    for death in DEATHS {
        let scene = Scene::of_a_paid_book().await;
        scene.of_the_order("refund-outcome", json!({ "status": "ABNORMAL" })).await;
        scene.gives_back("R1", 400).await;
        scene.comes_to_be('R', "R1", "abnormal", SECOND).await;
        let repairs_as = format!("/{MCH_ID}/refunds/R1/repair-outcome");
        scene.at_wechat(&repairs_as, json!({ "status": "PROCESSING" })).await;
        death.meets(&scene, "abnormal_refund").await;
        let is_repaired = |refund: Option<Value>| refund.is_some_and(|refund| refund["v3"]["under_repair"] == true);
        let moment = async || match death {
            Death::BeforeTheCall => scene.stands('R', "R1").await.as_deref() == Some("repairing"),
            Death::BeforeTheAnswer => is_repaired(scene.refund_at_wechat("R1").await),
        };
        let card = json!({
            "type": "user_bank_card", "bank_type": "ICBC_DEBIT", "bank_account": "6222021234567890123", "real_name": "张三",
        });
        let die = scene.dies("merchant-api", "the repair is on record", moment);
        let repair = scene.back_end("/refunds/R1/abnormal", "repair", card.clone());
        let ((status, body), ()) = tokio::join!(repair, die);
        assert_eq!(status, 502, "{death:?} {body}");
        let at_wechat = is_repaired(scene.refund_at_wechat("R1").await);
        assert_eq!(at_wechat, death == Death::BeforeTheAnswer, "{death:?}");
        // Whoever asked for it asks again; the worker makes it, if it has not been made.
        let (status, body) = scene.back_end("/refunds/R1/abnormal", "repair", card).await;
        assert!(matches!(status, 200 | 202), "{death:?} {status} {body}");
        poll("WeChat repairs it", async || {
            scene.time_passes(MINUTE).await;
            is_repaired(scene.refund_at_wechat("R1").await)
        })
        .await;
        scene.at_wechat(&format!("/{MCH_ID}/refunds/R1/settle"), json!({ "status": "SUCCESS" })).await;
        scene.comes_to_be('R', "R1", "succeeded", MINUTE).await;
        let end = End { events: &["payment.succeeded", "refund.abnormal", "refund.succeeded"], ..GIVEN_BACK };
        scene.ends(end).await;
        scene.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pre_signing_of_the_back_end_whose_function_died_goes_on_with_the_same_key_and_is_one_contract() {
    for death in DEATHS {
        let scene = Scene::of_a_book().await;
        let user = scene.town.stack.simulator.control().get("/openids/wx2421b1c4370ec43b/wx-alice").await.unwrap();
        let wanted = json!({
            "mode": "normal", "service_id": 20_535, "out_contract_code": "A1", "openid": user["openid"],
            "prepay_id": scene.begun["launch"]["params"]["prepayId"], "display_account": "微信用户A",
            "appid": "wx2421b1c4370ec43b",
        });
        death.meets(&scene, "pre_sign").await;
        let expected = if death == Death::BeforeTheCall { (1, 0) } else { (1, 1) };
        let die = scene.dies("merchant-api", "the contract is on record", async || {
            scene.counts('X', "exempt-contracts").await == expected
        });
        let first = scene.back_end("/pre-signings", "the key", wanted.clone());
        let ((status, body), ()) = tokio::join!(first, die);
        assert_eq!(status, 502, "{death:?} {body}");
        let (status, body) = scene.back_end("/pre-signings", "the key", wanted).await;
        assert_eq!((status, &body["state"]), (200, &json!("offered")), "{death:?} {body}");
        assert_eq!(scene.counts('X', "exempt-contracts").await, (1, 1), "{death:?}");
        let (status, body) = scene.town.back_end_reads("/pre-signings/20535/A1").await;
        assert_eq!((status, &body["state"]), (200, &json!("offered")), "{death:?} {body}");
        scene.stop().await;
    }
}
