//! Over TLS: who is trusted, and who shows a certificate.

use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use wechat::*;

use crate::support::*;

const AUTHORITY: &str = include_str!("../keys/authority.pem");
const SERVER: &str = include_str!("../keys/server.pem");
const SERVER_KEY: &str = include_str!("../keys/server_key.pem");
const CLIENT: &str = include_str!("../keys/client.pem");
const CLIENT_KEY: &str = include_str!("../keys/client_key.pem");

/// What the server was shown with each request: the client's certificate, if any.
type Shown = Arc<Mutex<Vec<Option<CertificateDer<'static>>>>>;

/// A server that answers everything with this body, and looks at the client's certificate if there is one.
async fn serve(body: Vec<u8>) -> (Shown, Hosts) {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(authority()), Arc::clone(&provider));
    let verifier = verifier.allow_unauthenticated().build().unwrap();
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::from_pem_slice(SERVER_KEY.as_bytes()).unwrap();
    let config = config.with_client_cert_verifier(verifier).with_single_cert(vec![certificate(SERVER)], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hosts = Hosts::parse(&format!("https://localhost:{}", listener.local_addr().unwrap().port())).unwrap();
    let shown = Shown::default();
    let seen = Arc::clone(&shown);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            // A client that does not trust us hangs up here.
            let _ = answer(&acceptor, socket, &body, &seen).await;
        }
    });
    (shown, hosts)
}

async fn answer(acceptor: &TlsAcceptor, socket: TcpStream, body: &[u8], shown: &Shown) -> std::io::Result<()> {
    let mut stream = acceptor.accept(socket).await?;
    let mut request = [0; 16 * 1024];
    if stream.read(&mut request).await? == 0 {
        return Ok(());
    }
    let peer = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first().cloned());
    shown.lock().unwrap().push(peer.map(CertificateDer::into_owned));
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    stream.shutdown().await
}

fn authority() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(certificate(AUTHORITY)).unwrap();
    roots
}

fn certificate(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

fn certified() -> Keys {
    keys().with_certificate(Arc::new(ClientCertificate::parse(CLIENT, CLIENT_KEY).unwrap()))
}

#[tokio::test]
async fn a_refund_shows_the_merchants_certificate_and_no_other_call_does() {
    let (shown, hosts) = serve(signed(&[])).await;
    let client = Client::over(hosts, Http::trusting(authority()).unwrap());
    let keys = certified();
    client.send(&refund().prepare(&keys, &at()).unwrap(), &keys, now()).await.unwrap();
    client.send(&deduction().prepare(&keys, &at()).unwrap(), &keys, now()).await.unwrap();
    client.send(&refund().prepare(&keys, &at()).unwrap(), &keys, now()).await.unwrap();
    let ours = Some(certificate(CLIENT));
    assert_eq!(*shown.lock().unwrap(), [ours.clone(), None, ours]);
}

#[tokio::test]
async fn a_host_that_no_trusted_authority_vouches_for_is_told_nothing() {
    let (shown, hosts) = serve(signed(&[])).await;
    let client = Client::new(hosts).unwrap();
    let error = client.send(&deduction().prepare(&keys(), &at()).unwrap(), &keys(), now()).await.unwrap_err();
    assert_eq!((error.kind, error.next), (ErrorKind::NotSent, Next::RepeatSame));
    assert!(shown.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_key_that_does_not_belong_to_the_certificate_sends_nothing() {
    let (shown, hosts) = serve(signed(&[])).await;
    let client = Client::over(hosts, Http::trusting(authority()).unwrap());
    let mixed = ClientCertificate::parse(CLIENT, SERVER_KEY).unwrap();
    let keys = keys().with_certificate(Arc::new(mixed));
    let error = client.send(&refund().prepare(&keys, &at()).unwrap(), &keys, now()).await.unwrap_err();
    assert_eq!((error.kind, error.meaning), (ErrorKind::NotSent, Meaning::Misconfigured));
    assert!(shown.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_refund_over_tls_wants_the_certificate_before_anything_is_sent() {
    let script = Script::new([]);
    let prepared = refund().prepare(&keys(), &at()).unwrap();
    let error = Client::over(Hosts::default(), &script).send(&prepared, &keys(), now()).await.unwrap_err();
    assert_eq!((error.kind, error.meaning, error.next), (ErrorKind::NotSent, Meaning::Misconfigured, Next::Stop));
    assert!(script.sent().is_empty());

    let certificate =
        ClientCertificate::parse(counterparty::MERCHANT_CERTIFICATE_PEM, counterparty::MERCHANT_PRIVATE_KEY_PEM);
    let keys = keys().with_certificate(Arc::new(certificate.unwrap()));
    let script = Script::new([ok(signed(&[]))]);
    Client::over(Hosts::default(), &script).send(&prepared, &keys, now()).await.unwrap();
    assert!(script.sent()[0].certified);
}

#[test]
fn a_certificate_that_is_none_is_refused_by_name() {
    let (certificate, key) = (counterparty::MERCHANT_CERTIFICATE_PEM, counterparty::MERCHANT_PRIVATE_KEY_PEM);
    assert_eq!(ClientCertificate::parse("no PEM", key).unwrap_err().field, "apiclient_cert");
    assert_eq!(ClientCertificate::parse(certificate, "no PEM").unwrap_err().field, "apiclient_key");
    assert_eq!(format!("{:?}", ClientCertificate::parse(certificate, key).unwrap()), "[redacted]");
}
