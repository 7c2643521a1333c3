//! Send again: what one consumer was sent before, under deduplication ids of their own.

use std::collections::BTreeMap;

use domain::{Consumer, OutboxEntry, Stream};

use crate::lane::{Event, Events, Lane, message, send};
use crate::{OutboxError, QueueError, Queues};

/// What a replay did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Events that the queue accepted.
    pub accepted: usize,
    /// Events that it did not: one that failed, and those of its stream after it.
    pub left: usize,
    /// Entries that were never routed to this consumer, and so are not sent to it.
    pub not_routed: usize,
    /// The last thing that went wrong.
    pub error: Option<QueueError>,
}

/// Sends entries to one consumer's queue again, each stream in order, as they were frozen: the same body and id, so a
/// consumer that has applied them ignores them. The deduplication id is `<event id>~<replay id>`: a queue drops an id
/// that it has seen in the last five minutes, and a repeated replay with the same id is such a one.
///
/// # Errors
///
/// An entry cannot be read; nothing is sent then.
pub async fn replay<Q: Queues>(
    queues: &Q,
    entries: &[OutboxEntry],
    consumer: &Consumer,
    replay_id: &str,
) -> Result<Replayed, OutboxError> {
    let (routed, others): (Vec<_>, Vec<_>) =
        entries.iter().partition(|entry| entry.destinations.contains_key(consumer));
    let mut lane = line_up(&routed, consumer, replay_id)?;
    let mut replayed = Replayed { left: routed.len(), not_routed: others.len(), ..Replayed::default() };
    loop {
        let batch = lane.batch();
        if batch.messages.is_empty() {
            return Ok(replayed);
        }
        let results = match send(queues, consumer, &batch.messages).await {
            Ok(results) => results,
            Err(error) => return Ok(Replayed { error: Some(error), ..replayed }),
        };
        for (result, (_, later)) in results.into_iter().zip(batch.sent) {
            match result {
                Ok(()) => {
                    replayed.accepted += 1;
                    replayed.left -= 1;
                    lane.push(later);
                }
                Err(error) => replayed.error = Some(error),
            }
        }
    }
}

fn line_up(entries: &[&OutboxEntry], consumer: &Consumer, replay_id: &str) -> Result<Lane, OutboxError> {
    let mut streams: BTreeMap<&Stream, BTreeMap<u64, Event>> = BTreeMap::new();
    for (index, entry) in entries.iter().enumerate() {
        let mut message = message(entry, consumer)?;
        message.deduplication_id = format!("{}~{replay_id}", message.deduplication_id);
        streams.entry(&entry.stream).or_default().insert(entry.sequence, Event { entry: index, message });
    }
    let mut lane = Lane::new(consumer.clone());
    for events in streams.into_values() {
        lane.push(events.into_values().collect::<Events>());
    }
    Ok(lane)
}
