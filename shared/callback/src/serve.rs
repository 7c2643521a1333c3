//! The loop of a callback function.

use std::future::{Future, ready};
use std::pin::Pin;
use std::time::{Duration, Instant};

use domain::Protocol;
use lambda_http::http::{HeaderValue, Response};
use lambda_http::{Body, Error, IntoResponse, Request, service_fn};
use record::Recorded;
use setup::{Env, ORIGIN_HEADER, OriginGate, telemetry};
use tracing::Instrument;
use tracing::field::Empty;

use crate::{App, Callback, Endpoint, Refused, answer};

/// WeChat waits 5 s; what is not recorded by then is answered as a failure, and comes again.
const DEADLINE: Duration = Duration::from_secs(3);

/// What a handler comes to.
pub type Handled<'a> = Pin<Box<dyn Future<Output = Result<Recorded, Refused>> + Send + 'a>>;

/// The steps of one function: verify, parse, record.
pub type Handler = for<'a> fn(&'a App, &'a Callback) -> Handled<'a>;

/// Runs a callback function until Lambda stops it.
///
/// # Errors
///
/// [`setup::Misconfigured`] at start; it names what is wrong.
pub async fn run(env: Env, function: &'static str, endpoint: Endpoint, handler: Handler) -> Result<(), Error> {
    let metrics = telemetry::start(&env, function)?;
    let app = App::new(&env).await?;
    let gate = OriginGate::read(&env)?;
    lambda_http::run(service_fn(|request: Request| async {
        let response = serve(&env, (&app, &gate), endpoint, handler, request).await;
        metrics.flush();
        Ok::<_, Error>(Answer(response))
    }))
    .await
}

/// An answer in UTF-8, as all of ours are. Of another body `lambda_http` would look at the charset, and its tables of every encoding would
/// be a twentieth of the archive.
struct Answer(Response<String>);

impl IntoResponse for Answer {
    fn into_response(self) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> {
        Box::pin(ready(self.0.map(Body::from)))
    }
}

async fn serve(
    env: &Env,
    (app, gate): (&App, &OriginGate),
    endpoint: Endpoint,
    handler: Handler,
    request: Request,
) -> Response<String> {
    let started = Instant::now();
    let admitted = gate.admits(request.headers().get(ORIGIN_HEADER).map(HeaderValue::as_bytes));
    let (protocol, callback) = Callback::read(request, endpoint, env.clock.now());
    let callback = if admitted { callback } else { Err(Refused::Origin) };
    let mch_id = callback.as_ref().map(|callback| callback.mch_id.to_string()).unwrap_or_default();
    // Found again in the journal, in the outbox, in the relay's line and in the consumers' events.
    let traceparent = callback.as_ref().ok().and_then(|callback| callback.traceparent.as_deref());
    let span = tracing::info_span!("callback", mch_id, traceparent, subject = Empty, what = Empty);
    let handled = match callback {
        Ok(callback) => within_deadline(handler(app, &callback)).instrument(span.clone()).await,
        Err(refused) => Err(refused),
    };
    let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    span.in_scope(|| match handled {
        Ok(recorded) => accept(protocol, &recorded, ms),
        Err(refused) => refuse(protocol, &refused, ms),
    })
}

async fn within_deadline(handled: Handled<'_>) -> Result<Recorded, Refused> {
    tokio::time::timeout(DEADLINE, handled).await.unwrap_or(Err(Refused::Late))
}

fn accept(protocol: Protocol, recorded: &Recorded, ms: u64) -> Response<String> {
    let outcome = recorded.label();
    metrics::counter!("Callbacks", "outcome" => outcome).increment(1);
    match recorded {
        Recorded::Contradiction(field) => {
            metrics::counter!("Quarantined", "reason" => field.label()).increment(1);
            tracing::error!(?protocol, outcome, contradicts = field.label(), ms, "callback recorded, not applied");
        }
        Recorded::NotUnderstood => {
            metrics::counter!("Quarantined", "reason" => "not_understood").increment(1);
            tracing::error!(?protocol, outcome, ms, "verified, and not understood: held");
        }
        _ => tracing::info!(?protocol, outcome, ms, "callback recorded"),
    }
    answer::accepted(protocol)
}

fn refuse(protocol: Protocol, refused: &Refused, ms: u64) -> Response<String> {
    let (reason, status) = (refused.reason(), refused.status().as_u16());
    match refused {
        // WeChat probes on purpose: counted apart, so that no alarm moves.
        Refused::Untrusted(verify::Refusal::Probe) => metrics::counter!("SignatureProbes").increment(1),
        Refused::Unknown(reason) => {
            metrics::counter!("Quarantined", "reason" => *reason).increment(1);
            metrics::counter!("Refused", "reason" => *reason).increment(1);
        }
        Refused::Untrusted(verify::Refusal::Undecryptable) => {
            metrics::counter!("Refused", "reason" => reason).increment(1);
            // Signed by WeChat, and we cannot open it: the fault is with our keys.
            metrics::counter!("KeyFaults", "reason" => reason).increment(1);
        }
        Refused::Untrusted(_) => {
            metrics::counter!("Refused", "reason" => reason).increment(1);
            metrics::counter!("SignaturesRefused", "reason" => reason).increment(1);
        }
        _ => metrics::counter!("Refused", "reason" => reason).increment(1),
    }
    tracing::warn!(?protocol, reason, status, error = %refused, ms, "callback refused");
    answer::refused(protocol, refused)
}
