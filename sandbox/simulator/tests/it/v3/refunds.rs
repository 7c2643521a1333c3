//! Refunds: their rules, their ends, and the repair of abnormal ones.

use serde_json::{Value, json};

use super::desk::{Answer, REFUNDS};
use crate::bench::{Bench, DAY, MINUTE};

impl Bench {
    async fn apply(&self, body: &Value) -> Answer {
        self.v3_post(REFUNDS, body).await
    }

    async fn part(&self, out_trade_no: &str, out_refund_no: &str, refund: u64) -> Answer {
        self.apply(&self.v3_refund(out_trade_no, out_refund_no, refund)).await
    }

    /// An abnormal refund R1 of a bought order; answers its refund_id.
    async fn abnormal(&self, out_trade_no: &str) -> String {
        self.buy(out_trade_no).await;
        self.act(&format!("/orders/{out_trade_no}/refund-outcome"), json!({ "status": "ABNORMAL" })).await;
        let refund_id = self.part(out_trade_no, "R1", 990).await.json()["refund_id"].as_str().unwrap().to_owned();
        self.pass(1_000);
        assert_eq!(self.v3_refund_state("R1").await, "ABNORMAL");
        refund_id
    }

    async fn repair(&self, refund_id: &str, body: &Value, serial: Option<&str>) -> Answer {
        let path = format!("{REFUNDS}/{refund_id}/apply-abnormal-refund");
        let mut request = self.v3_request("POST", &path, &body.to_string());
        if let Some(serial) = serial {
            request = request.header("Wechatpay-Serial", serial);
        }
        let answer = self.sent(request).await;
        assert!(answer.is_signed(&self.merchant), "{}", answer.text);
        answer
    }

    fn to_user_card(&self, account: &str, name: &str) -> Value {
        let id = self.merchant.public_key_id().unwrap();
        let sealed = |text: &str| self.merchant.seal_sensitive(id, text).unwrap();
        json!({
            "out_refund_no": "R1", "type": "USER_BANK_CARD", "bank_type": "ICBC_DEBIT",
            "bank_account": sealed(account), "real_name": sealed(name),
        })
    }
}

#[tokio::test]
async fn a_refund_is_accepted_then_done_and_told_and_the_same_number_is_the_same_refund() {
    let bench = Bench::start().await;
    let transaction_id = bench.buy("A10001").await;
    let wanted = bench.v3_refund("A10001", "R1", 400);
    let first = bench.apply(&wanted).await.json();
    assert_eq!((&first["status"], &first["amount"]["refund"]), (&json!("PROCESSING"), &json!(400)));
    assert_eq!(first["transaction_id"], transaction_id.as_str());
    assert_eq!(bench.apply(&wanted).await.json(), first);
    let mut other = wanted.clone();
    other["amount"]["refund"] = json!(401);
    assert_eq!(bench.apply(&other).await.error(), (400, "REFUND_FEE_MISMATCH".to_owned()));
    bench.pass(1_000);
    let found = bench.v3_get(&format!("{REFUNDS}/R1")).await.json();
    assert_eq!((&found["status"], &found["refund_id"]), (&json!("SUCCESS"), &first["refund_id"]));
    assert!(found["success_time"].is_string());
    let told = bench.sink.wait_any("/v3/refund", 1).await.remove(0);
    let (event_type, told) = bench.opened(&told);
    assert_eq!((event_type.as_str(), &told["refund_status"]), ("REFUND.SUCCESS", &json!("SUCCESS")));
    assert_eq!(told["refund_id"], first["refund_id"]);
    let amount = json!({ "total": 990, "refund": 400, "payer_total": 990, "payer_refund": 400 });
    assert_eq!(told["amount"], amount);
    assert!(told.get("status").is_none() && told.get("channel").is_none());
    assert_eq!(bench.v3_state("A10001").await, "REFUND", "a part is enough");
}

