use std::time::Duration;

use domain::{Stream, Timestamp};
use futures_util::future::join;
use publish::{Drained, Outbox, OutboxError, Queues, Waiting, drain};
use work::WorkQueue;

use crate::backoff::plan;
use crate::breaker::Breaker;
use crate::checks::hand_over;
use crate::due::DueChecks;

/// What is younger is left to the relay, which may have it in hand.
const PATIENCE: Duration = Duration::from_secs(30);

/// Streams that one sweep looks at: a bound on memory that a backlog of days does not reach.
const STREAMS: usize = 100_000;

/// Streams that are drained together.
const CHUNK: usize = 100;

/// One run: drains what waits in the outbox and hands over what is due. The one does not depend on the other.
pub(crate) async fn handle(
    (outbox, queues): (&impl Outbox, &impl Queues),
    (checks, work): (&impl DueChecks, &impl WorkQueue),
    now: Timestamp,
    time: Duration,
) -> Result<(), String> {
    metrics::counter!("SweeperRuns").increment(1);
    let (swept, due) = join(sweep(outbox, queues, now, time), hand_over(checks, work, now, time)).await;
    swept.map_err(|error| format!("the outbox was not swept: {error}"))?;
    due.map(|_| ()).map_err(|error| format!("the due checks were not handed over: {error}"))
}

async fn sweep(outbox: &impl Outbox, queues: &impl Queues, now: Timestamp, time: Duration) -> Result<(), OutboxError> {
    let before = now.checked_sub(PATIENCE).unwrap_or(now);
    let waiting = outbox.pending_streams(before, STREAMS).await?;
    measure_outbox(&waiting, now);
    let (mut drained, breaker) = (Drained::default(), Breaker::new(queues));
    let (due, later) = plan(waiting, now);
    let all = async {
        drain_all(outbox, &breaker, &due, now, &mut drained).await;
        // What is backing off is tried early as long as all is well: that is how a queue that is up again catches up.
        for some in later.chunks(CHUNK) {
            if breaker.any_down() {
                break;
            }
            drain_all(outbox, &breaker, some, now, &mut drained).await;
        }
    };
    if tokio::time::timeout(time, all).await.is_err() {
        tracing::warn!("out of time; the next run goes on");
    }
    drained.report();
    Ok(())
}

async fn drain_all(outbox: &impl Outbox, queues: &impl Queues, all: &[Stream], now: Timestamp, sum: &mut Drained) {
    for some in all.chunks(CHUNK) {
        sum.add(drain(outbox, queues, some, now).await);
    }
}

fn measure_outbox(waiting: &[Waiting], now: Timestamp) {
    let entries: u64 = waiting.iter().map(|waiting| waiting.entries).sum();
    let oldest = waiting.iter().map(|waiting| waiting.since).min();
    measure("OutboxPending", entries);
    measure("OutboxOldestPendingSeconds", seconds_since(oldest, now));
}

pub(crate) fn seconds_since(then: Option<Timestamp>, now: Timestamp) -> u64 {
    let seconds = then.map_or(0, |then| now.as_second().saturating_sub(then.as_second()));
    u64::try_from(seconds).unwrap_or(0)
}

/// One value for each run. A gauge would repeat its last value when nothing could be read.
pub(crate) fn measure(metric: &'static str, value: u64) {
    metrics::histogram!(metric).record(f64::from(u32::try_from(value).unwrap_or(u32::MAX)));
}

#[cfg(test)]
mod tests;
