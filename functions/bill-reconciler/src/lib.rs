//! Daily: yesterday's bill (交易账单) against the ledger, both ways.
//!
//! ```text
//!   each line of the bill ──> order and refund on record ──> equal?  ──no──> ask WeChat, record the answer ──> equal? ──no──┐
//!   each payment and refund of the day on record ──> in the bill? ──no─────────────────────────────────────────────────────┴─> event, metric
//! ```
//!
//! It runs when WeChat has made the bill, and again some hours later: what WeChat could not answer is tried once more, and a difference
//! that was told is not told again. Nothing is booked from a bill alone: what it knows better is asked for, and the answer is recorded by
//! the same decision as every other.
#![deny(missing_docs)]

mod asked;
mod bill;
mod compare;
mod handler;
mod missing;

use std::time::Duration;

use ask::{Asker, Merchants};
use asked::Asked;
use handler::Reconciler;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use record::{DynamoLedger, Jitter, Recorder};
use setup::{Aws, Env, Misconfigured, SigningKeyring, telemetry, time_left};
use wechat::{Client, Hosts};

/// What is left of the function's time when it stops: the next run begins anew.
const RESERVE: Duration = Duration::from_secs(10);

/// Runs the function until Lambda stops it. Reads the tables, `PAPAY_ROUTING`, `PAPAY_MERCHANTS`, `PAPAY_SECRET_PREFIX` and
/// `PAPAY_WECHAT_HOSTS`.
///
/// # Errors
///
/// A [`setup::Misconfigured`] at start.
pub async fn run(env: Env) -> Result<(), Error> {
    let metrics = telemetry::start(&env, "bill-reconciler")?;
    let aws = Aws::new(&env)?;
    let days = DynamoLedger::new(aws.dynamodb(), env.tables()?);
    let asker = Asker::new(Recorder::new(days.clone(), Jitter, env.routing()?), Client::new(hosts(&env)?)?);
    let merchants = Merchants::new(SigningKeyring::fetch(&env, &aws).await?);
    let configured = env.merchants()?;
    let reconciler = Reconciler { asker: &asker, days: &days, clock: || env.clock.now() };
    lambda_runtime::run(service_fn(|event: LambdaEvent<Asked>| async {
        let (asked, context) = event.into_parts();
        let wanted = asked.wanted(env.clock.now())?;
        let keys = |mch_id: &domain::MchId| merchants.keys(mch_id);
        // Boxed, as the calls below it are nested deeply.
        let trace = context.xray_trace_id.as_deref().and_then(telemetry::traceparent);
        let all = telemetry::traced(trace, Box::pin(reconciler.handle(wanted, &configured, keys)));
        let done = tokio::time::timeout(time_left(context.deadline(), RESERVE), all).await;
        for mch_id in configured.iter().filter(|mch_id| asker.distrusts(mch_id)) {
            Box::pin(merchants.look_again(mch_id, env.clock.now())).await;
        }
        metrics.flush();
        done.unwrap_or_else(|_| Err("out of time; the next run begins anew".to_owned())).map_err(Error::from)
    }))
    .await
}

fn hosts(env: &Env) -> Result<Hosts, Misconfigured> {
    Hosts::parse(&env.wechat_hosts()?.joined()).map_err(|error| Misconfigured::new("PAPAY_WECHAT_HOSTS", error))
}
