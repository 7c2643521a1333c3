//! Refusals as the caller sees them: problem details, RFC 9457.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use domain::InvalidValue;
use lambda_http::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use lambda_http::http::{HeaderValue, StatusCode};
use record::RecordError;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A refusal with a stable code. It never quotes what the caller sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    // Apart, so that a result that may be a problem stays small.
    this_time: Box<ThisTime>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct ThisTime {
    detail: Option<String>,
    field: Option<String>,
    more: BTreeMap<&'static str, Value>,
    retry_after: Option<u64>,
    challenge: Option<&'static str>,
}

/// Problem details, `application/problem+json` (RFC 9457). Some codes come with further members.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemBody {
    /// Always `about:blank`: `code` says what it is.
    #[schema(example = "about:blank")]
    pub r#type: &'static str,
    /// What the code means, the same text each time.
    pub title: &'static str,
    /// The HTTP status.
    #[schema(example = 400)]
    pub status: u16,
    /// A stable name to decide by.
    #[schema(example = "invalid_field")]
    pub code: &'static str,
    /// What is wrong this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The field, header or claim that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Members of this code alone.
    #[serde(flatten)]
    #[schema(ignore)]
    pub more: BTreeMap<&'static str, Value>,
}

/// The code of a response that is a problem, for log and metric.
#[derive(Clone, Copy)]
pub(crate) struct Code(pub(crate) &'static str);

impl Problem {
    /// A refusal.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, title: &'static str) -> Self {
        Self { status, code, title, this_time: Box::default() }
    }

    /// 400: a field breaks its rule.
    #[must_use]
    pub fn invalid(field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_field", "A field breaks its rule").field(field).detail(rule)
    }

    /// 404: there is no such thing, or not for this caller.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is no such thing")
    }

    /// 409: what is on record forbids it.
    #[must_use]
    pub fn conflict(code: &'static str, title: &'static str) -> Self {
        Self::new(StatusCode::CONFLICT, code, title)
    }

    /// 503: to be repeated, with the same idempotency key.
    #[must_use]
    pub fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not available just now: repeat the same request")
            .retry_after(1)
    }

    /// 500: a fault of ours; the log has the reason.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "A fault of ours")
    }

    /// What is wrong this time. Never a value that the caller sent.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.this_time.detail = Some(detail.into());
        self
    }

    /// The field, header or claim that is wrong.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.this_time.field = Some(field.into());
        self
    }

    /// A further member.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.this_time.more.insert(name, value.into());
        self
    }

    /// When to try again, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.this_time.retry_after = Some(seconds);
        self
    }

    /// `WWW-Authenticate`, which a 401 must have.
    #[must_use]
    pub(crate) fn challenge(mut self, challenge: &'static str) -> Self {
        self.this_time.challenge = Some(challenge);
        self
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    fn body(self) -> ProblemBody {
        let Self { status, code, title, this_time } = self;
        let ThisTime { detail, field, more, .. } = *this_time;
        ProblemBody { r#type: "about:blank", title, status: status.as_u16(), code, detail, field, more }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, code) = (self.status, self.code);
        let (retry_after, challenge) = (self.this_time.retry_after, self.this_time.challenge);
        let body = serde_json::to_string(&self.body()).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        response.extensions_mut().insert(Code(code));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(challenge) = challenge {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        response
    }
}

impl From<InvalidValue> for Problem {
    fn from(error: InvalidValue) -> Self {
        Self::invalid(error.field, error.rule)
    }
}

impl From<RecordError> for Problem {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Unavailable(_) | RecordError::Contended => {
                tracing::warn!(%error, "the ledger did not answer");
                Self::unavailable()
            }
            RecordError::Exists | RecordError::Unreadable { .. } => {
                tracing::error!(%error, "the ledger holds what it should not");
                Self::internal()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn a_problem_names_code_field_and_rule_and_when_to_come_again() {
        let problem = Problem::invalid("product", "1 to 64 letters").with("contract_code", "C1").retry_after(7);
        let response = problem.into_response();
        assert_eq!(response.status(), 400);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.headers()["retry-after"], "7");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let expected = serde_json::json!({
            "type": "about:blank", "title": "A field breaks its rule", "status": 400, "code": "invalid_field",
            "field": "product", "detail": "1 to 64 letters", "contract_code": "C1",
        });
        assert_eq!(body, expected);
    }
}
