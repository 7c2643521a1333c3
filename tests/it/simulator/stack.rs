//! The simulator in a whole stack: its notices arrive at real functions, and become facts and events.

use counterparty::fixtures::Endpoint;
use counterparty::{Numbers, SignType, V2Fields, WechatPay};
use papay::story::Story;
use serde_json::{Value, json};

use crate::harness::{MCH_ID, Town, poll};

impl Town {
    /// `POST …` of the simulator's control API about merchant 10000100.
    pub(crate) async fn wechat(&self, path: &str, body: Value) -> Value {
        self.stack.simulator.control().post(&format!("/{MCH_ID}{path}"), body).await.unwrap()
    }

    /// Receives until each of these events has come.
    pub(crate) async fn hear(&self, types: &[&str]) {
        let mut heard = Vec::new();
        while !types.iter().all(|wanted| heard.iter().any(|heard| heard == wanted)) {
            heard.extend(self.receive("membership", 1).await.into_iter().map(|event| event.event_type));
        }
    }

    /// Places at the simulator the order that is on record here.
    pub(crate) async fn place(&self, numbers: &Numbers, plan_id: &str) {
        let url = |endpoint: Endpoint| self.url(endpoint, &format!("/v2/{MCH_ID}"));
        let fields = [
            ("appid", numbers.appid.as_str()),
            ("mch_id", MCH_ID),
            ("contract_mchid", MCH_ID),
            ("contract_appid", &numbers.appid),
            ("out_trade_no", &numbers.out_trade_no),
            ("nonce_str", "5K8264ILTKCH16CQ2502SI8ZNMTM67VS"),
            ("body", "年度会员"),
            ("notify_url", &url(Endpoint::Deduction)),
            ("total_fee", &numbers.total.to_string()),
            ("spbill_create_ip", "123.12.12.123"),
            ("trade_type", "APP"),
            ("plan_id", plan_id),
            ("contract_code", &numbers.contract_code),
            ("request_serial", &numbers.now.to_string()),
            ("contract_display_account", "微信代扣用户A"),
            ("contract_notify_url", &url(Endpoint::Contract)),
        ];
        let mut order = V2Fields::new();
        fields.iter().for_each(|(name, value)| order.set(name, value));
        let sign = WechatPay::test_merchant().unwrap().v2_sign(&order, SignType::Md5);
        order.set("sign", &sign);
        let url = format!("{}/pay/contractorder", self.stack.simulator.endpoint());
        let answer = self.http().post(url).body(order.render("xml").unwrap()).send().await.unwrap();
        let answer = V2Fields::read(&answer.bytes().await.unwrap()).unwrap();
        assert_eq!(answer.get("contract_result_code"), Some("SUCCESS"), "{:?}", answer.get("err_code_des"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_pays_signs_and_leaves_again_is_followed_by_notices_alone() {
    let town = Town::start().await;
    // The template that asks before a user leaves.
    let numbers = Numbers { plan_id: "12539".to_owned(), ..town.numbers(Story::PayAndSign) };
    town.seed(Story::PayAndSign, &numbers).await;
    town.place(&numbers, "12539").await;
    town.wechat(&format!("/orders/{}/pay", numbers.out_trade_no), json!({ "user": "alice" })).await;
    town.hear(&["papay.payment.succeeded.v1", "papay.contract.signed.v1"]).await;

    let code = &numbers.contract_code;
    town.wechat(&format!("/contracts/{code}/terminate"), json!({ "by": "user" })).await;
    town.hear(&["papay.contract.terminated.v1"]).await;
    poll("every notice is accepted", async || {
        let notices = town.stack.simulator.control().get(&format!("/{MCH_ID}/notices?number={code}")).await.unwrap();
        let notices = notices.as_array().unwrap().clone();
        let kinds: Vec<_> = notices.iter().map(|notice| notice["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["contract_add", "retention", "contract_delete"]);
        notices.iter().all(|notice| notice["state"] == "accepted")
    })
    .await;
    town.stop().await;
}
