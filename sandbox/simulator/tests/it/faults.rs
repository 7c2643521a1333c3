//! What can go wrong on request, and that it goes wrong so often and no more.

use std::time::{Duration, Instant};

use counterparty::{SignType, V2Fields, WechatPay};
use serde_json::{Value, json};

use crate::bench::{Bench, MINUTE};

impl Bench {
    async fn spoil_call(&self, path: &str, fault: Value) {
        self.control.post("/faults", json!({ "on": "call", "path": path, "fault": fault })).await.unwrap();
    }

    async fn spoil_notice(&self, kind: &str, fault: Value) {
        self.control.post("/faults", json!({ "on": "notice", "kind": kind, "fault": fault })).await.unwrap();
    }

    /// The status of a call, or none if the connection was cut.
    async fn status_of_order(&self, number: &str) -> Option<u16> {
        let body = self.signed(&self.order(number), SignType::Md5).render("xml").unwrap();
        let answer = self.client.post(self.url("/pay/contractorder")).body(body).send().await;
        answer.ok().map(|answer| answer.status().as_u16())
    }

    async fn pay(&self, number: &str) {
        self.call("/pay/contractorder", &self.order(number)).await;
        self.act(&format!("/orders/{number}F000/pay"), json!({ "user": format!("user {number}") })).await;
    }
}

#[tokio::test]
async fn a_call_that_is_not_processed_leaves_nothing_and_one_that_is_leaves_its_order() {
    let bench = Bench::start().await;
    for (at, (fault, status, processed)) in [
        (json!("disconnect"), None, false),
        (json!("answer_lost"), None, true),
        (json!({ "status": { "code": 502 } }), Some(502), false),
        (json!("answered_503"), Some(503), true),
    ]
    .into_iter()
    .enumerate()
    {
        let number = format!("A{at}");
        bench.spoil_call("/pay/contractorder", fault.clone()).await;
        assert_eq!(bench.status_of_order(&number).await, status, "{fault}");
        let state = bench.trade_state("/pay/orderquery", &format!("{number}F000")).await;
        assert_eq!(state, if processed { "NOTPAY" } else { "ORDERNOTEXIST" }, "{fault}");
        assert_eq!(bench.status_of_order(&number).await, Some(200), "once only: {fault}");
    }
}

#[tokio::test]
async fn an_error_comes_with_or_without_the_deed() {
    let bench = Bench::start().await;
    for (number, fault, processed) in [("B1", "error", false), ("B2", "processed_error", true)] {
        bench.spoil_call("/pay/contractorder", json!({ fault: { "err_code": "SYSTEMERROR" } })).await;
        let answer = bench.call("/pay/contractorder", &bench.order(number)).await;
        assert_eq!(answer.get("err_code"), Some("SYSTEMERROR"));
        let state = bench.trade_state("/pay/orderquery", &format!("{number}F000")).await;
        assert_eq!(state, if processed { "NOTPAY" } else { "ORDERNOTEXIST" });
    }
}

#[tokio::test]
async fn an_answer_is_slow_or_wrongly_signed() {
    let bench = Bench::start().await;
    bench.spoil_call("/pay/contractorder", json!({ "slow": { "ms": 400 } })).await;
    let started = Instant::now();
    bench.call("/pay/contractorder", &bench.order("C1")).await;
    assert!(started.elapsed() >= Duration::from_millis(400));
    bench.spoil_call("/pay/contractorder", json!("wrong_signature")).await;
    let body = bench.signed(&bench.order("C2"), SignType::Md5).render("xml").unwrap();
    let answer = bench.post("/pay/contractorder", &body).await;
    let right = WechatPay::test_merchant().unwrap().v2_sign(&answer, SignType::Md5);
    assert!(answer.get("sign").is_some() && answer.get("sign") != Some(&right));
}

#[tokio::test]
async fn a_lost_or_cut_off_delivery_is_made_again_by_the_schedule() {
    let bench = Bench::start().await;
    bench.spoil_notice("payment", json!("lost")).await;
    bench.spoil_notice("contract_add", json!("disconnect")).await;
    bench.pay("D1").await;
    bench.sink.wait("/signing", 1).await;
    assert!(bench.sink.at("/payment").is_empty());
    bench.pass(16_000);
    bench.sink.wait("/payment", 1).await;
    bench.sink.wait("/signing", 2).await;
    bench.pass(MINUTE);
    bench.sink.wait("/signing", 2).await;
}

#[tokio::test]
async fn a_late_delivery_comes_at_its_time_and_a_doubled_one_twice() {
    let bench = Bench::start().await;
    bench.spoil_notice("payment", json!({ "late": { "ms": 600_000 } })).await;
    bench.spoil_notice("contract_add", json!("double")).await;
    bench.pay("E1").await;
    bench.sink.wait("/signing", 2).await;
    bench.pass(9 * MINUTE);
    assert!(bench.sink.at("/payment").is_empty());
    bench.pass(MINUTE);
    bench.sink.wait("/payment", 1).await;
}

#[tokio::test]
async fn a_swapped_notice_comes_after_the_other_one() {
    let bench = Bench::start().await;
    bench.spoil_notice("payment", json!("swapped")).await;
    bench.pay("F1").await;
    bench.sink.wait("/payment", 1).await;
    assert_eq!(bench.sink.order(), ["/signing", "/payment"]);
    bench.spoil_notice("payment", json!("swapped")).await;
    bench.call("/pay/contractorder", &bench.order("F2")).await;
    bench.act("/orders/F2F000/pay", json!({ "sign": false })).await;
    bench.pass(61_000);
    bench.sink.wait("/payment", 2).await;
}

#[tokio::test]
async fn a_notice_is_wrongly_signed_once_and_right_at_the_next_delivery() {
    let bench = Bench::start().await;
    bench.sink.refuse(true);
    bench.spoil_notice("payment", json!("wrong_signature")).await;
    bench.pay("G1").await;
    bench.sink.wait("/payment", 1).await;
    bench.pass(16_000);
    let sent = bench.sink.wait("/payment", 2).await;
    let wechat = WechatPay::test_merchant().unwrap();
    let is_right = |fields: &V2Fields| fields.get("sign") == Some(&wechat.v2_sign(fields, SignType::Md5));
    assert_eq!(sent.iter().map(is_right).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test]
async fn a_slow_notice_arrives_whole() {
    let bench = Bench::start().await;
    bench.spoil_notice("payment", json!({ "slow": { "ms": 500 } })).await;
    bench.pay("H1").await;
    bench.sink.wait("/payment", 1).await;
    let notices = bench.row("/notices?number=H1F000").await;
    let payment = notices.as_array().unwrap().iter().find(|notice| notice["kind"] == "payment").unwrap().clone();
    assert_eq!((&payment["state"], &payment["deliveries"][0]["fault"]), (&json!("accepted"), &json!("slow")));
    assert!(payment["deliveries"][0]["ms"].as_u64().unwrap() >= 500);
}

#[tokio::test]
async fn a_fault_that_is_not_known_is_not_taken_and_all_can_be_forgotten() {
    let bench = Bench::start().await;
    for wrong in [json!({ "on": "call", "fault": "lost" }), json!({ "on": "call", "fault": "explode" }), json!({})] {
        assert_eq!(bench.control.post("/faults", wrong).await.unwrap_err().status, 400);
    }
    bench.spoil_call("/pay/contractorder", json!("disconnect")).await;
    assert_eq!(bench.control.get("/faults").await.unwrap().as_array().unwrap().len(), 1);
    bench.control.delete("/faults").await.unwrap();
    assert_eq!(bench.status_of_order("I1").await, Some(200));
}
