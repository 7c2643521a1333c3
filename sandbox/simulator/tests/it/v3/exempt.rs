//! Password-exempt contracts: pre-sign, agreement, query, end.

use serde_json::{Value, json};

use super::desk::Answer;
use crate::bench::{APPID, Bench, HOUR, MCH_ID};

const FAMILY: &str = "/v3/password-exempt-contract/contracts";

impl Bench {
    async fn openid(&self) -> String {
        let known = self.control.get(&format!("/openids/{APPID}/alice")).await.unwrap();
        known["openid"].as_str().unwrap().to_owned()
    }

    /// A JSAPI order of alice; answers its prepay_id.
    async fn alices_order(&self, out_trade_no: &str) -> String {
        let mut order = self.v3_order(out_trade_no);
        order["payer"] = json!({ "openid": self.openid().await });
        let placed = self.v3_post("/v3/pay/transactions/jsapi", &order).await.json();
        placed["prepay_id"].as_str().unwrap().to_owned()
    }

    async fn offer(&self, code: &str, prepay_id: &str) -> Value {
        json!({
            "appid": APPID, "service_id": 20_535, "out_contract_code": code, "notify_url": self.sink.url("/v3/exempt"),
            "contract_display_account": "微信用户A", "prepay_id": prepay_id, "openid": self.openid().await,
        })
    }

    async fn pre_sign(&self, family: &str, way: &str, body: &Value) -> Answer {
        self.v3_post(&format!("{FAMILY}/{family}/pre-entrust-sign/{way}"), body).await
    }

    async fn exempt(&self, code: &str) -> Answer {
        self.v3_get(&format!("{FAMILY}/service-id/20535/out-contract-code/{code}")).await
    }

    async fn offered_and_paid(&self, number: &str, how: Value) -> Value {
        let prepay_id = self.alices_order(&format!("ORDER{number}")).await;
        let offer = self.offer(number, &prepay_id).await;
        assert_eq!(self.pre_sign("normal", "pay-redirect-sign", &offer).await.status, 200);
        self.act(&format!("/orders/ORDER{number}/pay"), how).await
    }
}

#[tokio::test]
async fn a_user_who_agrees_after_paying_has_a_contract_that_is_told_found_and_ended() {
    let bench = Bench::start().await;
    let paid = bench.offered_and_paid("A1", json!({})).await;
    let contract_id = paid["contract_id"].as_str().unwrap();
    let found = bench.exempt("A1").await.json();
    assert_eq!((&found["contract_state"], &found["contract_id"]), (&json!("SIGNED"), &json!(contract_id)));
    assert_eq!((&found["service_id"], &found["openid"]), (&json!(20_535), &json!(bench.openid().await)));
    let told = bench.sink.wait_any("/v3/exempt", 1).await.remove(0);
    assert_eq!(bench.opened(&told).1["out_contract_code"], "A1");
    let path = format!("{FAMILY}/service-id/20535/out-contract-code/A1/terminate");
    let ended = bench.v3_post(&path, &json!({ "contract_termination_remark": "用户要求" })).await;
    assert_eq!(ended.json(), json!({ "mchid": MCH_ID, "service_id": 20_535, "out_contract_code": "A1" }));
    let found = bench.exempt("A1").await.json();
    assert_eq!(found["contract_state"], "TERMINATED");
    assert_eq!(found["contract_terminate_info"]["contract_termination_mode"], "MCH_API_TERMINATE");
    bench.sink.wait_any("/v3/exempt", 2).await;
    let again = bench.v3_post(&path, &json!({ "contract_termination_remark": "用户要求" })).await;
    assert_eq!(again.error(), (400, "INVALID_REQUEST".to_owned()), "only a contract in force");
    let prepay_id = bench.alices_order("ORDERA2").await;
    let reused = bench.pre_sign("normal", "pay-redirect-sign", &bench.offer("A1", &prepay_id).await).await;
    assert_eq!(reused.error(), (400, "INVALID_REQUEST".to_owned()), "a number is not used twice");
}

#[tokio::test]
async fn a_user_who_declines_has_paid_and_nobody_is_told_of_a_contract() {
    let bench = Bench::start().await;
    let paid = bench.offered_and_paid("B1", json!({ "sign": false })).await;
    assert_eq!((&paid["not_signed"], &paid["contract_id"]), (&json!("user_unticked"), &Value::Null));
    assert_eq!(bench.exempt("B1").await.error(), (404, "RESOURCE_NOT_EXISTS".to_owned()));
    bench.sink.wait_any("/v3/payment", 1).await;
    assert!(bench.sink.at("/v3/exempt").is_empty());
    bench.offered_and_paid("B2", json!({})).await;
    let second = bench.offered_and_paid("B3", json!({})).await;
    assert_eq!(second["not_signed"], "already_signed");
}

