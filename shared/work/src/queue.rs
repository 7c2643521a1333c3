//! The work queue: a standard queue, since a job may come in any order and twice.

use std::future::Future;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;

use crate::Job;

/// Jobs that can be sent at once.
pub const BATCH: usize = 10;

/// The longest delay that SQS knows.
const LONGEST_DELAY: Duration = Duration::from_secs(900);

/// The queue did not accept a job, or nobody knows whether it did.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not sent: {0}")]
pub struct NotSent(pub String);

/// The work queue: SQS, or a list in a test.
pub trait WorkQueue: Send + Sync {
    /// Sends up to [`BATCH`] jobs, to be received after `delay` (whole seconds, rounded up); one result for each, in order.
    fn send(&self, jobs: &[Job], delay: Duration) -> impl Future<Output = Vec<Result<(), NotSent>>> + Send;
}

/// The work queue in SQS.
#[derive(Clone, Debug)]
pub struct SqsWork {
    client: Client,
    url: String,
}

impl SqsWork {
    /// The queue at this URL.
    #[must_use]
    pub fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    async fn send_batch(&self, jobs: &[Job], delay: Duration) -> Result<Vec<Result<(), NotSent>>, NotSent> {
        let entries = jobs.iter().enumerate().map(|job| entry(job, seconds(delay))).collect::<Result<Vec<_>, _>>()?;
        let sent = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries)).send().await;
        let output = sent.map_err(|error| NotSent(error.code().unwrap_or("no answer").to_owned()))?;
        // What the answer does not mention was not accepted.
        let accepted = |position: usize| {
            let id = position.to_string();
            if output.successful().iter().any(|successful| successful.id() == id) {
                return Ok(());
            }
            let failed = output.failed().iter().find(|failed| failed.id() == id);
            Err(NotSent(failed.map_or("not in the answer", |failed| failed.code()).to_owned()))
        };
        Ok((0..jobs.len()).map(accepted).collect())
    }
}

impl WorkQueue for SqsWork {
    async fn send(&self, jobs: &[Job], delay: Duration) -> Vec<Result<(), NotSent>> {
        let sent = self.send_batch(jobs, delay).await;
        sent.unwrap_or_else(|not_sent| vec![Err(not_sent); jobs.len()])
    }
}

/// A job, its position in the batch being its id there.
fn entry((position, job): (usize, &Job), delay: i32) -> Result<SendMessageBatchRequestEntry, NotSent> {
    let body = serde_json::to_string(job).map_err(|error| NotSent(error.to_string()))?;
    let entry = SendMessageBatchRequestEntry::builder().id(position.to_string()).message_body(body);
    entry.delay_seconds(delay).build().map_err(|error| NotSent(error.to_string()))
}

/// Rounded up: a job that comes before its time has to be sent again.
fn seconds(delay: Duration) -> i32 {
    let whole = delay.min(LONGEST_DELAY).as_millis().div_ceil(1_000);
    i32::try_from(whole).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_rounded_up_and_ends_with_sqs_s_longest() {
        let of = |ms| seconds(Duration::from_millis(ms));
        assert_eq!([0, 1, 999, 1_000, 1_001, 10_000_000].map(of), [0, 1, 1, 1, 2, 900]);
    }
}
