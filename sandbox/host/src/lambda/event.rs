//! Function URL events: HTTP in, payload format 2.0 out, and the function's answer back to HTTP.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE, HOST, SET_COOKIE, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// The media types that reach a function as text; everything else, and a missing type, is base64.
const TEXT_TYPES: [&str; 3] = ["application/json", "application/javascript", "application/xml"];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    version: &'static str,
    route_key: &'static str,
    raw_path: &'a str,
    raw_query_string: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<String>,
    headers: BTreeMap<&'a str, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    query_string_parameters: BTreeMap<String, String>,
    request_context: RequestContext<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Cow<'a, str>>,
    is_base64_encoded: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'a> {
    account_id: &'static str,
    api_id: &'a str,
    domain_name: &'a str,
    domain_prefix: &'a str,
    http: Http<'a>,
    request_id: String,
    route_key: &'static str,
    stage: &'static str,
    time: String,
    time_epoch: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Http<'a> {
    method: &'a str,
    path: &'a str,
    protocol: &'a str,
    source_ip: String,
    user_agent: &'a str,
}

/// The event that a function sees for a request: payload format 2.0, as a function URL makes it.
pub(super) fn from_request(
    parts: &Parts,
    body: &[u8],
    peer: SocketAddr,
    now: Timestamp,
) -> Result<Vec<u8>, serde_json::Error> {
    let host = text(&parts.headers, HOST);
    let domain_name = host.split(':').next().unwrap_or_default();
    let domain_prefix = domain_name.split('.').next().unwrap_or_default();
    let raw_query_string = parts.uri.query().unwrap_or_default();
    let (body, is_base64_encoded) = encode(text(&parts.headers, CONTENT_TYPE), body);
    serde_json::to_vec(&Event {
        version: "2.0",
        route_key: "$default",
        raw_path: parts.uri.path(),
        raw_query_string,
        cookies: cookies(&parts.headers),
        headers: joined(&parts.headers, peer),
        query_string_parameters: query_parameters(raw_query_string),
        request_context: RequestContext {
            account_id: "anonymous",
            api_id: domain_prefix,
            domain_name,
            domain_prefix,
            http: Http {
                method: parts.method.as_str(),
                path: parts.uri.path(),
                protocol: "HTTP/1.1",
                source_ip: peer.ip().to_string(),
                user_agent: text(&parts.headers, USER_AGENT),
            },
            request_id: Uuid::new_v4().to_string(),
            route_key: "$default",
            stage: "$default",
            time: now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            time_epoch: now.as_millisecond(),
        },
        body,
        is_base64_encoded,
    })
}

fn text(headers: &HeaderMap, name: HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn encode<'a>(content_type: &str, body: &'a [u8]) -> (Option<Cow<'a, str>>, bool) {
    if body.is_empty() {
        return (None, false);
    }
    match std::str::from_utf8(body) {
        Ok(text) if is_text(content_type) => (Some(Cow::Borrowed(text)), false),
        _ => (Some(Cow::Owned(STANDARD.encode(body))), true),
    }
}

