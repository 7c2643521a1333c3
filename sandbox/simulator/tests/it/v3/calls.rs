//! What every call needs: headers, signature, form.

use serde_json::{Value, json};

use super::desk::merchant_key;
use crate::bench::{Bench, MCH_ID};

const APP: &str = "/v3/pay/transactions/app";

#[tokio::test]
async fn a_call_without_a_right_authorization_is_refused_with_the_documented_words_and_changes_nothing() {
    let bench = Bench::start().await;
    let body = bench.v3_order("A10001").to_string();
    let key = merchant_key();
    let at = |seconds: i64| {
        let mut occasion = bench.occasion();
        occasion.now += seconds;
        key.authorization("POST", APP, body.as_bytes(), MCH_ID, &occasion).unwrap()
    };
    let right = at(0);
    let other = key.authorization("POST", APP, b"{}", MCH_ID, &bench.occasion()).unwrap();
    let stranger = key.authorization("POST", APP, body.as_bytes(), "19999999", &bench.occasion()).unwrap();
    let second = key.authorization("POST", APP, body.as_bytes(), "10000200", &bench.occasion()).unwrap();
    let wrong_serial = right.replace("5F1C72E2", "6F1C72E2");
    for (authorization, status, message) in [
        ("".to_owned(), 401, "HTTP头Authorization值格式错误"),
        (right.replace("nonce_str", "nonce"), 401, "HTTP头Authorization值格式错误"),
        (right.replace("RSA2048", "SM3"), 401, "HTTP头Authorization认证类型不正确"),
        (at(-302), 401, "HTTP头Authorization中的timestamp与发起请求的时间不得超过5分钟"),
        (at(302), 401, "HTTP头Authorization中的timestamp与发起请求的时间不得超过5分钟"),
        (wrong_serial, 401, "商户证书序列号有误。"),
        (other, 401, "错误的签名，导致验签失败。"),
        (second, 401, "商户未申请过证书。"),
        (stranger, 400, "商户号不存在"),
    ] {
        let request = bench.client.post(bench.url(APP)).body(body.clone()).header("Authorization", &authorization);
        let request = request.header("User-Agent", "papay").header("Content-Type", "application/json");
        let answer = bench.sent(request).await;
        assert_eq!((answer.status, answer.json()["message"].as_str()), (status, Some(message)), "{authorization}");
        assert!(answer.header("Wechatpay-Signature").is_none());
    }
    assert_eq!(bench.v3_state("A10001").await, "ORDER_NOT_EXIST");
    let answer = bench.sent(bench.v3_request("POST", APP, &body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn a_call_needs_accept_user_agent_and_the_type_of_its_body() {
    let bench = Bench::start().await;
    let body = bench.v3_order("B10001").to_string();
    for (missing, message) in
        [("User-Agent", "Http头缺少Accept或User-Agent"), ("Content-Type", "Http头Content-Type不是application/json")]
    {
        let mut request = bench.client.post(bench.url(APP)).body(body.clone());
        for (name, value) in [("User-Agent", "papay"), ("Content-Type", "application/json")] {
            if name != missing {
                request = request.header(name, value);
            }
        }
        let answer = bench.sent(request.header("Authorization", bench.authorization("POST", APP, &body))).await;
        assert_eq!((answer.error().0, answer.json()["message"].as_str()), (400, Some(message)));
    }
}

#[tokio::test]
async fn a_body_that_breaks_its_table_is_refused_and_the_member_is_named() {
    let bench = Bench::start().await;
    for (pointer, value) in [
        ("/description", json!("好😀")),
        ("/attach", Value::Null),
        ("/out_trade_no", json!("short")),
        ("/surprise", json!(1)),
        ("/mchid", json!("10000200")),
    ] {
        let mut order = bench.v3_order("C10001");
        order[&pointer[1..]] = value;
        let answer = bench.v3_post(APP, &order).await;
        assert_eq!(answer.error(), (400, "PARAM_ERROR".to_owned()));
        assert_eq!(answer.json()["detail"]["field"], pointer);
    }
    let extra = bench.v3_post(APP, &json!({ "surprise": 1 })).await;
    assert_eq!(extra.number(), 270_924_358);
}

#[tokio::test]
async fn what_is_not_there_is_404_or_405_without_a_body() {
    let bench = Bench::start().await;
    for (method, path, status) in [("GET", "/v3/pay/transactions/papay", 404), ("GET", APP, 405), ("PUT", APP, 405)] {
        let answer = bench.sent(bench.v3_request(method, path, "")).await;
        assert_eq!((answer.status, answer.text.as_str()), (status, ""), "{method} {path}");
    }
}
