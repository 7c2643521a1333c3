//! Deductions: modes, windows, limits, results; the V3 pre-deduction notice.

use counterparty::{MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM, MerchantKey, Occasion};
use serde_json::{Value, json};

use crate::bench::{APPID, Bench, DAY, Fields, HOUR, MCH_ID};

fn deduction(bench: &Bench, contract_id: &str, number: &str) -> Fields {
    bench
        .query("out_trade_no", number)
        .with("body", "月度会员续费")
        .with("total_fee", "1800")
        .with("spbill_create_ip", "123.12.12.123")
        .with("notify_url", &bench.sink.url("/deduction"))
        .with("trade_type", "PAP")
        .with("contract_id", contract_id)
}

async fn apply(bench: &Bench, fields: &Fields) -> String {
    let answer = bench.call("/pay/pappayapply", fields).await;
    assert_eq!(answer.get("transaction_id"), None, "acceptance is no payment");
    answer.get("err_code").or(answer.get("result_code")).unwrap().to_owned()
}

async fn pre_notify(bench: &Bench, contract_id: &str, amount: u64) -> (u16, Value) {
    let path = format!("/v3/papay/contracts/{contract_id}/notify");
    let body = json!({ "mchid": MCH_ID, "appid": APPID, "estimated_amount": { "amount": amount, "currency": "CNY" } });
    let body = body.to_string();
    let key = MerchantKey::of_private_key(MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM).unwrap();
    let occasion = Occasion { now: bench.timestamp().parse().unwrap(), nonce: "n".repeat(32) };
    let authorization = key.authorization("POST", &path, body.as_bytes(), MCH_ID, &occasion).unwrap();
    let request = bench.client.post(bench.url(&path)).header("Authorization", authorization);
    let request = request.header("User-Agent", "papay").header("Content-Type", "application/json").body(body);
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    assert!(response.headers().contains_key("Wechatpay-Signature"));
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or_default())
}

#[tokio::test]
async fn the_first_deduction_within_twelve_hours_is_executed_at_once() {
    let bench = Bench::start().await;
    let contract_id = bench.subscribe("A1", "12535").await.unwrap();
    bench.pass(11 * HOUR);
    assert_eq!(apply(&bench, &deduction(&bench, &contract_id, "A1P0001A01")).await, "SUCCESS");
    bench.pass(1_000);
    let told = bench.sink.wait("/deduction", 1).await.remove(0);
    assert_eq!((told.get("trade_state"), told.get("contract_id")), (Some("SUCCESS"), Some(contract_id.as_str())));
    assert_eq!(bench.trade_state("/pay/paporderquery", "A1P0001A01").await, "SUCCESS");
    assert_eq!(bench.trade_state("/pay/orderquery", "A1P0001A01").await, "SUCCESS");
    assert_eq!(apply(&bench, &deduction(&bench, &contract_id, "A1P0001A01")).await, "ORDERPAID");
}

#[tokio::test]
async fn later_ones_wait_a_day_and_stay_accepted_so_long() {
    let bench = Bench::start().await;
    let contract_id = bench.subscribe("B1", "12535").await.unwrap();
    bench.pass(30 * DAY);
    let first = deduction(&bench, &contract_id, "B1P0001A01");
    assert_eq!(apply(&bench, &first).await, "SUCCESS");
    assert_eq!(apply(&bench, &first).await, "ORDER_ACCEPTED");
    assert_eq!(apply(&bench, &deduction(&bench, &contract_id, "B1P0001A02")).await, "INVALID_REQUEST");
    bench.pass(DAY - 1_000);
    assert_eq!(bench.trade_state("/pay/paporderquery", "B1P0001A01").await, "ACCEPT");
    bench.pass(1_000);
    assert_eq!(bench.trade_state("/pay/paporderquery", "B1P0001A01").await, "SUCCESS");
    bench.sink.wait("/deduction", 1).await;
}