#[tokio::test]
async fn a_refund_that_breaks_a_rule_is_refused_and_leaves_nothing() {
    let bench = Bench::start().await;
    bench.buy("B10001").await;
    bench.v3_post("/v3/pay/transactions/app", &bench.v3_order("B10002")).await;
    let refused = async |body: Value, status: u16, code: &str| {
        // Too many refused ones in a second are refused for that.
        bench.pass(1_000);
        assert_eq!(bench.apply(&body).await.error(), (status, code.to_owned()), "{body}");
    };
    refused(bench.v3_refund("B10001", "R1", 991), 400, "INVALID_REQUEST").await;
    refused(bench.v3_refund("B10002", "R1", 1), 404, "RESOURCE_NOT_EXISTS").await;
    refused(bench.v3_refund("NOBODYS1", "R1", 1), 404, "RESOURCE_NOT_EXISTS").await;
    let mut wrong = bench.v3_refund("B10001", "R1", 1);
    wrong["amount"]["total"] = json!(989);
    refused(wrong, 400, "INVALID_REQUEST").await;
    let mut both = bench.v3_refund("B10001", "R1", 1);
    both["transaction_id"] = json!("42");
    refused(both, 400, "PARAM_ERROR").await;
    let mut neither = bench.v3_refund("B10001", "R1", 1);
    neither.as_object_mut().unwrap().remove("out_trade_no");
    refused(neither, 400, "PARAM_ERROR").await;
    let mut from = bench.v3_refund("B10001", "R1", 3);
    from["amount"]["from"] = json!([{ "account": "AVAILABLE", "amount": 2 }]);
    refused(from, 400, "INVALID_REQUEST").await;
    let mut long = bench.v3_refund("B10001", "R1", 1);
    long["reason"] = json!("退".repeat(27));
    refused(long, 400, "PARAM_ERROR").await;
    assert_eq!(bench.v3_refund_state("R1").await, "RESOURCE_NOT_EXISTS");
    bench.buy("B10003").await;
    assert_eq!(bench.part("B10003", "R2", 990).await.status, 200);
    refused(bench.v3_refund("B10001", "R2", 1), 400, "INVALID_REQUEST").await;
    bench.pass(366 * DAY);
    refused(bench.v3_refund("B10001", "R3", 1), 400, "TRADE_OVERDUE").await;
}

#[tokio::test]
async fn parts_are_a_minute_apart_and_never_more_than_was_paid() {
    let bench = Bench::start().await;
    bench.buy("C10001").await;
    assert_eq!(bench.part("C10001", "R1", 500).await.status, 200);
    assert_eq!(bench.part("C10001", "R2", 490).await.error(), (429, "FREQUENCY_LIMITED".to_owned()));
    assert_eq!(bench.v3_refund_state("R2").await, "RESOURCE_NOT_EXISTS", "it was not accepted");
    bench.pass(MINUTE);
    assert_eq!(bench.part("C10001", "R2", 491).await.error(), (400, "INVALID_REQUEST".to_owned()));
    assert_eq!(bench.part("C10001", "R2", 490).await.status, 200);
    bench.pass(MINUTE);
    assert_eq!(bench.part("C10001", "R3", 1).await.error(), (400, "INVALID_REQUEST".to_owned()));
}

#[tokio::test]
async fn an_order_has_at_most_fifty_parts() {
    let bench = Bench::start().await;
    bench.buy("D10001").await;
    for part in 0..50 {
        assert_eq!(bench.part("D10001", &format!("PART{part}"), 1).await.status, 200);
        bench.pass(MINUTE);
    }
    assert_eq!(bench.part("D10001", "PART50", 1).await.error(), (400, "INVALID_REQUEST".to_owned()));
}

#[tokio::test]
async fn a_closed_refund_is_told_and_its_money_can_be_refunded_under_a_new_number() {
    let bench = Bench::start().await;
    bench.buy("E10001").await;
    bench.act("/orders/E10001/refund-outcome", json!({ "status": "CLOSED" })).await;
    bench.part("E10001", "R1", 990).await;
    bench.pass(1_000);
    assert_eq!(bench.v3_refund_state("R1").await, "CLOSED");
    let told = bench.sink.wait_any("/v3/refund", 1).await.remove(0);
    assert_eq!(bench.opened(&told).0, "REFUND.CLOSED");
    assert_eq!(bench.v3_state("E10001").await, "REFUND", "one was accepted");
    bench.pass(MINUTE);
    assert_eq!(bench.part("E10001", "R2", 990).await.status, 200);
}

