//! Order, batches, and destinations that fail alone.

use std::collections::BTreeSet;

use futures_util::FutureExt;
use publish::{Drained, OutboxError, QueueError, drain};

use crate::support::{A, B, World, at, entry, stream, streams};

#[tokio::test]
async fn everything_pending_arrives_in_order_and_is_marked_once() {
    let world = World::new();
    for stream in streams(3) {
        world.record(&stream, [1, 2, 5]).await;
    }
    let drained = drain(&world.outbox(), &world.queues(), &streams(3), at(1)).await;
    assert!(drained.is_complete());
    for consumer in [A, B] {
        assert_eq!(drained.consumers[consumer].accepted, 9);
        let received = world.received(consumer);
        assert_eq!(received.keys().cloned().collect::<Vec<_>>(), streams(3));
        assert!(received.values().all(|sequences| sequences == &[1, 2, 5]), "{received:?}");
    }
    assert!(world.nothing_is_pending());
}

#[tokio::test]
async fn consumers_that_accept_at_the_same_time_cost_one_mark() {
    let world = World::new();
    for stream in streams(3) {
        world.record(&stream, [1, 2]).await;
    }
    world.set(|log| log.patient = true);
    drain(&world.outbox(), &world.queues(), &streams(3), at(1)).await;
    assert_eq!(world.marks().len(), 6, "{:?}", world.marks());
}

#[tokio::test]
async fn a_batch_holds_at_most_one_event_of_a_stream_and_ten_in_all() {
    let world = World::new();
    for stream in streams(25) {
        world.record(&stream, 1..=3).await;
    }
    drain(&world.outbox(), &world.queues(), &streams(25), at(1)).await;
    for (_, batch) in world.batches() {
        let distinct: BTreeSet<_> = batch.iter().map(|(stream, _)| stream).collect();
        assert_eq!(distinct.len(), batch.len());
        assert!(batch.len() <= 10);
    }
    let batches = world.batches().iter().filter(|(consumer, _)| consumer == A).count();
    assert_eq!(batches, 8, "75 events of 25 streams");
    assert!(world.nothing_is_pending());
}

