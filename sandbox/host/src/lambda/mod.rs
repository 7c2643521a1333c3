//! A Lambda host: starts function processes, feeds them through the Runtime API, answers their function URLs.
//!
//! ```text
//! HTTP  -> url -> event ─┐                                       ┌─ GET  invocation/next
//! pollers ───────────────┴-> LambdaHost::invoke -> pool -> environment -> process
//!                                                                └─ POST invocation/{id}/response
//! ```
//!
//! As in AWS an execution environment (a process) handles one invocation at a time, keeps running for the next one,
//! and is killed when it exceeds the function's time-out. Unlike AWS an invocation over the limit of processes waits
//! instead of being throttled.

mod child;
mod environment;
mod event;
mod log;
mod pool;
mod runtime_api;
mod url;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinHandle;

pub use child::end_with_host;
pub use log::LogSink;

use crate::StartError;
use crate::http::{Server, bind, endpoint};
use pool::Pool;

/// Lambda's limit for the payload of a synchronous invocation, and for its answer: 6 MB, in bytes.
pub const PAYLOAD_LIMIT: usize = 6 * 1024 * 1024;

/// An environment beyond the first of a function is stopped after this time without an invocation.
const IDLE_LIMIT: Duration = Duration::from_secs(60);

/// One function: how its process is started and what it may use.
#[derive(Clone)]
pub struct FunctionSpec {
    /// The function's name, unique on this host.
    pub name: String,
    /// The program that runs the function.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Environment variables beside those that Lambda sets; they win where both set one. Nothing else is inherited
    /// except `PATH`, so that a developer's own AWS credentials never reach a function. `${url:<function>}` stands for the
    /// URL of a function of the same host, without a slash at its end.
    pub env: Vec<(String, String)>,
    /// The loopback port of its function URL (0: any free one), if it has a URL.
    pub url_port: Option<u16>,
    /// How long an invocation may take before its process is killed.
    pub timeout: Duration,
    /// At most this many processes, at least one.
    pub max_concurrency: usize,
}

impl FunctionSpec {
    /// A function with Lambda's defaults: 3 s, no URL; up to ten processes.
    #[must_use]
    pub fn new(name: impl Into<String>, program: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            url_port: None,
            timeout: Duration::from_secs(3),
            max_concurrency: 10,
        }
    }
}

/// Where functions find the services, and the region they are told to be in.
#[derive(Debug, Clone, Default)]
pub struct Endpoints {
    /// DynamoDB and its streams.
    pub dynamodb: Option<String>,
    /// SQS.
    pub sqs: Option<String>,
    /// Secrets Manager.
    pub secrets_manager: Option<String>,
}

/// Why an invocation has no answer.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// No function has this name.
    #[error("there is no function {0:?}")]
    NoSuchFunction(String),
    /// The event is over 6 MB.
    #[error("the event for {function} has {bytes} bytes, over Lambda's limit of {PAYLOAD_LIMIT}")]
    PayloadTooLarge {
        /// The function that was to receive it.
        function: String,
        /// The length of the event.
        bytes: usize,
    },
    /// The process could not be started, reported an init error, or ended before it asked for an event.
    #[error("{function} did not start: {cause}")]
    Init {
        /// The function.
        function: String,
        /// What happened.
        cause: String,
    },
    /// The invocation took longer than the function's time-out; its process was killed.
    #[error("{function} timed out after {} ms", limit.as_millis())]
    TimedOut {
        /// The function.
        function: String,
        /// Its time-out.
        limit: Duration,
    },
    /// The process ended during the invocation.
    #[error("{function} exited before it answered: {status}")]
    Exited {
        /// The function.
        function: String,
        /// How the process ended.
        status: String,
    },
    /// The function answered with an error, a caught panic included.
    #[error("{function} failed: {error_type}: {message}")]
    Failed {
        /// The function.
        function: String,
        /// `errorType` of its report.
        error_type: String,
        /// `errorMessage` of its report.
        message: String,
    },
}

/// Puts the functions' URLs in the place of `${url:<function>}`.
fn name_urls(value: &mut String, urls: &BTreeMap<String, String>) {
    for (function, url) in urls {
        let placeholder = format!("${{url:{function}}}");
        if value.contains(&placeholder) {
            *value = value.replace(&placeholder, url.trim_end_matches('/'));
        }
    }
}

/// A running Lambda host; clones share it. [`LambdaHost::shutdown`] stops every process; dropping the last clone
/// kills them.
#[derive(Clone)]
pub struct LambdaHost {
    inner: Arc<Inner>,
}

struct Inner {
    pools: BTreeMap<String, Arc<Pool>>,
    urls: BTreeMap<String, String>,
    servers: std::sync::Mutex<Vec<Server>>,
    reaper: JoinHandle<()>,
}