#[tokio::test]
async fn an_abnormal_refund_goes_to_the_users_card_and_is_told_twice() {
    let bench = Bench::start().await;
    let refund_id = bench.abnormal("F10001").await;
    let id = bench.merchant.public_key_id().unwrap().to_owned();
    let to_card = bench.to_user_card("6222000000000000", "张三");
    let repaired = bench.repair(&refund_id, &to_card, Some(&id)).await;
    let under_repair = (repaired.status, &repaired.json()["status"]);
    assert_eq!(under_repair, (200, &json!("ABNORMAL")), "no way back to PROCESSING is documented: {}", repaired.text);
    let again = bench.repair(&refund_id, &bench.to_user_card("6222000000000000", "张三"), Some(&id)).await;
    assert_eq!(again.status, 200, "the same again");
    let elsewhere = json!({ "out_refund_no": "R1", "type": "MERCHANT_BANK_CARD" });
    let elsewhere = bench.repair(&refund_id, &elsewhere, None).await;
    assert_eq!(elsewhere.error(), (400, "INVALID_REQUEST".to_owned()), "its money is on its way");
    assert_eq!(bench.v3_refund_state("R1").await, "ABNORMAL");
    bench.pass(1_000);
    assert_eq!(bench.v3_refund_state("R1").await, "SUCCESS");
    let told = bench.sink.wait_any("/v3/refund", 2).await;
    let told: Vec<String> = told.iter().map(|notice| bench.opened(notice).0).collect();
    assert_eq!(told, ["REFUND.ABNORMAL", "REFUND.SUCCESS"]);
    let row = bench.row("/refunds/R1").await;
    assert_eq!(row["v3"]["repair"]["bank_account"], "*0000", "what was sealed was opened, and is not kept");
    let other = bench.repair(&refund_id, &json!({ "out_refund_no": "R1", "type": "MERCHANT_BANK_CARD" }), None).await;
    assert_eq!(other.error(), (400, "INVALID_REQUEST".to_owned()), "it is not abnormal any more");
}

#[tokio::test]
async fn an_abnormal_refund_goes_to_the_merchants_card_and_may_fail_there_too_which_only_a_new_state_tells() {
    for (meanwhile, told_at_all) in [
        ("ABNORMAL", &["REFUND.ABNORMAL", "REFUND.SUCCESS"][..]),
        ("PROCESSING", &["REFUND.ABNORMAL", "REFUND.ABNORMAL", "REFUND.SUCCESS"]),
    ] {
        let bench = Bench::start().await;
        let refund_id = bench.abnormal("G10001").await;
        let plan = |status: &str| json!({ "status": status, "meanwhile": meanwhile });
        bench.act("/refunds/R1/repair-outcome", plan("ABNORMAL")).await;
        let to_merchant = json!({ "out_refund_no": "R1", "type": "MERCHANT_BANK_CARD" });
        let repaired = bench.repair(&refund_id, &to_merchant, None).await;
        assert_eq!((repaired.status, repaired.json()["status"].as_str()), (200, Some(meanwhile)));
        assert_eq!(bench.v3_refund_state("R1").await, meanwhile);
        bench.pass(1_000);
        assert_eq!(bench.v3_refund_state("R1").await, "ABNORMAL");
        bench.act("/refunds/R1/repair-outcome", plan("SUCCESS")).await;
        assert_eq!(bench.repair(&refund_id, &to_merchant, None).await.status, 200, "it may be asked for again");
        bench.pass(1_000);
        assert_eq!(bench.v3_refund_state("R1").await, "SUCCESS");
        let told = bench.sink.wait_any("/v3/refund", told_at_all.len()).await;
        let told: Vec<String> = told.iter().map(|notice| bench.opened(notice).0).collect();
        assert_eq!(told, told_at_all);
    }
}

#[tokio::test]
async fn a_repair_takes_the_days_it_takes_and_the_refund_stays_abnormal_until_it_succeeds() {
    let bench = Bench::start().await;
    let refund_id = bench.abnormal("K10001").await;
    bench.act("/refunds/R1/repair-outcome", json!({ "status": "PROCESSING" })).await;
    let to_merchant = json!({ "out_refund_no": "R1", "type": "MERCHANT_BANK_CARD" });
    assert_eq!(bench.repair(&refund_id, &to_merchant, None).await.status, 200);
    bench.pass(3 * DAY);
    assert_eq!(bench.v3_refund_state("R1").await, "ABNORMAL");
    assert_eq!(bench.row("/refunds/R1").await["v3"]["under_repair"], true);
    bench.act("/refunds/R1/settle", json!({ "status": "SUCCESS" })).await;
    assert_eq!(bench.v3_refund_state("R1").await, "SUCCESS");
    let wrong =
        bench.refused("/refunds/R1/repair-outcome", json!({ "status": "SUCCESS", "meanwhile": "CLOSED" })).await;
    assert!(wrong.contains("under repair"), "{wrong}");
}

#[tokio::test]
async fn more_than_six_refused_refunds_in_a_second_are_too_many() {
    let bench = Bench::start().await;
    bench.buy("L10001").await;
    let calls = (0..40).map(|_| async { bench.part("L10001", "R1", 991).await.error() });
    let answers = futures_util::future::join_all(calls).await;
    let wrong = (400, "INVALID_REQUEST".to_owned());
    let (refused, limited): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| *answer == wrong);
    assert_eq!((refused.len(), limited.len()), (6, 34), "{refused:?} {limited:?}");
    assert!(limited.iter().all(|answer| *answer == (429, "FREQUENCY_LIMITED".to_owned())), "{limited:?}");
    bench.pass(1_000);
    assert_eq!(bench.part("L10001", "R1", 990).await.status, 200, "the same number, a second later");
}

