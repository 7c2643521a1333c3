//! The environments of one function: started on demand, used again, stopped when idle.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::environment::{Environment, Failure};
use super::{Endpoints, FunctionSpec, InvokeError, LogSink, PAYLOAD_LIMIT};

/// An environment beyond the first is stopped after this time without an invocation.
const IDLE_LIMIT: Duration = Duration::from_secs(60);

/// How often an event that no process fetched is offered to a fresh one.
const START_ATTEMPTS: u32 = 3;

pub(super) struct Pool {
    function: FunctionSpec,
    endpoints: Endpoints,
    log: LogSink,
    permits: Semaphore,
    /// The most recently used last.
    idle: Mutex<Vec<Idle>>,
    processes: AtomicUsize,
    stopped: AtomicBool,
}

struct Idle {
    environment: Environment,
    since: Instant,
}

impl Pool {
    pub(super) fn new(function: FunctionSpec, endpoints: &Endpoints, log: LogSink) -> Self {
        let permits = Semaphore::new(function.max_concurrency.max(1));
        Self {
            function,
            endpoints: endpoints.clone(),
            log,
            permits,
            idle: Mutex::default(),
            processes: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.function.name
    }

    pub(super) fn processes(&self) -> usize {
        self.processes.load(Ordering::Relaxed)
    }

    /// Runs in a task of its own, so that it goes on when the caller is gone.
    pub(super) async fn invoke(self: Arc<Self>, payload: Bytes) -> Result<Bytes, InvokeError> {
        let function = self.function.name.clone();
        if payload.len() > PAYLOAD_LIMIT {
            return Err(InvokeError::PayloadTooLarge { function, bytes: payload.len() });
        }
        let running = tokio::spawn(async move {
            let outcome = self.run(payload).await;
            if let Err(error) = &outcome {
                self.log.line(&self.function.name, &format!("[host] {error}"));
            }
            outcome
        });
        running.await.unwrap_or_else(|error| Err(InvokeError::Exited { function, status: error.to_string() }))
    }

    async fn run(&self, payload: Bytes) -> Result<Bytes, InvokeError> {
        let _permit = self.permits.acquire().await;
        let mut last_status = String::new();
        for _ in 0..START_ATTEMPTS {
            let mut environment = self.environment().await?;
            match environment.invoke(&self.function, payload.clone()).await {
                Ok(answer) => {
                    self.put_back(environment);
                    return Ok(answer);
                }
                Err(Failure::Final(error)) => {
                    self.put_back(environment);
                    return Err(error);
                }
                // It died between two invocations.
                Err(Failure::Unfetched { status }) => {
                    self.put_back(environment);
                    last_status = status;
                }
            }
        }
        Err(InvokeError::Exited { function: self.function.name.clone(), status: last_status })
    }

    async fn environment(&self) -> Result<Environment, InvokeError> {
        while let Some(Idle { mut environment, .. }) = self.idle().pop() {
            if environment.is_alive() {
                return Ok(environment);
            }
            self.processes.fetch_sub(1, Ordering::Relaxed);
        }
        let environment = Environment::start(&self.function, &self.endpoints, &self.log).await?;
        self.processes.fetch_add(1, Ordering::Relaxed);
        Ok(environment)
    }

    fn put_back(&self, mut environment: Environment) {
        if environment.is_alive() && !self.stopped.load(Ordering::Relaxed) {
            self.idle().push(Idle { environment, since: Instant::now() });
        } else {
            self.processes.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Stops the environments that nobody used for a while, except the most recently used one.
    pub(super) fn stop_idle(&self) {
        let mut idle = self.idle();
        let kept = idle.len().saturating_sub(1);
        let stale = idle.iter().take(kept).take_while(|idle| idle.since.elapsed() > IDLE_LIMIT).count();
        self.processes.fetch_sub(stale, Ordering::Relaxed);
        drop(idle.drain(..stale));
    }

    /// Kills the idle processes now, and busy ones when their invocation ends.
    pub(super) async fn shutdown(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        let idle = std::mem::take(&mut *self.idle());
        for Idle { mut environment, .. } in idle {
            environment.kill().await;
            self.processes.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
