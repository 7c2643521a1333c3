//! WeChat's door as the internet has it: TLS, and a client certificate for refunds. Behind it is the simulator.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse, Response};
use axum::serve::{IncomingStream, Listener};
use http::{Method, StatusCode, Uri};
use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Made for one test: its key is in memory alone.
pub(crate) struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// `apiclient_cert.pem` and `apiclient_key.pem`.
pub(crate) struct Identity {
    pub(crate) certificate_pem: String,
    pub(crate) private_key_pem: String,
    /// The certificate, DER.
    pub(crate) certificate: Vec<u8>,
}

/// A running door.
pub(crate) struct Door {
    /// `https://localhost:…`
    pub(crate) endpoint: String,
    seen: Seen,
}

/// Paths that were asked for, with the client's certificate where it showed one.
type Seen = Arc<Mutex<Vec<(String, Option<Vec<u8>>)>>>;

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Test Authority");
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// What trusts this authority and no other.
    pub(crate) fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.der().clone()).unwrap();
        roots
    }

    /// The same, as a file has it.
    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// A merchant's certificate.
    pub(crate) fn merchant(&self, mch_id: &str) -> Identity {
        self.certify(mch_id, &KeyPair::generate().unwrap(), CertificateParams::default())
    }

    /// A merchant's certificate for this key.
    pub(crate) fn certify(&self, mch_id: &str, key: &KeyPair, mut params: CertificateParams) -> Identity {
        params.distinguished_name.push(DnType::CommonName, mch_id);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(key, &self.issuer).unwrap();
        Identity {
            certificate_pem: certificate.pem(),
            private_key_pem: key.serialize_pem(),
            certificate: certificate.der().to_vec(),
        }
    }

    fn server(&self) -> ServerConfig {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(self.roots()), provider.clone());
        let verifier = verifier.allow_unauthenticated().build().unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_client_cert_verifier(verifier);
        config.with_single_cert(vec![certificate.der().clone()], key).unwrap()
    }
}

impl Door {
    /// Opens a door to what listens at `upstream`.
    pub(crate) async fn open(authority: &Authority, upstream: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let endpoint = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let acceptor = TlsAcceptor::from(Arc::new(authority.server()));
        let seen = Seen::default();
        let behind = Behind { upstream: upstream.to_owned(), http: reqwest::Client::new(), seen: seen.clone() };
        let service = Router::new().fallback(pass).with_state(behind).into_make_service_with_connect_info::<Peer>();
        tokio::spawn(async move { axum::serve(Guarded { listener, acceptor }, service).await });
        Self { endpoint, seen }
    }

    /// What came since it was last asked.
    pub(crate) fn take_seen(&self) -> Vec<(String, Option<Vec<u8>>)> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

#[derive(Clone)]
struct Behind {
    upstream: String,
    http: reqwest::Client,
    seen: Seen,
}

/// The certificate that the client showed.
#[derive(Clone)]
struct Peer(Option<Vec<u8>>);

impl Connected<IncomingStream<'_, Guarded>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Guarded>) -> Self {
        let chain = stream.io().get_ref().1.peer_certificates();
        Self(chain.and_then(|chain| chain.first()).map(|certificate| certificate.to_vec()))
    }
}

struct Guarded {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Guarded {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = Listener::accept(&mut self.listener).await;
            // A client that does not trust us, or that we do not trust, gets no further.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

async fn pass(
    State(behind): State<Behind>,
    ConnectInfo(Peer(certificate)): ConnectInfo<Peer>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> Response {
    let is_shown = certificate.is_some();
    behind.seen.lock().unwrap().push((uri.path().to_owned(), certificate));
    if uri.path().starts_with("/secapi/") && !is_shown {
        return (StatusCode::BAD_REQUEST, "400 No required SSL certificate was sent").into_response();
    }
    let request = behind.http.request(method, format!("{}{uri}", behind.upstream)).body(body);
    let Ok(answer) = request.send().await else { return StatusCode::BAD_GATEWAY.into_response() };
    let status = answer.status();
    match answer.bytes().await {
        Ok(body) => (status, body).into_response(),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}
