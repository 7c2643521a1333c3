//! The body of a request: JSON, small, read once into a type.

use axum::extract::{FromRequest, Request};
use lambda_http::http::StatusCode;
use lambda_http::http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;

use crate::Problem;

/// The longest body: bytes. Real ones are below 1 KiB.
pub const BODY_LIMIT: usize = 16 * 1024;

/// A JSON body, and the hash of its bytes, by which a repetition is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body<T> {
    /// What it says.
    pub value: T,
    /// SHA-256 of the bytes as they came.
    pub sha256: [u8; 32],
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if !content_type.is_some_and(is_json) {
            let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", "The body must be JSON");
            return Err(problem.field("Content-Type").detail("application/json"));
        }
        let bytes = axum::body::to_bytes(request.into_body(), BODY_LIMIT).await.map_err(|_| too_large())?;
        Ok(Self { value: read(&bytes)?, sha256: verify::sha256(&bytes) })
    }
}

pub(crate) fn too_large() -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The body is too long")
        .detail(format!("at most {BODY_LIMIT} bytes"))
}

fn is_json(content_type: &str) -> bool {
    content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| explain(&error))?;
    reader.end().map_err(|_| not_json())?;
    Ok(value)
}

fn not_json() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "not_json", "The body must be JSON")
}

/// The field and its rule. serde's own message may quote what was sent, so that part is left out.
fn explain(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    if !error.inner().is_data() {
        return not_json();
    }
    let path = error.path().to_string();
    let message = error.inner().to_string();
    let named = message.split('`').nth(1).unwrap_or_default();
    let within = |name: &str| if path == "." || path == name { name.to_owned() } else { format!("{path}.{name}") };
    if message.starts_with("missing field") {
        Problem::invalid(within(named), "must be there")
    } else if message.starts_with("duplicate field") {
        Problem::invalid(within(named), "must be there once")
    } else if message.starts_with("unknown field") {
        // The name is the caller's own: the path says where it stands, the rule which names there are.
        let known = message.split_once(", expected ").map_or("no field", |(_, known)| known);
        Problem::invalid(path, format!("holds a field that is not known here: expected {}", without_place(known)))
    } else {
        let expected = message.rsplit_once("expected ").map_or("another value", |(_, expected)| expected);
        Problem::invalid(path, without_place(expected))
    }
}

fn without_place(message: &str) -> &str {
    message.rsplit_once(" at line ").map_or(message, |(rule, _)| rule)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Purchase {
        product: String,
        count: Option<u8>,
    }

    fn refusal(text: &str) -> serde_json::Value {
        let problem = read::<Purchase>(text.as_bytes()).unwrap_err();
        let response = axum::response::IntoResponse::into_response(problem);
        let bytes = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(axum::body::to_bytes(response.into_body(), 4096))
            .unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[test]
    fn a_refused_body_is_told_by_field_and_rule_and_never_by_value() {
        let cases = [
            ("{}", "product", "must be there"),
            (r#"{"product": 123456}"#, "product", "a string"),
            (r#"{"product": "a", "count": 700}"#, "count", "u8"),
            (r#"{"product": "a", "product": "b"}"#, "product", "must be there once"),
        ];
        for (text, field, rule) in cases {
            let told = refusal(text);
            assert_eq!((&told["field"], &told["detail"]), (&field.into(), &rule.into()), "{text}");
        }
        let unknown = refusal(r#"{"product": "a", "price": 1}"#).to_string();
        assert!(unknown.contains("expected `product` or `count`"), "{unknown}");
        assert_eq!(refusal("{")["code"], "not_json");
        assert_eq!(refusal(r#"{"product": "a"} {}"#)["code"], "not_json");
    }

    #[test]
    fn json_is_json_whatever_its_charset_is_called() {
        assert!(is_json("application/json") && is_json("Application/JSON; charset=utf-8"));
        assert!(!is_json("text/plain") && !is_json("application/jsonp"));
    }
}
