use std::fmt::Display;
use std::time::Duration;

use ask::{AskError, Asker};
use domain::{MchId, Timestamp};
use futures_util::future::join_all;
use jiff::SignedDuration;
use record::{Backoff, DueItem, Ledger};
use setup::{BatchResponse, telemetry};
use tracing::Instrument;
use wechat::{Keys, Transport};
use work::{Job, WorkQueue};

use crate::event::QueueEvent;

/// What is due sooner is sent to the queue again, with a delay; the rest is the sweeper's, which comes every minute.
const SWEEPERS_GRAIN: SignedDuration = SignedDuration::from_secs(60);

/// Asks, and sends to the queue what is due soon.
pub(crate) struct Worker<'a, L, B, T, Q, K> {
    pub(crate) asker: &'a Asker<L, B, T>,
    pub(crate) queue: &'a Q,
    /// The keys of a merchant.
    pub(crate) keys: K,
}

impl<L, B, T, Q, K, E> Worker<'_, L, B, T, Q, K>
where
    L: Ledger,
    B: Backoff,
    T: Transport,
    Q: WorkQueue,
    K: Fn(&MchId) -> Result<Keys, E>,
    E: Display,
{
    /// Handles a batch. A message comes again, and in the end is a dead letter, where it cannot be read or the ledger failed; what
    /// WeChat does not answer is on record for later.
    pub(crate) async fn handle(&self, event: &QueueEvent, now: Timestamp, time: Duration) -> BatchResponse {
        let mut asked: Vec<Asked<'_>> = Vec::new();
        let mut failed: Vec<String> = Vec::new();
        for message in &event.messages {
            let id = message.id.as_str();
            match serde_json::from_str::<Job>(&message.body) {
                // Two messages of one job are one question.
                Ok(job) => match asked.iter_mut().find(|known| known.job == job) {
                    Some(known) => known.ids.push(id),
                    None => {
                        let (traceparent, sent_by) = (message.traceparent(), message.sent_by());
                        asked.push(Asked { job, ids: vec![id], traceparent, sent_by });
                    }
                },
                Err(error) => {
                    tracing::error!(id, %error, "a message of the work queue cannot be read");
                    failed.push(id.to_owned());
                }
            }
        }
        let done = join_all(asked.iter().map(|asked| self.in_time(asked, now, time))).await;
        for (Asked { ids, .. }, _) in asked.iter().zip(done).filter(|(_, done)| !done) {
            failed.extend(ids.iter().map(|id| (*id).to_owned()));
        }
        failed.into_iter().collect()
    }

    /// Does what one message asks for, within its trace. Answers whether it is done with.
    async fn in_time(&self, asked: &Asked<'_>, now: Timestamp, time: Duration) -> bool {
        let Asked { job, traceparent, sent_by, .. } = asked;
        let span = tracing::info_span!("check", traceparent, sent_by);
        // Boxed, as the calls below it are nested deeply.
        let one = Box::pin(self.one(job, now));
        let one = telemetry::traced(Some(traceparent.clone()), one).instrument(span.clone());
        let done = tokio::time::timeout(time, one).await.unwrap_or(Done::Failed("out of time".to_owned()));
        span.in_scope(|| report(job, &done))
    }

    async fn one(&self, job: &Job, now: Timestamp) -> Done {
        let keys = match (self.keys)(&job.mch_id) {
            Ok(keys) => keys,
            Err(error) => return Done::Failed(error.to_string()),
        };
        match self.asker.due(&keys, &job.mch_id, &job.item, now).await {
            Ok(moved) => {
                self.send_again(job, moved, now).await;
                Done::Asked
            }
            Err(AskError::Record(error)) => Done::Failed(error.to_string()),
            Err(error) => Done::Unanswered(error),
        }
    }

    async fn send_again(&self, job: &Job, moved: Vec<(DueItem, Timestamp)>, now: Timestamp) {
        for (item, due_at) in moved {
            let pause = due_at.duration_since(now);
            if pause >= SWEEPERS_GRAIN {
                continue;
            }
            let next = Job { mch_id: job.mch_id.clone(), item };
            let delay = Duration::try_from(pause).unwrap_or(Duration::ZERO);
            // The sweeper finds it, if later.
            if let Some(Err(error)) = self.queue.send(&[next], delay).await.first() {
                tracing::warn!(%error, "a check that is due soon was not sent to the queue");
            }
        }
    }
}

/// What messages ask for.
struct Asked<'a> {
    job: Job,
    ids: Vec<&'a str>,
    traceparent: String,
    /// The trace of the sweep.
    sent_by: Option<String>,
}

/// What came of one message.
enum Done {
    /// Asked, or not due any more.
    Asked,
    /// WeChat gave no usable answer.
    Unanswered(AskError),
    /// It must come again.
    Failed(String),
}

/// Whether the message is done with.
fn report(job: &Job, done: &Done) -> bool {
    let (mch_id, kind, number) = (&job.mch_id, job.item.kind(), job.item.number());
    match done {
        Done::Asked => {
            metrics::counter!("Jobs", "outcome" => "asked").increment(1);
            true
        }
        Done::Unanswered(error) => {
            metrics::counter!("Jobs", "outcome" => "unanswered").increment(1);
            metrics::counter!("AskFailed", "reason" => error.label()).increment(1);
            if error.may_pass() {
                tracing::warn!(%mch_id, kind, number, %error, "WeChat gave no answer; it is asked again within ten minutes");
            } else {
                tracing::error!(%mch_id, kind, number, %error, "WeChat refuses the question; it is asked again later");
            }
            true
        }
        Done::Failed(reason) => {
            metrics::counter!("Jobs", "outcome" => "failed").increment(1);
            tracing::error!(%mch_id, kind, number, reason, "a due check could not be handled; its message comes again");
            false
        }
    }
}

#[cfg(test)]
mod tests;
