//! The verifier against everything that the counterparty makes, and against what third parties signed.

use std::path::Path;

use counterparty::fixtures::{self, Expected, Fixture, Reason};
use counterparty::{Numbers, TEST_MERCHANT};
use serde_json::Value;
use verify::{Content, V3Headers};

use crate::harness::{keys, verified};

const NOW: i64 = 1_795_000_000;

#[test]
fn every_fixture_is_verified_or_refused_for_its_reason() {
    let keys = keys(&TEST_MERCHANT);
    for fixture in fixtures::all() {
        let request = fixtures::build(fixture.name, &Numbers::example(NOW)).unwrap();
        let reason = verified(&keys, fixture.name, &request, NOW).err().map(|refusal| refusal.reason());
        assert_eq!(reason, expected(fixture), "{}", fixture.name);
    }
}

/// The verifier's word for what is wrong with a fixture; none where nothing is, or where another step has to see it.
fn expected(fixture: &Fixture) -> Option<&'static str> {
    let Expected::Refused(reason) = fixture.expected else { return None };
    match (reason, fixture.name) {
        // Whole, and about somebody or something else: the merchant of the path, the kinds of the endpoint.
        (Reason::OtherMerchant | Reason::WrongEndpoint, _) => None,
        // The edge counts bytes before anybody verifies.
        (Reason::TooLarge, _) => None,
        (Reason::Signature, "altered-v3") => Some("wrong_signature"),
        (Reason::Signature, "wrong-base64") => Some("malformed_header"),
        (Reason::Signature, _) => Some("wrong_sign"),
        (Reason::Probe, _) => Some("probe"),
        (Reason::Unsigned, "unsigned" | "empty-sign") => Some("missing_sign"),
        (Reason::Unsigned, _) => Some("missing_header"),
        (Reason::DoubledHeader, _) => Some("repeated_header"),
        // The smallest 64-bit number is no time at all.
        (Reason::Stale, "absurd-timestamp") => Some("malformed_header"),
        (Reason::Stale, _) => Some("stale"),
        (Reason::UnknownSerial, _) => Some("unknown_serial"),
        (Reason::UnsupportedType, _) => Some("unsupported_signature_type"),
        (Reason::Undecryptable, "wrong-key-refund-v2") => Some("undecryptable_req_info"),
        (Reason::Undecryptable, _) => Some("undecryptable"),
        (Reason::Malformed, name) => Some(match name {
            "repeated-element" | "repeated-element-last" => "repeated_element",
            "doctype" | "hostile-xml" | "entity-bomb" => "doctype",
            "deep-nesting" => "nested",
            "gbk" => "encoding",
            "not-utf8" | "not-utf8-v3" => "not_utf8",
            "empty-body" => "empty",
            _ => "malformed_envelope",
        }),
    }
}

#[test]
fn v2_messages_signed_by_third_parties_verify_and_altered_ones_do_not() {
    let keys = keys(&TEST_MERCHANT);
    let mut verified = 0;
    for file in ["v2-wechatpy.json", "v2-axios-plugin.json"] {
        for case in cases(file) {
            let id = format!("{file}: {}", case["id"]);
            let body = case["body"].as_str().unwrap();
            let read = keys.verify_v2(body.as_bytes()).unwrap_or_else(|refusal| panic!("{id}: {refusal}"));
            let Content::V2(fields) = read.content() else { panic!("{id}: no V2 message") };
            for (name, value) in case["fields"].as_object().unwrap() {
                // An empty field is no field: it is not signed either.
                let value = value.as_str().filter(|value| !value.is_empty());
                assert_eq!(fields.get(name), value, "{id}: {name}");
            }
            let altered = body.replacen("<total_fee>", "<total_fee>1", 1).replacen("<mch_id>", "<mch_id>1", 1);
            assert_ne!(altered, body, "{id}");
            assert_eq!(keys.verify_v2(altered.as_bytes()).unwrap_err().reason(), "wrong_sign", "{id}");
            verified += 1;
        }
    }
    assert!(verified >= 4, "only {verified} vectors");
}

#[test]
fn v3_notices_signed_and_sealed_by_third_parties_verify_and_open() {
    let keys = keys(&TEST_MERCHANT);
    let mut verified = 0;
    for file in ["v3-wechatpayv3.json", "v3-axios-plugin.json"] {
        for case in cases(file) {
            let id = format!("{file}: {}", case["id"]);
            let header = |name: &str| case["headers"][name].as_str();
            let headers = V3Headers {
                timestamp: header("Wechatpay-Timestamp"),
                nonce: header("Wechatpay-Nonce"),
                serial: header("Wechatpay-Serial"),
                signature: header("Wechatpay-Signature"),
                signature_type: header("Wechatpay-Signature-Type"),
            };
            let now: i64 = header("Wechatpay-Timestamp").unwrap().parse().unwrap();
            let body = case["body"].as_str().unwrap().as_bytes();
            let read = keys.verify_v3(&headers, body, now).unwrap_or_else(|refusal| panic!("{id}: {refusal}"));
            let Content::V3(event) = read.content() else { panic!("{id}: no V3 notice") };
            assert_eq!(String::from_utf8_lossy(&event.resource), case["plaintext"].as_str().unwrap(), "{id}");
            let altered: Vec<u8> = [body, b" "].concat();
            assert_eq!(keys.verify_v3(&headers, &altered, now).unwrap_err().reason(), "wrong_signature", "{id}");
            verified += 1;
        }
    }
    assert!(verified >= 4, "only {verified} vectors");
}

fn cases(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/judges/vectors").join(file);
    let vectors: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    vectors["cases"].as_array().unwrap().clone()
}
