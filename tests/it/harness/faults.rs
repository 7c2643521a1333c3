//! What goes wrong at WeChat.

use serde_json::{Value, json};

use super::Town;

impl Town {
    /// `POST /control/faults` of the simulator.
    pub(crate) async fn wechat_misbehaves(&self, fault: Value) {
        self.stack.simulator.control().post("/faults", fault).await.unwrap();
    }

    /// From here WeChat's notices of this kind get lost.
    pub(crate) async fn loses(&self, kind: &str) {
        self.wechat_misbehaves(json!({ "on": "notice", "kind": kind, "times": 1_000, "fault": "lost" })).await;
    }

    /// Nothing goes wrong any more.
    pub(crate) async fn wechat_is_well(&self) {
        self.stack.simulator.control().delete("/faults").await.unwrap();
    }
}
