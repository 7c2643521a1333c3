//! The environments of one function: started on demand, used again, stopped when idle.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{Semaphore, watch};

use super::environment::{Environment, Failure};
use super::{Endpoints, FunctionSpec, InvokeError, LogSink, PAYLOAD_LIMIT};

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
    /// Becomes true once, and ends what runs.
    stopping: watch::Sender<bool>,
    /// Counts up, and ends what runs at that moment.
    kills: watch::Sender<u64>,
    /// Counts up, and what runs at that moment is its environment's last.
    deployments: AtomicU64,
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
            stopping: watch::channel(false).0,
            kills: watch::channel(0).0,
            deployments: AtomicU64::new(0),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.function.name
    }

    pub(super) fn processes(&self) -> usize {
        self.processes.load(Ordering::Relaxed)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.permits.available_permits() == self.function.max_concurrency.max(1)
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
            let deployment = self.deployments.load(Ordering::SeqCst);
            let mut environment = self.environment().await?;
            let outcome = self.run_in(&mut environment, payload.clone()).await;
            self.put_back(environment, deployment);
            match outcome {
                Ok(answer) => return Ok(answer),
                Err(Failure::Final(error)) => return Err(error),
                // It died between two invocations.
                Err(Failure::Unfetched { status }) => last_status = status,
            }
        }
        Err(InvokeError::Exited { function: self.function.name.clone(), status: last_status })
    }

    async fn run_in(&self, environment: &mut Environment, payload: Bytes) -> Result<Bytes, Failure> {
        let (mut stopping, mut kills) = (self.stopping.subscribe(), self.kills.subscribe());
        let why = tokio::select! {
            outcome = environment.invoke(&self.function, payload) => return outcome,
            _ = stopping.wait_for(|stopping| *stopping) => "the host stopped",
            _ = kills.changed() => "killed",
        };
        environment.kill().await;
        Err(Failure::Final(InvokeError::Exited { function: self.function.name.clone(), status: why.to_owned() }))
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

    fn put_back(&self, mut environment: Environment, deployment: u64) {
        let mut idle = self.idle();
        let is_current = deployment == self.deployments.load(Ordering::SeqCst);
        if is_current && environment.is_alive() && !*self.stopping.borrow() {
            idle.push(Idle { environment, since: Instant::now() });
        } else {
            self.processes.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Stops the environments that nobody used for so long, except the most recently used one.
    pub(super) fn stop_idle(&self, limit: Duration) {
        let mut idle = self.idle();
        let kept = idle.len().saturating_sub(1);
        let stale = idle.iter().take(kept).take_while(|idle| idle.since.elapsed() > limit).count();
        self.processes.fetch_sub(stale, Ordering::Relaxed);
        drop(idle.drain(..stale));
    }

    /// Lets the processes that live now end what they do, and gives them nothing more. The next invocation starts another.
    pub(super) fn deploy(&self) {
        let mut idle = self.idle();
        self.deployments.fetch_add(1, Ordering::SeqCst);
        self.processes.fetch_sub(idle.len(), Ordering::Relaxed);
        idle.clear();
    }

    /// Kills the processes that live now, in the middle of an invocation too. The next invocation starts another.
    pub(super) fn kill(&self) {
        self.kills.send_modify(|kills| *kills = kills.wrapping_add(1));
        let idle = std::mem::take(&mut *self.idle());
        self.processes.fetch_sub(idle.len(), Ordering::Relaxed);
    }

    /// Kills every process, in the middle of an invocation too, and waits for their ends.
    pub(super) async fn shutdown(&self) {
        self.stopping.send_replace(true);
        let all = u32::try_from(self.function.max_concurrency.max(1)).unwrap_or(u32::MAX);
        let _all_ended = self.permits.acquire_many(all).await;
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
