//! What the functions really write while something goes wrong: the metrics that the alarms of `template.yaml` look at.
//!
//! `tests/template/emitted.json` says what a function writes at least in each scenario; a test here plays each one and reads
//! the functions' logs. `tests/template/test_alarms.py` evaluates the alarms on the same file: each is tripped by its fault,
//! and none moves on an ordinary day or when WeChat probes.

use std::collections::BTreeMap;
use std::time::Duration;

use counterparty::fixtures;
use counterparty::{Numbers, Protocol};
use host::sqs::Fault;
use papay::story::Story;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{self, MCH_ID, Prepared, Proxy, Town, poll};
use crate::outcome::{call, token};

const EMITTED: &str = include_str!("../template/emitted.json");

/// A template of the local stack whose orders are paid and signed in one step.
const PLAN: &str = "12535";

/// Metric to statistic to value, of a function.
type Written = BTreeMap<String, BTreeMap<String, f64>>;

/// What the file says of a scenario, by function.
fn expected(scenario: &str) -> BTreeMap<String, Written> {
    let all: BTreeMap<String, BTreeMap<String, Written>> = serde_json::from_str(EMITTED).unwrap();
    all[scenario].clone()
}

/// Every value of a metric that a function has written by its name alone, the way an alarm sees it. AWS counts requests
/// itself; here the lines that tell of one stand for that.
fn values(town: &Town, function: &str, metric: &str) -> Vec<f64> {
    let lines = town.lines().into_iter().filter(|line| line.function == function);
    let documents = lines.map(|line| serde_json::from_str::<Value>(&line.text).unwrap());
    let of_line = |document: Value| match document.get("_aws") {
        Some(_) if alone(&document) => numbers(&document[metric]),
        Some(_) => Vec::new(),
        None if metric == "UrlRequestCount" && document.get("ms").is_some() => vec![1.0],
        None => Vec::new(),
    };
    documents.flat_map(of_line).collect()
}

/// Whether a line of embedded metric format counts for the function alone, too.
fn alone(document: &Value) -> bool {
    let sets = document["_aws"]["CloudWatchMetrics"][0]["Dimensions"].as_array().unwrap();
    sets.contains(&json!(["function"]))
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(many) => many.iter().filter_map(Value::as_f64).collect(),
        one => one.as_f64().into_iter().collect(),
    }
}

/// Whether what was written goes at least as far as the file says.
fn reached(town: &Town, function: &str, metric: &str, statistic: &str, wanted: f64) -> bool {
    let values = values(town, function, metric);
    match statistic {
        "sum" => values.iter().sum::<f64>() >= wanted,
        "max" => values.iter().any(|value| *value >= wanted),
        "min" => values.iter().any(|value| *value <= wanted),
        other => panic!("no statistic {other}"),
    }
}

/// Waits until the functions have written what the file says of this scenario.
async fn trips(town: &Town, scenario: &str) {
    let expected = expected(scenario);
    assert!(!expected.is_empty());
    for (function, written) in &expected {
        for (metric, statistics) in written {
            for (statistic, wanted) in statistics {
                let what = format!("{scenario}: {statistic} of {metric} of {function} is at least {wanted}");
                poll(&what, async || reached(town, function, metric, statistic, *wanted)).await;
            }
        }
    }
}

