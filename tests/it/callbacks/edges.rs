//! What arrives at a callback URL and is no fixture: other methods and paths, other addresses, headers cut and doubled, bytes
//! of any kind.

use counterparty::fixtures::Endpoint;
use counterparty::{Protocol, SignedRequest};
use reqwest::Method;

use crate::harness::{MCH_ID, OTHER_MCH_ID, Town};

#[tokio::test(flavor = "multi_thread")]
async fn a_body_reaches_the_function_plain_or_as_base64_and_verifies_both_ways() {
    let town = Town::start().await;
    for (name, content_type) in [
        ("payment-v2", "text/xml; charset=utf-8"),
        ("payment-v2", "application/octet-stream"),
        ("payment-v2", "application/x-www-form-urlencoded"),
        ("payment-v3", "application/json"),
        ("payment-v3", "application/octet-stream"),
        ("contract-add-full", "application/octet-stream"),
    ] {
        let mut prepared = town.prepare(name).await;
        prepared.request.content_type = content_type;
        let answer = town.send(&prepared).await;
        assert!(answer.is_success(prepared.fixture.protocol), "{name} as {content_type}: {answer:?}");
    }
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_callback_is_refused_by_method_path_and_merchant() {
    let town = Town::start().await;
    let (v2, v3) = (town.prepare("payment-v2").await, town.prepare("payment-v3").await);
    let before = town.dump().await;
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
        for (prepared, endpoint) in [(&v2, Endpoint::Deduction), (&v3, Endpoint::Payment)] {
            let url = town.url(endpoint, &prepared.fixture.path(MCH_ID));
            let request = town.http().request(method.clone(), url).body(prepared.request.body.clone());
            assert_eq!(request.send().await.unwrap().status(), 405, "{method}");
        }
    }
    let elsewhere = [
        "/",
        "/v2",
        "/v2/",
        "/v2/10000100/",
        "/v2/10000100/x",
        "/v1/10000100",
        "/V2/10000100",
        "//v2/10000100",
        "/v2/abc",
        "/v2/%31%30%30%30%30%31%30%30",
        "/v2/10000100%2F",
        "/v3/10000100",
        "/v2/..%2f10000100",
    ];
    for path in elsewhere {
        let answer = town.send_to(Endpoint::Deduction, path, &v2.request).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.is_failure(Protocol::V2), "{path}: {answer:?}");
    }
    for path in ["/", "/v2/10000100", "/v3/10000100/", "/v3/10000999x"] {
        let answer = town.send_to(Endpoint::Payment, path, &v3.request).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.is_failure(Protocol::V3), "{path}: {answer:?}");
    }
    for (prepared, path) in [(&v2, "/v2/10000999"), (&v3, "/v3/10000999")] {
        let answer = town.send_to(prepared.fixture.endpoint, path, &prepared.request).await;
        assert_eq!(answer.status, 404, "a merchant that is not configured");
        assert!(answer.is_failure(prepared.fixture.protocol));
    }
    assert_eq!(town.dump().await.changes_since(&before), Vec::<String>::new());
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_notification_is_refused_at_another_merchants_address_and_at_every_other_endpoint() {
    let town = Town::start().await;
    let accepted = [
        "payment-v2",
        "deduction-success",
        "contract-add",
        "contract-delete",
        "refund-v2",
        "payment-v3",
        "refund-success",
        "contract-sign-v3",
    ];
    let mut prepared = Vec::new();
    for name in accepted {
        prepared.push(town.prepare(name).await);
    }
    let before = town.dump().await;
    for sent in &prepared {
        let name = sent.fixture.name;
        let other = sent.fixture.path(OTHER_MCH_ID);
        let answer = town.send_to(sent.fixture.endpoint, &other, &sent.request).await;
        assert!(answer.is_failure(sent.fixture.protocol), "{name} at {other}: {answer:?}");
        for endpoint in [Endpoint::Deduction, Endpoint::Contract, Endpoint::Payment, Endpoint::Refund] {
            if endpoint == sent.fixture.endpoint {
                continue;
            }
            let answer = town.send_to(endpoint, &sent.fixture.path(MCH_ID), &sent.request).await;
            assert!(answer.status >= 400, "{name} at {endpoint:?}: {answer:?}");
        }
    }
    assert_eq!(town.dump().await.changes_since(&before), Vec::<String>::new());
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_header_that_is_missing_doubled_or_cut_is_refused() {
    let town = Town::start().await;
    let prepared = town.prepare("payment-v3").await;
    let before = town.dump().await;
    let proof = ["Wechatpay-Serial", "Wechatpay-Signature", "Wechatpay-Timestamp", "Wechatpay-Nonce"];
    for name in proof {
        let missing = with_header(&prepared.request, name, &[]);
        let value = prepared.request.header(name).unwrap();
        let doubled = with_header(&prepared.request, name, &[value, value]);
        let empty = with_header(&prepared.request, name, &[""]);
        let cut = with_header(&prepared.request, name, &[&value[..value.len() - 1]]);
        for (how, request) in [("missing", missing), ("doubled", doubled), ("empty", empty), ("cut", cut)] {
            let answer = town.send_to(Endpoint::Payment, &prepared.fixture.path(MCH_ID), &request).await;
            assert_eq!(answer.status, 401, "{name} {how}");
            assert!(answer.is_failure(Protocol::V3), "{name} {how}: {answer:?}");
        }
    }
    let twice = with_header(&prepared.request, "Wechatpay-Signature-Type", &["WECHATPAY2-SHA256-RSA2048"; 2]);
    assert_eq!(town.send_to(Endpoint::Payment, &prepared.fixture.path(MCH_ID), &twice).await.status, 401);
    assert_eq!(town.dump().await.changes_since(&before), Vec::<String>::new());
    assert!(town.send(&prepared).await.is_success(Protocol::V3), "unharmed, the same request is accepted");
    town.stop().await;
}

fn with_header(request: &SignedRequest, name: &str, values: &[&str]) -> SignedRequest {
    let mut request = request.clone();
    request.headers.retain(|(header, _)| !header.eq_ignore_ascii_case(name));
    request.headers.extend(values.iter().map(|value| (name.to_owned(), (*value).to_owned())));
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_any_size_and_any_bytes_is_answered_as_a_failure() {
    let town = Town::start().await;
    let (v2, v3) = (town.prepare("payment-v2").await, town.prepare("payment-v3").await);
    let before = town.dump().await;
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("one byte", vec![0]),
        ("not UTF-8", vec![0xff; 300]),
        ("zeros", vec![0; 60_000]),
        ("2 MiB", vec![b'<'; 2 << 20]),
        ("4 MiB, as base64 nearly all that Lambda takes", vec![0x80; 4 << 20]),
        ("JSON, nested", b"[".repeat(60_000)),
        ("XML, nested", b"<a>".repeat(20_000)),
        ("XML, cut", v2.request.body[..200].to_vec()),
        ("JSON, cut", v3.request.body[..200].to_vec()),
    ];
    for (what, body) in bodies {
        for prepared in [&v2, &v3] {
            let request = SignedRequest { body: body.clone(), ..prepared.request.clone() };
            let answer = town.send_to(prepared.fixture.endpoint, &prepared.fixture.path(MCH_ID), &request).await;
            assert!(answer.is_failure(prepared.fixture.protocol), "{what}: {answer:?}");
        }
    }
    assert_eq!(town.dump().await.changes_since(&before), Vec::<String>::new());
    let broken: Vec<_> = town.lines().into_iter().filter(|line| line.text.starts_with("[host]")).collect();
    assert!(broken.is_empty(), "no function panicked, timed out or exited: {broken:?}");
    town.stop().await;
}
