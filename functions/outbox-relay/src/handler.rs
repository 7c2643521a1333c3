use std::collections::BTreeMap;
use std::time::Duration;

use domain::{Stream, Timestamp};
use publish::{Outbox, OutboxError, Queues, drain};
use setup::BatchResponse;

use crate::event::{Doorbell, StreamEvent};

/// Drains the streams that rang. Lambda shall come again for those whose outbox entries could not be read or marked; a
/// queue that is down is left to the sweeper, since asking for a retry would hold up every stream of the shard.
pub(crate) async fn handle(
    outbox: &impl Outbox,
    queues: &impl Queues,
    event: &StreamEvent,
    now: Timestamp,
    time: Duration,
) -> BatchResponse {
    let rang = first_of_each(event.doorbells());
    let streams: Vec<Stream> = rang.keys().cloned().collect();
    let Ok(drained) = tokio::time::timeout(time, drain(outbox, queues, &streams, now)).await else {
        tracing::warn!(streams = streams.len(), "out of time; the rest is left to the sweeper");
        return BatchResponse::default();
    };
    drained.report();
    let again = drained.failed.iter().filter(|(_, error)| matches!(error, OutboxError::Unavailable(_)));
    again.filter_map(|(stream, _)| rang.get(stream)).cloned().collect()
}

/// Each stream once, with the sequence number of its first record.
fn first_of_each(doorbells: Vec<Doorbell>) -> BTreeMap<Stream, String> {
    let mut first = BTreeMap::new();
    for Doorbell { stream, sequence_number } in doorbells {
        first.entry(stream).or_insert(sequence_number);
    }
    first
}

#[cfg(test)]
mod tests;
