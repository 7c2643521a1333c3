//! The daily bill.

use serde_json::json;

use super::desk::{Answer, REFUNDS};
use crate::bench::{Bench, DAY, HOUR, MINUTE};

/// The day on which a bench begins, at ten in the morning.
const MONDAY: &str = "2026-03-02";

impl Bench {
    async fn bill(&self, day: &str) -> Answer {
        self.v3_get(&format!("/v3/bill/tradebill?bill_date={day}&bill_type=ALL")).await
    }

    /// The file that an answer names.
    async fn file(&self, answer: &Answer) -> Answer {
        let url = answer.json()["download_url"].as_str().unwrap().to_owned();
        let target = url.strip_prefix(&self.url("")).unwrap().to_owned();
        self.sent(self.v3_request("GET", &target, "")).await
    }
}

#[tokio::test]
async fn a_bill_tells_of_what_was_paid_and_given_back_on_its_day_and_adds_it_up() {
    let bench = Bench::start().await;
    bench.buy("A10001").await;
    bench.buy("A10002").await;
    bench.v3_post("/v3/pay/transactions/app", &bench.v3_order("A10003")).await;
    bench.v3_post(REFUNDS, &bench.v3_refund("A10001", "R1", 29)).await;
    bench.pass(DAY);
    bench.buy("A20001").await;
    let answer = bench.bill(MONDAY).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let file = bench.file(&answer).await;
    assert_eq!(file.header("Wechatpay-Signature"), None, "the hash speaks for it");
    let lines: Vec<&str> = file.text.lines().collect();
    assert_eq!(lines.len(), 6, "neither what was not paid nor the next day: {}", file.text);
    assert!(lines[0].contains("交易时间,") && lines[0].ends_with(",费率备注"));
    assert!(lines[1].starts_with("`2026-03-02 10:00:0"), "{}", lines[1]);
    let of = |number: &str, state: &str| {
        lines.iter().find(|line| line.contains(&format!("`{number},")) && line.contains(&format!("`{state},"))).unwrap()
    };
    assert!(of("A10001", "REFUND").contains(",`R1,`0.29,`0.00,`ORIGINAL,`SUCCESS,"), "{}", of("A10001", "REFUND"));
    assert!(of("A10002", "SUCCESS").contains(",`9.90,`0.00,`0,`0,`0.00,"), "{}", of("A10002", "SUCCESS"));
    assert_eq!(lines[5], "`3,`19.80,`0.29,`0.00,`0.00000,`19.80,`0.29");
}

#[tokio::test]
async fn a_bill_is_made_by_ten_in_the_morning_after_and_kept_for_three_months() {
    let bench = Bench::start().await;
    bench.buy("A10001").await;
    let error = async |day| bench.bill(day).await.error();
    assert_eq!(error(MONDAY).await, (400, "PARAM_ERROR".to_owned()), "the day is not over");
    bench.pass(DAY - MINUTE);
    assert_eq!(error(MONDAY).await, (400, "STATEMENT_CREATING".to_owned()));
    assert_eq!(error("2026-03-01").await, (400, "NO_STATEMENT_EXIST".to_owned()));
    bench.pass(MINUTE);
    assert_eq!(bench.bill(MONDAY).await.status, 200);
    bench.pass(90 * DAY);
    for wrong in [MONDAY, "20260303", "2026-02-30", ""] {
        assert_eq!(error(wrong).await, (400, "PARAM_ERROR".to_owned()), "{wrong}");
    }
}

#[tokio::test]
async fn a_link_to_a_bill_lives_for_five_minutes_and_an_abnormal_refund_stands_in_it_as_such() {
    let bench = Bench::start().await;
    bench.buy("A10001").await;
    bench.act("/orders/A10001/refund-outcome", json!({ "status": "ABNORMAL" })).await;
    bench.v3_post(REFUNDS, &bench.v3_refund("A10001", "R1", 29)).await;
    bench.pass(DAY + HOUR);
    let answer = bench.bill(MONDAY).await;
    bench.pass(4 * MINUTE);
    let file = bench.file(&answer).await;
    assert!(file.text.contains(",`R1,`0.29,`0.00,`ORIGINAL,`CHANGE,"), "{}", file.text);
    bench.pass(2 * MINUTE);
    assert_eq!(bench.file(&answer).await.error(), (403, "NO_AUTH".to_owned()));
}