#[tokio::test]
async fn a_batch_holds_at_most_one_mebibyte() {
    let world = World::new();
    for stream in streams(4) {
        let data = format!(r#"{{"text":"{}"}}"#, "x".repeat(390_000));
        world.record_entry(domain::OutboxEntry { data, ..entry(&stream, 1, &[A]) }).await;
    }
    drain(&world.outbox(), &world.queues(), &streams(4), at(1)).await;
    let sizes: Vec<_> = world.batches().iter().map(|(_, batch)| batch.len()).collect();
    assert_eq!(sizes, [2, 2]);
}

#[tokio::test]
async fn a_queue_that_is_down_for_long_gets_everything_in_order_and_the_other_never_waits() {
    let world = World::new();
    world.memory.set_queue_down(B, true);
    for hour in 1..=25 {
        world.memory.set_now(at(i64::try_from(hour).unwrap() * 3600));
        for stream in streams(12) {
            world.record(&stream, [hour]).await;
        }
        let drained = drain(&world.outbox(), &world.queues(), &streams(12), at(0)).await;
        assert!(!drained.is_complete());
        assert_eq!(drained.consumers[A].pending, 0);
        assert_eq!(drained.consumers[B].pending, usize::try_from(hour).unwrap() * 12);
        assert!(matches!(drained.consumers[B].error, Some(QueueError::Unavailable(_))));
        assert!(world.received(A).values().all(|sequences| sequences == &[hour]));
    }
    world.memory.set_queue_down(B, false);
    assert!(drain(&world.outbox(), &world.queues(), &streams(12), at(0)).await.is_complete());
    let received = world.received(B);
    assert_eq!(received.len(), 12);
    assert!(received.values().all(|sequences| sequences == &(1..=25).collect::<Vec<_>>()));
    assert_eq!(world.received(A).len(), 0, "what a queue has accepted is not sent to it again");
    assert!(world.nothing_is_pending());
}

#[tokio::test]
async fn a_queue_that_is_down_is_asked_once_in_a_drain() {
    let world = World::new();
    for stream in streams(30) {
        world.record(&stream, [1]).await;
    }
    world.memory.set_queue_down(B, true);
    drain(&world.outbox(), &world.queues(), &streams(30), at(1)).await;
    assert_eq!(world.batches().iter().filter(|(consumer, _)| consumer == B).count(), 1);
}

#[tokio::test]
async fn a_queue_that_hangs_keeps_nobody_else_from_anything() {
    let world = World::new();
    for stream in streams(12) {
        world.record(&stream, 1..=4).await;
    }
    world.set(|log| log.hanging = Some(B));
    let (outbox, queues, streams) = (world.outbox(), world.queues(), streams(12));
    assert_eq!(drain(&outbox, &queues, &streams, at(1)).now_or_never(), None, "it hangs");
    let received = world.received(A);
    assert_eq!(received.len(), 12);
    assert!(received.values().all(|sequences| sequences == &[1, 2, 3, 4]), "{received:?}");
}

#[tokio::test]
async fn a_message_that_fails_alone_holds_up_its_stream_at_that_queue_only() {
    let world = World::new();
    for stream in streams(3) {
        world.record(&stream, [1, 2]).await;
    }
    world.memory.refuse_next(A, [1]);
    let drained = drain(&world.outbox(), &world.queues(), &streams(3), at(1)).await;
    let (failed, others) = (&streams(3)[1], [&streams(3)[0], &streams(3)[2]]);
    let received = world.received(A);
    assert!(others.iter().all(|stream| received[*stream] == [1, 2]));
    assert!(!received.contains_key(failed), "the second event must not overtake the first");
    assert_eq!(world.received(B)[failed], [1, 2]);
    assert_eq!((drained.consumers[A].accepted, drained.consumers[A].pending), (4, 2));
    drain(&world.outbox(), &world.queues(), &streams(3), at(2)).await;
    assert_eq!(world.received(A)[failed], [1, 2]);
    assert!(world.nothing_is_pending());
}

#[tokio::test]
async fn a_message_that_no_queue_takes_holds_up_its_own_stream_only() {
    let world = World::new();
    for stream in streams(12) {
        world.record(&stream, [1, 2]).await;
    }
    world.set(|log| log.poison = Some("CODE004\"}"));
    let drained = drain(&world.outbox(), &world.queues(), &streams(12), at(1)).await;
    for consumer in [A, B] {
        let received = world.received(consumer);
        assert!(!received.contains_key(&stream("CODE004")));
        assert_eq!(received.len(), 11);
        assert!(received.values().all(|sequences| sequences == &[1, 2]));
        assert_eq!(drained.consumers[consumer].pending, 2);
        assert!(matches!(drained.consumers[consumer].error, Some(QueueError::Refused(_))));
    }
}

#[tokio::test]
async fn each_consumer_gets_what_is_routed_to_it_with_its_own_previous() {
    let world = World::new();
    let stream = stream("CODE");
    world.record_entry(entry(&stream, 1, &[A])).await;
    world.record_entry(entry(&stream, 2, &[A, B])).await;
    let mut third = entry(&stream, 3, &[A, B]);
    third.destinations.insert(B.to_owned(), 0);
    world.record_entry(third).await;
    drain(&world.outbox(), &world.queues(), std::slice::from_ref(&stream), at(1)).await;
    let previous = |consumer: &str| -> Vec<(u64, u64)> {
        let events = world.memory.receive(consumer).into_iter();
        let events = events.map(|message| serde_json::from_str(&message.body).unwrap());
        events.map(|event: publish::envelope::CloudEvent| (event.sequence, event.previous)).collect()
    };
    assert_eq!(previous(A), [(1, 0), (2, 1), (3, 2)]);
    assert_eq!(previous(B), [(2, 1), (3, 0)]);
}

#[tokio::test]
async fn a_stream_that_cannot_be_marked_goes_no_further_and_the_others_do() {
    let world = World::new();
    for stream in streams(2) {
        world.record(&stream, 1..=10).await;
    }
    let stuck = streams(2).remove(0);
    world.set(|log| log.unmarkable = Some(stuck.clone()));
    let drained = drain(&world.outbox(), &world.queues(), &streams(2), at(1)).await;
    assert_eq!(drained.failed.keys().collect::<Vec<_>>(), [&stuck]);
    let received = world.received(A);
    assert_eq!(received[&streams(2)[1]], (1..=10).collect::<Vec<_>>());
    assert!(received[&stuck].len() <= 3, "only what was under way: {received:?}");
    world.set(|log| log.unmarkable = None);
    assert!(drain(&world.outbox(), &world.queues(), &streams(2), at(2)).await.is_complete());
    assert!(world.nothing_is_pending());
}

#[tokio::test]
async fn an_outbox_that_cannot_be_read_is_told_and_nothing_is_sent() {
    let world = World::new();
    world.record(&stream("CODE"), [1]).await;
    world.memory.set_outbox_down(true);
    let drained = drain(&world.outbox(), &world.queues(), &[stream("CODE")], at(1)).await;
    assert!(matches!(drained.failed[&stream("CODE")], OutboxError::Unavailable(_)));
    assert_eq!(world.batches(), []);
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_holds_up_its_own_stream_only() {
    let world = World::new();
    world.record(&stream("GOOD"), [1]).await;
    world.record(&stream("BAD"), [1]).await;
    let broken = domain::OutboxEntry { data: "{not json".to_owned(), ..entry(&stream("BAD"), 2, &[A, B]) };
    world.record_entry(broken).await;
    let drained = drain(&world.outbox(), &world.queues(), &[stream("BAD"), stream("GOOD")], at(1)).await;
    let error = &drained.failed[&stream("BAD")];
    assert_eq!(error.to_string(), "outbox entry 10000100#C#BAD:2 cannot be read: its data is not JSON");
    assert_eq!(world.received(A).into_keys().collect::<Vec<_>>(), [stream("GOOD")]);
}

#[tokio::test]
async fn a_stream_that_is_named_twice_is_drained_once() {
    let world = World::new();
    world.record(&stream("CODE"), [1, 2]).await;
    drain(&world.outbox(), &world.queues(), &[stream("CODE"), stream("CODE")], at(1)).await;
    let sizes: Vec<_> = world.batches().iter().map(|(_, batch)| batch.len()).collect();
    assert_eq!(sizes, [1, 1, 1, 1]);
}

#[tokio::test]
async fn two_drains_add_up() {
    let world = World::new();
    world.memory.set_queue_down(B, true);
    let mut sum = Drained::default();
    for stream in streams(2) {
        world.record(&stream, [1]).await;
        sum.add(drain(&world.outbox(), &world.queues(), &[stream], at(1)).await);
    }
    assert_eq!((sum.consumers[A].accepted, sum.consumers[B].pending), (2, 2));
    assert!(sum.consumers[B].error.is_some());
    assert!(!sum.is_complete());
}
