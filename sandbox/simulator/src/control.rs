//! A client of the control API, for tests and tools.

use serde_json::Value;

/// Where a simulator is driven from.
#[derive(Debug, Clone)]
pub struct Control {
    base: String,
    client: reqwest::Client,
}

/// The simulator did not do it.
#[derive(Debug, thiserror::Error)]
#[error("{status}: {body}")]
pub struct ControlError {
    /// HTTP status: 404 unknown, 409 refused by a rule, 400 not understood; 0 where there was no answer.
    pub status: u16,
    /// What it said.
    pub body: Value,
}

impl Control {
    /// A client of the simulator at an endpoint.
    #[must_use]
    pub fn at(endpoint: &str) -> Self {
        Self { base: format!("{endpoint}/control"), client: reqwest::Client::new() }
    }

    /// GET of a path below `/control`, for instance `/10000100/orders/123456`.
    ///
    /// # Errors
    /// [`ControlError`]
    pub async fn get(&self, path: &str) -> Result<Value, ControlError> {
        answer(self.client.get(self.url(path))).await
    }

    /// POST of a JSON body.
    ///
    /// # Errors
    /// [`ControlError`]
    pub async fn post(&self, path: &str, body: Value) -> Result<Value, ControlError> {
        answer(self.client.post(self.url(path)).json(&body)).await
    }

    /// DELETE, for faults.
    ///
    /// # Errors
    /// [`ControlError`]
    pub async fn delete(&self, path: &str) -> Result<Value, ControlError> {
        answer(self.client.delete(self.url(path))).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Result<Value, ControlError> {
    let unanswered = |error: reqwest::Error| ControlError { status: 0, body: error.to_string().into() };
    let response = request.send().await.map_err(unanswered)?;
    let status = response.status();
    let text = response.text().await.map_err(unanswered)?;
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    match status.is_success() {
        true => Ok(body),
        false => Err(ControlError { status: status.as_u16(), body }),
    }
}
