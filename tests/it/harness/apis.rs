//! Who calls papay's two APIs: the user's app, with a token, and the merchant's back end, whom the local stack takes without one.

use std::time::Duration;

use http::Method;
use http::header::RETRY_AFTER;
use papay::stack::{MERCHANT_API, SIGN_API};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;

use super::{MCH_ID, TRIES, Town, poll};

/// A caller waits no longer than this between two of them.
const LONGEST_PAUSE: u64 = 2;

/// Longer than the pause between two questions of ours about one thing.
pub(crate) const SINCE_THE_LAST_LOOK: Duration = Duration::from_secs(6);

/// Who calls.
#[derive(Debug, Clone)]
pub(crate) enum Side {
    /// With this token.
    App(String),
    BackEnd,
}

/// An `Idempotency-Key`, and what is sent with it.
pub(crate) type Keyed<'a> = Option<(&'a str, Value)>;

impl Town {
    /// A call of sign-api about merchant 10000100; answers status and body.
    pub(crate) async fn app(&self, token: &str, method: Method, path: &str, body: Keyed<'_>) -> (u16, Value) {
        answered(self.request(&Side::App(token.to_owned()), method, path, body)).await
    }

    /// A `POST` of merchant-api about merchant 10000100; answers status and body.
    pub(crate) async fn back_end(&self, path: &str, key: &str, body: Value) -> (u16, Value) {
        answered(self.request(&Side::BackEnd, Method::POST, path, Some((key, body)))).await
    }

    /// A `GET` of the same.
    pub(crate) async fn back_end_reads(&self, path: &str) -> (u16, Value) {
        answered(self.request(&Side::BackEnd, Method::GET, path, None)).await
    }

    /// The back end asks for something, and it is taken.
    pub(crate) async fn back_end_asks(&self, path: &str, body: Value) {
        let (status, told) = self.back_end(path, &body.to_string(), body).await;
        assert!(status < 300, "{path}: {status} {told}");
    }

    /// The app looks until its order is paid.
    pub(crate) async fn looks_until_paid(&self, token: &str, order: &str) {
        poll("the app sees that it is paid", async || {
            // What was made or asked for a moment ago is not asked for.
            self.move_clock(SINCE_THE_LAST_LOOK).await;
            let (status, told) = self.app(token, Method::GET, &format!("/orders/{order}"), None).await;
            assert_eq!(status, 200, "{told}");
            told["status"] == "paid"
        })
        .await;
    }

    /// The same of the back end.
    pub(crate) async fn back_end_looks_until_paid(&self, order: &str) {
        poll("the back end sees that it is paid", async || {
            self.move_clock(SINCE_THE_LAST_LOOK).await;
            let (status, told) = self.back_end_reads(&format!("/orders/{order}")).await;
            assert_eq!(status, 200, "{told}");
            told["state"] == "paid"
        })
        .await;
    }

    /// What either of them sends.
    pub(crate) fn request(&self, side: &Side, method: Method, path: &str, body: Keyed<'_>) -> RequestBuilder {
        let function = if matches!(side, Side::App(_)) { SIGN_API } else { MERCHANT_API };
        let url = self.stack.lambda.url(function).unwrap().trim_end_matches('/');
        let mut request = self.http().request(method, format!("{url}/v1/{MCH_ID}{path}"));
        if let Side::App(token) = side {
            request = request.bearer_auth(token);
        }
        match body {
            Some((key, body)) => request.header("Idempotency-Key", key).json(&body),
            None => request,
        }
    }
}

/// Sends a request as the APIs ask their callers to: the same again while the answer is 503, after the `Retry-After` of it. A function
/// that must share its processor with a whole test suite may well be late once.
pub(crate) async fn answered(request: RequestBuilder) -> (u16, Value) {
    for _ in 1..TRIES {
        let response = request.try_clone().unwrap().send().await.unwrap();
        if response.status() != StatusCode::SERVICE_UNAVAILABLE {
            return read(response).await;
        }
        let pause = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        tokio::time::sleep(Duration::from_secs(pause.unwrap_or(1).min(LONGEST_PAUSE))).await;
    }
    once(request).await
}

/// Sends a request, whatever is answered.
pub(crate) async fn once(request: RequestBuilder) -> (u16, Value) {
    read(request.send().await.unwrap()).await
}

async fn read(response: reqwest::Response) -> (u16, Value) {
    let (status, body) = (response.status().as_u16(), response.text().await.unwrap());
    // A function that died answers nothing of its own.
    (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
}
