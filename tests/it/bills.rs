//! Daily bills, whole: WeChat makes the bill of a day of subscriptions, deductions, purchases and refunds, and `bill-reconciler` compares
//! it with the ledger.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use counterparty::Protocol;
use publish::envelope::CloudEvent;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{MCH_ID, Town, attribute, poll};
use crate::outcome::{text, token};
use crate::traces::is_trace;

/// When the function runs, and runs again, in Beijing.
const FIRST: (i64, i64) = (10, 30);
const SECOND: (i64, i64) = (14, 30);

impl Town {
    /// Compares the bills now.
    pub(crate) async fn compare_bills(&self) -> Result<(), String> {
        self.compare_as("{}").await
    }

    /// Compares the bills that this payload names.
    async fn compare_as(&self, payload: &str) -> Result<(), String> {
        let compared = self.stack.lambda.invoke(papay::stack::BILL_RECONCILER, payload.to_owned()).await;
        compared.map(drop).map_err(|error| error.to_string())
    }

    /// Alice buys an e-book and pays it; answers its number.
    pub(crate) async fn buys(&self, key: &str) -> String {
        let body = json!({ "product": "ebook", "channel": "app" });
        let (status, begun) = self.app(&token(self, "alice"), Method::POST, "/orders", Some((key, body))).await;
        assert_eq!(status, 201, "{begun}");
        let order = text(&begun["out_trade_no"]);
        self.wechat(&format!("/orders/{order}/pay"), json!({ "user": "wx-alice" })).await;
        order
    }

    /// Waits until an item is in this state on record.
    pub(crate) async fn is(&self, kind: char, number: &str, state: &str) {
        poll(&format!("{number} is {state}"), async || self.state(kind, number).await.as_deref() == Some(state)).await;
    }

    /// The state of an item on record.
    async fn state(&self, kind: char, number: &str) -> Option<String> {
        let dump = self.dump().await;
        dump.ledger.get(&format!("{MCH_ID}#{kind}#{number}")).map(|item| attribute(item, "state"))
    }

    /// Somebody changes an order on record behind our back.
    async fn forge(&self, number: &str, amount: Option<u64>) {
        let (client, table) = (&self.clients().dynamodb, &self.stack.tables.ledger);
        let key = AttributeValue::S(format!("{MCH_ID}#O#{number}"));
        match amount {
            Some(amount) => {
                let update = client.update_item().table_name(table).key("pk", key);
                let update = update.update_expression("SET amount = :amount");
                let amount = AttributeValue::N(amount.to_string());
                update.expression_attribute_values(":amount", amount).send().await.map(drop).unwrap();
            }
            None => client.delete_item().table_name(table).key("pk", key).send().await.map(drop).unwrap(),
        }
    }

    /// What the business is told of differences: number to what differs, what the bill says and what the record.
    async fn told(&self) -> BTreeMap<String, (String, String, String)> {
        self.drained().await;
        let events = self.receive_what_is_there("membership").await;
        let differed = events.iter().filter(|event| event.event_type == "papay.bill.differed.v1");
        let mut told = BTreeMap::new();
        for event in differed {
            let data = data(event);
            let word = |name: &str| data[name].as_str().unwrap_or("-").to_owned();
            assert_eq!((data["cause"].as_str(), data["bill_date"].as_str().map(str::len)), (Some("bill"), Some(10)));
            assert!(event.traceparent.as_deref().is_some_and(is_trace), "its invocation's: {:?}", event.traceparent);
            let before = told.insert(event.subject.clone(), (word("difference"), word("bill"), word("record")));
            assert_eq!(before, None, "a difference is told once");
        }
        told
    }

    /// Waits until one of the function's metrics adds up to so many: its log comes after its answer.
    async fn bills_come_to(&self, metric: &str, wanted: f64) {
        poll(&format!("{metric} is {wanted}"), async || self.bills_counted(metric) >= wanted).await;
        assert_eq!(self.bills_counted(metric), wanted, "{metric}");
    }

