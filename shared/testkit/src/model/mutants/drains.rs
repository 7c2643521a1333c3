//! Drains that are wrong.

use std::collections::BTreeSet;

use domain::{OutboxEntry, Stream, Timestamp};
use publish::{Message, Outbox, Queues, envelope};

use super::super::wire::Wire;

/// Marks, then sends.
pub(super) async fn mark_first(wire: Wire, streams: Vec<Stream>, now: Timestamp) {
    for stream in streams {
        for entry in wire.pending(&stream).await.unwrap_or_default() {
            for consumer in &entry.pending {
                if wire.mark(&entry, std::slice::from_ref(consumer), now).await.is_ok() {
                    let _ = wire.send(consumer, &[message(&entry, consumer)]).await;
                }
            }
        }
    }
}

/// Sends all of a stream in one batch.
pub(super) async fn stream_in_a_batch(wire: Wire, streams: Vec<Stream>, now: Timestamp) {
    for stream in streams {
        let entries = wire.pending(&stream).await.unwrap_or_default();
        let consumers: BTreeSet<_> = entries.iter().flat_map(|entry| &entry.pending).collect();
        for consumer in consumers {
            let waiting: Vec<_> = entries.iter().filter(|entry| entry.pending.contains(consumer)).collect();
            let messages: Vec<_> = waiting.iter().map(|entry| message(entry, consumer)).collect();
            let results = wire.send(consumer, &messages).await.unwrap_or_default();
            for (entry, _) in waiting.iter().zip(results).filter(|(_, result)| result.is_ok()) {
                let _ = wire.mark(entry, std::slice::from_ref(consumer), now).await;
            }
        }
    }
}

/// The message of an event for one of its consumers.
pub(super) fn message(entry: &OutboxEntry, consumer: &str) -> Message {
    let previous = entry.destinations.get(consumer).copied().unwrap_or_default();
    let body = envelope::body(entry, previous).expect("data is JSON");
    Message { group: entry.stream.to_string(), deduplication_id: entry.id(), body }
}
