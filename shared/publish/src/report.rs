//! What a drain says for itself: one line for each thing that a person may have to look at, and the metrics.

use crate::{Drained, OutboxError, QueueError};

impl Drained {
    /// Counts `EventsPublished` and `EventsHeldUp` by consumer and `StreamsUndrained` by reason, and logs what went
    /// wrong. No event is named, since its stream says enough.
    pub fn report(&self) {
        for (consumer, delivery) in &self.consumers {
            count("EventsPublished", consumer, delivery.accepted);
            let Some(error) = &delivery.error else { continue };
            count("EventsHeldUp", consumer, delivery.pending);
            let (accepted, pending) = (delivery.accepted, delivery.pending);
            match error {
                QueueError::Unavailable(_) => {
                    tracing::warn!(consumer, accepted, pending, %error, "events wait for a queue");
                }
                // Waiting does not mend it.
                QueueError::Refused(_) => {
                    tracing::error!(consumer, accepted, pending, %error, "events wait for a queue that refuses one");
                }
            }
        }
        self.report_failed();
    }

    fn report_failed(&self) {
        let mut unavailable = 0_usize;
        for (stream, error) in &self.failed {
            match error {
                OutboxError::Unavailable(_) => unavailable += 1,
                OutboxError::Unreadable { .. } => {
                    metrics::counter!("StreamsUndrained", "reason" => "unreadable").increment(1);
                    tracing::error!(%stream, %error, "a stream waits for an entry that cannot be read");
                }
            }
        }
        // One line, however many streams a table that is down takes along.
        let unavailable_error = |error: &&OutboxError| matches!(error, OutboxError::Unavailable(_));
        if let Some(error) = self.failed.values().find(unavailable_error) {
            let streams = u64::try_from(unavailable).unwrap_or(u64::MAX);
            metrics::counter!("StreamsUndrained", "reason" => "unavailable").increment(streams);
            tracing::error!(streams, %error, "streams could not be drained");
        }
    }
}

fn count(metric: &'static str, consumer: &str, events: usize) {
    let events = u64::try_from(events).unwrap_or(u64::MAX);
    metrics::counter!(metric, "consumer" => consumer.to_owned()).increment(events);
}
