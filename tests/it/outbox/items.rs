//! What stands in the outbox table, before and after.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{OutboxEntry, Stream};
use publish::{Outbox, OutboxError, SqsQueues, drain, replay};

use super::{A, B, World, at, entry, streams};

type Item = HashMap<String, AttributeValue>;

#[tokio::test]
async fn a_published_entry_leaves_the_index_and_is_kept_for_thirty_days() {
    let world = World::start().await;
    let stream = streams(1).remove(0);
    world.record(&stream, [1]).await;
    world.drain(std::slice::from_ref(&stream)).await;
    let item = item(&world, &stream).await;
    for gone in ["pending", "pending_shard", "pending_since"] {
        assert!(!item.contains_key(gone), "{gone}");
    }
    assert_eq!(item["published_at"], AttributeValue::S(at(1).to_string()));
    assert_eq!(item["ttl"], AttributeValue::N((at(1).as_second() + 30 * 86_400).to_string()));
    assert!(world.outbox().pending_streams(at(100), 10).await.unwrap().is_empty());
    let kept = world.outbox().history(&stream).await.unwrap();
    assert_eq!(kept, [OutboxEntry { pending: [].into(), ..entry(&stream, 1) }], "whole");
}

#[tokio::test]
async fn an_event_for_nobody_is_kept_for_thirty_days_too() {
    let world = World::start().await;
    let stream = streams(1).remove(0);
    let nobody = OutboxEntry { destinations: [].into(), pending: [].into(), ..entry(&stream, 1) };
    world.record_entry(nobody).await;
    let item = item(&world, &stream).await;
    assert_eq!(item["ttl"], AttributeValue::N((at(0).as_second() + 30 * 86_400).to_string()));
    assert!(!item.contains_key("pending_shard"));
}

#[tokio::test]
async fn an_entry_that_is_still_in_the_index_though_nobody_waits_for_it_is_cleaned() {
    let world = World::start().await;
    let stream = streams(1).remove(0);
    world.record(&stream, [1]).await;
    let update = world.clients.dynamodb.update_item().table_name(&world.tables.outbox).set_key(Some(key(&stream)));
    let both = AttributeValue::Ss(vec![A.to_owned(), B.to_owned()]);
    let update = update.update_expression("DELETE pending :both").expression_attribute_values(":both", both);
    update.send().await.unwrap();
    assert_eq!(world.outbox().pending_streams(at(100), 10).await.unwrap().len(), 1);
    assert!(world.drain(std::slice::from_ref(&stream)).await.is_complete());
    assert!(world.outbox().pending_streams(at(100), 10).await.unwrap().is_empty());
    assert!(item(&world, &stream).await.contains_key("ttl"));
    assert!(world.receive(A).await.is_empty());
}

#[tokio::test]
async fn marks_of_one_entry_at_the_same_time_are_all_kept() {
    let world = World::start().await;
    let stream = streams(1).remove(0);
    let consumers: Vec<String> = (0..6).map(|number| format!("consumer-{number}")).collect();
    let destinations = consumers.iter().map(|consumer| (consumer.clone(), 0)).collect();
    let pending = consumers.iter().cloned().collect();
    let entry = OutboxEntry { destinations, pending, ..entry(&stream, 1) };
    world.record_entry(entry.clone()).await;
    let outbox = world.outbox();
    let marks = consumers.iter().map(|consumer| outbox.mark(&entry, std::slice::from_ref(consumer), at(1)));
    assert_eq!(futures_util::future::join_all(marks).await, vec![Ok(()); 6]);
    assert!(outbox.pending(&stream).await.unwrap().is_empty());
    assert!(item(&world, &stream).await.contains_key("published_at"));
}

#[tokio::test]
async fn an_entry_of_which_the_time_to_live_has_passed_can_still_be_marked() {
    let world = World::start().await;
    let gone = entry(&streams(1).remove(0), 1);
    assert_eq!(world.outbox().mark(&gone, &[A.to_owned()], at(1)).await, Ok(()));
    assert!(world.outbox().history(&gone.stream).await.unwrap().is_empty(), "and does not come back");
}

