//! The port to WeChat: what is sent, what comes back, and what can fail in between.

use std::time::Duration;

use crate::ClientCertificate;

/// Sends one request. It neither repeats nor follows redirects.
pub trait Transport: Send + Sync {
    /// Exchanges a request for an answer within `request.timeout`.
    fn exchange(&self, request: Outgoing<'_>) -> impl Future<Output = Result<Incoming, Failure>> + Send;
}

/// A request, all of it.
#[derive(Clone)]
pub struct Outgoing<'a> {
    /// `GET` or `POST`.
    pub method: http::Method,
    /// Host, path and query string.
    pub url: String,
    /// Names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The exact body; empty for a GET.
    pub body: &'a str,
    /// The certificate that the connection must show.
    pub certificate: Option<&'a ClientCertificate>,
    /// On a new connection. One that was kept may have been closed by the other side without our knowing, while a function stood
    /// still between two invocations: whether the request got through would then be in doubt.
    pub new_connection: bool,
    /// For everything, from connecting to the last byte of the answer.
    pub timeout: Duration,
    /// The longest body of an answer, in bytes.
    pub longest: usize,
}

/// An answer, nothing proved.
#[derive(Clone)]
pub struct Incoming {
    /// HTTP status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The raw body.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No connection: nothing was sent.
    #[error("no connection")]
    NotConnected,
    /// The time was over; WeChat may have received it.
    #[error("time-out")]
    TimedOut,
    /// The connection was lost, or the answer was no HTTP; WeChat may have received it.
    #[error("connection lost")]
    Lost,
    /// The answer is longer than any that WeChat is known to give.
    #[error("the answer is too long")]
    TooLong,
    /// The certificate cannot be used; nothing was sent.
    #[error("the client certificate cannot be used")]
    Certificate,
}

impl Incoming {
    /// The value of a header, if it is there.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Bodies and URLs hold personal data and signatures.
impl std::fmt::Debug for Outgoing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outgoing").field("method", &self.method).field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Incoming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Incoming").field("status", &self.status).finish_non_exhaustive()
    }
}
