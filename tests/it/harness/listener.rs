//! What listens between two parts, and sends on.

use std::net::SocketAddr;
use std::sync::OnceLock;

use axum::Router;
use axum::body::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, Method, StatusCode};

/// Serves on a free port of this machine until the test ends.
pub(crate) async fn serve(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Where a listener sends on. Functions are told the listener's address when they start, and what lies behind it is known later: until
/// then nobody answers.
#[derive(Default)]
pub(crate) struct Upstream {
    url: OnceLock<String>,
    http: reqwest::Client,
}

impl Upstream {
    pub(crate) fn lead_to(&self, url: &str) {
        self.url.set(url.to_owned()).unwrap();
    }

    /// Sends a request on to a path; see [`forward`].
    pub(crate) async fn forward(
        &self,
        (method, path): (Method, &str),
        headers: HeaderMap,
        body: Bytes,
    ) -> Option<(StatusCode, HeaderMap, Bytes)> {
        forward(&self.http, (method, &format!("{}{path}", self.url.get()?)), headers, body).await
    }
}

/// Sends a request on. Nothing where there is no answer: a stack that stops cuts what is under way.
pub(crate) async fn forward(
    http: &reqwest::Client,
    (method, url): (Method, &str),
    mut headers: HeaderMap,
    body: Bytes,
) -> Option<(StatusCode, HeaderMap, Bytes)> {
    headers.remove(HOST);
    let answer = http.request(method, url).headers(headers).body(body).send().await.ok()?;
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    for name in [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
        headers.remove(name);
    }
    Some((status, headers, answer.bytes().await.ok()?))
}
