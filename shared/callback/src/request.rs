//! The request: nothing in it is proved.

use std::fmt;

use domain::{MchId, Protocol, Timestamp};
use lambda_http::http::{HeaderMap, Method};
use lambda_http::{Body, Request, RequestExt};
use record::Receipt;
use verify::{Content, V2Fields, V3Event, V3Headers, Verified};

use crate::Refused;

/// The longest V2 body: bytes. Real ones are below 2 KiB.
pub const V2_LIMIT: usize = 64 * 1024;

/// The longest V3 body: bytes. `resource.ciphertext` has at most 1 048 576 characters (v3, 4.2), the rest is small.
pub const V3_LIMIT: usize = 1_258_291;

/// A callback URL: its function, and the protocols that may arrive there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// V2 alone.
    V2,
    /// V3 alone.
    V3,
    /// Both: a request with V3's signature header is V3, whichever address it was sent to, since the template's
    /// termination URL and the platform-wide refund URL receive both.
    Both,
}

/// A request that has passed the edge.
#[derive(Clone)]
pub struct Callback {
    /// The merchant of the path.
    pub mch_id: MchId,
    /// How it is to be verified and answered.
    pub protocol: Protocol,
    /// The bytes that WeChat sent.
    pub unverified_body: Vec<u8>,
    /// When it arrived.
    pub received_at: Timestamp,
    /// W3C trace context.
    pub traceparent: Option<String>,
    unverified_headers: HeaderMap,
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.unverified_body.len();
        f.debug_struct("Callback").field("mch_id", &self.mch_id).field("bytes", &bytes).finish_non_exhaustive()
    }
}

impl Callback {
    /// Checks method, path and size, and finds the merchant.
    pub(crate) fn read(request: Request, endpoint: Endpoint, now: Timestamp) -> (Protocol, Result<Self, Refused>) {
        let protocol = protocol(&request, endpoint);
        (protocol, Self::checked(request, protocol, endpoint, now))
    }

    fn checked(request: Request, protocol: Protocol, endpoint: Endpoint, now: Timestamp) -> Result<Self, Refused> {
        if request.method() != Method::POST {
            return Err(Refused::Method);
        }
        let mch_id = merchant(request.uri().path(), endpoint)?;
        let xray = request.lambda_context_ref().and_then(|context| context.xray_trace_id.as_deref());
        let traceparent = xray.and_then(setup::telemetry::traceparent);
        let (parts, body) = request.into_parts();
        let body = match body {
            Body::Text(text) => text.into_bytes(),
            Body::Binary(bytes) => bytes,
            _ => Vec::new(),
        };
        let limit = match protocol {
            Protocol::V2 => V2_LIMIT,
            Protocol::V3 => V3_LIMIT,
        };
        if body.len() > limit {
            return Err(Refused::TooLarge);
        }
        let (unverified_body, unverified_headers) = (body, parts.headers);
        Ok(Self { mch_id, protocol, unverified_body, received_at: now, traceparent, unverified_headers })
    }

    /// V3's headers. One that was sent twice has no value: two readers could pick two.
    pub(crate) fn v3_headers(&self) -> Result<V3Headers<'_>, Refused> {
        Ok(V3Headers {
            timestamp: self.header("Wechatpay-Timestamp")?,
            nonce: self.header("Wechatpay-Nonce")?,
            serial: self.header("Wechatpay-Serial")?,
            signature: self.header("Wechatpay-Signature")?,
            signature_type: self.header("Wechatpay-Signature-Type")?,
        })
    }

    fn header(&self, name: &'static str) -> Result<Option<&str>, Refused> {
        let mut values = self.unverified_headers.get_all(name).iter();
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(verify::Refusal::RepeatedHeader(name).into());
        }
        value.to_str().map(Some).map_err(|_| verify::Refusal::MalformedHeader(name).into())
    }

    /// What goes into the journal: the verified content, in the clear, so that it can be decided again without the keys
    /// of its day; the table's encryption seals it.
    ///
    /// The hash names the message, not the delivery: whether a resend repeats nonce, signature, `id` and `create_time` is
    /// not documented, so they do not count.
    pub(crate) fn receipt(&self, verified: &Verified<'_>) -> Receipt {
        let (body, said) = match verified.content() {
            Content::V2(fields) => (self.unverified_body.clone(), said(fields)),
            Content::V2Refund { refund, .. } => (json(refund), said(refund)),
            Content::V3(event) => (opened(event), [event.event_type.as_bytes(), &event.resource].join(&b'\n')),
        };
        Receipt {
            body_hash: verify::sha256(&said),
            body,
            received_at: self.received_at,
            traceparent: self.traceparent.clone(),
        }
    }
}

/// What a V2 message says, whatever the order of its fields.
fn said(fields: &V2Fields<'_>) -> Vec<u8> {
    let delivery = |name: &str| matches!(name, "nonce_str" | "sign" | "sign_type");
    let mut said: Vec<_> = fields.iter().filter(|(name, _)| !delivery(name)).collect();
    said.sort_unstable();
    said.iter().map(|(name, value)| format!("{name}={value}\n")).collect::<String>().into_bytes()
}

