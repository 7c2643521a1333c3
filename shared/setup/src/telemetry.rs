//! Log lines and metrics: JSON on standard output, which Lambda carries to CloudWatch.

use std::future::Future;
use std::io::Write;

use metrics_cloudwatch_embedded::{Builder, Collector};
use serde_json::Value;
use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::{Env, Misconfigured};

/// The CloudWatch namespace of every metric.
const NAMESPACE: &str = "papay";

/// The metrics of a function; flushed once at the end of each invocation.
#[derive(Clone, Copy)]
pub struct Metrics {
    collector: &'static Collector,
}

impl Metrics {
    /// Writes what was counted since the last flush as lines of embedded metric format (EMF).
    pub fn flush(&self) {
        let mut lines = Vec::new();
        let written = self.collector.flush(&mut lines).and_then(|()| {
            let mut output = std::io::stdout().lock();
            output.write_all(&with_totals(&lines))?;
            output.flush()
        });
        if written.is_err() {
            tracing::warn!("metrics could not be written");
        }
    }
}

/// Starts log and metrics of a function. `AWS_LAMBDA_LOG_LEVEL` chooses our own level; libraries are heard from WARN on,
/// since the AWS SDK logs whole requests below that, and bodies and openids must not reach a log.
///
/// # Errors
///
/// [`Misconfigured`] where telemetry was started before.
pub fn start(env: &Env, function: &'static str) -> Result<Metrics, Misconfigured> {
    let level = match env.optional("AWS_LAMBDA_LOG_LEVEL").map(|level| level.to_ascii_uppercase()).as_deref() {
        Some("TRACE" | "DEBUG") => Level::DEBUG,
        Some("WARN") => Level::WARN,
        Some("ERROR" | "FATAL") => Level::ERROR,
        Some(_) | None => Level::INFO,
    };
    let ours = [
        "callback",
        "http_api",
        "record",
        "publish",
        "setup",
        "outbox_relay",
        "sign_api",
        "sweeper",
        "ask",
        "worker",
        "merchant_api",
        "bill_reconciler",
    ];
    let targets = Targets::new().with_default(LevelFilter::WARN).with_targets(ours.map(|name| (name, level)));
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false);
    tracing_subscriber::registry()
        .with(targets)
        .with(lines)
        .try_init()
        .map_err(|error| Misconfigured::new("telemetry", error))?;
    // The deployed name tells stacks of one account apart, and is what an alarm calls the function.
    let name = env.optional("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_else(|| function.to_owned());
    let collector = Builder::new()
        .cloudwatch_namespace(NAMESPACE)
        .with_dimension("function", name)
        .init()
        .map_err(|error| Misconfigured::new("telemetry", error))?;
    Ok(Metrics { collector })
}

/// The same lines, each counted by its labels and by function alone, too: an alarm adds up no labels by itself.
fn with_totals(lines: &[u8]) -> Vec<u8> {
    let mut all = Vec::with_capacity(lines.len().saturating_mul(2));
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match serde_json::from_slice(line) {
            Ok(document) => all.extend_from_slice(with_total(document).to_string().as_bytes()),
            Err(_) => all.extend_from_slice(line),
        }
        all.push(b'\n');
    }
    all
}

fn with_total(mut document: Value) -> Value {
    let sets = document.pointer_mut("/_aws/CloudWatchMetrics/0/Dimensions").and_then(Value::as_array_mut);
    if let Some(sets) = sets {
        let function = sets.first().and_then(Value::as_array).filter(|set| set.len() > 1).and_then(|set| set.first());
        if let Some(function) = function.cloned() {
            sets.push(Value::Array(vec![function]));
        }
    }
    document
}

/// W3C trace context from X-Ray's header, `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`.
#[must_use]
pub fn traceparent(xray: &str) -> Option<String> {
    let part = |name: &str| xray.split(';').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
    let mut root = part("Root")?.splitn(3, '-');
    let (version, time, random) = (root.next()?, root.next()?, root.next()?);
    let parent = part("Parent").unwrap_or("0000000000000001");
    let sampled = if part("Sampled") == Some("1") { "01" } else { "00" };
    let hex = |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_hexdigit());
    let valid = version == "1" && hex(time, 8) && hex(random, 24) && hex(parent, 16);
    valid.then(|| format!("00-{time}{random}-{parent}-{sampled}"))
}

/// A trace context of its own for what came without one, such as a message of a queue; what comes again under the same name keeps it.
/// Nobody samples it.
#[must_use]
pub fn own_trace(name: &str) -> String {
    let hex: String = verify::sha256(name.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let (trace, rest) = hex.split_at_checked(32).unwrap_or((&hex, ""));
    let parent = rest.get(..16).unwrap_or_default();
    format!("00-{trace}-{parent}-00")
}

tokio::task_local! {
    static TRACE: Option<String>;
}

/// Does something within a trace. What is recorded on the way finds it by [`current_trace`], as log lines find their span.
pub async fn traced<F: Future>(traceparent: Option<String>, work: F) -> F::Output {
    TRACE.scope(traceparent, work).await
}

/// The trace within which this is called.
#[must_use]
pub fn current_trace() -> Option<String> {
    TRACE.try_with(Clone::clone).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_done_together_has_each_its_own_trace() {
        let of = |name: &'static str| {
            traced(Some(own_trace(name)), async {
                tokio::task::yield_now().await;
                current_trace()
            })
        };
        let (one, other) = tokio::join!(of("one"), of("other"));
        assert_eq!((one, other), (Some(own_trace("one")), Some(own_trace("other"))));
        assert_eq!(current_trace(), None);
    }

    #[test]
    fn a_trace_of_ones_own_has_the_form_of_every_other() {
        let trace = own_trace("059f36b4-87a3-44ab-83d2-661975830a7d");
        let lengths: Vec<_> = trace.split('-').map(str::len).collect();
        assert_eq!(lengths, [2, 32, 16, 2], "{trace}");
        assert_ne!(trace, own_trace("another"));
    }

    #[test]
    fn what_is_counted_by_labels_is_counted_by_function_too() {
        let line = |sets: &str| {
            let metrics = format!(r#"[{{"Namespace":"papay","Dimensions":{sets},"Metrics":[{{"Name":"Refused"}}]}}]"#);
            format!(
                r#"{{"_aws":{{"Timestamp":1,"CloudWatchMetrics":{metrics}}},"function":"f","reason":"r","Refused":1}}"#
            )
        };
        let lines = [line(r#"[["function","reason"]]"#), line(r#"[["function"]]"#)].join("\n");
        let expected = [line(r#"[["function","reason"],["function"]]"#), line(r#"[["function"]]"#)];
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let written = String::from_utf8(with_totals(lines.as_bytes())).unwrap();
        assert_eq!(written.lines().map(read).collect::<Vec<_>>(), expected.map(|line| read(&line)));
    }

    #[test]
    fn an_x_ray_header_becomes_a_trace_context() {
        let xray = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        assert_eq!(traceparent(xray).as_deref(), Some("00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01"));
        assert_eq!(traceparent("Root=1-short-x"), None);
        assert_eq!(traceparent(""), None);
    }
}
