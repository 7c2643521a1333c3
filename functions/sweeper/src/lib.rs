//! Every minute: whatever a lost doorbell or a queue that was down left in the outbox is drained, and what is overdue is
//! counted, so that an alarm can tell.
//!
//! ```text
//!   index of pending entries ──> streams, those first that have not failed for long ──> drain
//!   index of due checks      ──> how many are overdue, and for how long
//! ```
#![deny(missing_docs)]

mod backoff;
mod breaker;
mod due;
mod handler;

use std::time::{Duration, SystemTime};

use due::DueIndex;
use lambda_runtime::{Context, Error, LambdaEvent, service_fn};
use publish::{DynamoOutbox, SqsQueues};
use serde::de::IgnoredAny;
use setup::{Aws, Env, telemetry};

/// What is left of the function's time when it stops: the next run goes on.
const RESERVE: Duration = Duration::from_secs(5);

/// Runs the function until Lambda stops it. Reads `PAPAY_TABLE_LEDGER`, `PAPAY_TABLE_OUTBOX` and `PAPAY_QUEUES`.
///
/// # Errors
///
/// A [`setup::Misconfigured`] at start.
pub async fn run(env: Env) -> Result<(), Error> {
    let metrics = telemetry::start(&env, "sweeper")?;
    let aws = Aws::new(&env)?;
    let outbox = DynamoOutbox::new(aws.dynamodb(), env.required("PAPAY_TABLE_OUTBOX")?, record::pending_shards());
    let queues = SqsQueues::new(aws.sqs(), env.queues()?);
    let due = DueIndex::new(aws.dynamodb(), env.required("PAPAY_TABLE_LEDGER")?, record::due_shards());
    lambda_runtime::run(service_fn(|event: LambdaEvent<IgnoredAny>| async {
        let (_, context) = event.into_parts();
        let swept = handler::handle(&outbox, &queues, &due, env.clock.now(), time_left(&context)).await;
        metrics.flush();
        swept.map_err(Error::from)
    }))
    .await
}

fn time_left(context: &Context) -> Duration {
    context.deadline().duration_since(SystemTime::now()).unwrap_or_default().saturating_sub(RESERVE)
}
