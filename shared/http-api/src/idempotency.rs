//! `Idempotency-Key`: the same key and body is the same order or contract, however often it is sent.

use axum::extract::FromRequestParts;
use lambda_http::http::StatusCode;
use lambda_http::http::request::Parts;

use crate::Problem;

/// The longest key: characters.
const LONGEST: usize = 128;

/// The caller's `Idempotency-Key`: printable ASCII, 1 to 128 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(pub String);

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all("idempotency-key").iter();
        let missing = || {
            Problem::new(StatusCode::BAD_REQUEST, "idempotency_key_missing", "This call needs an Idempotency-Key")
                .field("Idempotency-Key")
        };
        let value = values.next().ok_or_else(missing)?;
        let invalid = || Problem::invalid("Idempotency-Key", "one value of 1 to 128 printable ASCII characters");
        let allowed = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
        let text = value.to_str().ok().filter(|_| values.next().is_none()).ok_or_else(invalid)?;
        if text.is_empty() || text.len() > LONGEST || !text.bytes().all(allowed) {
            return Err(invalid());
        }
        Ok(Self(text.to_owned()))
    }
}

impl Problem {
    /// 409: the caller's key was used for another body, or for another thing.
    #[must_use]
    pub fn key_reused() -> Self {
        Self::conflict("idempotency_key_reused", "The Idempotency-Key was used for another request")
            .field("Idempotency-Key")
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::http::Request;

    use super::*;

    async fn read(values: &[&str]) -> Result<String, &'static str> {
        let mut request = Request::builder();
        for value in values {
            request = request.header("Idempotency-Key", *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let key = IdempotencyKey::from_request_parts(&mut parts, &()).await;
        key.map(|key| key.0).map_err(|problem| problem.code())
    }

    #[tokio::test]
    async fn a_key_is_printable_ascii_of_1_to_128_characters_and_there_once() {
        assert_eq!(read(&["3f6c #1!"]).await.as_deref(), Ok("3f6c #1!"));
        assert_eq!(read(&[&"a".repeat(128)]).await, Ok("a".repeat(128)));
        assert_eq!(read(&[]).await, Err("idempotency_key_missing"));
        for wrong in [&[""][..], &["ключ"], &["a", "a"], &[&"a".repeat(129)]] {
            assert_eq!(read(wrong).await, Err("invalid_field"), "{wrong:?}");
        }
    }
}
