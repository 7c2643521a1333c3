//! Queues that misbehave, and drains at the same time.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use host::sqs::Fault;
use publish::{Drained, QueueError};

use super::{A, B, World, streams};

/// Whatever a queue does to one drain, the next one brings the rest, in order and once, and the other queue never waits.
async fn after(fault: Fault) -> (World, Drained) {
    let (world, drained, _) = timed_after(fault).await;
    (world, drained)
}

/// The same, with the time that the drain took.
async fn timed_after(fault: Fault) -> (World, Drained, Duration) {
    let world = World::start().await;
    for stream in streams(12) {
        world.record(&stream, 1..=3).await;
    }
    world.stack.sqs.fail_queue("billing.fifo", fault);
    let started = Instant::now();
    let drained = world.drain(&streams(12)).await;
    let took = started.elapsed();
    let received = world.received(A).await;
    assert_eq!(received.len(), 12);
    assert!(received.values().all(|sequences| sequences == &[1, 2, 3]), "{received:?}");
    assert_eq!(drained.consumers[A].pending, 0);
    (world, drained, took)
}

async fn heals(world: &World) {
    world.stack.sqs.heal_queue("billing.fifo");
    assert!(world.drain(&streams(12)).await.is_complete());
    let received = world.received(B).await;
    assert_eq!(received.len(), 12);
    assert!(received.values().all(|sequences| sequences == &[1, 2, 3]), "{received:?}");
    assert!(world.received(A).await.is_empty(), "nothing was sent twice");
}

#[tokio::test]
async fn a_queue_that_is_down_gets_everything_once_it_is_up() {
    let (world, drained) = after(Fault::RefuseSends).await;
    assert_eq!(drained.consumers[B].pending, 36);
    assert!(matches!(drained.consumers[B].error, Some(QueueError::Unavailable(_))));
    heals(&world).await;
}

#[tokio::test]
async fn a_queue_that_hangs_up_before_it_has_stored_anything_gets_everything_later() {
    let (world, drained) = after(Fault::CloseBeforeCommit).await;
    assert_eq!(drained.consumers[B].pending, 36);
    heals(&world).await;
}

#[tokio::test]
async fn a_queue_that_hangs_up_after_it_has_stored_everything_gets_nothing_twice() {
    let (world, drained) = after(Fault::CloseAfterCommit).await;
    assert_eq!(drained.consumers[B].pending, 36, "nobody knows what it accepted");
    heals(&world).await;
}

#[tokio::test]
async fn entries_that_fail_alone_hold_up_their_streams_only() {
    let failing = streams(12)[4].to_string();
    let (world, drained) = after(Fault::FailGroups(vec![failing.clone()])).await;
    assert_eq!(drained.consumers[B].pending, 3);
    let received = world.received(B).await;
    assert_eq!(received.len(), 11);
    assert!(received.values().all(|sequences| sequences == &[1, 2, 3]), "{received:?}");
    world.stack.sqs.heal_queue("billing.fifo");
    assert!(world.drain(&streams(12)).await.is_complete());
    assert_eq!(world.received(B).await[&failing], [1, 2, 3]);
}

#[tokio::test]
async fn a_queue_that_does_not_answer_in_time_costs_a_drain_seconds_and_the_others_nothing() {
    let mut times = Vec::new();
    // What is late by itself is late each time; a busy machine is not.
    while times.len() < 5 {
        let (world, drained, took) = timed_after(Fault::Delay(Duration::from_secs(30))).await;
        assert_eq!(drained.consumers[B].error, Some(QueueError::Unavailable("timed out".to_owned())));
        heals(&world).await;
        if took < Duration::from_secs(8) {
            return;
        }
        times.push(took);
    }
    panic!("{times:?}");
}

#[tokio::test]
async fn drains_at_the_same_time_deliver_in_order_and_leave_nothing() {
    let world = World::start().await;
    for stream in streams(12) {
        world.record(&stream, 1..=3).await;
    }
    let streams = streams(12);
    let drain_at_once = async || join_all((0..6).map(|_| world.drain(&streams))).await;
    let mut all = drain_at_once().await;
    // What the machine held up for longer than a send may take, the next ones send.
    let is_late = |drained: &Drained| {
        let late = Some(QueueError::Unavailable("timed out".to_owned()));
        drained.consumers.values().any(|consumer| consumer.error == late)
    };
    for _ in 0..10 {
        if all.iter().any(is_late) {
            all = drain_at_once().await;
        }
    }
    assert!(all.iter().all(|drained| drained.is_complete()), "{all:?}");
    for consumer in [A, B] {
        let received = world.received(consumer).await;
        assert_eq!(received.len(), 12);
        assert!(received.values().all(|sequences| sequences == &[1, 2, 3]), "{received:?}");
    }
    assert!(world.drain(&streams).await.consumers.is_empty(), "nothing is pending");
}
