//! A Secrets Manager of named JSON secrets, in memory: functions fetch their keys here as they do in AWS.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::Clock;
use crate::http::{Server, bind, loopback_only};
use crate::{ACCOUNT, REGION, StartError};

/// A running Secrets Manager; dropping it stops it.
pub struct Secrets {
    server: Server,
    shared: Arc<Shared>,
}

struct Shared {
    secrets: Mutex<BTreeMap<String, Versions>>,
    clock: Clock,
    requests: AtomicU64,
    is_down: AtomicBool,
}

/// The versions of a secret by id, and which of them a label names: `AWSCURRENT`, `AWSPREVIOUS` or one of a client's.
#[derive(Default)]
struct Versions {
    by_id: BTreeMap<String, Version>,
    labels: BTreeMap<String, String>,
}

struct Version {
    created_s: i64,
    text: String,
}

const CURRENT: &str = "AWSCURRENT";

const PREVIOUS: &str = "AWSPREVIOUS";

impl Secrets {
    /// Serves the secrets, by name, on a loopback port (0: any free one). Versions are dated by the clock.
    ///
    /// # Errors
    /// The port is taken.
    pub async fn start(secrets: BTreeMap<String, String>, port: u16, clock: Clock) -> Result<Self, StartError> {
        let shared = Arc::new(Shared {
            secrets: Mutex::default(),
            clock,
            requests: AtomicU64::default(),
            is_down: AtomicBool::default(),
        });
        let router = Router::new().fallback(handle).layer(from_fn(loopback_only)).with_state(shared.clone());
        let server = Server::serve(bind(port).await?, router)?;
        let started = Self { server, shared };
        for (name, text) in secrets {
            started.put(&name, text);
        }
        Ok(started)
    }

    /// The endpoint URL for an SDK client.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    /// Stores a secret; the value that it had becomes the previous one.
    pub fn put(&self, name: &str, text: impl Into<String>) {
        self.shared.put(name, text.into());
    }

    /// How many requests have come so far, the refused ones included.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// Makes every request fail with HTTP 500 until this is undone.
    pub fn set_down(&self, is_down: bool) {
        self.shared.is_down.store(is_down, Ordering::Relaxed);
    }

