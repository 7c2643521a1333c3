//! The port over HTTP/1.1 and TLS, with the roots that Mozilla trusts compiled in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};

use crate::transport::{Failure, Incoming, Outgoing, Transport};
use crate::{ClientCertificate, Invalid};

/// A host that cannot be reached in this time is given up for the other one, while the request still has time.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1200);
/// WeChat closes idle connections after a while; ours are closed before.
const IDLE: Duration = Duration::from_secs(20);

type HttpsClient = legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Connections to WeChat: some for most calls, and others for each client certificate.
pub struct Http {
    roots: Arc<RootCertStore>,
    plain: Connections,
    certified: Mutex<HashMap<[u8; 32], Connections>>,
}

#[derive(Clone)]
struct Connections {
    kept: HttpsClient,
    /// Closed after each request.
    new: HttpsClient,
}

impl Http {
    /// Trusts the roots that Mozilla trusts.
    ///
    /// # Errors
    /// [`Invalid`] if TLS cannot be set up.
    pub fn new() -> Result<Self, Invalid> {
        Self::trusting(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
    }

    /// Trusts these roots alone: for tests, and for networks that look into TLS.
    ///
    /// # Errors
    /// As [`Http::new`].
    pub fn trusting(roots: RootCertStore) -> Result<Self, Invalid> {
        let roots = Arc::new(roots);
        let config = tls(&roots)?.with_no_client_auth();
        Ok(Self { plain: Connections::with(config), roots, certified: Mutex::default() })
    }

    fn connections(&self, certificate: Option<&ClientCertificate>) -> Result<Connections, Failure> {
        let Some(certificate) = certificate else { return Ok(self.plain.clone()) };
        let mut certified = self.certified.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = certified.get(&certificate.fingerprint()) {
            return Ok(known.clone());
        }
        let config = tls(&self.roots).map_err(|_| Failure::Certificate)?;
        let config = config.with_client_auth_cert(certificate.chain(), certificate.key());
        let new = Connections::with(config.map_err(|_| Failure::Certificate)?);
        certified.insert(certificate.fingerprint(), new.clone());
        Ok(new)
    }
}

impl Transport for Http {
    async fn exchange(&self, outgoing: Outgoing<'_>) -> Result<Incoming, Failure> {
        let connections = self.connections(outgoing.certificate)?;
        let pool = if outgoing.new_connection { connections.new } else { connections.kept };
        let (timeout, longest) = (outgoing.timeout, outgoing.longest);
        let request = request(outgoing).map_err(|_| Failure::NotConnected)?;
        tokio::time::timeout(timeout, exchanged(&pool, request, longest)).await.unwrap_or(Err(Failure::TimedOut))
    }
}

fn request(outgoing: Outgoing<'_>) -> Result<http::Request<Full<Bytes>>, http::Error> {
    let mut builder = http::Request::builder().method(outgoing.method).uri(outgoing.url);
    for (name, value) in outgoing.headers {
        builder = builder.header(name, value);
    }
    builder.body(Full::new(Bytes::copy_from_slice(outgoing.body.as_bytes())))
}

async fn exchanged(
    pool: &HttpsClient,
    request: http::Request<Full<Bytes>>,
    longest: usize,
) -> Result<Incoming, Failure> {
    let sent = pool.request(request).await;
    let answer = sent.map_err(|error| if error.is_connect() { Failure::NotConnected } else { Failure::Lost })?;
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, longest)
        .collect()
        .await
        .map_err(|error| if error.is::<LengthLimitError>() { Failure::TooLong } else { Failure::Lost })?;
    let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    let headers = head.headers.iter().filter_map(header).collect();
    Ok(Incoming { status: head.status.as_u16(), headers, body: body.to_bytes().to_vec() })
}

fn tls(
    roots: &Arc<RootCertStore>,
) -> Result<rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>, Invalid> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let versions = versions.map_err(|_| Invalid::new("tls", "TLS 1.2 or 1.3"))?;
    Ok(versions.with_root_certificates(Arc::clone(roots)))
}

impl Connections {
    fn with(config: ClientConfig) -> Self {
        Self { kept: pool(config.clone(), usize::MAX), new: pool(config, 0) }
    }
}

/// Whether a host may be asked over plain http is decided where hosts are read.
fn pool(config: ClientConfig, max_idle: usize) -> HttpsClient {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let https = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(config).https_or_http();
    let https = https.enable_http1().wrap_connector(tcp);
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    builder.pool_idle_timeout(IDLE).pool_max_idle_per_host(max_idle).build(https)
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http").finish_non_exhaustive()
    }
}
