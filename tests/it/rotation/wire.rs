//! What lies between the functions and WeChat: it sees which certificate signed each V3 call, and what WeChat said to it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use counterparty::Authorization;
use http::{HeaderMap, Method, StatusCode, Uri};

use crate::harness::{forward, serve};

/// A running listener.
pub(super) struct Wire {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// A V3 call that went through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// What was asked for.
    pub(super) call: &'static str,
    /// The serial of the certificate that signed it.
    pub(super) serial: String,
    /// What WeChat answered.
    pub(super) status: u16,
}

#[derive(Default)]
struct Shared {
    upstream: OnceLock<String>,
    http: reqwest::Client,
    seen: Mutex<Vec<Seen>>,
}

impl Wire {
    pub(super) async fn start() -> Self {
        let shared = Arc::<Shared>::default();
        let address = serve(Router::new().fallback(pass).with_state(shared.clone())).await;
        Self { address, shared }
    }

    /// The variable that sends a function's calls this way.
    pub(super) fn variable(&self) -> (String, String) {
        ("PAPAY_WECHAT_HOSTS".to_owned(), format!("http://{}", self.address))
    }

    pub(super) fn lead_to(&self, wechat: &str) {
        self.shared.upstream.set(wechat.to_owned()).unwrap();
    }

    /// How many V3 calls went through.
    pub(super) fn count(&self) -> usize {
        self.shared.seen.lock().unwrap().len()
    }

    /// Those after the first so many.
    pub(super) fn since(&self, count: usize) -> Vec<Seen> {
        self.shared.seen.lock().unwrap()[count..].to_vec()
    }
}

/// How many there are of each.
pub(super) fn tally<'a>(names: impl Iterator<Item = &'a str>) -> BTreeMap<String, usize> {
    let mut tally = BTreeMap::new();
    for name in names {
        *tally.entry(name.to_owned()).or_default() += 1;
    }
    tally
}

async fn pass(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let authorization = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let serial = Authorization::read(authorization).map(|said| said.serial.to_owned());
    let call = named(&method, uri.path());
    let url = format!("{}{uri}", shared.upstream.get().unwrap());
    let Some(answer) = forward(&shared.http, (method, &url), headers, body).await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let status = answer.0;
    if let Ok(serial) = serial {
        shared.seen.lock().unwrap().push(Seen { call, serial, status: status.as_u16() });
    }
    answer.into_response()
}

fn named(method: &Method, path: &str) -> &'static str {
    let calls = [
        (Method::POST, "/v3/pay/transactions/app", "order"),
        (Method::GET, "/v3/pay/transactions/out-trade-no/", "order query"),
        (Method::POST, "/v3/refund/domestic/refunds", "refund"),
        (Method::GET, "/v3/refund/domestic/refunds/", "refund query"),
    ];
    let found = calls.iter().find(|(by, beginning, _)| by == method && path.starts_with(beginning));
    found.map_or("another", |(_, _, name)| name)
}
