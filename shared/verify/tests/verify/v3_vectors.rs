//! Signatures and ciphertexts of WeChat Pay's documentation and SDKs.

use serde_json::{Value, json};
use verify::fuzzing::open_unsigned_envelope;
use verify::{ApiV3Key, Generations, MerchantKeys, Refusal, V3Headers, WechatpayKeys};

use crate::support::{API_V3_KEY, headers, json_file, string, text};

fn merchant(v3: Option<&str>, wechatpay: WechatpayKeys) -> MerchantKeys {
    let v3 = v3.map(|key| Generations::only(ApiV3Key::parse(key).unwrap()));
    MerchantKeys::new("1900007291", None, v3, wechatpay).unwrap()
}

#[test]
fn the_documented_answer_verifies() {
    let file = json_file("response_verify_docs.json");
    let mut wechatpay = WechatpayKeys::default();
    let serial = string(&file["headers"], "Wechatpay-Serial");
    wechatpay.insert_public_key(serial, &text("doc_platform_cert_public_key.pem")).unwrap();
    let keys = merchant(None, wechatpay);
    let answer = keys.verify_v3_answer(&headers(&file["headers"]), string(&file, "body").as_bytes(), 1_722_850_421);
    assert!(answer.is_ok());
}

#[test]
fn the_documented_bad_example_does_not_verify() {
    let file = json_file("response_verify_docs.json");
    let bad = &file["related_bad_example"];
    let pem = string(bad, "public_key_single_line_base64");
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{pem}\n-----END PUBLIC KEY-----\n");
    let id = "PUB_KEY_ID_0000000000000024101100397200000006";
    let mut wechatpay = WechatpayKeys::default();
    wechatpay.insert_public_key(id, &pem).unwrap();
    let keys = merchant(None, wechatpay);
    let headers = V3Headers { serial: Some(id), ..headers(&file["headers"]) };
    let answer = keys.verify_v3_answer(&headers, string(&file, "body").as_bytes(), 1_722_850_421);
    assert_eq!(answer.unwrap_err(), Refusal::WrongSignature);
}

#[test]
fn the_notice_of_wechatpay_go_verifies_and_stays_closed_to_a_32_byte_key() {
    let file = json_file("notify_go.json");
    let mut wechatpay = WechatpayKeys::default();
    wechatpay.insert_certificate(&text("go_platform_cert_D7CE59D1F522D701.pem")).unwrap();
    let keys = merchant(Some(API_V3_KEY), wechatpay);
    let (headers, body) = (headers(&file["headers"]), string(&file, "body").as_bytes());
    let now = 1_624_523_846;
    assert!(headers.signature_type.is_none());
    assert!(keys.verify_v3_answer(&headers, body, now).is_ok());
    assert_eq!(keys.verify_v3(&headers, body, now).unwrap_err(), Refusal::Undecryptable);
    let half = &body[..body.len() / 2];
    assert_eq!(keys.verify_v3_answer(&headers, half, now).unwrap_err(), Refusal::WrongSignature);
}

fn envelope(nonce: &str, associated_data: &str, ciphertext: &str) -> String {
    let resource = json!({
        "algorithm": "AEAD_AES_256_GCM",
        "original_type": "t",
        "nonce": nonce,
        "associated_data": associated_data,
        "ciphertext": ciphertext,
    });
    json!({ "id": "1", "event_type": "T", "resource": resource }).to_string()
}

fn opened(case: &Value, sealed: &Value) -> Result<String, Refusal> {
    let key = Generations::only(ApiV3Key::parse(string(case, "key_ascii")).unwrap());
    let member = |name| string(sealed, name);
    let envelope = envelope(member("nonce_ascii"), member("associated_data"), member("ciphertext_base64"));
    open_unsigned_envelope(&key, envelope.as_bytes()).map(|plaintext| String::from_utf8(plaintext).unwrap())
}

#[test]
fn the_gcm_vectors_open_or_are_refused_for_what_they_are() {
    let file = json_file("aead_aes_gcm.json");
    let mut seen = Vec::new();
    for case in file["cases"].as_array().unwrap() {
        let id = string(case, "id");
        match id {
            "java-aes256" => assert_eq!(opened(case, case).as_deref(), Ok(string(case, "plaintext"))),
            "java-aes256-bad" => {
                let results: Vec<_> =
                    case["must_fail"].as_array().unwrap().iter().map(|bad| opened(case, bad)).collect();
                assert_eq!(
                    results,
                    [Err(Refusal::Undecryptable), Err(Refusal::Undecryptable), Err(Refusal::Undecryptable),]
                );
            }
            "axios-aes256-iv16" | "axios-aes256-empty" => assert_eq!(opened(case, case), Err(Refusal::MalformedNonce)),
            "go-aes128" => assert!(ApiV3Key::parse(string(case, "key_ascii")).is_err()),
            other => panic!("unknown case {other}"),
        }
        seen.push(id);
    }
    assert_eq!(seen.len(), 5);
}