#[tokio::test]
async fn a_repair_is_refused_unless_its_fields_were_sealed_for_wechat_and_are_right() {
    let bench = Bench::start().await;
    let refund_id = bench.abnormal("H10001").await;
    let id = bench.merchant.public_key_id().unwrap().to_owned();
    let right = bench.to_user_card("6222000000000000", "张三");
    let with = |name: &str, value: Value| {
        let mut body = right.clone();
        body[name] = value;
        body
    };
    let without = bench.repair(&refund_id, &right, None).await;
    assert_eq!(without.error(), (400, "PARAM_ERROR".to_owned()));
    assert!(without.text.contains("Wechatpay-Serial"));
    for (body, serial) in [
        (right.clone(), "0000000000"),
        (with("bank_account", json!("bm90IHNlYWxlZA==")), &*id),
        (with("bank_type", json!("HSBC_CREDIT")), &*id),
        (with("out_refund_no", json!("R2")), &*id),
        (bench.to_user_card("6222-0000", "张三"), &*id),
        (json!({ "out_refund_no": "R1", "type": "USER_BANK_CARD", "bank_type": "ICBC_DEBIT" }), &*id),
    ] {
        let answer = bench.repair(&refund_id, &body, Some(serial)).await;
        assert_eq!(answer.error(), (400, "PARAM_ERROR".to_owned()), "{}", answer.text);
    }
    assert_eq!(bench.repair("42", &right, Some(&id)).await.error(), (404, "RESOURCE_NOT_EXISTS".to_owned()));
    assert_eq!(bench.v3_refund_state("R1").await, "ABNORMAL");
}

#[tokio::test]
async fn a_refund_by_hand_and_one_without_an_address_are_told_in_the_words_of_v2() {
    let bench = Bench::start().await;
    bench.buy("I10001").await;
    let made = bench.act("/orders/I10001/refund", json!({ "amount": 100 })).await;
    bench.pass(1_000);
    let by_hand = bench.sink.wait("/refund/v2/10000100", 1).await.remove(0);
    assert!(by_hand.get("req_info").is_some());
    let number = made["out_refund_no"].as_str().unwrap();
    assert_eq!(bench.v3_refund_state(number).await, "SUCCESS", "and a query knows it");
    bench.pass(MINUTE);
    let mut silent = bench.v3_refund("I10001", "R1", 890);
    silent.as_object_mut().unwrap().remove("notify_url");
    assert_eq!(bench.apply(&silent).await.status, 200);
    bench.pass(1_000);
    bench.sink.wait("/refund/v2/10000100", 2).await;
    assert!(bench.sink.at("/v3/refund").is_empty());
    bench.pass(MINUTE);
    assert_eq!(bench.part("I10001", "R2", 1).await.error().1, "INVALID_REQUEST", "together it is all of it");
}

#[tokio::test]
async fn an_order_of_v2_can_be_refunded_here_and_a_deduction_cannot() {
    let bench = Bench::start().await;
    let contract_id = bench.subscribe("J1", "12535").await.unwrap();
    let refund = |out_trade_no: &str, out_refund_no: &str| {
        let mut refund = bench.v3_refund(out_trade_no, out_refund_no, 100);
        refund["amount"]["total"] = json!(1800);
        refund
    };
    assert_eq!(bench.apply(&refund("J1F000", "R1")).await.status, 200);
    bench.pass(1_000);
    let told = bench.sink.wait_any("/v3/refund", 1).await.remove(0);
    assert_eq!(bench.opened(&told).0, "REFUND.SUCCESS");
    let deduction = bench
        .query("out_trade_no", "J1P0001A01")
        .with("body", "月度会员续费")
        .with("total_fee", "1800")
        .with("spbill_create_ip", "123.12.12.123")
        .with("notify_url", &bench.sink.url("/deduction"))
        .with("trade_type", "PAP")
        .with("contract_id", &contract_id);
    let accepted = bench.call("/pay/pappayapply", &deduction).await;
    assert_eq!(accepted.get("result_code"), Some("SUCCESS"), "{:?}", accepted.get("err_code_des"));
    bench.pass(1_000);
    assert_eq!(bench.apply(&refund("J1P0001A01", "R2")).await.error(), (400, "INVALID_REQUEST".to_owned()));
}
