//! The signer against notices that others signed and sealed: `tests/judges/vectors`, made by `tests/judges/run --write`.

#![allow(clippy::unwrap_used, reason = "a test may unwrap, and so may its helpers")]

use std::fs;
use std::path::Path;

use counterparty::{Occasion, SignType, V2Fields, WechatPay};
use serde_json::Value;

#[test]
fn v2_notices_signed_by_others_have_the_signature_that_we_give_them() {
    for file in ["v2-wechatpy.json", "v2-axios-plugin.json"] {
        let vectors = vectors(file);
        let key = vectors["api_v2_key"].as_str().unwrap();
        for case in cases(&vectors, "cases") {
            let fields = V2Fields::read(text(&case, "body").as_bytes()).unwrap();
            let sign_type = if case["sign_type"] == "MD5" { SignType::Md5 } else { SignType::HmacSha256 };
            assert_eq!(fields.signature(key, sign_type), text(&case, "sign"), "{file}: {}", case["id"]);
            assert_eq!(fields.get("sign"), case["sign"].as_str(), "{file}: {}", case["id"]);
        }
    }
}

#[test]
fn v2_notices_rendered_by_others_are_read_as_they_were_meant() {
    for file in ["v2-wechatpy.json", "v2-axios-plugin.json"] {
        for case in cases(&vectors(file), "cases") {
            let fields = V2Fields::read(text(&case, "body").as_bytes()).unwrap();
            for (name, value) in case["fields"].as_object().unwrap() {
                assert_eq!(fields.get(name), value.as_str(), "{file}: {}", case["id"]);
            }
        }
    }
}

#[test]
fn a_v2_refund_sealed_by_another_has_the_req_info_that_we_give_it() {
    let wechat = WechatPay::test_merchant().unwrap();
    for refund in cases(&vectors("v2-axios-plugin.json"), "refunds") {
        let fields = V2Fields::read(text(&refund, "body").as_bytes()).unwrap();
        let sealed = wechat.v2_seal(text(&refund, "plaintext").as_bytes()).unwrap();
        assert_eq!(fields.get("req_info"), Some(sealed.as_str()));
    }
}

#[test]
fn v3_notices_signed_and_sealed_by_others_are_what_we_would_send() {
    let wechat = WechatPay::test_merchant().unwrap();
    for file in ["v3-wechatpayv3.json", "v3-axios-plugin.json"] {
        for case in cases(&vectors(file), "cases") {
            let header = |name: &str| case["headers"][name].as_str().unwrap();
            let body = text(&case, "body");
            let occasion = Occasion {
                now: header("Wechatpay-Timestamp").parse().unwrap(),
                nonce: header("Wechatpay-Nonce").to_owned(),
            };
            let signature = wechat.v3_sign(body.as_bytes(), Some(header("Wechatpay-Serial")), &occasion).unwrap();
            assert_eq!(signature, header("Wechatpay-Signature"), "{file}: {}", case["id"]);

            let envelope: Value = serde_json::from_str(body).unwrap();
            let resource = &envelope["resource"];
            let nonce = resource["nonce"].as_str().unwrap().as_bytes().try_into().unwrap();
            let aad = resource["associated_data"].as_str().unwrap_or_default();
            let sealed = wechat.v3_seal(text(&case, "plaintext").as_bytes(), nonce, aad).unwrap();
            assert_eq!(resource["ciphertext"], sealed, "{file}: {}", case["id"]);
        }
    }
}

fn vectors(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/judges/vectors").join(file);
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Never an empty list: an empty list would prove nothing.
fn cases(vectors: &Value, list: &str) -> Vec<Value> {
    let cases = vectors[list].as_array().unwrap().clone();
    assert!(!cases.is_empty());
    cases
}

fn text<'a>(case: &'a Value, name: &str) -> &'a str {
    case[name].as_str().unwrap()
}