#[tokio::test]
async fn a_pre_sign_needs_the_permission_a_live_order_and_its_payer() {
    let bench = Bench::start().await;
    let prepay_id = bench.alices_order("ORDERC1").await;
    let offer = bench.offer("C1", &prepay_id).await;
    let with = |name: &str, value: Value| {
        let mut body = offer.clone();
        body[name] = value;
        body
    };
    let unknown = bench.pre_sign("normal", "pay-redirect-sign", &with("service_id", json!(1))).await;
    assert_eq!(unknown.json()["detail"]["field"], "/service_id");
    let foreign = bench.pre_sign("normal", "pay-redirect-sign", &with("prepay_id", json!("wx1"))).await;
    assert_eq!(foreign.json()["detail"]["field"], "/prepay_id");
    let stranger = bench.pre_sign("normal", "pay-redirect-sign", &with("openid", json!("oSomebodyElse"))).await;
    assert_eq!(stranger.json()["detail"]["field"], "/openid");
    let partner = json!({
        "sp_appid": APPID, "sub_appid": "wxd930ea5d5a258f4f", "sub_mchid": "1900000109", "service_id": 20_535,
        "out_contract_code": "C2", "notify_url": bench.sink.url("/v3/exempt"), "contract_display_account": "A",
        "prepay_id": prepay_id, "sp_openid": bench.openid().await,
    });
    let partner = bench.pre_sign("service-provider", "pay-redirect-sign", &partner).await;
    assert_eq!(partner.error(), (403, "NO_AUTH".to_owned()));
    let mut institution = offer.clone();
    institution["service_id"] = json!(20_536);
    institution["sub_appid"] = json!("wxd930ea5d5a258f4f");
    institution["sub_mchid"] = json!("1900000109");
    let institution = bench.pre_sign("qs", "pay-redirect-sign", &institution).await;
    let expected = json!({ "mchid": MCH_ID, "service_id": 20_536, "out_contract_code": "C1" });
    assert_eq!((institution.status, institution.json()), (200, expected));
    bench.pass(3 * HOUR);
    let late = bench.pre_sign("normal", "pay-redirect-sign", &with("out_contract_code", json!("C3"))).await;
    assert_eq!(late.error(), (400, "INVALID_REQUEST".to_owned()), "the prepay_id is dead");
}

#[tokio::test]
async fn the_mini_program_signs_within_two_hours_and_the_user_can_leave() {
    let bench = Bench::start().await;
    let mut offer = bench.offer("D1", "").await;
    offer.as_object_mut().unwrap().remove("prepay_id");
    let offered = bench.pre_sign("normal", "mini-program", &offer).await.json();
    assert!(offered["pre_entrustweb_id"].is_string() && offered["sign_mp_path"].is_string());
    bench.pass(HOUR);
    bench.act("/exempt-contracts/D1/sign", json!({})).await;
    assert_eq!(bench.exempt("D1").await.json()["contract_state"], "SIGNED");
    bench.act("/exempt-contracts/D1/terminate", json!({ "by": "user" })).await;
    let found = bench.exempt("D1").await.json();
    assert_eq!(found["contract_terminate_info"]["contract_termination_mode"], "USER_TERMINATE");
    offer["out_contract_code"] = json!("D2");
    bench.pre_sign("normal", "mini-program", &offer).await;
    bench.pass(2 * HOUR + 1);
    assert!(bench.refused("/exempt-contracts/D2/sign", json!({})).await.contains("会话已失效"));
}

#[tokio::test]
async fn the_cashier_of_a_pre_signed_order_has_the_switch_and_a_failed_pre_sign_leaves_it_out() {
    let bench = Bench::start().await;
    let page = async |number: &str| {
        let request = bench.client.get(bench.url(&format!("/cashier/{MCH_ID}/{number}")));
        request.send().await.unwrap().text().await.unwrap()
    };
    let prepay_id = bench.alices_order("ORDERE1").await;
    let mut offer = bench.offer("E1", &prepay_id).await;
    offer["service_id"] = json!(1);
    bench.pre_sign("normal", "pay-redirect-sign", &offer).await;
    let shown = page("ORDERE1").await;
    assert!(shown.contains("支付") && !shown.contains("免密支付"), "{shown}");
    offer["service_id"] = json!(20_535);
    bench.pre_sign("normal", "pay-redirect-sign", &offer).await;
    let shown = page("ORDERE1").await;
    assert!(["免密支付", "免密支付服务", "微信用户A"].iter().all(|text| shown.contains(text)), "{shown}");
}
