//! The head of a stream: it gives events their numbers.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Event, MchId, OutboxEntry, SCHEMA, Stream, Timestamp};

use crate::{Expected, Receipt, RecordError, Routing, Row, Write};

/// The head of a stream on its way to the next version.
pub(super) struct Head {
    expected: Expected,
    first: u64,
    version: u64,
    routed: BTreeMap<String, u64>,
}

impl Head {
    pub(super) fn of<T>(row: &Row<T>, events: usize) -> Self {
        let steps = u64::try_from(events).unwrap_or(u64::MAX).max(1);
        Self {
            expected: Expected::Version(row.version),
            first: row.version.saturating_add(1),
            version: row.version.saturating_add(steps),
            routed: row.routed.clone(),
        }
    }

    pub(super) fn of_option<T>(row: Option<&Row<T>>, events: usize) -> Self {
        match row {
            Some(row) => Self::of(row, events),
            None => Self { expected: Expected::Absent, first: 1, version: 1, routed: BTreeMap::new() },
        }
    }

    /// Gives each event its sequence, its destinations and their `previous`.
    pub(super) fn freeze(
        &mut self,
        stream: &Stream,
        events: &[Event],
        mch_id: &MchId,
        receipt: &Receipt,
        routing: &Routing,
        now: Timestamp,
    ) -> Result<Vec<OutboxEntry>, RecordError> {
        let mut entries = Vec::new();
        for (event, sequence) in events.iter().zip(self.first..) {
            let mut destinations = BTreeMap::new();
            for consumer in routing.consumers(mch_id, event.event_type()) {
                let previous = self.routed.insert(consumer.clone(), sequence).unwrap_or(0);
                destinations.entry(consumer.clone()).or_insert(previous);
            }
            entries.push(OutboxEntry {
                schema: SCHEMA,
                stream: stream.clone(),
                sequence,
                mch_id: mch_id.clone(),
                event_type: event.event_type().to_owned(),
                subject: event.subject(),
                time: now,
                traceparent: receipt.traceparent.clone(),
                data: data(event)?,
                pending: destinations.keys().cloned().collect::<BTreeSet<_>>(),
                destinations,
            });
        }
        Ok(entries)
    }

    pub(super) fn write<T>(self, value: T) -> Write<T> {
        Write { value, expected: self.expected, version: self.version, routed: self.routed }
    }
}

/// The event's `data` as JSON text.
fn data(event: &Event) -> Result<String, RecordError> {
    #[derive(serde::Deserialize)]
    struct Tagged<'a> {
        #[serde(borrow)]
        data: &'a serde_json::value::RawValue,
    }
    let unreadable = |error: serde_json::Error| RecordError::Unreadable {
        key: event.event_type().to_owned(),
        reason: error.to_string(),
    };
    let text = serde_json::to_string(event).map_err(unreadable)?;
    let tagged: Tagged<'_> = serde_json::from_str(&text).map_err(unreadable)?;
    Ok(tagged.data.get().to_owned())
}
