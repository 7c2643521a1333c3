//! Relay and sweeper as real processes behind the Lambda host.

use std::time::Duration;

use host::sqs::Fault;
use serde_json::Value;

use crate::harness::{Town, attribute, poll};

/// The consumer of everything, and the one of payments, deductions and refunds.
const ALL: &str = "membership";
const PAYMENTS: &str = "ledger";

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_was_down_for_a_day_gets_everything_and_the_other_never_waited() {
    let town = Town::start().await;
    town.stack.host.sqs.fail_queue("ledger.fifo", Fault::RefuseSends);
    for _ in 0..4 {
        assert_eq!(town.send(&town.prepare("payment-v3").await).await.status, 204);
    }
    assert_eq!(town.receive(ALL, 4).await.len(), 4, "the relay alone brings these");
    poll("the relay has marked what was accepted", async || {
        town.dump().await.outbox.values().all(|item| item["pending"].as_ss().is_ok_and(|left| left == &[PAYMENTS]))
    })
    .await;

    town.move_clock(Duration::from_secs(24 * 3600)).await;
    town.sweep().await;
    assert!(town.receive_what_is_there(PAYMENTS).await.is_empty());
    comes_to(&town, "OutboxOldestPendingSeconds", 86_400.0).await;
    assert_eq!(measured(&town)("OutboxPending"), Some(4.0));

    town.stack.host.sqs.heal_queue("ledger.fifo");
    town.sweep().await;
    assert_eq!(town.receive(PAYMENTS, 4).await.len(), 4);
    assert!(town.receive_what_is_there(ALL).await.is_empty(), "nothing was sent to it again");
    town.drained().await;
    assert!(town.dump().await.outbox.values().all(|item| !attribute(item, "published_at").is_empty()));
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweeper_tells_how_long_a_question_has_been_due() {
    let town = Town::start().await;
    assert_eq!(town.send(&town.prepare("deduction-failure").await).await.status, 200);
    town.move_clock(Duration::from_secs(600)).await;
    town.sweep().await;
    comes_to(&town, "DueOldestSeconds", 600.0).await;
    let measured = measured(&town);
    assert!(measured("DueOverdue").is_some_and(|checks| checks >= 1.0));
    assert!(measured("SweeperRuns").is_some());
    assert_eq!(measured("OutboxPending"), Some(0.0));
    town.stop().await;
}

/// Waits until the sweeper has written a metric of that much: its lines come after its answer.
async fn comes_to(town: &Town, metric: &str, least: f64) {
    poll(&format!("{metric} is {least} or more"), async || measured(town)(metric).is_some_and(|value| value >= least))
        .await;
}

/// The last value of a metric that the sweeper has written.
fn measured(town: &Town) -> impl Fn(&str) -> Option<f64> + use<> {
    let lines = town.lines().into_iter().filter(|line| line.function == "sweeper");
    let metrics: Vec<Value> = lines.filter_map(|line| serde_json::from_str(&line.text).ok()).collect();
    move |name| {
        let value = metrics.iter().rev().find_map(|line| line.get(name))?;
        value.as_f64().or_else(|| value.as_array()?.last()?.as_f64())
    }
}
