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

use crate::clock::real_now_ms;
use crate::http::{Server, bind, loopback_only};
use crate::{ACCOUNT, REGION, StartError};

/// A running Secrets Manager; dropping it stops it.
pub struct Secrets {
    server: Server,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    secrets: Mutex<BTreeMap<String, Versions>>,
    requests: AtomicU64,
    is_down: AtomicBool,
}

/// The current value and the one before it, as `AWSCURRENT` and `AWSPREVIOUS`.
struct Versions {
    created_s: i64,
    current: Version,
    previous: Option<Version>,
}

struct Version {
    id: String,
    text: String,
}

impl Secrets {
    /// Serves the secrets, by name, on a loopback port (0: any free one).
    ///
    /// # Errors
    /// The port is taken.
    pub async fn start(secrets: BTreeMap<String, String>, port: u16) -> Result<Self, StartError> {
        let shared = Arc::new(Shared::default());
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
        self.shared.put(name, text.into(), None);
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
            "secretsmanager.PutSecretValue" if !self.exists(&name) => Err(NOT_FOUND),
            "secretsmanager.CreateSecret" if self.exists(&name) => Err(EXISTS),
            "secretsmanager.PutSecretValue" | "secretsmanager.CreateSecret" => {
                let text = request.secret_string.ok_or(INVALID)?;
                let version = self.put(&name, text, request.client_request_token);
                Ok(json!({ "ARN": arn(&name), "Name": name, "VersionId": version, "VersionStages": ["AWSCURRENT"] }))
            }
            _ => Err(UNKNOWN),
        }
    }

    fn get(&self, name: &str, stage: Option<&str>) -> Result<Value, Refusal> {
        let secrets = self.lock();
        let versions = secrets.get(name).ok_or(NOT_FOUND)?;
        let stage = stage.unwrap_or("AWSCURRENT");
        let version = match stage {
            "AWSCURRENT" => &versions.current,
            "AWSPREVIOUS" => versions.previous.as_ref().ok_or(NOT_FOUND)?,
            _ => return Err(NOT_FOUND),
        };
        Ok(json!({
            "ARN": arn(name),
            "Name": name,
            "CreatedDate": versions.created_s,
            "SecretString": version.text,
            "VersionId": version.id,
            "VersionStages": [stage],
        }))
    }

    fn put(&self, name: &str, text: String, version_id: Option<String>) -> String {
        let id = version_id.unwrap_or_else(|| Uuid::new_v4().to_string());
        let version = Version { id: id.clone(), text };
        let mut secrets = self.lock();
        match secrets.get_mut(name) {
            Some(versions) => versions.previous = Some(std::mem::replace(&mut versions.current, version)),
            None => {
                let created_s = real_now_ms().div_euclid(1000);
                secrets.insert(name.to_owned(), Versions { created_s, current: version, previous: None });
            }
        }
        id
    }

    fn exists(&self, name: &str) -> bool {
        self.lock().contains_key(name)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Versions>> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
