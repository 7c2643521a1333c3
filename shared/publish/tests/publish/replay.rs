//! Sending again.

use std::collections::BTreeSet;

use domain::OutboxEntry;
use publish::{Replayed, drain, replay};

use crate::support::{A, B, World, at, entry, stream, streams};

#[tokio::test]
async fn a_replay_sends_one_consumer_the_same_events_again_in_order() {
    let world = World::new();
    let entries = recorded(&world).await;
    let first = world.memory.receive(A);
    let replayed = replay(&world.queues(), &entries, &A.to_owned(), "r1").await.unwrap();
    assert_eq!(replayed, Replayed { accepted: 6, ..Replayed::default() });
    let again = world.memory.receive(A);
    assert_eq!(first.iter().map(|m| &m.body).collect::<BTreeSet<_>>(), again.iter().map(|m| &m.body).collect());
    assert_eq!(again.first().unwrap().deduplication_id, "10000100#C#CODE000:1~r1");
    for stream in streams(2) {
        let of_stream = again.iter().filter(|message| message.group == stream.as_str());
        let ids: Vec<_> = of_stream.map(|message| message.deduplication_id.clone()).collect();
        assert_eq!(ids, [1, 2, 3].map(|sequence| format!("{stream}:{sequence}~r1")));
    }
    assert_eq!(world.received(B).len(), 2, "the other consumer has its first copies");
    assert_eq!(world.received(B).len(), 0, "and no others");
}

#[tokio::test]
async fn a_replay_that_is_repeated_within_five_minutes_sends_nothing_twice() {
    let world = World::new();
    let entries = recorded(&world).await;
    assert_eq!(world.memory.receive(A).len(), 6);
    for _ in 0..2 {
        replay(&world.queues(), &entries, &A.to_owned(), "r1").await.unwrap();
    }
    assert_eq!(world.memory.receive(A).len(), 6);
}

#[tokio::test]
async fn what_was_never_routed_to_a_consumer_is_not_replayed_to_it() {
    let world = World::new();
    let entries = [entry(&stream("CODE"), 1, &[B]), entry(&stream("CODE"), 2, &[A, B])];
    let replayed = replay(&world.queues(), &entries, &A.to_owned(), "r1").await.unwrap();
    assert_eq!((replayed.accepted, replayed.not_routed), (1, 1));
    assert_eq!(world.received(A)[&stream("CODE")], [2]);
}

#[tokio::test]
async fn a_replay_tells_what_it_left() {
    let world = World::new();
    let entries = recorded(&world).await;
    assert_eq!(world.memory.receive(A).len(), 6);
    world.memory.refuse_next(A, [0]);
    let replayed = replay(&world.queues(), &entries, &A.to_owned(), "r1").await.unwrap();
    assert_eq!((replayed.accepted, replayed.left), (3, 3), "one stream waits for its first event");
    assert!(replayed.error.is_some());
    world.memory.set_queue_down(A, true);
    let replayed = replay(&world.queues(), &entries, &A.to_owned(), "r2").await.unwrap();
    assert_eq!((replayed.accepted, replayed.left), (0, 6));
}

/// Two streams of three events, recorded and published.
async fn recorded(world: &World) -> Vec<OutboxEntry> {
    for stream in streams(2) {
        world.record(&stream, 1..=3).await;
    }
    drain(&world.outbox(), &world.queues(), &streams(2), at(1)).await;
    world.memory.store().outbox().map(|item| item.entry.clone()).collect()
}