fn is_text(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media_type.starts_with("text/") || TEXT_TYPES.contains(&media_type.as_str())
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(COOKIE).iter().map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned());
    lines.flat_map(|line| line.split("; ").map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Lower-case names, repeated headers joined by a comma, cookies left out, and the forwarding headers that AWS sets,
/// whatever the caller sent under their names.
fn joined(headers: &HeaderMap, peer: SocketAddr) -> BTreeMap<&str, String> {
    let mut joined = BTreeMap::new();
    for name in headers.keys().filter(|name| *name != COOKIE) {
        let values: Vec<_> = headers.get_all(name).iter().map(|v| String::from_utf8_lossy(v.as_bytes())).collect();
        joined.insert(name.as_str(), values.join(","));
    }
    joined.insert("x-forwarded-for", peer.ip().to_string());
    joined.insert("x-forwarded-proto", "http".to_owned());
    joined.insert("x-forwarded-port", peer.port().to_string());
    joined
}

fn query_parameters(query: &str) -> BTreeMap<String, String> {
    let mut parameters: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        parameters
            .entry(name.into_owned())
            .and_modify(|values| {
                values.push(',');
                values.push_str(&value);
            })
            .or_insert_with(|| value.clone().into_owned());
    }
    parameters
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status_code: u16,
    #[serde(default)]
    headers: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    multi_value_headers: Option<BTreeMap<String, Vec<String>>>,
    #[serde(default)]
    cookies: Option<Vec<String>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// The HTTP response that a function's answer stands for, or none if it stands for nothing (AWS answers 502).
///
/// An object with `statusCode` is taken apart; any other JSON value is the body itself, with status 200.
pub(super) fn to_response(answer: Bytes) -> Option<Response<Body>> {
    let value: Value = serde_json::from_slice(&answer).ok()?;
    if value.get("statusCode").is_none() {
        let mut response = Response::new(Body::from(match value {
            Value::String(text) => Bytes::from(text),
            _ => answer,
        }));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        return Some(response);
    }
    let answer: Answer = serde_json::from_value(value).ok()?;
    let body = answer.body.unwrap_or_default();
    let body = if answer.is_base64_encoded { STANDARD.decode(body).ok()? } else { body.into_bytes() };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(answer.status_code).ok()?;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in answer.headers.unwrap_or_default() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        headers.insert(name.parse::<HeaderName>().ok()?, value.parse().ok()?);
    }
    for (name, values) in answer.multi_value_headers.unwrap_or_default() {
        let name: HeaderName = name.parse().ok()?;
        headers.remove(&name);
        for value in values {
            headers.append(&name, value.parse().ok()?);
        }
    }
    for cookie in answer.cookies.unwrap_or_default() {
        headers.append(SET_COOKIE, cookie.parse().ok()?);
    }
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_json_xml_and_javascript_stay_plain_and_everything_else_becomes_base64() {
        for plain in
            ["text/xml", "text/plain; charset=utf-8", "application/json", "Application/XML", "application/javascript"]
        {
            assert_eq!(encode(plain, b"<xml/>"), (Some("<xml/>".into()), false), "{plain}");
        }
        for binary in ["", "application/octet-stream", "application/x-www-form-urlencoded", "application/problem+json"]
        {
            assert_eq!(encode(binary, b"<xml/>"), (Some("PHhtbC8+".into()), true), "{binary}");
        }
    }

    #[test]
    fn text_that_is_not_utf8_becomes_base64_so_that_no_byte_is_lost() {
        assert_eq!(encode("text/xml", &[0xff, 0xfe]), (Some("//4=".into()), true));
    }

    #[test]
    fn an_empty_body_is_absent_and_not_base64() {
        assert_eq!(encode("", b""), (None, false));
    }

    #[test]
    fn an_answer_without_a_status_is_the_body_itself() {
        let response = to_response(Bytes::from_static(b"{\"a\":1}")).unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
    }

    #[test]
    fn an_answer_that_stands_for_no_response_is_refused() {
        for wrong in [
            &b"not json"[..],
            br#"{"statusCode":9999}"#,
            br#"{"statusCode":"two hundred"}"#,
            br#"{"statusCode":200,"headers":{"a b":"c"}}"#,
            br#"{"statusCode":200,"isBase64Encoded":true,"body":"***"}"#,
        ] {
            assert!(to_response(Bytes::copy_from_slice(wrong)).is_none(), "{}", String::from_utf8_lossy(wrong));
        }
    }

    #[test]
    fn repeated_headers_and_cookies_of_an_answer_all_arrive() {
        let answer = br#"{"statusCode":201,"headers":{"x-one":"1","x-number":7},
            "multiValueHeaders":{"x-many":["a","b"]},"cookies":["a=1","b=2"],"isBase64Encoded":true,"body":"//4="}"#;
        let response = to_response(Bytes::copy_from_slice(answer)).unwrap();
        let all = |name: &str| response.headers().get_all(name).iter().map(|v| v.to_str().unwrap()).collect::<Vec<_>>();
        assert_eq!(response.status(), 201);
        assert_eq!((all("x-one"), all("x-number")), (vec!["1"], vec!["7"]));
        assert_eq!((all("x-many"), all("set-cookie")), (vec!["a", "b"], vec!["a=1", "b=2"]));
    }
}