    /// How often each of the function's metrics was counted, by its name alone.
    fn bills_counted(&self, metric: &str) -> f64 {
        let lines = self.lines().into_iter().filter(|line| line.function == papay::stack::BILL_RECONCILER);
        // The host's own lines, of an invocation that failed, are no documents.
        let written = lines.filter(|line| !line.text.starts_with("[host]"));
        let documents = written.map(|line| serde_json::from_str::<Value>(&line.text).unwrap());
        documents.filter(|document| document["_aws"].is_object()).filter_map(|document| document[metric].as_f64()).sum()
    }
}

fn data(event: &CloudEvent) -> Value {
    serde_json::from_str(event.data.get()).unwrap()
}

fn told(number: &str, difference: &str, bill: &str, record: &str) -> (String, (String, String, String)) {
    (number.to_owned(), (difference.to_owned(), bill.to_owned(), record.to_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_purchases_deductions_and_refunds_that_went_well_has_no_difference() {
    let town = Town::start().await;
    town.ask_wechat();
    town.wait_for_beijing((12, 0)).await;
    let alice = token(&town, "alice");
    let body = json!({ "product": "vip-monthly", "channel": "app" });
    let (status, begun) = town.app(&alice, Method::POST, "/subscriptions", Some(("first", body))).await;
    assert_eq!(status, 201, "{begun}");
    let (code, first) = (text(&begun["contract_code"]), text(&begun["payment"]["out_trade_no"]));
    town.wechat(&format!("/orders/{first}/pay"), json!({ "user": "wx-alice" })).await;
    town.is('C', &code, "signed").await;
    town.is('O', &first, "paid").await;
    town.back_end_asks("/deductions", json!({ "contract_code": code, "period": 1, "amount": 100 })).await;
    town.move_clock(Duration::from_secs(61)).await;
    town.is('O', &format!("{code}P0001A01"), "paid").await;
    let book = town.buys("book").await;
    town.is('O', &book, "paid").await;
    town.back_end_asks("/refunds", json!({ "out_trade_no": book, "out_refund_no": "R1", "amount": 29 })).await;
    town.move_clock(Duration::from_secs(61)).await;
    town.is('R', "R1", "succeeded").await;
    town.wait_for_tomorrow(FIRST).await;
    town.compare_bills().await.unwrap();
    // The first payment, the deduction, the purchase and the refund.
    town.bills_come_to("BillLines", 4.0).await;
    assert_eq!(town.told().await, BTreeMap::new());
    assert_eq!((town.bills_counted("BillDifferences"), town.bills_counted("BillCured")), (0.0, 0.0));
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_difference_between_a_bill_and_the_record_is_booked_by_asking_or_told_once() {
    let town = Town::start().await;
    town.wait_for_beijing((12, 0)).await;
    // Orders whose notices come, and what is done to them afterwards.
    let (forged, forgotten, plain) =
        (town.buys("forged").await, town.buys("forgotten").await, town.buys("plain").await);
    for order in [&forged, &forgotten, &plain] {
        town.is('O', order, "paid").await;
    }
    // From here no notice comes, and the worker asks nothing, either.
    for kind in ["payment", "refund"] {
        town.loses(kind).await;
    }
    let lost = town.buys("lost").await;
    town.wechat(&format!("/orders/{plain}/refund"), json!({ "amount": 90, "out_refund_no": "PLATFORM1" })).await;
    // On record it is paid; WeChat never heard of it.
    let unheard = town.prepare("payment-v3").await;
    assert!(town.send(&unheard).await.is_success(Protocol::V3));
    town.forge(&forged, Some(991)).await;
    town.forge(&forgotten, None).await;
    assert_eq!(town.state('O', &lost).await.as_deref(), Some("requested"));
    town.told().await;

    town.wait_for_tomorrow(FIRST).await;
    town.compare_bills().await.unwrap();
    town.is('O', &lost, "paid").await;
    town.is('R', "PLATFORM1", "succeeded").await;
    let unheard = unheard.numbers;
    let expected = BTreeMap::from([
        told(&forged, "amount", "990", "991"),
        told(&forgotten, "not_on_record", "990", "-"),
        told(&unheard.out_trade_no, "not_in_bill", "-", &unheard.total.to_string()),
    ]);
    assert_eq!(town.told().await, expected);
    // The lost notice, and the refund of the merchant platform.
    town.bills_come_to("BillCured", 2.0).await;
    town.bills_come_to("BillDifferences", 3.0).await;

    // Again: what is booked is no difference any more, and what was told is counted and not told again.
    town.wait_for_beijing(SECOND).await;
    town.compare_bills().await.unwrap();
    assert_eq!(town.told().await, BTreeMap::new());
    town.bills_come_to("BillDifferences", 6.0).await;
    assert_eq!(town.bills_counted("BillCured"), 2.0);
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_that_wechat_could_not_be_asked_about_is_left_to_the_second_run_which_tells_it() {
    let town = Town::start().await;
    town.wait_for_beijing((12, 0)).await;
    town.loses("payment").await;
    let lost = town.buys("lost").await;
    town.wechat_misbehaves(
        json!({ "on": "call", "call": "order_query", "times": 1_000, "fault": { "status": { "code": 500 } } }),
    )
    .await;
    town.wait_for_tomorrow(FIRST).await;
    town.compare_bills().await.unwrap();
    assert_eq!(town.told().await, BTreeMap::new());
    poll("the run has written its lines", async || town.bills_counted("BillLines") > 0.0).await;
    assert_eq!(town.bills_counted("BillDifferences"), 0.0);
    town.wait_for_beijing(SECOND).await;
    town.compare_bills().await.unwrap();
    assert_eq!(town.told().await, BTreeMap::from([told(&lost, "state", "SUCCESS", "requested")]));
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_that_is_still_being_made_is_waited_for_once_and_then_missed_loudly() {
    let town = Town::start().await;
    town.wait_for_beijing((9, 30)).await;
    town.compare_bills().await.unwrap();
    // The other merchant has no V3 key.
    town.bills_come_to("BillsUncompared", 2.0).await;
    assert_eq!(town.bills_counted("BillsCompared"), 0.0);
    town.wait_for_beijing(FIRST).await;
    town.compare_bills().await.unwrap();
    // Nothing was sold on that day.
    town.bills_come_to("BillsCompared", 1.0).await;
    let creating = json!({ "error": { "err_code": "STATEMENT_CREATING" } });
    town.wechat_misbehaves(json!({ "on": "call", "call": "trade_bill", "times": 1_000, "fault": creating })).await;
    town.wait_for_beijing(SECOND).await;
    let failed = town.compare_bills().await.unwrap_err();
    assert!(failed.contains("10000100: WeChat is still making the bill"), "{failed}");
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_on_which_every_run_failed_is_compared_when_somebody_names_it() {
    let town = Town::start().await;
    town.wait_for_beijing((12, 0)).await;
    let day = domain::bill_day(town.now());
    town.loses("payment").await;
    let lost = town.buys("lost").await;
    let creating = json!({ "error": { "err_code": "STATEMENT_CREATING" } });
    town.wechat_misbehaves(json!({ "on": "call", "call": "trade_bill", "times": 2, "fault": creating })).await;
    town.wait_for_tomorrow(FIRST).await;
    town.compare_bills().await.unwrap();
    town.wait_for_beijing(SECOND).await;
    town.compare_bills().await.unwrap_err();
    town.wait_for_tomorrow(SECOND).await;
    town.compare_bills().await.unwrap();
    assert_eq!(town.state('O', &lost).await.as_deref(), Some("requested"), "it was another day's bill");
    let refused = town.compare_as(&json!({ "day": domain::bill_day(town.now()) }).to_string()).await.unwrap_err();
    assert!(refused.contains("day: the bill of"), "{refused}");
    town.compare_as(&json!({ "day": day }).to_string()).await.unwrap();
    town.is('O', &lost, "paid").await;
    town.bills_come_to("BillCured", 1.0).await;
    town.stop().await;
}
