//! Loopback HTTP servers: one way to bind, serve, guard and stop all of them.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tower::ServiceExt;

use crate::StartError;

/// How long requests under way may take to end when a server stops.
const GRACE: Duration = Duration::from_millis(500);

/// Listens on a loopback port; 0 takes any free one.
///
/// # Errors
/// The port is taken, or cannot be listened on for another reason.
pub async fn bind(port: u16) -> Result<TcpListener, StartError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => StartError::PortInUse { port, source },
        _ => StartError::Listen { port, source },
    })
}

/// Where a listener can be reached.
pub(crate) fn endpoint(listener: &TcpListener) -> Result<String, StartError> {
    let address = listener.local_addr().map_err(|source| StartError::Listen { port: 0, source })?;
    Ok(format!("http://{address}"))
}

/// A running server; dropping it stops it at once.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves until it is stopped.
    ///
    /// # Errors
    /// The listener has no address.
    pub fn serve(listener: TcpListener, router: Router) -> Result<Self, StartError> {
        let address = listener.local_addr().map_err(|source| StartError::Listen { port: 0, source })?;
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(accept(listener, router, stopped));
        Ok(Self { address, stop: Some(stop), task })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://`, the address, and no slash.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops listening, lets requests under way end for half a second, then cuts them.
    pub async fn shutdown(mut self) {
        self.stop().await;
    }

    /// The same for a server that is part of something which is dropped later.
    pub async fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        let _ = (&mut self.task).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Put into a response's extensions: the connection is closed instead of answering.
#[derive(Debug, Clone, Copy)]
pub struct HangUp;

async fn accept(listener: TcpListener, router: Router, mut stopped: oneshot::Receiver<()>) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(graceful.watch(connection(stream, peer, router.clone())));
                }
                // Out of file descriptors, or the peer is gone already: neither ends the server.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
            _ = &mut stopped => break,
        }
    }
    drop(listener);
    let _ = tokio::time::timeout(GRACE, graceful.shutdown()).await;
    connections.shutdown().await;
}

fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> + Send {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |mut request: http::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        answer(router.clone(), request.map(Body::new))
    });
    hyper::server::conn::http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service)
}

async fn answer(router: Router, request: Request) -> Result<Response, HungUp> {
    let response = router.oneshot(request).await.unwrap_or_else(|never: Infallible| match never {});
    if response.extensions().get::<HangUp>().is_some() { Err(HungUp) } else { Ok(response) }
}

#[derive(Debug, thiserror::Error)]
#[error("the connection was closed on purpose")]
struct HungUp;

/// Refuses what a web page could send to a loopback port: a Host that is not loopback (DNS rebinding) and an Origin
/// that is not (a page of another site).
pub async fn loopback_only(request: Request, next: Next) -> Response {
    match foreign(request.headers()) {
        Some(header) => {
            (StatusCode::FORBIDDEN, format!("the {header} header does not name this machine\n")).into_response()
        }
        None => next.run(request).await,
    }
}

fn foreign(headers: &HeaderMap) -> Option<&'static str> {
    let host_is_ours = headers.get(HOST).and_then(|host| host.to_str().ok()).is_some_and(is_loopback);
    let origin_is_ours = headers.get_all(ORIGIN).iter().all(|origin| {
        let authority = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://"));
        authority.is_some_and(is_loopback)
    });
    match (host_is_ours, origin_is_ours) {
        (true, true) => None,
        (true, false) => Some("Origin"),
        (false, _) => Some("Host"),
    }
}

fn is_loopback(authority: &str) -> bool {
    let port_stripped = match authority.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => host,
        _ => authority,
    };
    matches!(port_stripped, "127.0.0.1" | "localhost" | "[::1]")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(host: &str, origin: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_str(host).unwrap());
        if let Some(origin) = origin {
            headers.insert(ORIGIN, HeaderValue::from_str(origin).unwrap());
        }
        headers
    }

    #[test]
    fn a_local_client_passes_with_or_without_a_port() {
        for host in ["127.0.0.1:9711", "localhost", "localhost:9711", "[::1]:9711"] {
            assert_eq!(foreign(&headers(host, None)), None, "{host}");
        }
        assert_eq!(foreign(&headers("localhost:9711", Some("http://127.0.0.1:9700"))), None);
    }

    #[test]
    fn a_rebound_name_or_a_foreign_page_is_refused() {
        for host in ["evil.example", "evil.example:9711", "127.0.0.1.evil.example", "localhost.evil.example:1", ""] {
            assert_eq!(foreign(&headers(host, None)), Some("Host"), "{host}");
        }
        for origin in ["https://evil.example", "http://evil.example", "http://localhost.evil.example", "null"] {
            assert_eq!(foreign(&headers("127.0.0.1:9711", Some(origin))), Some("Origin"), "{origin}");
        }
        assert_eq!(foreign(&HeaderMap::new()), Some("Host"));
    }

    #[tokio::test]
    async fn a_taken_port_is_named_with_its_cause() {
        let taken = bind(0).await.unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = bind(port).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("port {port} is in use: ")), "{error}");
    }
}
