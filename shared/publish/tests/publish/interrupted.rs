//! Drains that stop anywhere, and drains that run at the same time.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use publish::drain;

use crate::support::{A, B, World, at, streams};

/// Runs a drain for so many steps, of which a port's effect takes two, and drops it: a crash. Whether it ended before.
async fn crash_after(world: &World, steps: usize) -> bool {
    let (outbox, queues, streams) = (world.outbox(), world.queues(), streams(3));
    let mut drain = pin!(drain(&outbox, &queues, &streams, at(1)));
    let mut context = Context::from_waker(Waker::noop());
    (0..steps).any(|_| matches!(drain.as_mut().poll(&mut context), Poll::Ready(_)))
}

async fn world() -> World {
    let world = World::new();
    for stream in streams(3) {
        world.record(&stream, 1..=3).await;
    }
    world.set(|log| log.patient = true);
    world
}

#[tokio::test]
async fn wherever_a_drain_stops_the_next_one_delivers_the_rest_in_order() {
    let mut steps = 1;
    loop {
        let world = world().await;
        let ended = crash_after(&world, steps).await;
        drain(&world.outbox(), &world.queues(), &streams(3), at(2)).await;
        assert!(world.nothing_is_pending());
        for consumer in [A, B] {
            // Within five minutes the queue drops what it has seen.
            let received = world.received(consumer);
            assert!(received.values().all(|sequences| sequences == &[1, 2, 3]), "{steps}: {received:?}");
        }
        if ended {
            break;
        }
        steps += 1;
    }
    assert!(steps > 10, "the drain ended after {steps} steps: nothing was interrupted");
}

#[tokio::test]
async fn what_was_marked_before_a_crash_is_not_sent_again() {
    let world = world().await;
    let mut steps = 1;
    while world.marks().is_empty() {
        crash_after(&world, steps).await;
        steps += 1;
    }
    let marked = world.marks();
    world.set(|log| log.batches.clear());
    drain(&world.outbox(), &world.queues(), &streams(3), at(2)).await;
    let sent = world.batches();
    for (stream, sequence, consumers) in marked {
        let again = |(consumer, batch): &(String, Vec<_>)| {
            consumers.contains(consumer) && batch.contains(&(stream.clone(), sequence))
        };
        assert!(!sent.iter().any(again), "{stream} {sequence}");
    }
}

#[tokio::test]
async fn two_drains_at_once_deliver_in_order_and_leave_nothing() {
    for lead in 0..40 {
        let world = world().await;
        let (outbox, queues, streams) = (world.outbox(), world.queues(), streams(3));
        let late = async {
            for _ in 0..lead {
                tokio::task::yield_now().await;
            }
            drain(&outbox, &queues, &streams, at(2)).await
        };
        let (first, second) = tokio::join!(drain(&outbox, &queues, &streams, at(1)), late);
        assert!(first.is_complete() && second.is_complete());
        assert!(world.nothing_is_pending());
        for consumer in [A, B] {
            let received = world.received(consumer);
            assert_eq!(received.len(), 3);
            assert!(received.values().all(|sequences| sequences == &[1, 2, 3]), "{lead}: {received:?}");
        }
    }
}