fn json(fields: &V2Fields<'_>) -> Vec<u8> {
    let fields: serde_json::Map<_, _> = fields.iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    serde_json::Value::from(fields).to_string().into_bytes()
}

/// A V3 notice with its resource in the clear.
fn opened(event: &V3Event<'_>) -> Vec<u8> {
    let envelope = [
        ("create_time", &event.create_time),
        ("event_type", &event.event_type),
        ("id", &event.id),
        ("original_type", &event.original_type),
    ];
    let mut body = String::from("{");
    for (name, value) in envelope {
        body.push_str(&format!("\"{name}\":{},", serde_json::Value::from(value.as_ref())));
    }
    let mut body = body.into_bytes();
    body.extend_from_slice(b"\"resource\":");
    body.extend_from_slice(&event.resource);
    body.push(b'}');
    body
}

fn protocol(request: &Request, endpoint: Endpoint) -> Protocol {
    match endpoint {
        Endpoint::V2 => Protocol::V2,
        Endpoint::V3 => Protocol::V3,
        Endpoint::Both => {
            let by_path = request.uri().path().starts_with("/v3/");
            let by_header = request.headers().contains_key("Wechatpay-Signature");
            if by_path || by_header { Protocol::V3 } else { Protocol::V2 }
        }
    }
}

/// `/v2/{mch_id}` or `/v3/{mch_id}`, exactly: WeChat refuses query strings, so the path is all there is.
fn merchant(path: &str, endpoint: Endpoint) -> Result<MchId, Refused> {
    let v2 = || path.strip_prefix("/v2/").filter(|_| endpoint != Endpoint::V3);
    let v3 = || path.strip_prefix("/v3/").filter(|_| endpoint != Endpoint::V2);
    let mch_id = v2().or_else(v3).ok_or(Refused::Path)?;
    MchId::parse(mch_id).map_err(|_| Refused::Path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(
        method: Method,
        path: &str,
        body: Vec<u8>,
        headers: &[(&str, &str)],
        endpoint: Endpoint,
    ) -> Result<Callback, Refused> {
        let mut request = Request::new(Body::Binary(body));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().unwrap();
        for (name, value) in headers {
            let name = lambda_http::http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            request.headers_mut().append(name, value.parse().unwrap());
        }
        Callback::read(request, endpoint, Timestamp::UNIX_EPOCH).1
    }

    fn reason(result: Result<Callback, Refused>) -> &'static str {
        result.unwrap_err().reason()
    }

    #[test]
    fn only_a_post_to_a_callback_path_is_read() {
        assert_eq!(reason(read(Method::GET, "/v2/10000100", vec![], &[], Endpoint::V2)), "method");
        for path in ["/", "/v2/", "/v2/abc", "/v2/10000100/", "/v2/10000100/x", "/v3/10000100", "/V2/10000100"] {
            assert_eq!(reason(read(Method::POST, path, vec![], &[], Endpoint::V2)), "path", "{path}");
        }
        let callback = read(Method::POST, "/v2/10000100", b"<xml/>".to_vec(), &[], Endpoint::V2).unwrap();
        assert_eq!((callback.mch_id.as_str(), callback.protocol), ("10000100", Protocol::V2));
    }

    #[test]
    fn the_longest_body_is_read_and_one_byte_more_is_not() {
        let size = |path: &str, bytes: usize, endpoint| read(Method::POST, path, vec![b'x'; bytes], &[], endpoint);
        assert!(size("/v2/1", V2_LIMIT, Endpoint::V2).is_ok());
        assert_eq!(reason(size("/v2/1", V2_LIMIT + 1, Endpoint::V2)), "too_large");
        assert!(size("/v3/1", V3_LIMIT, Endpoint::V3).is_ok());
        assert_eq!(reason(size("/v3/1", V3_LIMIT + 1, Endpoint::V3)), "too_large");
    }

    #[test]
    fn a_v3_signature_makes_a_v3_callback_of_a_shared_address() {
        let signed = [("Wechatpay-Signature", "x")];
        let protocol = |path, headers| read(Method::POST, path, vec![], headers, Endpoint::Both).unwrap().protocol;
        assert_eq!(protocol("/v2/1", &signed[..]), Protocol::V3);
        assert_eq!(protocol("/v2/1", &[]), Protocol::V2);
        assert_eq!(protocol("/v3/1", &[]), Protocol::V3);
    }

    #[test]
    fn a_header_that_was_sent_twice_has_no_value() {
        let twice = [("Wechatpay-Nonce", "a"), ("wechatpay-nonce", "b")];
        let callback = read(Method::POST, "/v3/1", vec![], &twice, Endpoint::V3).unwrap();
        assert_eq!(callback.v3_headers().map(|_| ()).unwrap_err().reason(), "repeated_header");
    }
}
