//! Repairs that take their time. WeChat calls a refund ABNORMAL until its repair has succeeded: nobody can tell by that whether one was
//! taken, goes on, or has come to nothing.

use std::time::Duration;

use serde_json::{Value, json};

use super::end::End;
use super::scene::{MINUTE, SECOND, Scene};
use crate::harness::MCH_ID;

const HOURS: Duration = Duration::from_secs(6 * 3_600);

const END: End<'_> = End {
    status: "partly_refunded",
    trade_state: "REFUND",
    refunds: &[("R1", 400, "succeeded", "SUCCESS")],
    events: &["payment.succeeded", "refund.abnormal", "refund.succeeded"],
};

impl Scene {
    /// A paid book, 400 of which came back and wait. Their repair comes to this by itself.
    async fn of_an_abnormal_refund(repair: &str) -> Self {
        let scene = Self::of_a_paid_book().await;
        scene.of_the_order("refund-outcome", json!({ "status": "ABNORMAL" })).await;
        scene.gives_back("R1", 400).await;
        scene.comes_to_be('R', "R1", "abnormal", SECOND).await;
        scene.at_wechat(&format!("/{MCH_ID}/refunds/R1/repair-outcome"), json!({ "status": repair })).await;
        scene
    }

    /// The back end has it repaired by the merchant's card; answers status and body.
    async fn repair(&self, key: &str) -> (u16, Value) {
        self.back_end("/refunds/R1/abnormal", key, json!({ "type": "merchant_bank_card" })).await
    }

    async fn is_under_repair_at_wechat(&self) -> bool {
        let refund = self.town.stack.simulator.control().get(&format!("/{MCH_ID}/refunds/R1")).await.unwrap();
        (&refund["state"], &refund["v3"]["under_repair"]) == (&json!("CHANGE"), &json!(true))
    }

    /// Nobody calls the repair failed for so many steps, and no second one can be begun with another card.
    async fn stays_under_repair(&self, steps: u32, step: Duration) {
        for past in 0..steps {
            self.time_passes(step).await;
            assert_eq!(self.stands('R', "R1").await.as_deref(), Some("repairing"), "after {:?}", step * past);
        }
        let card = json!({
            "type": "user_bank_card", "bank_type": "ICBC_DEBIT", "bank_account": "6222021234567890123", "real_name": "张三",
        });
        let (status, body) = self.back_end("/refunds/R1/abnormal", "another card", card).await;
        assert_eq!(status, 409, "{body}");
        assert!(self.is_under_repair_at_wechat().await);
    }

    async fn ends_repaired(self) {
        self.at_wechat(&format!("/{MCH_ID}/refunds/R1/settle"), json!({ "status": "SUCCESS" })).await;
        self.comes_to_be('R', "R1", "succeeded", MINUTE).await;
        self.ends(END).await;
        self.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repair_that_takes_days_is_not_called_failed_meanwhile() {
    let scene = Scene::of_an_abnormal_refund("PROCESSING").await;
    let (status, body) = scene.repair("repair").await;
    assert_eq!((status, &body["state"]), (202, &json!("repairing")), "{body}");
    scene.stays_under_repair(12, HOURS).await;
    scene.ends_repaired().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repair_whose_answer_was_lost_and_whose_repetition_is_refused_is_not_called_failed() {
    let scene = Scene::of_an_abnormal_refund("PROCESSING").await;
    scene.calls_meet("abnormal_refund", 1, json!("answer_lost")).await;
    let refused = json!({ "error": { "err_code": "INVALID_REQUEST", "err_code_des": "退款单已发起异常退款" } });
    scene.calls_meet("abnormal_refund", 100, refused).await;
    let (status, body) = scene.repair("repair").await;
    assert_eq!((status, &body["state"]), (202, &json!("repairing")), "{body}");
    scene.stays_under_repair(12, MINUTE).await;
    scene.ends_repaired().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repair_that_came_to_nothing_unheard_is_given_up_after_days_and_made_again() {
    let scene = Scene::of_an_abnormal_refund("ABNORMAL").await;
    let (status, body) = scene.repair("first").await;
    assert_eq!(status, 202, "{body}");
    scene.comes_to_be('R', "R1", "abnormal", HOURS).await;
    assert!(!scene.is_under_repair_at_wechat().await);
    scene.at_wechat(&format!("/{MCH_ID}/refunds/R1/repair-outcome"), json!({ "status": "SUCCESS" })).await;
    let (status, body) = scene.repair("second").await;
    assert!(matches!(status, 200 | 202), "{status} {body}");
    scene.comes_to_be('R', "R1", "succeeded", SECOND).await;
    let twice = &["payment.succeeded", "refund.abnormal", "refund.abnormal", "refund.succeeded"];
    scene.ends(End { events: twice, ..END }).await;
    scene.stop().await;
}
