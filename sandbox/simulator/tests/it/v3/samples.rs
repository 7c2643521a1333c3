//! The documented examples: their requests are taken, and our answers and notices have their members.

use std::path::Path;

use serde_json::{Value, json};

use super::desk::REFUNDS;
use crate::bench::{APPID, Bench, MCH_ID};

fn sample(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/wechat/samples/v3");
    serde_json::from_slice(&std::fs::read(folder.join(format!("{name}.json"))).unwrap()).unwrap()
}

/// The sample with what belongs to our merchant and our time.
fn ours(name: &str) -> Value {
    let mut body = sample(name);
    for (member, value) in [("appid", json!(APPID)), ("mchid", json!(MCH_ID))] {
        if body.get(member).is_some() {
            body[member] = value;
        }
    }
    if body.get("time_expire").is_some() {
        body["time_expire"] = json!("2026-03-02T10:30:00+08:00");
    }
    body
}

/// The members of a sample that ours lacks, as JSON pointers.
fn lacking(sample: &Value, ours: &Value, at: &str) -> Vec<String> {
    match (sample, ours) {
        (Value::Object(sample), Value::Object(ours)) => {
            let members = sample.iter().map(|(name, value)| {
                let at = format!("{at}/{name}");
                ours.get(name).map_or(vec![at.clone()], |ours| lacking(value, ours, &at))
            });
            members.flatten().collect()
        }
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn the_documented_orders_are_placed() {
    let bench = Bench::start().await;
    for (at, (name, path)) in [
        ("app_order.request", "app"),
        ("app_order_minimal.request", "app"),
        ("jsapi_order.request", "jsapi"),
        ("h5_order.request", "h5"),
        ("native_order.request", "native"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut body = ours(name);
        body["out_trade_no"] = json!(format!("A1000{at}"));
        let answer = bench.v3_post(&format!("/v3/pay/transactions/{path}"), &body).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text);
        let documented = sample(&format!("{}_order.response", if path == "jsapi" { "app" } else { path }));
        assert_eq!(lacking(&documented, &answer.json(), ""), [""; 0], "{name}");
    }
}

#[tokio::test]
async fn answers_and_notices_have_the_members_of_the_documented_ones() {
    let bench = Bench::start().await;
    let unpaid = bench.v3_order("B10001");
    bench.v3_post("/v3/pay/transactions/app", &unpaid).await;
    let query = bench.v3_query("B10001").await.json();
    assert_eq!(lacking(&sample("order_query.notpay.response"), &query, ""), [""; 0]);
    bench.act("/orders/B10001/pay", json!({ "coupon": 90 })).await;
    let query = bench.v3_query("B10001").await.json();
    assert_eq!(lacking(&sample("order_query.response"), &query, ""), [""; 0]);
    let told = bench.sink.wait_any("/v3/payment", 1).await.remove(0);
    let envelope: Value = serde_json::from_str(&told.body).unwrap();
    assert_eq!(lacking(&sample("notice_transaction_success.envelope"), &envelope, ""), [""; 0]);
    let documented = sample("notice_transaction_success.resource");
    assert_eq!(lacking(&documented, &bench.opened(&told).1, ""), ["/scene_info"], "no device was named");
    let mut refund = bench.v3_refund("B10001", "R1", 990);
    refund["amount"]["from"] = json!([{ "account": "AVAILABLE", "amount": 990 }]);
    bench.v3_post(REFUNDS, &refund).await;
    bench.pass(1_000);
    let refund = bench.v3_get(&format!("{REFUNDS}/R1")).await.json();
    assert_eq!(lacking(&sample("refund_query.response"), &refund, ""), ["/amount/refund_fee"], "no fee was given back");
    let told = bench.sink.wait_any("/v3/refund", 1).await.remove(0);
    assert_eq!(lacking(&sample("notice_refund_success.resource"), &bench.opened(&told).1, ""), [""; 0]);
}

#[tokio::test]
async fn the_documented_pre_signs_are_taken_once_the_rules_are_kept() {
    let bench = Bench::start().await;
    for (name, path, member) in [
        ("password_exempt_normal_pay_redirect_sign.request", "normal/pre-entrust-sign/pay-redirect-sign", "/prepay_id"),
        ("password_exempt_qs_pay_redirect_sign.request", "qs/pre-entrust-sign/pay-redirect-sign", "/prepay_id"),
    ] {
        let mut body = ours(name);
        body["service_id"] = json!(if path.starts_with("qs") { 20_536 } else { 20_535 });
        let answer = bench.v3_post(&format!("/v3/password-exempt-contract/contracts/{path}"), &body).await;
        assert_eq!(answer.json()["detail"]["field"], member, "nothing else is wrong with it: {}", answer.text);
    }
    let mut body = ours("password_exempt_qs_mini_program.request");
    body["service_id"] = json!(20_536);
    let path = "/v3/password-exempt-contract/contracts/qs/pre-entrust-sign/mini-program";
    let answer = bench.v3_post(path, &body).await.json();
    assert_eq!(lacking(&sample("password_exempt_qs_mini_program.response"), &answer, ""), [""; 0], "{answer}");
}
