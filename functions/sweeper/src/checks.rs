//! Due checks go to the work queue.

use std::time::Duration;

use domain::Timestamp;
use futures_util::future::join_all;
use record::{Due, LedgerError};
use work::{BATCH, Job, WorkQueue};

use crate::due::DueChecks;
use crate::handler::{measure, seconds_since};

/// A check that was handed over is left alone for this long: ten receives of the work queue, a minute apart, after which
/// its message is a dead letter. A lost message costs that long, and a queue that has piled up grows no faster.
const LEASE: Duration = Duration::from_secs(600);

/// Checks that are handed over together.
const CHUNK: usize = 100;

/// What one run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HandedOver {
    /// Checks that were due.
    pub(crate) due: usize,
    /// Those that the queue accepted.
    pub(crate) sent: usize,
    /// Since when the oldest is due.
    pub(crate) oldest: Option<Timestamp>,
}

/// Sends what is due to the work queue, and leases what the queue accepted. What it did not accept stays due.
pub(crate) async fn hand_over(
    checks: &impl DueChecks,
    queue: &impl WorkQueue,
    now: Timestamp,
    time: Duration,
) -> Result<HandedOver, LedgerError> {
    let due = checks.due(now).await?;
    let oldest = due.iter().map(|due| due.due_at).min();
    let mut sum = HandedOver { due: due.len(), oldest, ..HandedOver::default() };
    let all = async {
        for chunk in due.chunks(CHUNK) {
            for some in join_all(chunk.chunks(BATCH).map(|batch| hand_over_batch(checks, queue, batch, now))).await {
                sum.sent += some.sent;
                sum.oldest = sum.oldest.into_iter().chain(some.oldest).min();
            }
        }
    };
    if tokio::time::timeout(time, all).await.is_err() {
        tracing::warn!(due = due.len(), "out of time; the next run goes on");
    }
    sum.report(now);
    Ok(sum)
}

async fn hand_over_batch(checks: &impl DueChecks, queue: &impl WorkQueue, batch: &[Due], now: Timestamp) -> HandedOver {
    let jobs: Vec<Job> = batch.iter().map(job).collect();
    let results = queue.send(&jobs, Duration::ZERO).await;
    let mut sum = HandedOver::default();
    let mut accepted = Vec::new();
    for (due, result) in batch.iter().zip(results) {
        match result {
            Ok(()) => accepted.push(due),
            Err(not_sent) => {
                tracing::warn!(kind = due.item.kind(), error = %not_sent, "a due check was not handed over");
            }
        }
    }
    sum.sent = accepted.len();
    let until = now.checked_add(LEASE).unwrap_or(now);
    for leased in join_all(accepted.into_iter().map(|due| checks.lease(due, until))).await {
        match leased {
            Ok(since) => sum.oldest = sum.oldest.into_iter().chain(since).min(),
            // It is sent again in a minute, and asked once: the worker looks whether it is still due.
            Err(error) => tracing::warn!(%error, "a due check could not be leased"),
        }
    }
    sum
}

fn job(due: &Due) -> Job {
    Job { mch_id: due.mch_id.clone(), item: due.item.clone() }
}

impl HandedOver {
    fn report(self, now: Timestamp) {
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        measure("DueOverdue", count(self.due));
        measure("DueNotSent", count(self.due - self.sent));
        measure("DueOldestSeconds", seconds_since(self.oldest, now));
    }
}

#[cfg(test)]
mod tests;