#[tokio::test]
async fn a_stream_of_many_pages_is_read_whole_and_sent_in_order() {
    let world = World::start().await;
    let stream = streams(1).remove(0);
    for sequence in 1..=15 {
        let data = format!(r#"{{"text":"{}"}}"#, "x".repeat(200_000));
        world.record_entry(OutboxEntry { data, ..entry(&stream, sequence) }).await;
    }
    assert!(world.drain(std::slice::from_ref(&stream)).await.is_complete());
    assert_eq!(world.received(A).await[stream.as_str()], (1..=15).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_stream_whose_name_is_too_long_for_a_group_keeps_its_order() {
    let world = World::start().await;
    let stream = Stream::named(&format!("10000100#C#{}", "x".repeat(128)));
    world.record(&stream, [1, 2]).await;
    assert!(world.drain(std::slice::from_ref(&stream)).await.is_complete());
    let received = world.receive(A).await;
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].group, received[1].group);
    assert!(received[0].group.starts_with("sha256:"));
    assert_ne!(received[0].deduplication_id, received[1].deduplication_id);
    assert!(received[0].body.contains(stream.as_str()), "the event itself tells the whole name");
}

#[tokio::test]
async fn an_item_that_is_no_entry_is_named_and_holds_up_its_own_stream_only() {
    let world = World::start().await;
    let [broken, whole] = [&streams(2)[0], &streams(2)[1]];
    world.record(whole, [1]).await;
    let mut item = key(broken);
    item.insert("pending_shard".to_owned(), AttributeValue::S("p#0".to_owned()));
    item.insert("pending_since".to_owned(), AttributeValue::N("1".to_owned()));
    world.clients.dynamodb.put_item().table_name(&world.tables.outbox).set_item(Some(item)).send().await.unwrap();
    let drained = world.drain(&streams(2)).await;
    assert!(
        matches!(&drained.failed[broken], OutboxError::Unreadable { key, .. } if *key == format!("{broken}:1")),
        "{drained:?}"
    );
    assert_eq!(world.received(A).await.into_keys().collect::<Vec<_>>(), [whole.to_string()]);
}

#[tokio::test]
async fn an_outbox_that_is_gone_is_told_by_its_error() {
    let world = World::start().await;
    world.clients.dynamodb.delete_table().table_name(&world.tables.outbox).send().await.unwrap();
    let drained = drain(&world.outbox(), &world.queues(), &streams(1), at(1)).await;
    let gone = OutboxError::Unavailable("ResourceNotFoundException".to_owned());
    assert_eq!(drained.failed[&streams(1)[0]], gone);
    assert_eq!(world.outbox().pending_streams(at(1), 10).await, Err(gone));
}

#[tokio::test]
async fn an_event_for_a_consumer_without_a_queue_waits_for_one() {
    let world = World::start().await;
    let stream = streams(1).remove(0);
    world.record(&stream, [1]).await;
    let mut urls = world.urls.clone();
    urls.remove(B);
    let without = SqsQueues::new(world.clients.sqs.clone(), urls);
    let drained = drain(&world.outbox(), &without, std::slice::from_ref(&stream), at(1)).await;
    assert_eq!((drained.consumers[A].accepted, drained.consumers[B].pending), (1, 1));
    assert!(world.drain(std::slice::from_ref(&stream)).await.is_complete(), "and is sent once it has one");
    assert_eq!(world.received(B).await[stream.as_str()], [1]);
}

#[tokio::test]
async fn what_was_published_can_be_sent_again() {
    let world = World::start().await;
    let stream = streams(1).remove(0);
    world.record(&stream, 1..=3).await;
    world.drain(std::slice::from_ref(&stream)).await;
    let first = world.receive(B).await;
    let entries = world.outbox().history(&stream).await.unwrap();
    let replayed = replay(&world.queues(), &entries, &B.to_owned(), "2026-11-21").await.unwrap();
    assert_eq!(replayed.accepted, 3);
    let again = world.receive(B).await;
    let bodies = |messages: Vec<publish::Message>| messages.into_iter().map(|message| message.body).collect::<Vec<_>>();
    assert_eq!(bodies(again), bodies(first));
}

/// The first entry of a stream as it stands in the table.
async fn item(world: &World, stream: &Stream) -> Item {
    let request = world.clients.dynamodb.get_item().table_name(&world.tables.outbox).set_key(Some(key(stream)));
    request.consistent_read(true).send().await.unwrap().item.unwrap()
}

fn key(stream: &Stream) -> Item {
    HashMap::from([
        ("stream".to_owned(), AttributeValue::S(stream.to_string())),
        ("sequence".to_owned(), AttributeValue::N("1".to_owned())),
    ])
}
