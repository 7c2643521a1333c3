//! The merchant's server that receives notices.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::routing::post;
use counterparty::{V2Fields, v2_unsigned_answer};
use host::http::{Server, bind};
use simulator::Control;
use tokio::sync::watch;

use crate::bench::wait_until;

/// A notice as it arrived.
#[derive(Clone)]
pub(crate) struct Received {
    path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// Receives notices and answers SUCCESS, or FAIL while it is told to; nothing while it is held.
pub(crate) struct Sink {
    server: Server,
    received: Arc<Mutex<Vec<Received>>>,
    refuses: Arc<AtomicBool>,
    held: watch::Sender<bool>,
    /// Of the simulator that sends them.
    pub(crate) sender: Control,
}

impl Sink {
    pub(crate) async fn start(sender: Control) -> Self {
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let refuses = Arc::new(AtomicBool::new(false));
        let (inbox, refusing) = (Arc::clone(&received), Arc::clone(&refuses));
        let (held, mut holding) = watch::channel(false);
        let receive = move |uri: Uri, headers: HeaderMap, body: Bytes| async move {
            let body = String::from_utf8(body.to_vec()).unwrap();
            inbox.lock().unwrap().push(Received { path: uri.path().to_owned(), headers, body });
            let _ = holding.wait_for(|held| !held).await;
            let refuses = refusing.load(Ordering::SeqCst);
            let word = if refuses { "FAIL" } else { "SUCCESS" };
            let status = if refuses { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK };
            let mut answer = V2Fields::new();
            answer.set("return_code", word);
            (status, v2_unsigned_answer(&answer).unwrap().body)
        };
        let router = Router::new().fallback(post(receive));
        Self { server: Server::serve(bind(0).await.unwrap(), router).unwrap(), received, refuses, held, sender }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.endpoint())
    }

    pub(crate) fn refuse(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::SeqCst);
    }

    /// Answers nobody until it is let go.
    pub(crate) fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }

    /// What has arrived at a path so far.
    pub(crate) fn at(&self, path: &str) -> Vec<String> {
        let received = self.received.lock().unwrap();
        received.iter().filter(|one| one.path == path).map(|one| one.body.clone()).collect()
    }

    /// What has arrived at a path so far, with its headers.
    pub(crate) fn received(&self, path: &str) -> Vec<Received> {
        self.received.lock().unwrap().iter().filter(|one| one.path == path).cloned().collect()
    }

    /// The paths in the order of arrival.
    pub(crate) fn order(&self) -> Vec<String> {
        self.received.lock().unwrap().iter().map(|one| one.path.clone()).collect()
    }

    /// Waits until so many V2 notices have arrived at a path, and no more of them are due.
    pub(crate) async fn wait(&self, path: &str, count: usize) -> Vec<V2Fields> {
        let bodies = self.wait_any(path, count).await;
        bodies.iter().map(|one| V2Fields::read(one.body.as_bytes()).unwrap()).collect()
    }

    /// The same for notices of any kind.
    pub(crate) async fn wait_any(&self, path: &str, count: usize) -> Vec<Received> {
        self.arrived(path, count).await;
        wait_until(&format!("no more of {path} is due"), async || !self.is_any_due(path).await).await;
        let received = self.received(path);
        assert_eq!(received.len(), count, "notices at {path}");
        received
    }

    /// Waits until so many notices have arrived at a path, whether they were answered or not.
    pub(crate) async fn arrived(&self, path: &str, count: usize) {
        let what = format!("{count} notices arrive at {path}");
        wait_until(&what, async || self.at(path).len() >= count).await;
    }

    /// Whether a notice to this path is due or on its way: until its answer is written down it stays due.
    async fn is_any_due(&self, path: &str) -> bool {
        let now = self.sender.get("/clock").await.unwrap()["now_ms"].as_i64();
        let state = self.sender.get("/state").await.unwrap();
        let mut to_this_path =
            state["notices"].as_array().unwrap().iter().filter(|notice| notice["url"] == self.url(path));
        to_this_path.any(|notice| notice["next_at_ms"].as_i64().is_some_and(|at| Some(at) <= now))
    }
}
