//! `constructed_notices.json`: each case behaves as its `expect` says.

use serde_json::Value;
use verify::{Content, MerchantKeys, Proof, Refusal};

use crate::support::{headers, json_file, string, v3_keys};

fn refusal_of(id: &str) -> Refusal {
    match id {
        "signtest-probe" => Refusal::Probe,
        "body-reserialised" => Refusal::WrongSignature,
        "clock-minus-301s" => Refusal::Stale { age_s: 301 },
        "unknown-serial" => Refusal::UnknownSerial,
        "serial-header-missing" => Refusal::MissingHeader("Wechatpay-Serial"),
        "gcm-tag-broken" => Refusal::Undecryptable,
        other => panic!("unknown case {other}"),
    }
}

fn check_notice(keys: &MerchantKeys, case: &Value) {
    let id = string(case, "id");
    let body = string(case, "body").as_bytes();
    let now = case["now"].as_i64().unwrap();
    let result = keys.verify_v3(&headers(&case["headers"]), body, now);
    if string(case, "expect") == "reject" {
        assert_eq!(result.unwrap_err(), refusal_of(id), "{id}");
        return;
    }
    let verified = result.unwrap_or_else(|refusal| panic!("{id}: {refusal}"));
    let serial = string(&case["headers"], "Wechatpay-Serial");
    assert_eq!(*verified.proof(), Proof::WechatpaySignature { serial: serial.to_owned() }, "{id}");
    let Content::V3(event) = verified.content() else { panic!("{id} is not V3") };
    let envelope: Value = serde_json::from_slice(body).unwrap();
    assert_eq!(event.id, string(&envelope, "id"));
    assert_eq!(event.create_time, string(&envelope, "create_time"));
    assert_eq!(event.event_type, string(&envelope, "event_type"));
    assert_eq!(event.resource_type, "encrypt-resource");
    assert_eq!(event.summary, string(&envelope, "summary"));
    assert_eq!(event.original_type, string(&envelope["resource"], "original_type"));
    assert_eq!(event.resource, string(case, "plaintext").as_bytes(), "{id}");
}

#[test]
fn every_constructed_notice_behaves_as_it_says() {
    let file = json_file("constructed_notices.json");
    let keys = v3_keys();
    let notices = file["notices"].as_array().unwrap();
    notices.iter().for_each(|case| check_notice(&keys, case));
    assert_eq!(notices.len(), 17);
}

#[test]
fn every_constructed_answer_verifies_empty_ones_included() {
    let file = json_file("constructed_notices.json");
    let keys = v3_keys();
    let answers = file["responses"].as_array().unwrap();
    for case in answers {
        let body = string(case, "body").as_bytes();
        let headers = headers(&case["headers"]);
        let answer = keys.verify_v3_answer(&headers, body, crate::support::NOW).unwrap();
        assert_eq!(answer.body(), body);
        let altered = [body, b" "].concat();
        let refused = keys.verify_v3_answer(&headers, &altered, crate::support::NOW).unwrap_err();
        assert_eq!(refused, Refusal::WrongSignature);
    }
    assert_eq!(answers.len(), 3);
    assert!(answers.iter().any(|case| string(case, "body").is_empty()));
}
