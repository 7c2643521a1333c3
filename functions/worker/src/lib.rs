//! Work queue -> WeChat: asks what became of orders, contracts and refunds whose check is due, and records the answers.
//!
//! ```text
//!   message ──> row ──> is its check due? ──> ask ──> record
//!      ^                                                │
//!      └──────── delayed, if the next is due within the minute
//! ```
//!
//! A message is only a reminder: what is to be asked is on record, so that one that comes twice asks nothing twice. Each time that it
//! runs it also sees to it that the platform certificates are fresh, which the callbacks verify with.
#![deny(missing_docs)]

mod certificates;
mod event;
mod handler;

use std::time::Duration;

use ask::{Asker, Merchants};
use certificates::Certificates;
use domain::MchId;
use event::QueueEvent;
use handler::Worker;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use record::{DynamoLedger, Jitter, Recorder};
use setup::{Aws, CertificateStore, Env, Misconfigured, SigningKeyring, telemetry, time_left};
use wechat::{Client, Hosts};
use work::SqsWork;

/// What is left of the function's time when it stops: what was not asked by then comes again.
const RESERVE: Duration = Duration::from_secs(3);

/// Runs the function until Lambda stops it. Reads the tables, `PAPAY_ROUTING`, `PAPAY_MERCHANTS`, `PAPAY_SECRET_PREFIX`,
/// `PAPAY_QUEUE_WORK` and `PAPAY_WECHAT_HOSTS`.
///
/// # Errors
///
/// A [`setup::Misconfigured`] at start.
pub async fn run(env: Env) -> Result<(), Error> {
    let metrics = telemetry::start(&env, "worker")?;
    let aws = Aws::new(&env)?;
    let ledger = DynamoLedger::new(aws.dynamodb(), env.tables()?);
    let wishes = ledger.clone();
    let asker = Asker::new(Recorder::new(ledger, Jitter, env.routing()?), Client::new(hosts(&env)?)?);
    let queue = SqsWork::new(aws.sqs(), env.work_queue()?);
    let merchants = Merchants::new(SigningKeyring::fetch(&env, &aws).await?);
    let configured = env.merchants()?;
    let certificates = Certificates::new(CertificateStore::new(&env, &aws));
    let worker = Worker { asker: &asker, queue: &queue, keys: |mch_id: &MchId| merchants.keys(mch_id) };
    lambda_runtime::run(service_fn(|event: LambdaEvent<QueueEvent>| async {
        let (event, context) = event.into_parts();
        let now = env.clock.now();
        // Boxed, as the calls below it are nested deeply.
        let response = Box::pin(worker.handle(&event, now, time_left(context.deadline(), RESERVE))).await;
        for mch_id in &configured {
            // Both are asked: each forgets what it answered.
            let by_callback = event.reminds_of_certificates(mch_id) && is_wanted(&wishes, mch_id).await;
            let met_unknown = asker.met_unknown_key(mch_id) || by_callback;
            let refreshed = match merchants.keys(mch_id) {
                Ok(keys) => Box::pin(certificates.keep_fresh(&asker, &keys, mch_id, met_unknown, now)).await,
                Err(_) => false,
            };
            if asker.distrusts(mch_id) || refreshed {
                Box::pin(merchants.look_again(mch_id, now)).await;
            }
        }
        merchants.measure_certificates(&configured, now);
        metrics.flush();
        Ok::<_, Error>(response)
    }))
    .await
}

/// Whether a callback has met a certificate that we do not have. If the ledger does not answer, the check comes again.
async fn is_wanted(ledger: &DynamoLedger, mch_id: &MchId) -> bool {
    let taken = ledger.take_wanted_certificates(mch_id).await;
    taken
        .inspect_err(|error| tracing::warn!(%mch_id, %error, "a wish for certificates could not be taken"))
        .unwrap_or(false)
}

fn hosts(env: &Env) -> Result<Hosts, Misconfigured> {
    Hosts::parse(&env.wechat_hosts()?.joined()).map_err(|error| Misconfigured::new("PAPAY_WECHAT_HOSTS", error))
}
