//! One execution environment: a process and the Runtime API that feeds it.

use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::runtime_api::{Invocation, Report, RuntimeApi, Stage};
use super::{Endpoints, FunctionSpec, InvokeError, LogSink};
use crate::clock::real_now_ms;
use crate::{ACCOUNT, REGION};

/// Lambda's limit for the time before the first event is asked for.
const INIT_LIMIT: Duration = Duration::from_secs(10);

/// A process that handles one invocation at a time; it is killed when this is dropped.
///
/// A process must not outlive the host, however the host ends. Forbidding `unsafe` rules out `PR_SET_PDEATHSIG`;
/// instead the end of the host closes both the Runtime API's connection, at which the Lambda runtime gives up, and the
/// process's standard input, which a function may watch ([`super::end_with_host`]).
pub(super) struct Environment {
    process: Child,
    api: RuntimeApi,
    _stdin: Option<ChildStdin>,
}

/// Why an environment gave no answer.
pub(super) enum Failure {
    /// The process ended before it fetched the event: another one may have it.
    Unfetched { status: String },
    /// The invocation is over without an answer.
    Final(InvokeError),
}

impl Environment {
    /// Starts the process and waits until it asks for its first event.
    pub(super) async fn start(
        function: &FunctionSpec,
        endpoints: &Endpoints,
        log: &LogSink,
    ) -> Result<Self, InvokeError> {
        let failed = |cause: String| InvokeError::Init { function: function.name.clone(), cause };
        let api = RuntimeApi::start().await.map_err(|error| failed(error.to_string()))?;
        let mut process = command(function, endpoints, &api.address())
            .spawn()
            .map_err(|error| failed(format!("{}: {error}", function.program.display())))?;
        if let Some(stdout) = process.stdout.take() {
            tokio::spawn(log.clone().drain(function.name.clone(), stdout));
        }
        if let Some(stderr) = process.stderr.take() {
            tokio::spawn(log.clone().drain(function.name.clone(), stderr));
        }
        let stdin = process.stdin.take();
        let mut environment = Self { process, api, _stdin: stdin };
        environment.init().await.map_err(failed)?;
        Ok(environment)
    }

    async fn init(&mut self) -> Result<(), String> {
        tokio::select! {
            biased;
            stage = self.api.settled() => match stage {
                Stage::Ready => Ok(()),
                Stage::InitFailed(Report { error_type, error_message }) => Err(format!("{error_type}: {error_message}")),
                Stage::Starting => Err("its Runtime API stopped".to_owned()),
            },
            status = self.process.wait() => Err(describe(status)),
            () = tokio::time::sleep(INIT_LIMIT) => {
                Err(format!("it did not ask for an event within {} s", INIT_LIMIT.as_secs()))
            }
        }
    }

    pub(super) async fn invoke(&mut self, function: &FunctionSpec, payload: Bytes) -> Result<Bytes, Failure> {
        let request_id = Uuid::new_v4().to_string();
        let (answer, mut answered) = oneshot::channel();
        let timeout_ms = i64::try_from(function.timeout.as_millis()).unwrap_or(i64::MAX);
        let invocation = Invocation {
            request_id: request_id.clone(),
            payload,
            deadline_ms: real_now_ms().saturating_add(timeout_ms),
            function_arn: function_arn(&function.name),
            answer,
        };
        self.api.offer(invocation).await;
        let name = || function.name.clone();
        let outcome = tokio::select! {
            biased;
            outcome = &mut answered => outcome.ok(),
            status = self.process.wait() => match answered.try_recv() {
                // It answered with its last breath.
                Ok(outcome) => Some(outcome),
                Err(_) if self.api.fetched(&request_id) => {
                    return Err(Failure::Final(InvokeError::Exited { function: name(), status: describe(status) }));
                }
                Err(_) => return Err(Failure::Unfetched { status: describe(status) }),
            },
            () = tokio::time::sleep(function.timeout) => {
                self.kill().await;
                return Err(Failure::Final(InvokeError::TimedOut { function: name(), limit: function.timeout }));
            }
        };
        let outcome = outcome.unwrap_or_else(|| Err(Report::default()));
        outcome.map_err(|Report { error_type, error_message }| {
            Failure::Final(InvokeError::Failed { function: name(), error_type, message: error_message })
        })
    }

    /// Whether the process still runs.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// Kills the process and waits for its end.
    pub(super) async fn kill(&mut self) {
        let _ = self.process.kill().await;
    }
}

fn command(function: &FunctionSpec, endpoints: &Endpoints, runtime_api: &str) -> Command {
    let mut command = Command::new(&function.program);
    command
        .args(&function.args)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .envs(lambda_variables(&function.name, runtime_api))
        .envs(endpoint_variables(endpoints))
        .envs(function.env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

fn lambda_variables(function: &str, runtime_api: &str) -> [(&'static str, String); 13] {
    [
        ("AWS_LAMBDA_RUNTIME_API", runtime_api.to_owned()),
        ("AWS_LAMBDA_FUNCTION_NAME", function.to_owned()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{function}")),
        ("AWS_LAMBDA_LOG_STREAM_NAME", Uuid::new_v4().simple().to_string()),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        // Static credentials, and no search for others: the SDK would ask a metadata address that does not answer.
        // Nobody checks it; it tells whose request it is.
        ("AWS_ACCESS_KEY_ID", function.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
        ("AWS_SESSION_TOKEN", "local".to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ("TZ", ":UTC".to_owned()),
    ]
}

fn endpoint_variables(endpoints: &Endpoints) -> impl Iterator<Item = (&'static str, &String)> {
    [
        ("AWS_ENDPOINT_URL_DYNAMODB", &endpoints.dynamodb),
        ("AWS_ENDPOINT_URL_SQS", &endpoints.sqs),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &endpoints.secrets_manager),
    ]
    .into_iter()
    .filter_map(|(name, endpoint)| Some((name, endpoint.as_ref()?)))
}

fn function_arn(function: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}")
}

fn describe(status: std::io::Result<std::process::ExitStatus>) -> String {
    status.map_or_else(|error| error.to_string(), |status| status.to_string())
}
