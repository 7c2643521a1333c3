//! What invokes functions in AWS's stead: a table's stream, a queue, the minute, times of the day.

mod queue;
mod schedule;
mod stream;

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::lambda::{LambdaHost, LogSink};
use crate::{Stack, StartError};

/// When a function is invoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// With the records of a table's stream, in order, from its beginning. The table may come into being later.
    Stream(StreamTrigger),
    /// With the messages of a queue. The queue may come into being later.
    Queue {
        /// The queue's name.
        name: String,
        /// At most this many messages at once, up to 10.
        batch: usize,
    },
    /// At the beginning of each minute of the movable clock; once, however many minutes it jumped.
    EveryMinute,
    /// At these times of the day of the movable clock, each as hour and minute in UTC; once, however many it jumped over.
    Daily(Vec<(u8, u8)>),
}

/// How a stream is read: the settings of an event source mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamTrigger {
    /// The table.
    pub table: String,
    /// At most this many records at once, up to 1000.
    pub batch: usize,
    /// Only records of new items, as with the filter `eventName = INSERT`.
    pub inserts_only: bool,
    /// A record that failed this often alone is given up and logged; none: never.
    pub attempts: Option<u32>,
}

impl StreamTrigger {
    /// Reads inserts only, 100 at once, and never gives up.
    #[must_use]
    pub fn inserts(table: impl Into<String>) -> Self {
        Self { table: table.into(), batch: 100, inserts_only: true, attempts: None }
    }
}

/// The running pollers; dropping them stops them at once.
pub(crate) struct Pollers {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Pollers {
    pub(crate) fn start(
        stack: &Stack,
        lambda: &LambdaHost,
        triggers: Vec<(String, Trigger)>,
        log: LogSink,
    ) -> Result<Self, StartError> {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for (function, trigger) in triggers {
            if !lambda.has(&function) {
                return Err(StartError::NoSuchFunction(function));
            }
            let target = Target { lambda: lambda.clone(), function, log: log.clone(), stopped: stopped.clone() };
            match trigger {
                Trigger::Stream(stream) => {
                    tasks.spawn(stream::run(target, stream, stack.dynamodb.database(), stack.store.clone()));
                }
                Trigger::Queue { name, batch } => {
                    tasks.spawn(queue::run(target, name, batch, stack.sqs.store()));
                }
                Trigger::EveryMinute => {
                    tasks.spawn(schedule::every_minute(target, stack.clock.clone()));
                }
                Trigger::Daily(times) => {
                    tasks.spawn(schedule::daily(target, stack.clock.clone(), times));
                }
            }
        }
        Ok(Self { tasks, stop })
    }

    /// Lets invocations under way end for half a second, then cuts them.
    pub(crate) async fn shutdown(mut self) {
        self.stop.send_replace(true);
        let all_ended = async { while self.tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(Duration::from_millis(500), all_ended).await;
        self.tasks.shutdown().await;
    }
}

/// The function that a poller invokes.
struct Target {
    lambda: LambdaHost,
    function: String,
    log: LogSink,
    stopped: watch::Receiver<bool>,
}

impl Target {
    /// Invokes the function; a failure is logged by the host and says nothing more here.
    async fn invoke(&self, event: &serde_json::Value) -> Option<Bytes> {
        self.lambda.invoke(&self.function, event.to_string()).await.ok()
    }

    fn log(&self, line: &str) {
        self.log.line(&self.function, &format!("[host] {line}"));
    }

    fn is_stopped(&self) -> bool {
        *self.stopped.borrow()
    }

    /// Sleeps, unless the pollers stop: then it says so at once.
    async fn sleep(&mut self, time: Duration) {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            _ = self.stopped.wait_for(|stopped| *stopped) => {}
        }
    }
}

/// The identifiers of `batchItemFailures` in a function's answer: what AWS reads as a partial batch response.
///
/// None means that the whole batch failed: the answer is no JSON, or an identifier is missing or empty.
fn failed_items(answer: &[u8]) -> Option<Vec<String>> {
    let answer: serde_json::Value = serde_json::from_slice(answer).ok()?;
    let Some(failures) = answer.get("batchItemFailures").filter(|failures| !failures.is_null()) else {
        return Some(Vec::new());
    };
    let identifier = |failure: &serde_json::Value| match failure.get("itemIdentifier")?.as_str()? {
        "" => None,
        identifier => Some(identifier.to_owned()),
    };
    failures.as_array()?.iter().map(identifier).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_failures_means_that_all_went_well() {
        for answer in ["null", "{}", "\"done\"", r#"{"batchItemFailures":[]}"#, r#"{"batchItemFailures":null}"#] {
            assert_eq!(failed_items(answer.as_bytes()), Some(vec![]), "{answer}");
        }
    }

    #[test]
    fn a_failure_without_an_identifier_means_that_all_failed() {
        for answer in [
            "not json",
            r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
            r#"{"batchItemFailures":[{"id":"1"}]}"#,
            r#"{"batchItemFailures":"1"}"#,
        ] {
            assert_eq!(failed_items(answer.as_bytes()), None, "{answer}");
        }
    }
}