    /// Stops listening.
    pub async fn shutdown(self) {
        self.server.shutdown().await;
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    /// A name, or the ARN of a name.
    #[serde(default, alias = "Name")]
    secret_id: String,
    #[serde(default)]
    secret_string: Option<String>,
    #[serde(default)]
    version_stage: Option<String>,
    #[serde(default)]
    version_stages: Option<Vec<String>>,
    #[serde(default)]
    move_to_version_id: Option<String>,
    #[serde(default)]
    remove_from_version_id: Option<String>,
    #[serde(default)]
    client_request_token: Option<String>,
}

type Refusal = (StatusCode, &'static str, &'static str);

const NOT_FOUND: Refusal =
    (StatusCode::BAD_REQUEST, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
const EXISTS: Refusal =
    (StatusCode::BAD_REQUEST, "ResourceExistsException", "The operation failed because the secret already exists.");
const INVALID: Refusal = (StatusCode::BAD_REQUEST, "InvalidParameterException", "A parameter is missing or not known.");
const UNKNOWN: Refusal = (StatusCode::BAD_REQUEST, "UnknownOperationException", "This operation is not known here.");
const DOWN: Refusal =
    (StatusCode::INTERNAL_SERVER_ERROR, "InternalServiceError", "An error occurred on the server side.");

async fn handle(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    shared.requests.fetch_add(1, Ordering::Relaxed);
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let (status, body) = match shared.answer(target, &body) {
        Ok(answer) => (StatusCode::OK, answer),
        Err((status, shape, message)) => (status, json!({ "__type": shape, "Message": message })),
    };
    (status, [(CONTENT_TYPE, "application/x-amz-json-1.1")], body.to_string()).into_response()
}

impl Shared {
    fn answer(&self, target: &str, body: &[u8]) -> Result<Value, Refusal> {
        if self.is_down.load(Ordering::Relaxed) {
            return Err(DOWN);
        }
        let request: Request = serde_json::from_slice(body).map_err(|_| INVALID)?;
        let name = name_of(&request.secret_id).to_owned();
        match target {
            "secretsmanager.GetSecretValue" => self.get(&name, request.version_stage.as_deref()),
            "secretsmanager.PutSecretValue" | "secretsmanager.CreateSecret" => {
                let text = request.secret_string.ok_or(INVALID)?;
                let id = request.client_request_token.unwrap_or_else(new_id);
                let labels = request.version_stages.unwrap_or_else(|| vec![CURRENT.to_owned()]);
                let known = if target.ends_with("CreateSecret") { Known::No } else { Known::Yes };
                self.add(&name, known, &id, text, &labels)?;
                Ok(json!({ "ARN": arn(&name), "Name": name, "VersionId": id, "VersionStages": labels }))
            }
            "secretsmanager.UpdateSecretVersionStage" => {
                let label = request.version_stage.ok_or(INVALID)?;
                let to = request.move_to_version_id.ok_or(INVALID)?;
                self.relabel(&name, &label, &to, request.remove_from_version_id.as_deref())?;
                Ok(json!({ "ARN": arn(&name), "Name": name }))
            }
            _ => Err(UNKNOWN),
        }
    }

    fn get(&self, name: &str, label: Option<&str>) -> Result<Value, Refusal> {
        let secrets = self.lock();
        let versions = secrets.get(name).ok_or(NOT_FOUND)?;
        let id = versions.labels.get(label.unwrap_or(CURRENT)).ok_or(NOT_FOUND)?;
        let version = versions.by_id.get(id).ok_or(NOT_FOUND)?;
        let labels: Vec<&String> =
            versions.labels.iter().filter(|(_, named)| *named == id).map(|(label, _)| label).collect();
        Ok(json!({
            "ARN": arn(name),
            "Name": name,
            "CreatedDate": version.created_s,
            "SecretString": version.text,
            "VersionId": id,
            "VersionStages": labels,
        }))
    }

    fn put(&self, name: &str, text: String) {
        // An id that nobody has had cannot be refused.
        let _ = self.add(name, Known::Perhaps, &new_id(), text, &[CURRENT.to_owned()]);
    }

    /// A version with these labels, which the versions lose that had them. What was sent before is not added again.
    fn add(&self, name: &str, known: Known, id: &str, text: String, labels: &[String]) -> Result<(), Refusal> {
        let created_s = self.clock.now_ms().div_euclid(1000);
        let mut secrets = self.lock();
        match (secrets.get(name), known) {
            (Some(versions), _) if versions.by_id.get(id).is_some_and(|known| known.text == text) => return Ok(()),
            (Some(versions), _) if versions.by_id.contains_key(id) => return Err(EXISTS),
            (Some(_), Known::No) => return Err(EXISTS),
            (None, Known::Yes) => return Err(NOT_FOUND),
            (Some(_), Known::Yes | Known::Perhaps) | (None, Known::No | Known::Perhaps) => {}
        }
        let versions = secrets.entry(name.to_owned()).or_default();
        versions.by_id.insert(id.to_owned(), Version { created_s, text });
        for label in labels {
            versions.label(label, id);
        }
        Ok(())
    }

    /// Moves a label from the version that has it, which must be named, to another one: so a client can see that nobody was faster.
    fn relabel(&self, name: &str, label: &str, to: &str, from: Option<&str>) -> Result<(), Refusal> {
        let mut secrets = self.lock();
        let versions = secrets.get_mut(name).ok_or(NOT_FOUND)?;
        if !versions.by_id.contains_key(to) {
            return Err(NOT_FOUND);
        }
        if versions.labels.get(label).is_some_and(|holder| Some(holder.as_str()) != from) {
            return Err(INVALID);
        }
        versions.label(label, to);
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Versions>> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether there has to be such a secret when a version is added.
#[derive(Clone, Copy)]
enum Known {
    Yes,
    No,
    Perhaps,
}

impl Versions {
    /// The version that `AWSCURRENT` leaves is the previous one.
    fn label(&mut self, label: &str, id: &str) {
        let left = self.labels.insert(label.to_owned(), id.to_owned());
        if let Some(left) = left.filter(|left| label == CURRENT && left != id) {
            self.labels.insert(PREVIOUS.to_owned(), left);
        }
    }
}

fn new_id() -> String {
    Uuid::new_v4().to_string()
}

/// AWS puts six random characters behind the name in an ARN; these are always the same.
const ARN_SUFFIX: &str = "-local1";

fn arn(name: &str) -> String {
    format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}{ARN_SUFFIX}")
}

fn name_of(secret_id: &str) -> &str {
    match secret_id.split_once(":secret:") {
        Some((_, name)) => name.strip_suffix(ARN_SUFFIX).unwrap_or(name),
        None => secret_id,
    }
}
