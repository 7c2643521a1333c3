//! Asks an address as a stranger would, over TLS or, on this machine, without.

use std::time::Duration;

use domain::Timestamp;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use setup::{Env, Misconfigured};
use wechat::{Failure, Http, Incoming, Outgoing, Transport};

/// A function that was asleep needs some seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// More than anything that is asked for answers, in bytes.
const LONGEST: usize = 1 << 20;

/// Trusts what browsers trust, or the roots of `PAPAY_CA_BUNDLE`, as the AWS clients do.
pub(super) fn http() -> Result<Http, Misconfigured> {
    let name = "PAPAY_CA_BUNDLE";
    let wrong = |error: &dyn std::fmt::Display| Misconfigured::new(name, error);
    let Some(path) = Env::system().optional(name) else {
        return Http::new().map_err(|error| wrong(&error));
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))? {
        roots.add(certificate.map_err(|error| wrong(&error))?).map_err(|error| wrong(&error))?;
    }
    Http::trusting(roots).map_err(|error| wrong(&error))
}

/// `GET`, which no callback answers with anything but that it wants a `POST`: nothing is counted as a forgery.
pub(super) async fn get(http: &Http, url: &str) -> Result<Incoming, Failure> {
    let (method, url) = (::http::Method::GET, url.to_owned());
    let request = Outgoing {
        method,
        url,
        headers: Vec::new(),
        body: "",
        certificate: None,
        new_connection: true,
        timeout: PATIENCE,
        longest: LONGEST,
    };
    http.exchange(request).await
}

/// When the other side says that it is.
pub(super) fn date(answer: &Incoming) -> Option<Timestamp> {
    let parsed = jiff::fmt::rfc2822::parse(answer.header("date")?).ok()?;
    Timestamp::from_second(parsed.timestamp().as_second()).ok()
}
