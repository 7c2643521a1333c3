//! What lies between the functions and WeChat: it sees which certificate signed each V3 call, and what WeChat said to it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use counterparty::Authorization;
use http::{HeaderMap, Method, StatusCode, Uri};

use crate::harness::{Upstream, serve};

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
    /// What WeChat answered, if the caller waited for it.
    pub(super) status: Option<u16>,
}

#[derive(Default)]
struct Shared {
    upstream: Upstream,
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
        self.shared.upstream.lead_to(wechat);
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

impl Shared {
    /// Answers its place.
    fn sees(&self, seen: Seen) -> usize {
        let mut all = self.seen.lock().unwrap();
        all.push(seen);
        all.len() - 1
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
    // On arrival: what a caller gave up belongs to its own time, not to that of its answer.
    let place = serial.ok().map(|serial| shared.sees(Seen { call, serial, status: None }));
    let Some(answer) = shared.upstream.forward((method, &uri.to_string()), headers, body).await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    if let Some(place) = place {
        shared.seen.lock().unwrap()[place].status = Some(answer.0.as_u16());
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
