//! Outbox stream -> event queues: woken by inserts into the outbox table, it drains the streams that they name.
//!
//! A stream record is a doorbell and nothing else: records of one transaction may come apart and out of order, so what
//! is pending is read from the table.
#![deny(missing_docs)]

mod event;
mod handler;

use std::time::Duration;

use event::StreamEvent;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use publish::{DynamoOutbox, SqsQueues};
use setup::{Aws, Env, telemetry, time_left};

/// What is left of the function's time when it stops: the rest is the sweeper's.
const RESERVE: Duration = Duration::from_secs(5);

/// Runs the function until Lambda stops it. Reads `PAPAY_TABLE_OUTBOX` and `PAPAY_QUEUES`.
///
/// # Errors
///
/// A [`setup::Misconfigured`] at start.
pub async fn run(env: Env) -> Result<(), Error> {
    let metrics = telemetry::start(&env, "outbox-relay")?;
    let aws = Aws::new(&env)?;
    let outbox = DynamoOutbox::new(aws.dynamodb(), env.required("PAPAY_TABLE_OUTBOX")?, record::pending_shards());
    let queues = SqsQueues::new(aws.sqs(), env.queues()?);
    lambda_runtime::run(service_fn(|event: LambdaEvent<StreamEvent>| async {
        let (event, context) = event.into_parts();
        let response =
            handler::handle(&outbox, &queues, &event, env.clock.now(), time_left(context.deadline(), RESERVE)).await;
        metrics.flush();
        Ok::<_, Error>(response)
    }))
    .await
}
