//! What each flow costs: DynamoDB requests and units, counted at a door in front of the emulator, and compared with the
//! committed table `units.md`, so that growth is noticed.

use std::path::{Path, PathBuf};

use counterparty::Numbers;
use counterparty::fixtures;

use crate::harness::{Call, Prepared, Proxy, Town, poll};

/// What a flow asked of DynamoDB.
#[derive(Default)]
struct Cost {
    reads: usize,
    read_units: f64,
    transactions: usize,
    items: usize,
    write_units: f64,
}

struct Meter {
    town: Town,
    proxy: Proxy,
    rows: Vec<String>,
}

impl Meter {
    async fn start() -> Self {
        let proxy = Proxy::start().await;
        let town = Town::start_with(vec![proxy.variable()]).await;
        proxy.lead_to(&town.stack.host.dynamodb.endpoint());
        Self { town, proxy, rows: Vec::new() }
    }

    /// Sends a notification, and writes down what its function asked of DynamoDB.
    async fn send(&mut self, flow: &str, prepared: &Prepared) -> Cost {
        self.proxy.take_calls();
        self.town.send(prepared).await;
        let cost = Cost::of(self.proxy.take_calls().iter().filter(|call| is_of_a_callback(call)));
        self.rows.push(cost.row(flow));
        self.town.drained().await;
        cost
    }

    async fn prepared(&mut self, name: &str) -> Cost {
        let prepared = self.town.prepare(name).await;
        self.send(name, &prepared).await
    }
}

/// Relay and sweeper ask for streams and mark entries; callbacks do neither.
fn is_of_a_callback(call: &Call) -> bool {
    !matches!(call.operation.as_str(), "Query" | "UpdateItem")
}

impl Cost {
    fn of<'a>(calls: impl Iterator<Item = &'a Call>) -> Self {
        let mut cost = Self::default();
        for call in calls {
            match call.operation.as_str() {
                "BatchGetItem" | "GetItem" | "Query" => {
                    cost.reads += 1;
                    cost.read_units += call.units;
                }
                "TransactWriteItems" | "UpdateItem" => {
                    cost.transactions += 1;
                    cost.items += call.items.max(1);
                    cost.write_units += call.units;
                }
                other => panic!("no flow asks for {other}"),
            }
        }
        cost
    }

    fn row(&self, flow: &str) -> String {
        let Self { reads, read_units, transactions, items, write_units } = self;
        format!("| {flow} | {reads} | {read_units} | {transactions} | {items} | {write_units} |")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_flow_costs_what_the_committed_table_says() {
    let mut meter = Meter::start().await;
    for name in [
        "payment-v2",
        "deduction-success",
        "deduction-failure",
        "contract-add",
        "contract-delete",
        "refund-v2",
        "payment-v3",
        "refund-success",
        "refund-abnormal",
        "refund-closed",
        "contract-sign-v3",
        "contract-terminate-v3",
    ] {
        let cost = meter.prepared(name).await;
        assert!(cost.reads <= 2 && cost.transactions == 1, "{}", cost.row(name));
    }
    for name in ["security-echo", "unknown-event"] {
        let cost = meter.prepared(name).await;
        assert!(cost.reads <= 2 && cost.transactions == 1, "{}", cost.row(name));
    }
    duplicates_write_nothing(&mut meter).await;
    what_is_set_aside(&mut meter).await;
    for name in [
        "altered",
        "stale",
        "signtest",
        "hostile-xml",
        "oversized",
        "other-merchant",
        "wrong-endpoint-v3",
        "broken-tag",
    ] {
        let cost = meter.prepared(name).await;
        assert_eq!((cost.reads, cost.transactions), (0, 0), "{name} is refused before anything is read");
    }
    publishing(&mut meter).await;
    compare(&meter.rows);
    meter.town.stop().await;
}

async fn duplicates_write_nothing(meter: &mut Meter) {
    for name in ["payment-v2", "deduction-failure", "contract-add", "payment-v3", "refund-success", "refund-v2"] {
        let prepared = meter.town.prepare(name).await;
        meter.town.send(&prepared).await;
        meter.town.drained().await;
        let cost = meter.send(&format!("{name}, again"), &prepared).await;
        assert!(cost.reads <= 2 && cost.transactions == 0, "{}", cost.row(name));
    }
}

async fn what_is_set_aside(meter: &mut Meter) {
    let unknown = meter.town.unseeded("payment-v2");
    meter.send("payment-v2 of an unknown order", &unknown).await;
    let again = meter.send("payment-v2 of an unknown order, again", &unknown).await;
    assert_eq!(again.transactions, 0, "it is held already");
    let mut contradicting = meter.town.prepare("payment-v2").await;
    let numbers = Numbers { total: 1, ..contradicting.numbers.clone() };
    contradicting.request = fixtures::build("payment-v2", &numbers).unwrap();
    meter.send("payment-v2 of another amount", &contradicting).await;
    let again = meter.send("payment-v2 of another amount, again", &contradicting).await;
    assert_eq!(again.transactions, 0, "it is held already");
}

/// What the relay asks to publish one event to two queues.
async fn publishing(meter: &mut Meter) {
    let prepared = meter.town.prepare("payment-v2").await;
    meter.proxy.take_calls();
    meter.town.send(&prepared).await;
    let mut calls = Vec::new();
    poll("the relay has marked the event", async || {
        calls.extend(meter.proxy.take_calls());
        calls.iter().any(|call: &Call| call.operation == "UpdateItem")
    })
    .await;
    meter.town.drained().await;
    calls.extend(meter.proxy.take_calls());
    let relay = Cost::of(calls.iter().filter(|call| !is_of_a_callback(call) && !call.on_index));
    meter.rows.push(relay.row("relay, one event to two queues"));
}

fn compare(rows: &[String]) {
    let head = "# What each flow costs\n\nDynamoDB requests and capacity units, counted in front of the emulator by \
`tests/it/units.rs`. A read is a strongly consistent `BatchGetItem`\n(for the relay a `Query`), a write a `TransactWriteItems` \
(for the relay an `UpdateItem`); a transaction counts twice. After a wanted change:\n`PAPAY_WRITE_UNITS=1 cargo test -p papay \
--test it units`.\n\n| flow | reads | read units | writes | items | write units |\n|---|---|---|---|---|---|\n";
    let table = format!("{head}{}\n", rows.join("\n"));
    println!("{table}");
    if std::env::var_os("PAPAY_WRITE_UNITS").is_some() {
        std::fs::write(path(), &table).unwrap();
    }
    let committed = std::fs::read_to_string(path()).unwrap_or_default();
    assert!(committed == table, "the costs differ from tests/it/units.md:\n{}", difference(&committed, &table));
}

fn difference(committed: &str, counted: &str) -> String {
    let (then, now): (Vec<_>, Vec<_>) = (committed.lines().collect(), counted.lines().collect());
    let gone = then.iter().filter(|line| !now.contains(line)).map(|line| format!("- {line}"));
    let new = now.iter().filter(|line| !then.contains(line)).map(|line| format!("+ {line}"));
    gone.chain(new).collect::<Vec<_>>().join("\n")
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/it/units.md")
}
