//! Refunds, by a call and by hand.

use serde_json::json;

use crate::bench::{Bench, DAY, Fields};

fn refund(bench: &Bench, out_trade_no: &str, out_refund_no: &str, refund_fee: u64) -> Fields {
    bench
        .query("out_trade_no", out_trade_no)
        .with("out_refund_no", out_refund_no)
        .with("total_fee", "1800")
        .with("refund_fee", &refund_fee.to_string())
        .with("notify_url", &bench.sink.url("/refund"))
}

async fn apply(bench: &Bench, fields: &Fields) -> String {
    let answer = bench.call("/secapi/pay/refund", fields).await;
    answer.get("err_code").or(answer.get("result_code")).unwrap().to_owned()
}

async fn status(bench: &Bench, out_refund_no: &str) -> String {
    let answer = bench.call("/pay/refundquery", &bench.query("out_refund_no", out_refund_no)).await;
    answer.get("refund_status_0").or(answer.get("err_code")).unwrap().to_owned()
}

#[tokio::test]
async fn a_refund_is_accepted_then_done_and_told_under_seal_and_the_same_number_is_the_same_refund() {
    let bench = Bench::start().await;
    bench.subscribe("A1", "12535").await;
    let wanted = refund(&bench, "A1F000", "A1F0R1", 800);
    let first = bench.call("/secapi/pay/refund", &wanted).await;
    assert_eq!(status(&bench, "A1F0R1").await, "PROCESSING");
    let again = bench.call("/secapi/pay/refund", &wanted).await;
    assert_eq!(first.get("refund_id"), again.get("refund_id"));
    assert_eq!(apply(&bench, &refund(&bench, "A1F000", "A1F0R1", 801)).await, "REFUND_FEE_MISMATCH");
    bench.pass(1_000);
    assert_eq!(status(&bench, "A1F0R1").await, "SUCCESS");
    let told = bench.sink.wait("/refund", 1).await.remove(0);
    assert!(told.get("req_info").is_some() && told.get("sign").is_none());
    assert_eq!(bench.trade_state("/pay/orderquery", "A1F000").await, "REFUND");
    assert_eq!(bench.contract_state("A1", "12535").await, "0", "a refund does not end the contract");
}

#[tokio::test]
async fn a_refund_that_breaks_a_rule_is_refused() {
    let bench = Bench::start().await;
    bench.subscribe("B1", "12535").await;
    bench.call("/pay/contractorder", &bench.order("B2")).await;
    assert_eq!(apply(&bench, &refund(&bench, "B1F000", "R1", 1801)).await, "ERROR");
    assert_eq!(apply(&bench, &refund(&bench, "B1F000", "R1", 1).with("total_fee", "1799")).await, "PARAM_ERROR");
    assert_eq!(apply(&bench, &refund(&bench, "B2F000", "R1", 1)).await, "ERROR", "not paid");
    assert_eq!(apply(&bench, &refund(&bench, "NOBODYS1", "R1", 1)).await, "ORDERNOTEXIST");
    let by_transaction = refund(&bench, "B1F000", "R1", 1).without("out_trade_no").with("transaction_id", "42");
    assert_eq!(apply(&bench, &by_transaction).await, "INVALID_TRANSACTIONID");
    assert_eq!(apply(&bench, &refund(&bench, "B1F000", "R1", 1000)).await, "SUCCESS");
    assert_eq!(apply(&bench, &refund(&bench, "B1F000", "R2", 801)).await, "ERROR", "together too much");
    bench.pass(366 * DAY);
    assert_eq!(apply(&bench, &refund(&bench, "B1F000", "R3", 1)).await, "TRADE_OVERDUE");
    assert_eq!(status(&bench, "R9").await, "REFUNDNOTEXIST");
}

#[tokio::test]
async fn an_order_has_at_most_fifty_partial_refunds_and_a_query_shows_ten_of_them() {
    let bench = Bench::start().await;
    bench.subscribe("C1", "12535").await;
    for part in 0..50 {
        assert_eq!(apply(&bench, &refund(&bench, "C1F000", &format!("PART{part:02}"), 1)).await, "SUCCESS");
    }
    assert_eq!(apply(&bench, &refund(&bench, "C1F000", "PART50", 1)).await, "ERROR");
    let query = bench.query("out_trade_no", "C1F000");
    let first = bench.call("/pay/refundquery", &query).await;
    assert_eq!((first.get("refund_count"), first.get("total_refund_count")), (Some("10"), Some("50")));
    assert_eq!(first.get("out_refund_no_9"), Some("PART09"));
    let last = bench.call("/pay/refundquery", &query.with("offset", "45")).await;
    assert_eq!((last.get("refund_count"), last.get("out_refund_no_4")), (Some("5"), Some("PART49")));
}

#[tokio::test]
async fn a_refund_ends_as_it_was_planned_or_decided() {
    let bench = Bench::start().await;
    bench.subscribe("D1", "12535").await;
    for (number, outcome) in [("R1", "CHANGE"), ("R2", "REFUNDCLOSE"), ("R3", "PROCESSING")] {
        bench.act("/orders/D1F000/refund-outcome", json!({ "status": outcome })).await;
        assert_eq!(apply(&bench, &refund(&bench, "D1F000", number, 1)).await, "SUCCESS");
        bench.pass(60_000);
        assert_eq!(status(&bench, number).await, outcome);
    }
    bench.act("/refunds/R1/settle", json!({ "status": "SUCCESS" })).await;
    bench.act("/refunds/R3/settle", json!({ "status": "REFUNDCLOSE" })).await;
    assert_eq!(status(&bench, "R1").await, "SUCCESS");
    assert_eq!(status(&bench, "R3").await, "REFUNDCLOSE");
    bench.sink.wait("/refund", 4).await;
    let error = bench.refused("/refunds/R2/settle", json!({ "status": "SUCCESS" })).await;
    assert!(error.contains("end"), "{error}");
    assert_eq!(apply(&bench, &refund(&bench, "D1F000", "R4", 1799)).await, "SUCCESS", "closed ones do not count");
}

#[tokio::test]
async fn a_refund_on_the_merchant_platform_is_told_to_the_usual_address() {
    let bench = Bench::start().await;
    bench.subscribe("E1", "12535").await;
    let made = bench.act("/orders/E1F000/refund", json!({ "amount": 300 })).await;
    bench.pass(1_000);
    bench.sink.wait("/refund/v2/10000100", 1).await;
    assert_eq!(status(&bench, made["out_refund_no"].as_str().unwrap()).await, "SUCCESS");
    let error = bench.refused("/orders/E1F000/refund", json!({ "amount": 1501 })).await;
    assert!(error.contains("累计退款金额"), "{error}");
}