#[tokio::test]
async fn a_failed_deduction_is_told_kills_its_number_and_leaves_the_next_one_free() {
    let bench = Bench::start().await;
    let contract_id = bench.subscribe("C1", "12535").await.unwrap();
    bench
        .control
        .post("/users/alice", json!({ "deduction": { "err_code": "NOTENOUGH", "err_code_des": "余额不足" } }))
        .await
        .unwrap();
    assert_eq!(apply(&bench, &deduction(&bench, &contract_id, "C1P0001A01")).await, "SUCCESS");
    bench.pass(1_000);
    let told = bench.sink.wait("/deduction", 1).await.remove(0);
    assert_eq!((told.get("result_code"), told.get("err_code")), (Some("FAIL"), Some("NOTENOUGH")));
    assert_eq!((told.get("transaction_id"), told.get("total_fee")), (None, None));
    assert_eq!(bench.trade_state("/pay/paporderquery", "C1P0001A01").await, "PAY_FAIL");
    assert_eq!(bench.trade_state("/pay/orderquery", "C1P0001A01").await, "CLOSED");
    assert_eq!(apply(&bench, &deduction(&bench, &contract_id, "C1P0001A01")).await, "ORDERCLOSED");
    bench.control.post("/users/alice", json!({ "deduction": null })).await.unwrap();
    assert_eq!(apply(&bench, &deduction(&bench, &contract_id, "C1P0001A02")).await, "SUCCESS");
    bench.pass(1_000);
    assert_eq!(bench.trade_state("/pay/paporderquery", "C1P0001A02").await, "SUCCESS");
}

#[tokio::test]
async fn nothing_is_deducted_at_night_too_much_too_often_or_without_a_contract() {
    let bench = Bench::start().await;
    let contract_id = bench.subscribe("D1", "12535").await.unwrap();
    let fixed = bench.subscribe("D2", "12537").await.unwrap();
    let to = |contract_id: &str, number: &str| deduction(&bench, contract_id, number);
    assert_eq!(apply(&bench, &to(&contract_id, "D1P0001A01").with("total_fee", "50001")).await, "RULELIMIT");
    assert_eq!(apply(&bench, &to(&fixed, "D2P0001A01").with("total_fee", "1799")).await, "RULELIMIT");
    assert_eq!(apply(&bench, &to("202601010000000000", "D9P0001A01")).await, "CONTRACT_NOT_EXIST");
    assert_eq!(apply(&bench, &to(&contract_id, "D1F000")).await, "OUT_TRADE_NO_USED");
    assert_eq!(apply(&bench, &to(&contract_id, "D1P0001A02")).await, "SUCCESS");
    bench.pass(1_000);
    assert_eq!(bench.trade_state("/pay/paporderquery", "D1P0001A02").await, "SUCCESS");
    assert_eq!(apply(&bench, &to(&contract_id, "D1P0001A03")).await, "RULELIMIT", "one a day");
    bench.pass(DAY);
    assert_eq!(apply(&bench, &to(&contract_id, "D1P0002A01")).await, "SUCCESS");
    bench.pass(2 * DAY);
    assert_eq!(apply(&bench, &to(&contract_id, "D1P0003A01")).await, "RULELIMIT", "two a period");
    bench.pass(12 * HOUR);
    assert_eq!(apply(&bench, &to(&contract_id, "D1P0003A02")).await, "INVALID_REQUEST", "22:00");
    bench.act("/contracts/D1/terminate", json!({ "by": "user" })).await;
    bench.pass(12 * HOUR);
    assert_eq!(apply(&bench, &to(&contract_id, "D1P0003A03")).await, "CONTRACT_NOT_EXIST");
}

#[tokio::test]
async fn a_contract_that_ends_while_its_deduction_waits_makes_it_fail() {
    let bench = Bench::start().await;
    let contract_id = bench.subscribe("E1", "12535").await.unwrap();
    bench.pass(30 * DAY);
    apply(&bench, &deduction(&bench, &contract_id, "E1P0001A01")).await;
    bench.act("/contracts/E1/terminate", json!({ "by": "user" })).await;
    bench.pass(DAY);
    let told = bench.sink.wait("/deduction", 1).await.remove(0);
    assert_eq!(told.get("err_code"), Some("CONTRACT_NOT_EXIST"));
}

