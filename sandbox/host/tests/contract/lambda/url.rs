//! Function URLs: what of a request reaches the function, and what of its answer comes back.

use std::time::{SystemTime, UNIX_EPOCH};

use super::*;
use crate::function::TIMEOUT;

#[tokio::test]
async fn a_function_url_event_has_payload_format_2_0() {
    let (_host, url) = start_one("event").await;
    let request = Client::new()
        .post(format!("{url}v3/10000100?b=2&a=1&a=%E4%BA%8C"))
        .header("Content-Type", "application/json")
        .header("Wechatpay-Serial", "one")
        .header("Wechatpay-Serial", "two")
        .header("Cookie", "x=1; y=2")
        .header("User-Agent", "Mozilla/4.0")
        .header("Host", "callbacks.example.com:8443")
        .body("{\"id\":\"中\"}");
    let before = real_now_ms();
    let seen = json(request.send().await.unwrap()).await;
    let while_it_ran = before..=real_now_ms();
    let event = &seen["event"];
    assert_eq!(event["version"], "2.0");
    assert_eq!(event["routeKey"], "$default");
    assert_eq!(event["rawPath"], "/v3/10000100");
    assert_eq!(event["rawQueryString"], "b=2&a=1&a=%E4%BA%8C");
    assert_eq!(event["queryStringParameters"], serde_json::json!({ "a": "1,二", "b": "2" }));
    assert_eq!(event["cookies"], serde_json::json!(["x=1", "y=2"]));
    assert_eq!(event["headers"]["wechatpay-serial"], "one,two");
    assert_eq!(event["headers"]["content-length"], "12");
    assert!(event["headers"].get("cookie").is_none());
    assert!(event["headers"].as_object().unwrap().keys().all(|name| *name == name.to_lowercase()));
    assert_eq!(event["body"], "{\"id\":\"中\"}");
    assert_eq!(event["isBase64Encoded"], false);
    let context = &event["requestContext"];
    assert_eq!(context["http"]["method"], "POST");
    assert_eq!(context["http"]["path"], "/v3/10000100");
    assert_eq!(context["http"]["protocol"], "HTTP/1.1");
    assert_eq!(context["http"]["sourceIp"], "127.0.0.1");
    assert_eq!(context["http"]["userAgent"], "Mozilla/4.0");
    assert_eq!(context["domainName"], "callbacks.example.com");
    assert_eq!(context["stage"], "$default");
    assert!(context["requestId"].as_str().unwrap().len() == 36);
    assert!(context["time"].as_str().unwrap().ends_with(" +0000"));
    let epoch = context["timeEpoch"].as_i64().unwrap();
    assert!(while_it_ran.contains(&epoch), "{while_it_ran:?} {epoch}");
    let deadline = seen["context"]["deadline"].as_i64().unwrap();
    assert!(while_it_ran.contains(&(deadline - TIMEOUT.as_millis() as i64)), "{while_it_ran:?} {deadline}");
    assert_eq!(seen["context"]["arn"], "arn:aws:lambda:us-east-1:000000000000:function:f");
}

#[tokio::test]
async fn the_bytes_of_a_body_reach_the_function_whatever_its_content_type() {
    let (_host, url) = start_one("http").await;
    let xml = "<xml><a>中</a></xml>".as_bytes();
    let bytes = serde_json::json!(xml);
    for (content_type, kind) in [
        (Some("text/xml"), "text"),
        (Some("application/json; charset=utf-8"), "text"),
        (Some("application/xml"), "text"),
        (Some("application/x-www-form-urlencoded"), "binary"),
        (Some("application/octet-stream"), "binary"),
        (None, "binary"),
    ] {
        let mut request = Client::new().post(format!("{url}v2/10000100")).body(xml);
        if let Some(content_type) = content_type {
            request = request.header("Content-Type", content_type);
        }
        let seen = json(request.send().await.unwrap()).await;
        assert_eq!((&seen["body"], &seen["bytes"]), (&kind.into(), &bytes), "{content_type:?}");
    }
    let seen = json(Client::new().get(&url).send().await.unwrap()).await;
    assert_eq!((&seen["method"], &seen["body"]), (&"GET".into(), &"empty".into()));
}

#[tokio::test]
async fn repeated_headers_and_cookies_reach_the_function() {
    let (_host, url) = start_one("http").await;
    let request = Client::new().post(format!("{url}a/b?c=d%20e"));
    let request = request.header("Wechatpay-Serial", "one").header("Wechatpay-Serial", "two").header("Cookie", "x=1");
    let seen = json(request.send().await.unwrap()).await;
    assert_eq!(seen["serial"], serde_json::json!(["one,two"]));
    assert_eq!(seen["cookie"], serde_json::json!(["x=1"]));
    assert_eq!((&seen["path"], &seen["query"]), (&"/a/b".into(), &"c=d%20e".into()));
}

#[tokio::test]
async fn a_binary_answer_with_cookies_arrives_as_it_was_sent() {
    let (_host, url) = start_one("http").await;
    let response = reqwest::get(format!("{url}binary")).await.unwrap();
    assert_eq!(response.status(), 201);
    assert_eq!(response.headers()["content-type"], "application/octet-stream");
    let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    assert_eq!(response.bytes().await.unwrap().as_ref(), [0xff, 0x00, 0xfe]);
}

#[tokio::test]
async fn a_body_over_six_megabytes_is_413_and_an_answer_over_it_502() {
    let (_host, url) = start_one("http").await;
    let six_mb = 6 * 1024 * 1024;
    let post = |body: Vec<u8>| {
        Client::new().post(format!("{url}binary")).header("Content-Type", "text/plain").body(body).send()
    };
    assert_eq!(post(vec![b'x'; six_mb + 1]).await.unwrap().status(), 413);
    // The event around the body counts.
    assert_eq!(post(vec![b'x'; six_mb - 100]).await.unwrap().status(), 413);
    assert_eq!(post(vec![b'x'; 5 * 1024 * 1024]).await.unwrap().status(), 201);
    assert_eq!(reqwest::get(format!("{url}huge")).await.unwrap().status(), 502);
}

#[tokio::test]
async fn a_taken_url_port_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let function = FunctionSpec { url_port: Some(port), ..spec("f", "http") };
    let error = LambdaHost::start(vec![function], &Endpoints::default(), LogSink::discard()).await.err().unwrap();
    assert!(error.to_string().starts_with(&format!("port {port} is in use: ")), "{error}");
}

fn real_now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}
