//! The messages that others published: their requests are taken, and our answers have the fields of theirs.

use std::collections::BTreeSet;
use std::path::Path;

use counterparty::V2Fields;
use serde_json::json;

use crate::bench::{APPID, Bench, Fields, MCH_ID};

fn sample(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/wechat/samples/v2");
    std::fs::read(folder.join(format!("{name}.xml"))).unwrap()
}

fn names(fields: &V2Fields) -> BTreeSet<String> {
    fields.iter().map(|(name, _)| name.to_owned()).collect()
}

/// The fields of a sample that an answer lacks.
fn lacking(answer: &V2Fields, sample_name: &str, but: &[&str]) -> Vec<String> {
    let expected = names(&V2Fields::read(&sample(sample_name)).unwrap());
    let found = names(answer);
    expected.difference(&found).filter(|name| !but.contains(&name.as_str())).cloned().collect()
}

#[tokio::test]
async fn requests_signed_by_other_sdks_are_understood_in_form_and_signature() {
    let bench = Bench::start().await;
    for (name, path, expected) in [
        ("signed-contractorder-request", "/pay/contractorder", "LACK_PARAMS"),
        ("signed-preentrustweb-request", "/papay/preentrustweb", "PARAM_ERROR"),
        ("signed-querycontract-request-by-contract-id", "/papay/querycontract", "-25"),
        ("signed-querycontract-request-by-plan", "/papay/querycontract", "-25"),
        ("signed-deletecontract-request-by-contract-id", "/papay/deletecontract", "INVALID_REQUEST"),
        ("signed-deletecontract-request-by-plan", "/papay/deletecontract", "INVALID_REQUEST"),
        ("signed-orderquery-request", "/pay/orderquery", "ORDERNOTEXIST"),
        ("signed-orderquery-request-by-out-trade-no", "/pay/orderquery", "ORDERNOTEXIST"),
        ("signed-paporderquery-request", "/pay/paporderquery", "ORDERNOTEXIST"),
        ("signed-closeorder-request", "/pay/closeorder", "ORDERNOTEXIST"),
        ("signed-refundquery-request-by-refund-id", "/pay/refundquery", "REFUNDNOTEXIST"),
    ] {
        let answer = bench.post(path, &sample(name)).await;
        assert_eq!(answer.get("err_code"), Some(expected), "{name}: {:?}", answer.get("return_msg"));
    }
}

#[tokio::test]
async fn answers_have_the_fields_of_the_published_ones() {
    let bench = Bench::start().await;
    let placed = bench.call("/pay/contractorder", &bench.order("A1")).await;
    assert_eq!(lacking(&placed, "synthetic-contractorder-response-app", &[]), [""; 0]);
    let native = bench.order("A2").with("trade_type", "NATIVE").with("product_id", "monthly");
    let native = bench.call("/pay/contractorder", &native).await;
    assert_eq!(lacking(&native, "official-contractorder-response", &[]), [""; 0]);
    let failed = bench.call("/pay/contractorder", &bench.order("A3").with("plan_id", "99999")).await;
    assert_eq!(lacking(&failed, "community-contractorder-response-presign-failed", &[]), [""; 0]);

    let unpaid = bench.call("/pay/orderquery", &bench.query("out_trade_no", "A1F000")).await;
    assert_eq!(lacking(&unpaid, "synthetic-orderquery-response-notpay", &[]), [""; 0]);
    let contract = Fields::default().with("appid", APPID).with("mch_id", MCH_ID).with("version", "1.0");
    let by_plan = contract.clone().with("plan_id", "12535").with("contract_code", "A1");
    let absent = bench.call("/papay/querycontract", &by_plan).await;
    assert_eq!(names(&absent), names(&V2Fields::read(&sample("community-querycontract-response-not-found")).unwrap()));

    let contract_id = bench.act("/orders/A1F000/pay", json!({})).await["contract_id"].as_str().unwrap().to_owned();
    // The order of the sample names a terminal, ours does not.
    let paid = bench.call("/pay/orderquery", &bench.query("out_trade_no", "A1F000")).await;
    assert_eq!(lacking(&paid, "official-orderquery-response", &["device_info"]), [""; 0]);
    let signed = bench.call("/papay/querycontract", &by_plan).await;
    assert_eq!(lacking(&signed, "synthetic-querycontract-response-signed", &[]), [""; 0]);

    let refund = bench
        .query("out_trade_no", "A1F000")
        .with("out_refund_no", "A1F000R1")
        .with("total_fee", "1800")
        .with("refund_fee", "1");
    let refund = bench.call("/secapi/pay/refund", &refund).await;
    assert_eq!(lacking(&refund, "official-refund-response", &[]), [""; 0]);
    let asked = bench.call("/pay/refundquery", &bench.query("out_refund_no", "A1F000R1")).await;
    assert_eq!(lacking(&asked, "official-refundquery-response", &[]), [""; 0]);

    let end = contract.with("contract_id", &contract_id).with("contract_termination_remark", "退订");
    let ended = bench.call("/papay/deletecontract", &end).await;
    assert_eq!(lacking(&ended, "official-deletecontract-response", &[]), [""; 0]);
    let terminated = bench.call("/papay/querycontract", &by_plan).await;
    assert_eq!(lacking(&terminated, "official-querycontract-response", &[]), [""; 0]);
    bench.pass(5 * crate::bench::MINUTE);
    let closed = bench.call("/pay/closeorder", &bench.query("out_trade_no", "A2F000")).await;
    assert_eq!(lacking(&closed, "official-closeorder-response", &[]), [""; 0]);
}

#[tokio::test]
async fn notices_have_the_fields_of_the_published_ones() {
    let bench = Bench::start().await;
    let contract_id = bench.subscribe("B1", "12535").await.unwrap();
    let paid = bench.sink.wait("/payment", 1).await.remove(0);
    assert_eq!(lacking(&paid, "synthetic-pay-notice-app-md5", &[]), [""; 0]);
    let signed = bench.sink.wait("/signing", 1).await.remove(0);
    assert_eq!(lacking(&signed, "synthetic-contract-notice-add", &[]), [""; 0]);
    let deduction = bench
        .query("out_trade_no", "B1P0001A01")
        .with("body", "续费")
        .with("total_fee", "1800")
        .with("spbill_create_ip", "123.12.12.123")
        .with("notify_url", &bench.sink.url("/deduction"))
        .with("trade_type", "PAP")
        .with("contract_id", &contract_id);
    let accepted = bench.call("/pay/pappayapply", &deduction).await;
    assert_eq!(lacking(&accepted, "official-pappayapply-response", &[]), [""; 0]);
    bench.pass(1_000);
    let deducted = bench.sink.wait("/deduction", 1).await.remove(0);
    assert_eq!(lacking(&deducted, "synthetic-deduct-notice-success", &[]), [""; 0]);
    let asked = bench.call("/pay/paporderquery", &bench.query("out_trade_no", "B1P0001A01")).await;
    assert_eq!(lacking(&asked, "signed-paporderquery-response-success", &["device_info", "attach"]), [""; 0]);
    bench.act("/contracts/B1/terminate", json!({ "by": "user" })).await;
    let ended = bench.sink.wait("/contract/v2/10000100", 1).await.remove(0);
    assert_eq!(names(&ended), names(&V2Fields::read(&sample("synthetic-contract-notice-delete-by-user")).unwrap()));
}