/// The functions write the metrics that the file says, no other ones, and no larger extremes.
async fn stays_quiet(town: &Town, scenario: &str) {
    let expected = expected(scenario);
    for (function, written) in &expected {
        for metric in written.keys() {
            let what = format!("{scenario}: {function} writes {metric}");
            poll(&what, async || !values(town, function, metric).is_empty()).await;
        }
    }
    for line in town.lines() {
        let document: Value = serde_json::from_str(&line.text).unwrap();
        let Some(metrics) = document["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array() else { continue };
        for metric in metrics {
            let name = metric["Name"].as_str().unwrap();
            let known = expected.get(&line.function).and_then(|written| written.get(name));
            let known = known.unwrap_or_else(|| panic!("{scenario}: {} writes {name}, too", line.function));
            if let Some(most) = known.get("max") {
                assert!(numbers(&document[name]).iter().all(|value| value <= most), "{scenario}: {document}");
            }
        }
    }
    for (function, written) in &expected {
        for (metric, statistics) in written {
            if let Some(sum) = statistics.get("sum") {
                assert!(reached(town, function, metric, "sum", *sum), "{scenario}: {function} {metric}");
            }
        }
    }
}

/// The sweeper comes once more.
async fn sweep(town: &Town) {
    let runs = || values(town, "sweeper", "SweeperRuns").len();
    let before = runs();
    town.move_clock(Duration::from_secs(61));
    poll("the sweeper has run", async || runs() > before).await;
}

async fn send_often(town: &Town, name: &str, times: usize) {
    for _ in 0..times {
        let prepared = town.prepare(name).await;
        assert!(town.send(&prepared).await.is_failure(prepared.fixture.protocol));
    }
}

/// Orders that users have not paid yet, here and at WeChat.
async fn ordered(town: &Town, count: usize) -> Vec<Numbers> {
    let mut orders = Vec::new();
    for at in 0_i64.. {
        if orders.len() == count {
            break;
        }
        let numbers = town.numbers(Story::PayAndSign);
        // Its serial at WeChat is made of the time, and must be its own.
        let numbers = Numbers { plan_id: PLAN.to_owned(), now: numbers.now + at, ..numbers };
        town.seed(Story::PayAndSign, &numbers).await;
        town.place(&numbers, PLAN).await;
        orders.push(numbers);
    }
    orders
}

async fn wechat_misbehaves(town: &Town, fault: Value) {
    town.stack.simulator.control().post("/faults", fault).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn on_an_ordinary_day_no_fault_is_counted() {
    let town = Town::start().await;
    for name in ["payment-v2", "contract-add", "payment-v3", "refund-success"] {
        let prepared = town.prepare(name).await;
        assert!(town.send(&prepared).await.is_success(prepared.fixture.protocol), "{name}");
    }
    town.drained().await;
    sweep(&town).await;
    stays_quiet(&town, "ordinary").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wechats_probes_are_counted_apart_from_every_fault() {
    let town = Town::start().await;
    send_often(&town, "signtest", 8).await;
    sweep(&town).await;
    stays_quiet(&town, "probes").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_notifications_are_counted_as_such() {
    let town = Town::start().await;
    send_often(&town, "altered", 8).await;
    trips(&town, "forged").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_notification_that_cannot_be_opened_is_counted_as_a_fault_of_keys() {
    let town = Town::start().await;
    send_often(&town, "broken-tag", 1).await;
    trips(&town, "wrong_api_v3_key").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contradiction_is_counted_as_quarantined() {
    let town = Town::start().await;
    let Prepared { fixture, numbers, .. } = town.prepare("payment-v2").await;
    let more = Numbers { total: numbers.total + 1, ..numbers.clone() };
    let request = fixtures::build(fixture.name, &more).unwrap();
    assert!(town.send(&Prepared { fixture, numbers, request }).await.is_success(Protocol::V2), "for a person to see");
    trips(&town, "contradiction").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_down_shows_in_the_age_of_the_oldest_event() {
    let town = Town::start().await;
    town.stack.host.sqs.fail_queue("membership.fifo", Fault::RefuseSends);
    let prepared = town.prepare("payment-v2").await;
    assert!(town.send(&prepared).await.is_success(Protocol::V2));
    town.move_clock(Duration::from_secs(1800));
    trips(&town, "queue_down").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_cannot_be_read_from_the_outbox_is_counted() {
    let proxy = Proxy::start().await;
    let town = Town::start_with(vec![proxy.variable()]).await;
    proxy.lead_to(&town.stack.host.dynamodb.endpoint());
    let prepared = town.prepare("payment-v2").await;
    proxy.fail("Query", harness::Fault::Error(500, "InternalServerError"));
    assert!(town.send(&prepared).await.is_success(Protocol::V2));
    trips(&town, "outbox_unreadable").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn due_checks_that_are_not_handed_over_show_in_the_age_of_the_oldest() {
    // The queue of a town refuses until it is told to ask WeChat.
    let town = Town::start().await;
    ordered(&town, 1).await;
    town.move_clock(Duration::from_secs(1200));
    trips(&town, "work_queue_down").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_that_wechat_does_not_answer_are_counted() {
    let town = Town::start().await;
    ordered(&town, 12).await;
    wechat_misbehaves(&town, json!({ "on": "call", "times": 1000, "fault": "disconnect" })).await;
    town.ask_wechat();
    town.move_clock(Duration::from_secs(61));
    trips(&town, "wechat_down").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_wechat_refuses_the_app_is_counted() {
    let town = Town::start().await;
    let refusal = json!({ "error": { "err_code": "NOAUTH" } });
    wechat_misbehaves(&town, json!({ "on": "call", "path": "/pay/contractorder", "times": 1000, "fault": refusal }))
        .await;
    for user in 0..6 {
        let token = token(&town, &format!("user{user}"));
        let body = json!({ "product": "vip-monthly", "channel": "app" });
        let (status, told) = call(&town, &token, Method::POST, "/subscriptions", Some(("click", body))).await;
        assert_eq!(status, 502, "{told}");
    }
    trips(&town, "wechat_refuses").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_with_which_wechat_offers_no_contract_is_counted() {
    let town = Town::start().await;
    let body = json!({ "product": "vip-misconfigured", "channel": "app" });
    let token = token(&town, "alice");
    let (status, told) = call(&town, &token, Method::POST, "/subscriptions", Some(("click", body))).await;
    assert_eq!((status, &told["code"]), (502, &json!("presign_failed")), "{told}");
    trips(&town, "presign_failed").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deduction_that_wechat_has_not_known_for_days_is_counted() {
    let town = Town::start().await;
    // On record it is accepted; WeChat never heard of it.
    town.seed(Story::Deduction, &town.numbers(Story::Deduction)).await;
    town.move_clock(Duration::from_secs(73 * 3600));
    town.ask_wechat();
    trips(&town, "given_up").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_the_bill_has_not_is_counted() {
    let town = Town::start().await;
    town.wait_for_beijing((12, 0));
    // On record it is paid; WeChat never heard of it.
    let prepared = town.prepare("payment-v3").await;
    assert!(town.send(&prepared).await.is_success(Protocol::V3));
    town.wait_for_tomorrow((10, 30));
    town.compare_bills().await.unwrap();
    trips(&town, "bill_differs").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_questions_change_while_no_callback_comes_is_counted() {
    let town = Town::start().await;
    for kind in ["payment", "contract_add"] {
        wechat_misbehaves(&town, json!({ "on": "notice", "kind": kind, "fault": "lost", "times": 1000 })).await;
    }
    let orders = ordered(&town, 3).await;
    for numbers in &orders {
        town.wechat(&format!("/orders/{}/pay", numbers.out_trade_no), json!({ "user": numbers.contract_code })).await;
    }
    town.ask_wechat();
    town.move_clock(Duration::from_secs(61));
    trips(&town, "notices_lost").await;
    assert_eq!(values(&town, "deduction-callback", "Callbacks"), Vec::<f64>::new());
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_has_ended_is_told_by_the_days_it_has_left() {
    let town = Town::start().await;
    let name = format!("papay/{MCH_ID}/verify");
    let mut secret: Value = serde_json::from_str(&town.config.secrets()[&name]).unwrap();
    // With a public key no certificate is needed. This one ended in 2025.
    secret["public_keys"] = json!({});
    town.stack.host.secrets.put(&name, secret.to_string());
    ordered(&town, 1).await;
    town.ask_wechat();
    town.move_clock(Duration::from_secs(61));
    trips(&town, "old_certificate").await;
    town.stop().await;
}