impl LambdaHost {
    /// Listens on every function URL. Processes start with the first invocation, as in AWS.
    ///
    /// # Errors
    /// A port is taken.
    pub async fn start(functions: Vec<FunctionSpec>, endpoints: &Endpoints, log: LogSink) -> Result<Self, StartError> {
        let mut urls = BTreeMap::new();
        let mut listening = Vec::new();
        for function in functions {
            let listener = match function.url_port {
                Some(port) => Some(bind(port).await?),
                None => None,
            };
            if let Some(listener) = &listener {
                urls.insert(function.name.clone(), format!("{}/", endpoint(listener)?));
            }
            listening.push((function, listener));
        }
        let mut pools = BTreeMap::new();
        let mut servers = Vec::new();
        for (mut function, listener) in listening {
            function.env.iter_mut().for_each(|(_, value)| name_urls(value, &urls));
            let pool = Arc::new(Pool::new(function, endpoints, log.clone()));
            if let Some(listener) = listener {
                servers.push(Server::serve(listener, url::router(pool.clone()))?);
            }
            pools.insert(pool.name().to_owned(), pool);
        }
        let reaper = tokio::spawn(stop_idle_environments(pools.values().cloned().collect()));
        Ok(Self { inner: Arc::new(Inner { pools, urls, servers: std::sync::Mutex::new(servers), reaper }) })
    }

    /// Invokes a function and waits for its answer. A dropped call does not end the invocation: as in AWS the
    /// function goes on when its caller is gone.
    ///
    /// # Errors
    /// See [`InvokeError`].
    pub async fn invoke(&self, function: &str, payload: impl Into<Bytes>) -> Result<Bytes, InvokeError> {
        let pool = self.inner.pools.get(function).cloned();
        let pool = pool.ok_or_else(|| InvokeError::NoSuchFunction(function.to_owned()))?;
        pool.invoke(payload.into()).await
    }

    /// A function's URL with a slash at its end, if it has one.
    #[must_use]
    pub fn url(&self, function: &str) -> Option<&str> {
        self.inner.urls.get(function).map(String::as_str)
    }

    /// Whether a function has this name.
    #[must_use]
    pub fn has(&self, function: &str) -> bool {
        self.inner.pools.contains_key(function)
    }

    /// How many processes of a function live at this moment.
    #[must_use]
    pub fn processes(&self, function: &str) -> usize {
        self.inner.pools.get(function).map_or(0, |pool| pool.processes())
    }

    /// Whether no function is invoked at this moment.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.inner.pools.values().all(|pool| pool.is_idle())
    }

    /// Kills a function's processes in the middle of whatever they do, as a crash would; the next invocation starts another.
    pub fn kill(&self, function: &str) {
        if let Some(pool) = self.inner.pools.get(function) {
            pool.kill();
        }
    }

    /// Replaces a function's processes as a deployment does: each ends what it does and gets nothing more, and the next invocation starts
    /// another.
    pub fn deploy(&self, function: &str) {
        if let Some(pool) = self.inner.pools.get(function) {
            pool.deploy();
        }
    }

    /// Stops processes that had no invocation for so long, except the most recently used one of each function. It
    /// happens by itself after a minute.
    pub fn stop_idle(&self, limit: Duration) {
        self.inner.pools.values().for_each(|pool| pool.stop_idle(limit));
    }

    /// Stops the URLs (requests under way have half a second to end), then kills the processes.
    pub async fn shutdown(&self) {
        let servers = match self.inner.servers.lock() {
            Ok(mut servers) => std::mem::take(&mut *servers),
            Err(_) => Vec::new(),
        };
        let stopping: Vec<_> = servers.into_iter().map(|server| tokio::spawn(server.shutdown())).collect();
        for server in stopping {
            let _ = server.await;
        }
        self.inner.reaper.abort();
        for pool in self.inner.pools.values() {
            pool.shutdown().await;
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.reaper.abort();
    }
}

async fn stop_idle_environments(pools: Vec<Arc<Pool>>) {
    let mut every = tokio::time::interval(Duration::from_secs(5));
    loop {
        every.tick().await;
        for pool in &pools {
            pool.stop_idle(IDLE_LIMIT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_names_the_url_of_another_function() {
        let urls = BTreeMap::from([("a".to_owned(), "http://127.0.0.1:1/".to_owned())]);
        let mut value = "${url:a} ${url:a}/v2 ${url:b}".to_owned();
        name_urls(&mut value, &urls);
        assert_eq!(value, "http://127.0.0.1:1 http://127.0.0.1:1/v2 ${url:b}");
    }
}
