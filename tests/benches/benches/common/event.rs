//! Notices of WeChat as the function-URL events (payload format 2.0) that a function sees.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use counterparty::{Numbers, SignedRequest, fixtures};
use serde_json::json;

use super::Failure;

/// The merchant of every notice here.
pub(crate) const MCH_ID: &str = counterparty::TEST_MERCHANT.mch_id;

/// A notice about an order, by the name of its fixture, as WeChat would send it now.
pub(crate) fn notice(fixture: &str, out_trade_no: &str) -> Result<Bytes, Failure> {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    let numbers = Numbers { out_trade_no: out_trade_no.to_owned(), ..Numbers::example(now) };
    let request = fixtures::build(fixture, &numbers)?;
    let path = fixtures::find(fixture).ok_or("no such fixture")?.path(MCH_ID);
    Ok(of(&request, &path)?.into())
}

fn of(request: &SignedRequest, path: &str) -> Result<Vec<u8>, Failure> {
    let mut headers: BTreeMap<String, &str> =
        request.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.as_str())).collect();
    headers.insert("content-type".to_owned(), request.content_type);
    headers.insert("host".to_owned(), "abcdefghijklmnopqrstuvwxyz012345.lambda-url.us-east-1.on.aws");
    headers.insert("x-forwarded-for".to_owned(), "101.226.103.12");
    headers.insert("x-forwarded-proto".to_owned(), "https");
    Ok(serde_json::to_vec(&json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "abcdefghijklmnopqrstuvwxyz012345",
            "domainName": "abcdefghijklmnopqrstuvwxyz012345.lambda-url.us-east-1.on.aws",
            "domainPrefix": "abcdefghijklmnopqrstuvwxyz012345",
            "http": {
                "method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "101.226.103.12", "userAgent": "Mozilla/4.0",
            },
            "requestId": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
            "routeKey": "$default",
            "stage": "$default",
            "time": "12/Mar/2025:19:03:58 +0000",
            "timeEpoch": 1_741_806_238_000_i64,
        },
        "body": std::str::from_utf8(&request.body)?,
        "isBase64Encoded": false,
    }))?)
}
