//! Races that are sure to happen: everybody has read before anybody writes.

use counterparty::Numbers;
use papay::story::{Story, new_code};
use record::Recorded;
use tokio::sync::Barrier;

use crate::harness::{Ground, MCH_ID, attribute, fact};
use crate::ledger::one_payment_and_nothing_else;

const NOW: i64 = 1_795_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn fifty_equal_facts_that_all_found_the_order_unpaid_are_applied_once() {
    let ground = Ground::start().await;
    let numbers = seeded(&ground, Story::PayAndSign).await;
    let outcomes = all_at_once(&ground, &vec![("payment-v2", numbers.clone()); 50]).await;
    let applied = outcomes.iter().filter(|outcome| matches!(outcome, Recorded::Applied { events: 1, .. })).count();
    let duplicates = outcomes.iter().filter(|outcome| **outcome == Recorded::Duplicate).count();
    assert_eq!((applied, duplicates), (1, 49), "{outcomes:?}");
    one_payment_and_nothing_else(&ground.dump().await, &numbers);
}

#[tokio::test(flavor = "multi_thread")]
async fn payment_add_and_delete_at_once_are_all_applied_in_some_order() {
    let ground = Ground::start().await;
    let numbers = seeded(&ground, Story::PayAndSign).await;
    let facts = ["payment-v2", "contract-add", "contract-delete"].map(|name| (name, numbers.clone()));
    let outcomes = all_at_once(&ground, &facts).await;
    let dump = ground.dump().await;
    assert_eq!(attribute(dump.state(MCH_ID, 'O', &numbers.out_trade_no), "state"), "paid");
    assert_eq!(attribute(dump.state(MCH_ID, 'C', &numbers.contract_code), "state"), "terminated");
    assert_eq!(outcomes[0].label(), "applied");
    assert_eq!(outcomes[2].label(), "applied");
    assert!(["applied", "stale"].contains(&outcomes[1].label()), "an ADD may come after its DELETE: {outcomes:?}");
    let mut sequences: Vec<u64> =
        dump.outbox.values().map(|item| attribute(item, "sequence").parse().unwrap()).collect();
    sequences.sort_unstable();
    sequences.dedup();
    assert_eq!(sequences.len(), dump.outbox.len(), "no two events have one place in the stream");
}

async fn seeded(ground: &Ground, story: Story) -> Numbers {
    let numbers = story.numbers(MCH_ID, &new_code(NOW * 1000), NOW);
    let now = domain::Timestamp::from_second(NOW).unwrap();
    papay::seed::seed(&ground.clients, &ground.tables, &ground.config.routing, story, &numbers, now).await.unwrap();
    numbers
}

/// Records notifications that all read before any of them writes.
async fn all_at_once(ground: &Ground, notifications: &[(&str, Numbers)]) -> Vec<Recorded> {
    let barrier = Barrier::new(notifications.len());
    let one = async |(name, numbers): &(&str, Numbers)| {
        let (fact, receipt) = fact(name, numbers);
        ground.together(&barrier).apply(&fact, &receipt, receipt.received_at, domain::decide).await.unwrap()
    };
    futures_util::future::join_all(notifications.iter().map(one)).await
}
