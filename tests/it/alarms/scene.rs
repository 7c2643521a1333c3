//! What the file says of a scenario, and what the functions of a town wrote.

use std::collections::BTreeMap;
use std::time::Duration;

use counterparty::Numbers;
use papay::stack::STACK;
use papay::story::Story;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::harness::{Line, Town, poll};

const EMITTED: &str = include_str!("../../template/emitted.json");

/// The namespace of every metric: what the alarms look for.
const NAMESPACE: &str = "papay";

/// A template of the local stack whose orders are paid and signed in one step.
const PLAN: &str = "12535";

/// Metric to statistic to value, of a function.
type Written = BTreeMap<String, BTreeMap<String, f64>>;

#[derive(Clone, Deserialize)]
struct Scenario {
    writes: BTreeMap<String, Written>,
}

/// What the file says of a scenario, by function.
fn expected(scenario: &str) -> BTreeMap<String, Written> {
    let all: BTreeMap<String, Scenario> = serde_json::from_str(EMITTED).unwrap();
    all[scenario].writes.clone()
}

/// A line as a document. The host's own lines, of an invocation that failed, are none.
fn document(line: &Line) -> Option<Value> {
    (!line.text.starts_with("[host]")).then(|| serde_json::from_str(&line.text).unwrap())
}

/// What a line says of metrics, if it does: in the namespace of the alarms, and under the name that the function is deployed by.
fn metrics_of(line: &Line) -> Option<Value> {
    let document = document(line).filter(|document| document["_aws"].is_object())?;
    for metrics in document["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
        assert_eq!(metrics["Namespace"], NAMESPACE, "{document}");
    }
    assert_eq!(document["function"], format!("{STACK}-{}", line.function), "{document}");
    Some(document)
}

/// Every value of a metric that a function has written by its name alone, the way an alarm sees it. AWS counts requests
/// itself; here the lines that tell of one stand for that.
pub(super) fn values(town: &Town, function: &str, metric: &str) -> Vec<f64> {
    let lines = town.lines().into_iter().filter(|line| line.function == function);
    let of_line = |line: Line| match metrics_of(&line) {
        Some(document) if alone(&document) => numbers(&document[metric]),
        Some(_) => Vec::new(),
        None if metric == "UrlRequestCount" && document(&line).is_some_and(|line| line.get("ms").is_some()) => {
            vec![1.0]
        }
        None => Vec::new(),
    };
    lines.flat_map(of_line).collect()
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
pub(super) async fn trips(town: &Town, scenario: &str) {
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
pub(super) async fn stays_quiet(town: &Town, scenario: &str) {
    let expected = expected(scenario);
    for (function, written) in &expected {
        for metric in written.keys() {
            let what = format!("{scenario}: {function} writes {metric}");
            poll(&what, async || !values(town, function, metric).is_empty()).await;
        }
    }
    for line in town.lines() {
        let Some(document) = metrics_of(&line) else { continue };
        let metrics = document["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap();
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
pub(super) async fn sweep(town: &Town) {
    let runs = || values(town, "sweeper", "SweeperRuns").len();
    let before = runs();
    town.move_clock(Duration::from_secs(61)).await;
    poll("the sweeper has run", async || runs() > before).await;
}

/// Orders that users have not paid yet, here and at WeChat.
pub(super) async fn ordered(town: &Town, count: usize) -> Vec<Numbers> {
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