#[tokio::test]
async fn in_notice_mode_one_deducts_from_the_third_to_the_ninth_day_of_a_notice_and_once() {
    let bench = Bench::start().await;
    let contract_id = bench.subscribe("F1", "12536").await.unwrap();
    bench.pass(30 * DAY);
    let to = |number: &str| deduction(&bench, &contract_id, number);
    assert_eq!(apply(&bench, &to("F1P0001A01")).await, "INVALID_REQUEST");
    assert_eq!(pre_notify(&bench, &contract_id, 1800).await.0, 204);
    assert_eq!(pre_notify(&bench, &contract_id, 1800).await.1["code"], "RESOURCE_ALREADY_EXISTS");
    assert_eq!(pre_notify(&bench, &contract_id, 1900).await.1["code"], "INVALID_REQUEST");
    bench.pass(DAY);
    assert_eq!(apply(&bench, &to("F1P0001A02")).await, "INVALID_REQUEST", "day 2");
    bench.pass(DAY);
    assert_eq!(apply(&bench, &to("F1P0001A03").with("total_fee", "1801")).await, "RULELIMIT");
    bench.pass(6 * DAY);
    assert_eq!(apply(&bench, &to("F1P0001A04")).await, "SUCCESS", "day 9");
    bench.pass(1_000);
    assert_eq!(bench.trade_state("/pay/paporderquery", "F1P0001A04").await, "SUCCESS");
    bench.pass(DAY);
    assert_eq!(apply(&bench, &to("F1P0002A01")).await, "INVALID_REQUEST", "the cycle ended with the success");
    assert_eq!(pre_notify(&bench, &contract_id, 1800).await.0, 204);
    bench.pass(9 * DAY);
    assert_eq!(apply(&bench, &to("F1P0002A02")).await, "INVALID_REQUEST", "day 10");
}

#[tokio::test]
async fn a_pre_deduction_notice_is_refused_with_the_documented_codes() {
    let bench = Bench::start().await;
    let periodic = bench.subscribe("G1", "12536").await.unwrap();
    let other = bench.subscribe("G2", "12535").await.unwrap();
    assert_eq!(pre_notify(&bench, "202601010000000000", 1800).await.1["code"], "CONTRACT_NOT_EXIST");
    assert_eq!(pre_notify(&bench, &other, 1800).await.1["code"], "INVALID_REQUEST");
    assert_eq!(pre_notify(&bench, &periodic, 50_001).await.1["code"], "RULELIMIT");
    assert_eq!(pre_notify(&bench, &periodic, 0).await.1["code"], "PARAM_ERROR");
    bench.pass(12 * HOUR);
    assert_eq!(pre_notify(&bench, &periodic, 1800).await.1["code"], "INVALID_REQUEST", "22:00");
    let unsigned = bench.client.post(bench.url(&format!("/v3/papay/contracts/{periodic}/notify"))).body("{}");
    let unsigned = unsigned.header("User-Agent", "papay");
    assert_eq!(unsigned.send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn a_deduction_that_waits_can_be_closed_and_is_no_deduction_to_the_query_then() {
    let bench = Bench::start().await;
    let contract_id = bench.subscribe("H1", "12535").await.unwrap();
    bench.pass(30 * DAY);
    apply(&bench, &deduction(&bench, &contract_id, "H1P0001A01")).await;
    bench.pass(HOUR);
    let closed = bench.call("/pay/closeorder", &bench.query("out_trade_no", "H1P0001A01")).await;
    assert_eq!(closed.get("result_code"), Some("SUCCESS"));
    bench.pass(2 * DAY);
    assert_eq!(bench.trade_state("/pay/orderquery", "H1P0001A01").await, "CLOSED");
    assert_eq!(bench.trade_state("/pay/paporderquery", "H1P0001A01").await, "INVALID_REQUEST");
    assert!(bench.sink.at("/deduction").is_empty());
}

#[tokio::test]
async fn a_deduction_can_be_asked_for_a_month() {
    let bench = Bench::start().await;
    let contract_id = bench.subscribe("I1", "12535").await.unwrap();
    apply(&bench, &deduction(&bench, &contract_id, "I1P0001A01")).await;
    bench.pass(32 * DAY);
    assert_eq!(bench.trade_state("/pay/paporderquery", "I1P0001A01").await, "ORDERNOTEXIST");
    assert_eq!(bench.trade_state("/pay/orderquery", "I1P0001A01").await, "SUCCESS");
}
