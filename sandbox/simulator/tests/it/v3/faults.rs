//! V3 at its worst, on request.

use serde_json::{Value, json};

use super::desk::{Answer, REFUNDS, is_signed};
use crate::bench::{Bench, MINUTE};

const APP: &str = "/v3/pay/transactions/app";

impl Bench {
    async fn ask(&self, fault: Value) {
        self.control.post("/faults", fault).await.unwrap();
    }

    /// An order of that number, whatever the answer is worth; none if the connection was cut.
    async fn place(&self, number: &str) -> Option<Answer> {
        let response = self.v3_request("POST", APP, &self.v3_order(number).to_string()).send().await.ok()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Some(Answer { status, headers, text: response.text().await.ok()? })
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
        (json!({ "error": { "err_code": "SYSTEM_ERROR" } }), Some(500), false),
        (json!({ "processed_error": { "err_code": "SYSTEM_ERROR" } }), Some(500), true),
    ]
    .into_iter()
    .enumerate()
    {
        let number = format!("A1000{at}");
        bench.ask(json!({ "on": "call", "call": "app", "fault": fault })).await;
        assert_eq!(bench.place(&number).await.map(|answer| answer.status), status, "{fault}");
        let expected = if processed { "NOTPAY" } else { "ORDER_NOT_EXIST" };
        assert_eq!(bench.v3_state(&number).await, expected, "{fault}");
        assert_eq!(bench.place(&number).await.unwrap().status, 200, "once only: {fault}");
    }
}

#[tokio::test]
async fn an_answer_has_a_wrong_a_probing_a_stale_or_no_signature_and_the_order_is_placed() {
    let bench = Bench::start().await;
    for (at, fault) in
        [json!("wrong_signature"), json!("probe"), json!({ "stale": { "ms": 400_000 } }), json!("unsigned")]
            .into_iter()
            .enumerate()
    {
        let number = format!("B1000{at}");
        bench.ask(json!({ "on": "call", "call": "app", "number": number, "fault": fault })).await;
        let answer = bench.place(&number).await.unwrap();
        assert_eq!(answer.status, 200);
        match fault.as_str() {
            Some("unsigned") => assert!(answer.header("Wechatpay-Signature").is_none()),
            Some("probe") => {
                let signature = answer.header("Wechatpay-Signature").unwrap();
                assert!(signature.starts_with("WECHATPAY/SIGNTEST/"), "{signature}");
            }
            Some(_) => assert!(!answer.is_signed(&bench.merchant)),
            None => {
                let then: i64 = answer.header("Wechatpay-Timestamp").unwrap().parse().unwrap();
                assert!(answer.is_signed(&bench.merchant) && bench.clock.now_ms() / 1000 - then >= 400);
            }
        }
        assert_eq!(bench.v3_state(&number).await, "NOTPAY");
    }
}

#[tokio::test]
async fn a_refund_is_refused_for_want_of_money_or_accepted_behind_a_429() {
    let bench = Bench::start().await;
    bench.buy("C10001").await;
    let refund = bench.v3_refund("C10001", "R1", 990);
    bench.ask(json!({ "on": "call", "call": "refund", "number": "R1", "fault": { "error": { "err_code": "NOT_ENOUGH" } } })).await;
    assert_eq!(bench.v3_post(REFUNDS, &refund).await.error(), (403, "NOT_ENOUGH".to_owned()));
    assert_eq!(bench.v3_refund_state("R1").await, "RESOURCE_NOT_EXISTS", "a query is not meant");
    let accepted = json!({ "processed_error": { "err_code": "FREQUENCY_LIMITED" } });
    bench.ask(json!({ "on": "call", "call": "refund", "fault": accepted })).await;
    assert_eq!(bench.v3_post(REFUNDS, &refund).await.error(), (429, "FREQUENCY_LIMITED".to_owned()));
    assert_eq!(bench.v3_refund_state("R1").await, "PROCESSING");
    assert_eq!(bench.v3_post(REFUNDS, &refund).await.status, 200);
}

#[tokio::test]
async fn a_notice_is_lost_late_doubled_probing_wrong_or_stale_and_right_the_next_time() {
    let bench = Bench::start().await;
    let ask = async |fault: Value| bench.ask(json!({ "on": "notice", "kind": "payment", "fault": fault })).await;
    let signed = || {
        let received = bench.sink.received("/v3/payment");
        received.iter().map(|one| is_signed(&bench.merchant, &one.headers, &one.body)).collect::<Vec<_>>()
    };
    ask(json!("lost")).await;
    bench.buy("D10001").await;
    bench.sink.wait_any("/v3/payment", 0).await;
    bench.pass(16_000);
    bench.sink.wait_any("/v3/payment", 1).await;
    ask(json!({ "late": { "ms": 600_000 } })).await;
    bench.buy("D10002").await;
    bench.sink.wait_any("/v3/payment", 1).await;
    bench.pass(11 * MINUTE);
    bench.sink.wait_any("/v3/payment", 2).await;
    ask(json!("double")).await;
    bench.buy("D10003").await;
    bench.sink.wait_any("/v3/payment", 4).await;
    assert_eq!(signed(), [true; 4]);
    for (at, fault) in [json!("probe"), json!("wrong_signature")].into_iter().enumerate() {
        bench.sink.refuse(true);
        ask(fault).await;
        bench.buy(&format!("D1001{at}")).await;
        bench.sink.wait_any("/v3/payment", 5 + 2 * at).await;
        assert_eq!(signed().pop(), Some(false));
        bench.sink.refuse(false);
        bench.pass(16_000);
        bench.sink.wait_any("/v3/payment", 6 + 2 * at).await;
        assert_eq!(signed().pop(), Some(true));
    }
    ask(json!({ "stale": { "ms": 400_000 } })).await;
    bench.buy("D10020").await;
    let stale = bench.sink.wait_any("/v3/payment", 9).await.pop().unwrap();
    let then: i64 = stale.headers["Wechatpay-Timestamp"].to_str().unwrap().parse().unwrap();
    assert!(bench.clock.now_ms() / 1000 - then >= 400);
    assert_eq!(signed().pop(), Some(true));
}

#[tokio::test]
async fn a_swapped_payment_notice_comes_after_the_refunds() {
    let bench = Bench::start().await;
    bench.ask(json!({ "on": "notice", "kind": "payment", "fault": "swapped" })).await;
    bench.buy("E10001").await;
    bench.v3_post(REFUNDS, &bench.v3_refund("E10001", "R1", 990)).await;
    bench.pass(1_000);
    bench.sink.wait_any("/v3/payment", 1).await;
    assert_eq!(bench.sink.order(), ["/v3/refund", "/v3/payment"]);
}
