//! From the outbox to the queues: what the relay and the sweeper both do.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::{OutboxEntry, Stream, Timestamp};
use futures_util::future::{join, join_all};

use crate::lane::{Batch, Lane, send};
use crate::progress::{Mark, Progress};
use crate::{Drained, Outbox, OutboxError, Queues};

/// Streams that are read at the same time.
const READS: usize = 16;

/// Sends what is pending in these streams to every consumer's queue, and marks what a queue has accepted.
///
/// Each consumer gets a stream's events in order, one at a time; a queue that is down or slow holds up nobody else's. It
/// may stop or be stopped anywhere, and run twice at once: what was sent and not marked is sent again with the same id.
/// Nothing fails: what is left, and why, is in the answer.
pub async fn drain<O: Outbox, Q: Queues>(outbox: &O, queues: &Q, streams: &[Stream], now: Timestamp) -> Drained {
    let (mut progress, lanes, unmarked) = Progress::new(read(outbox, streams).await);
    // All lanes make their first offer before any is sent, so that an entry is marked once for all of them.
    let lanes: Vec<_> = lanes.into_values().map(|mut lane| (progress.offer(&mut lane), lane)).collect();
    let drain = Drain { outbox, queues, now, progress: Mutex::new(progress) };
    drain.mark(unmarked).await;
    join_all(lanes.into_iter().map(|(first, lane)| drain.deliver(lane, first))).await;
    drain.progress.into_inner().unwrap_or_else(PoisonError::into_inner).finish()
}

async fn read<O: Outbox>(outbox: &O, streams: &[Stream]) -> Vec<(Stream, Result<Vec<OutboxEntry>, OutboxError>)> {
    let mut seen = BTreeSet::new();
    let distinct: Vec<&Stream> = streams.iter().filter(|stream| seen.insert(*stream)).collect();
    let mut read = Vec::with_capacity(distinct.len());
    for some in distinct.chunks(READS) {
        let one = |stream: &Stream| {
            let stream = stream.clone();
            async move {
                let entries = outbox.pending(&stream).await;
                (stream, entries)
            }
        };
        read.extend(join_all(some.iter().map(|stream| one(stream))).await);
    }
    read
}

struct Drain<'a, O, Q> {
    outbox: &'a O,
    queues: &'a Q,
    now: Timestamp,
    progress: Mutex<Progress>,
}

impl<O: Outbox, Q: Queues> Drain<'_, O, Q> {
    /// Serves one consumer until nothing is left that its queue would accept. What was accepted is marked while the next
    /// batch is under way, which keeps consumers of one pace in step: one mark for all of them.
    async fn deliver(&self, mut lane: Lane, first: Batch) {
        let (mut batch, mut marks) = (first, Vec::new());
        while !batch.messages.is_empty() {
            let send = send(self.queues, &lane.consumer, &batch.messages);
            let (answer, ()) = join(send, self.mark(marks)).await;
            marks = self.progress().settle(&mut lane, batch, answer);
            batch = self.progress().offer(&mut lane);
        }
        self.mark(marks).await;
    }

    async fn mark(&self, marks: Vec<Mark>) {
        let one = async |mark: Mark| {
            tell(&mark);
            let answer = self.outbox.mark(&mark.entry, &mark.accepted, self.now).await;
            self.progress().marked(mark, answer);
        };
        join_all(marks.into_iter().map(one)).await;
    }

    /// Never held across an await.
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One line for what the queues have accepted of an event: what a callback's trace leads to.
fn tell(mark: &Mark) {
    if !mark.accepted.is_empty() {
        let traceparent = mark.entry.traceparent.as_deref();
        tracing::info!(event = mark.entry.id(), consumers = ?mark.accepted, traceparent, "event published");
    }
}
