//! How far one drain has come: the bookkeeping between what is offered, accepted and marked. Nothing here awaits.

use std::collections::{BTreeMap, VecDeque};

use domain::{Consumer, OutboxEntry, Stream};

use crate::lane::{Batch, Event, Lane, message};
use crate::{OutboxError, QueueError};

/// What a drain did, and what it left and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// By consumer.
    pub consumers: BTreeMap<Consumer, Delivery>,
    /// The streams that could not be read or marked; of these, more may be pending than is counted.
    pub failed: BTreeMap<Stream, OutboxError>,
}

/// What one consumer's queue got.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Events that the queue accepted.
    pub accepted: usize,
    /// Events that still wait for it.
    pub pending: usize,
    /// The last thing that went wrong.
    pub error: Option<QueueError>,
}

impl Drained {
    /// Whether nothing is left of what was to be drained.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty() && self.consumers.values().all(|delivery| delivery.pending == 0)
    }

    /// Adds what another drain did.
    pub fn add(&mut self, other: Self) {
        for (consumer, delivery) in other.consumers {
            let sum = self.consumers.entry(consumer).or_default();
            sum.accepted += delivery.accepted;
            sum.pending += delivery.pending;
            sum.error = delivery.error.or(sum.error.take());
        }
        self.failed.extend(other.failed);
    }
}

/// The entries of one drain, and how far each has come.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    entries: Vec<Entry>,
    drained: Drained,
}

#[derive(Debug)]
struct Entry {
    entry: OutboxEntry,
    /// Consumers to whom it is being sent at this moment.
    in_flight: usize,
    /// Consumers whose queue accepted it and that are not marked yet.
    accepted: Vec<Consumer>,
}

/// An entry, and the consumers to be taken off it.
#[derive(Debug)]
pub(crate) struct Mark {
    index: usize,
    pub(crate) entry: OutboxEntry,
    pub(crate) accepted: Vec<Consumer>,
}

impl Progress {
    /// Takes what was read of each stream and lines it up, a lane for each consumer. Also answers the marks that are due
    /// at once: entries for which no consumer is left, though the index still holds them.
    pub(crate) fn new(
        read: Vec<(Stream, Result<Vec<OutboxEntry>, OutboxError>)>,
    ) -> (Self, BTreeMap<Consumer, Lane>, Vec<Mark>) {
        let mut progress = Self::default();
        let mut lanes = BTreeMap::new();
        for (stream, entries) in read {
            match entries.and_then(|entries| progress.line_up(entries, &mut lanes)) {
                Ok(()) => {}
                Err(error) => progress.fail(stream, error),
            }
        }
        let unmarked = |(index, entry): (usize, &Entry)| {
            let entry = &entry.entry;
            entry.pending.is_empty().then(|| Mark { index, entry: entry.clone(), accepted: Vec::new() })
        };
        let marks = progress.entries.iter().enumerate().filter_map(unmarked).collect();
        (progress, lanes, marks)
    }

    fn line_up(&mut self, entries: Vec<OutboxEntry>, lanes: &mut BTreeMap<Consumer, Lane>) -> Result<(), OutboxError> {
        let mut events: BTreeMap<Consumer, VecDeque<Event>> = BTreeMap::new();
        for (index, entry) in (self.entries.len()..).zip(&entries) {
            for consumer in &entry.pending {
                let event = Event { entry: index, message: message(entry, consumer)? };
                events.entry(consumer.clone()).or_default().push_back(event);
            }
        }
        let entry = |entry| Entry { entry, in_flight: 0, accepted: Vec::new() };
        self.entries.extend(entries.into_iter().map(entry));
        for (consumer, events) in events {
            self.drained.consumers.entry(consumer.clone()).or_default().pending += events.len();
            lanes.entry(consumer.clone()).or_insert_with(|| Lane::new(consumer)).push(events);
        }
        Ok(())
    }

    /// The next batch of a lane; empty when there is nothing left that may be sent.
    pub(crate) fn offer(&mut self, lane: &mut Lane) -> Batch {
        if !self.drained.failed.is_empty() {
            lane.keep(|event| !self.drained.failed.contains_key(&Stream::named(&event.message.group)));
        }
        let batch = lane.batch();
        for (index, _) in &batch.sent {
            if let Some(entry) = self.entries.get_mut(*index) {
                entry.in_flight += 1;
            }
        }
        batch
    }

    /// Takes a queue's answer to a batch; a stream whose event was accepted is lined up again with the next one.
    /// Answers the marks that are due.
    pub(crate) fn settle(
        &mut self,
        lane: &mut Lane,
        batch: Batch,
        answer: Result<Vec<Result<(), QueueError>>, QueueError>,
    ) -> Vec<Mark> {
        let mut results = match answer {
            Ok(results) => results.into_iter(),
            // The queue is down: the other streams of this lane would only wait for the same failure.
            Err(error) => {
                lane.keep(|_| false);
                vec![Err(error); batch.sent.len()].into_iter()
            }
        };
        let mut marks = Vec::new();
        for (index, later) in batch.sent {
            let result = results.next().unwrap_or_else(|| Err(QueueError::Unavailable("no answer".to_owned())));
            if result.is_ok() {
                lane.push(later);
            }
            marks.extend(self.settle_one(&lane.consumer, index, result));
        }
        marks
    }

    fn settle_one(&mut self, consumer: &Consumer, index: usize, result: Result<(), QueueError>) -> Option<Mark> {
        let entry = self.entries.get_mut(index)?;
        entry.in_flight = entry.in_flight.saturating_sub(1);
        let delivery = self.drained.consumers.entry(consumer.clone()).or_default();
        match result {
            Ok(()) => {
                entry.accepted.push(consumer.clone());
                delivery.accepted += 1;
                delivery.pending = delivery.pending.saturating_sub(1);
            }
            Err(error) => delivery.error = Some(error),
        }
        // While another queue has it in hand, the mark waits for that answer: one write instead of two.
        (entry.in_flight == 0 && !entry.accepted.is_empty()).then(|| Mark {
            index,
            entry: entry.entry.clone(),
            accepted: std::mem::take(&mut entry.accepted),
        })
    }

    /// Takes the outbox's answer to a mark. A stream that cannot be marked goes no further: it would be sent again from
    /// here anyway.
    pub(crate) fn marked(&mut self, mark: Mark, answer: Result<(), OutboxError>) {
        match answer {
            Ok(()) => {
                if let Some(entry) = self.entries.get_mut(mark.index) {
                    entry.entry.pending.retain(|consumer| !mark.accepted.contains(consumer));
                }
            }
            Err(error) => self.fail(mark.entry.stream, error),
        }
    }

    fn fail(&mut self, stream: Stream, error: OutboxError) {
        self.drained.failed.insert(stream, error);
    }

    pub(crate) fn finish(self) -> Drained {
        self.drained
    }
}
