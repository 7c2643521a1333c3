//! Lambda's side: the Runtime API of one function process, and the process.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::Failure;

/// Longer than any answer should take, on the busiest machine.
const PATIENCE: Duration = Duration::from_secs(20);

const PREFIX: &str = "/2018-06-01/runtime";

/// The Runtime API of one process; its listener ends with it.
pub(crate) struct Lambda {
    address: SocketAddr,
    server: JoinHandle<()>,
    events: mpsc::UnboundedSender<Bytes>,
    answers: mpsc::UnboundedReceiver<Answer>,
}

/// What a function posted, and when it was here.
pub(crate) struct Answer {
    pub(crate) at: Instant,
    pub(crate) status: u64,
}

struct Api {
    events: Mutex<mpsc::UnboundedReceiver<Bytes>>,
    answers: mpsc::UnboundedSender<Answer>,
}

impl Lambda {
    pub(crate) async fn start() -> Result<Self, Failure> {
        let (events, event_receiver) = mpsc::unbounded_channel();
        let (answer_sender, answers) = mpsc::unbounded_channel();
        let api = Arc::new(Api { events: Mutex::new(event_receiver), answers: answer_sender });
        let router = Router::new()
            .route(&format!("{PREFIX}/invocation/next"), get(next))
            .route(&format!("{PREFIX}/invocation/{{id}}/response"), post(response))
            .route(&format!("{PREFIX}/invocation/{{id}}/error"), post(error))
            .route(&format!("{PREFIX}/init/error"), post(error))
            .with_state(api);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, server, events, answers })
    }

    /// A command that runs a function against this API; its log is not looked at.
    pub(crate) fn command(&self, program: &Path, environment: &[(String, String)]) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", self.address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "function")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/function")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "stream")
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }

    /// Hands an event to the process and waits for its answer.
    pub(crate) async fn invoke(&mut self, event: Bytes) -> Result<Answer, Failure> {
        self.events.send(event)?;
        Ok(timeout(PATIENCE, self.answers.recv()).await?.ok_or("the Runtime API stopped")?)
    }
}

impl Drop for Lambda {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn next(State(api): State<Arc<Api>>) -> Response {
    let Some(event) = api.events.lock().await.recv().await else { return StatusCode::GONE.into_response() };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let headers = [
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned()),
        ("lambda-runtime-deadline-ms", (now + Duration::from_secs(10)).as_millis().to_string()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:000000000000:function:function".to_owned()),
        ("lambda-runtime-trace-id", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0".to_owned()),
        ("content-type", "application/json".to_owned()),
    ];
    (headers, event).into_response()
}

async fn response(State(api): State<Arc<Api>>, body: Bytes) -> StatusCode {
    let at = Instant::now();
    let answer: Option<Value> = serde_json::from_slice(&body).ok();
    let status = answer.as_ref().and_then(|answer| answer.get("statusCode")?.as_u64()).unwrap_or(0);
    let _ = api.answers.send(Answer { at, status });
    StatusCode::ACCEPTED
}

async fn error(State(api): State<Arc<Api>>, body: Bytes) -> StatusCode {
    eprintln!("the function failed: {}", String::from_utf8_lossy(&body));
    let _ = api.answers.send(Answer { at: Instant::now(), status: 0 });
    StatusCode::ACCEPTED
}

/// A function process; it is killed when this is dropped.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(mut command: Command) -> Result<Self, Failure> {
        Ok(Self(command.spawn()?))
    }

    /// Of `/proc/<pid>/status`, KiB: `VmHWM` (the most that was resident) or `VmRSS` (what is resident now).
    pub(crate) fn memory_kib(&self, field: &str) -> Result<u64, Failure> {
        let status = self.proc("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let number = line.and_then(|line| line.trim().strip_suffix(" kB")).ok_or_else(|| format!("no {field}"))?;
        Ok(number.trim().parse()?)
    }

    /// A file of `/proc/<pid>`.
    pub(crate) fn proc(&self, file: &str) -> Result<String, Failure> {
        Ok(std::fs::read_to_string(format!("/proc/{}/{file}", self.0.id()))?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
