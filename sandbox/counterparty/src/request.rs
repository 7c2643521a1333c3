//! What goes over the wire: WeChat's calls to the merchant, and its answers to the merchant's calls.

use std::fmt;

/// Which generation of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// XML, signed in the body by the APIv2 key.
    V2,
    /// JSON, signed in the headers by RSA, with a sealed resource.
    V3,
}

/// A notification as WeChat sends it: POST these bytes with these headers.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedRequest {
    /// V2 or V3.
    pub protocol: Protocol,
    /// Every header but `Content-Type`, `Content-Length` and `Host`, in order; a name can occur twice.
    pub headers: Vec<(String, String)>,
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// The body, to be sent unchanged.
    pub body: Vec<u8>,
}

impl SignedRequest {
    /// The first header of that name, ignoring case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as text, as far as it is text: for messages of tests, never for logs.
    #[must_use]
    pub fn body_lossy(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn set_header(&mut self, name: &str, value: &str) {
        self.remove_header(name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn remove_header(&mut self, name: &str) {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    }
}

/// Names and sizes only: bodies and signatures are no log material.
impl fmt::Debug for SignedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("SignedRequest")
            .field("protocol", &self.protocol)
            .field("headers", &names)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// WeChat's answer to a call of the merchant.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers, `Content-Type` included where there is a body.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).field("body_bytes", &self.body.len()).finish()
    }
}

/// Headers seen on every notification of WeChat beside the documented ones, and the documented `Request-ID`.
pub(crate) fn common_headers(request_id: &str) -> Vec<(String, String)> {
    [
        ("User-Agent", "Mozilla/4.0"),
        ("Accept", "*/*"),
        ("Pragma", "no-cache"),
        ("Cache-Control", "no-cache"),
        ("Request-ID", request_id),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}
