//! Where keys come from: a JWKS (RFC 7517) by HTTPS, or a secret.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use lambda_http::http::Uri;
use serde::Deserialize;
use setup::layout::{SHORTEST_ISSUER_SECRET, read_issuer_secret};
use setup::{Aws, Misconfigured};

use super::{Fetched, KeySource, KeySourceError, SigningAlgorithm};
use crate::principal::is_loopback_host;

/// Longer than a JWKS of a hundred keys: bytes.
const LONGEST: usize = 64 * 1024;

/// A caller waits for it.
const TAKES: Duration = Duration::from_secs(2);

/// A JWKS by HTTPS; plain HTTP for a loopback host alone.
pub struct HttpKeys {
    url: Uri,
    algorithm: SigningAlgorithm,
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
}

impl HttpKeys {
    /// The keys for `algorithm` at this URL. Redirects are not followed.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`] where the URL is not an HTTPS one.
    pub fn new(url: &str, algorithm: SigningAlgorithm) -> Result<Self, Misconfigured> {
        let wrong = || Misconfigured::new("PAPAY_ISSUERS", "jwks: an https URL, or http on a loopback host");
        let url: Uri = url.parse().map_err(|_| wrong())?;
        let host = url.host().ok_or_else(wrong)?;
        match url.scheme_str() {
            Some("https") => {}
            Some("http") if is_loopback_host(host) => {}
            _ => return Err(wrong()),
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Misconfigured::new("TLS", error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
        Ok(Self { url, algorithm, client: Client::builder(TokioExecutor::new()).build(connector) })
    }

    async fn get(&self) -> Result<Vec<Fetched>, KeySourceError> {
        let response = self.client.get(self.url.clone()).await.map_err(|error| {
            KeySourceError(if error.is_connect() { "no connection" } else { "no answer" }.to_owned())
        })?;
        if response.status() != 200 {
            return Err(KeySourceError(format!("status {}", response.status().as_u16())));
        }
        let body = Limited::new(response.into_body(), LONGEST).collect().await;
        let body = body.map_err(|_| KeySourceError("the body broke off or is too long".to_owned()))?.to_bytes();
        read(&body, self.algorithm)
    }
}

impl KeySource for HttpKeys {
    fn fetch(&self) -> Pin<Box<dyn Future<Output = Result<Vec<Fetched>, KeySourceError>> + Send + '_>> {
        Box::pin(async {
            let fetched = tokio::time::timeout(TAKES, self.get()).await;
            fetched.unwrap_or_else(|_| Err(KeySourceError("timed out".to_owned())))
        })
    }
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<serde_json::Value>,
}

/// The keys of the set that are for signing with this algorithm. A set may hold others, which are not ours to judge.
fn read(body: &[u8], algorithm: SigningAlgorithm) -> Result<Vec<Fetched>, KeySourceError> {
    let wrong = || KeySourceError("not a JWKS".to_owned());
    let jwks: Jwks = serde_json::from_slice(body).map_err(|_| wrong())?;
    let keys = jwks.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
    Ok(keys.filter(|key| is_for(key, algorithm)).filter_map(|key| usable(&key)).collect())
}

/// Kind, curve, use and algorithm must all say so: a key is never used for an algorithm that a token asks for.
fn is_for(key: &Jwk, algorithm: SigningAlgorithm) -> bool {
    let kind = match (&key.algorithm, algorithm) {
        (AlgorithmParameters::RSA(_), SigningAlgorithm::Rs256) => true,
        (AlgorithmParameters::EllipticCurve(key), SigningAlgorithm::Es256) => key.curve == EllipticCurve::P256,
        _ => false,
    };
    let signs = key.common.public_key_use.as_ref().is_none_or(|its| *its == PublicKeyUse::Signature);
    let named = key.common.key_algorithm.is_none_or(|its| its == algorithm.as_jwt().into());
    kind && signs && named
}

fn usable(key: &Jwk) -> Option<Fetched> {
    Some(Fetched { id: key.common.key_id.clone(), key: DecodingKey::from_jwk(key).ok()? })
}

/// A shared secret in Secrets Manager, `{"current": "…", "previous": "…"}`.
pub(super) struct SecretKeys {
    aws: Aws,
    name: String,
}

impl SecretKeys {
    pub(super) fn new(aws: Aws, name: String) -> Self {
        Self { aws, name }
    }

    async fn get(&self) -> Result<Vec<Fetched>, KeySourceError> {
        let fail = |what: &str| KeySourceError(format!("secret {}: {what}", self.name));
        let output = self.aws.secrets().get_secret_value().secret_id(&self.name).send().await;
        let output = output.map_err(|_| fail("cannot be read"))?;
        let text = output.secret_string().ok_or_else(|| fail("has no text"))?;
        let secret = read_issuer_secret(&self.name, text).map_err(|wrong| fail(&wrong.problem))?;
        let generations = [Some(secret.current), secret.previous];
        Ok(generations.into_iter().flatten().filter_map(|text| Fetched::shared(&text)).collect())
    }
}

impl KeySource for SecretKeys {
    fn fetch(&self) -> Pin<Box<dyn Future<Output = Result<Vec<Fetched>, KeySourceError>> + Send + '_>> {
        Box::pin(self.get())
    }
}

impl Fetched {
    /// A shared secret, for HS256; `None` where it is too short to protect anything.
    #[must_use]
    pub fn shared(secret: &str) -> Option<Self> {
        let key = || Self { id: None, key: DecodingKey::from_secret(secret.as_bytes()) };
        (secret.len() >= SHORTEST_ISSUER_SECRET).then(key)
    }
}
