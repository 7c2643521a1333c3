//! Every minute: whatever a lost doorbell or a queue that was down left in the outbox is drained, and the questions whose
//! time has come are handed to the worker.
//!
//! ```text
//!   index of pending entries ──> streams, those first that have not failed for long ──> drain
//!   index of due checks      ──> work queue, leased for as long as the queue tries
//!   once an hour             ──> work queue: the platform certificates of each merchant
//! ```
#![deny(missing_docs)]

mod backoff;
mod breaker;
mod certificates;
mod checks;
mod due;
mod handler;

use std::time::Duration;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use publish::{DynamoOutbox, SqsQueues};
use record::DynamoLedger;
use serde::de::IgnoredAny;
use setup::{Aws, Env, telemetry, time_left};
use work::SqsWork;

/// What is left of the function's time when it stops: the next run goes on.
const RESERVE: Duration = Duration::from_secs(5);

/// Runs the function until Lambda stops it. Reads the tables, `PAPAY_QUEUES`, `PAPAY_QUEUE_WORK` and `PAPAY_MERCHANTS`.
///
/// # Errors
///
/// A [`setup::Misconfigured`] at start.
pub async fn run(env: Env) -> Result<(), Error> {
    let metrics = telemetry::start(&env, "sweeper")?;
    let aws = Aws::new(&env)?;
    let outbox = DynamoOutbox::new(aws.dynamodb(), env.required("PAPAY_TABLE_OUTBOX")?, record::pending_shards());
    let queues = SqsQueues::new(aws.sqs(), env.queues()?);
    let due = DynamoLedger::new(aws.dynamodb(), env.tables()?);
    let work = SqsWork::new(aws.sqs(), env.work_queue()?);
    let merchants = env.merchants()?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<IgnoredAny>| async {
        let (_, context) = event.into_parts();
        let (now, time) = (env.clock.now(), time_left(context.deadline(), RESERVE));
        let swept = handler::handle((&outbox, &queues), (&due, &work), now, time).await;
        certificates::remind(&work, &merchants, now).await;
        metrics.flush();
        swept.map_err(Error::from)
    }))
    .await
}
