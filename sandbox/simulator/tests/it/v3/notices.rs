//! V3 notices: the schedule, and that each delivery is signed anew.

use std::collections::BTreeSet;

use serde_json::json;

use crate::bench::{Bench, HOUR, MINUTE};
use crate::sink::Received;

const SECOND: i64 = 1_000;

fn header(notice: &Received, name: &str) -> String {
    notice.headers.get(name).unwrap().to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_refused_notice_is_sent_again_by_the_schedule_with_the_same_body_and_a_new_signature() {
    let bench = Bench::start().await;
    bench.sink.refuse(true);
    bench.buy("A10001").await;
    bench.sink.wait_any("/v3/payment", 1).await;
    let pauses = [15 * SECOND, 15 * SECOND, 30 * SECOND, 3 * MINUTE, 10 * MINUTE, 20 * MINUTE];
    for (at, pause) in pauses.into_iter().enumerate() {
        bench.pass(pause - 1);
        bench.sink.wait_any("/v3/payment", at + 1).await;
        bench.pass(1);
        bench.sink.wait_any("/v3/payment", at + 2).await;
    }
    bench.pass(24 * HOUR);
    let sent = bench.sink.wait_any("/v3/payment", 16).await;
    let timestamps: BTreeSet<String> = sent.iter().map(|one| header(one, "Wechatpay-Timestamp")).collect();
    let signatures: BTreeSet<String> = sent.iter().map(|one| header(one, "Wechatpay-Signature")).collect();
    assert!(timestamps.len() > pauses.len(), "each delivery tells its own time: {timestamps:?}");
    assert_eq!(signatures.len(), 16);
    assert!(sent.iter().all(|one| one.body == sent[0].body));
    for notice in &sent {
        bench.opened(notice);
    }
    let row = bench.row("/notices?number=A10001").await;
    assert_eq!((&row[0]["state"], &row[0]["protocol"]), (&json!("given_up"), &json!("v3")));
}

#[tokio::test]
async fn any_notice_is_sent_sealed_and_signed_as_it_was_asked_for() {
    let bench = Bench::start().await;
    let asked = json!({
        "url": bench.sink.url("/v3/other"), "event_type": "TRANSACTION.FAIL", "original_type": "transaction",
        "summary": "支付失败", "number": "B10001",
        "resource": { "mchid": "10000100", "out_trade_no": "B10001", "trade_state": "PAY_FAIL" },
    });
    bench.act("/notices", asked).await;
    let told = bench.sink.wait_any("/v3/other", 1).await.remove(0);
    let (event_type, resource) = bench.opened(&told);
    assert_eq!((event_type.as_str(), &resource["trade_state"]), ("TRANSACTION.FAIL", &json!("PAY_FAIL")));
    assert_eq!(bench.row("/notices?number=B10001").await[0]["kind"], "other");
}

#[tokio::test]
async fn the_self_test_answers_and_tells_what_it_was_told_in_the_clear_and_sealed() {
    let bench = Bench::start().await;
    let id = bench.merchant.public_key_id().unwrap().to_owned();
    let sealed = bench.merchant.seal_sensitive(&id, "hello").unwrap();
    let body = json!({
        "echo_message": "hello", "encrypted_echo_message": sealed, "notify_url": bench.sink.url("/v3/echo"),
    });
    let request = bench.v3_request("POST", "/v3/security/echo", &body.to_string());
    let without = bench.sent(request.try_clone().unwrap()).await;
    assert_eq!(without.error(), (400, "PARAM_ERROR".to_owned()), "without Wechatpay-Serial");
    let answer = bench.sent(request.header("Wechatpay-Serial", &id)).await.json();
    assert_eq!(answer["echo_message"], "hello");
    let key = super::desk::merchant_key();
    assert_eq!(key.open_sensitive(answer["encrypted_echo_message"].as_str().unwrap()).unwrap(), "hello");
    let told = bench.sink.wait_any("/v3/echo", 1).await.remove(0);
    let (event_type, resource) = bench.opened(&told);
    assert_eq!((event_type.as_str(), &resource["echo_message"]), ("SECURITY_ECHO.SUCCESS", &json!("hello")));
    assert_eq!(key.open_sensitive(resource["encrypt_echo_message"].as_str().unwrap()).unwrap(), "hello");
}
