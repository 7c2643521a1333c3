//! Signing V3: the documentation's worked examples and the SDKs' values.

use serde_json::Value;
use verify::sign::Unsignable;
use verify::sign::v3::{MerchantSigner, request_message};
use verify::{KeyError, SensitiveError, V3Headers, WechatpayKeys};

use crate::support::{
    CERTIFICATE_SERIAL, Message, NOW, PUBLIC_KEY_ID, json_file, rsa_sign, string, text, v3_keys, wechatpay_keys,
};

const NONCE: &str = "593BEC0C930BF1AFEB40B4A08C8FB242";
const TIME: i64 = 1_554_208_460;

fn doc_signer() -> MerchantSigner {
    let key = text("doc_test_merchant_private_key.pem");
    MerchantSigner::new("1900007291", "408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB", &key).unwrap()
}

/// The signature inside an `Authorization` value.
fn signature_in(authorization: &str) -> &str {
    authorization.split_once("signature=\"").unwrap().1.split_once('"').unwrap().0
}

fn authorization(case: &Value) -> String {
    let lines: Vec<_> = string(case, "message").splitn(5, '\n').collect();
    let [method, path, time, nonce, body] = lines.as_slice() else { panic!("not five lines") };
    assert_eq!((*time, *nonce), (TIME.to_string().as_str(), NONCE));
    doc_signer().authorization(method, path, TIME, nonce, body.strip_suffix('\n').unwrap().as_bytes()).unwrap()
}

#[test]
fn the_documented_signatures_reproduce() {
    let file = json_file("request_signing_docs.json");
    let mut seen = 0;
    for case in file["cases"].as_array().unwrap() {
        let prepay_id = "wx201410272009395522657a690389285100";
        let ours = match string(case, "id") {
            "app" => doc_signer().app("wx2421b1c4370ec43b", prepay_id, NONCE, TIME).unwrap().sign,
            "jsapi" => doc_signer().jsapi("wx2421b1c4370ec43b", prepay_id, NONCE, TIME).unwrap().pay_sign,
            _ => signature_in(&authorization(case)).to_owned(),
        };
        let printed = string(case, "signature_printed_in_doc");
        if case["doc_value_reproduces"] == true {
            assert_eq!(ours, printed, "{}", case["id"]);
        } else {
            assert_eq!(string(case, "id"), "query");
            assert_eq!(ours, string(case, "signature_computed_with_same_key"));
            assert_ne!(ours, printed);
        }
        if let Some(header) = case["authorization"].as_str() {
            assert_eq!(authorization(case), header);
        }
        seen += 1;
    }
    assert_eq!(seen, 6);
}

#[test]
fn the_signed_text_is_that_of_the_go_and_java_sdks() {
    let go = json_file("authorization_header_go.json");
    for case in go["cases"].as_array().unwrap() {
        let (method, url, body) = (string(case, "method"), string(case, "url"), string(case, "body"));
        let message =
            request_message(method, url, go["timestamp"].as_i64().unwrap(), string(&go, "nonce_str"), body.as_bytes());
        assert_eq!(message.unwrap(), string(case, "message").as_bytes());
    }
    let java = json_file("authorization_message_java.json");
    let path = string(&java, "url").strip_prefix("https://api.mch.weixin.qq.com").unwrap();
    let time = java["timestamp"].as_i64().unwrap();
    let message = request_message(string(&java, "method"), path, time, string(&java, "nonce_str"), b"");
    assert_eq!(message.unwrap(), string(&java, "message").as_bytes());
}

/// The SDKs sign arbitrary texts; as an answer's body they go through our verification.
#[test]
fn the_key_pairs_and_signatures_of_the_sdks_belong_together() {
    let go = json_file("sign_go.json");
    assert_eq!(rsa_sign(&text("go_test_private_key.pem"), string(&go, "message").as_bytes()), string(&go, "signature"));
    let java = json_file("sign_java.json");
    let key = text("java_merchant_private_key.pem");
    assert_eq!(rsa_sign(&key, string(&java, "message").as_bytes()), string(&java, "signature"));

    // The pairs, through our own verification: what one half signs, the other accepts, and no other key does.
    let mut keys = WechatpayKeys::default();
    let go_serial = keys.insert_certificate(&text("go_platform_cert_F5765756002FDD77.pem")).unwrap();
    let java_serial = keys.insert_certificate(&text("java_merchant_certificate.pem")).unwrap();
    keys.insert_public_key(string(&java, "must_not_verify_with"), &text("java_wechat_pay_public_key.pem")).unwrap();
    let keys = verify::MerchantKeys::new("1", None, None, keys).unwrap();
    let verifies = |private_key: &str, serial: &str| {
        let signature = rsa_sign(&text(private_key), format!("{NOW}\nnonce\nmessage\n").as_bytes());
        let time = NOW.to_string();
        let headers = V3Headers {
            timestamp: Some(&time),
            nonce: Some("nonce"),
            serial: Some(serial),
            signature: Some(&signature),
            signature_type: None,
        };
        keys.verify_v3_answer(&headers, b"message", NOW).is_ok()
    };
    assert!(verifies("go_test_private_key.pem", &go_serial));
    assert!(verifies("java_merchant_private_key.pem", &java_serial));
    assert!(verifies("java_wechat_pay_private_key.pem", "java_wechat_pay_public_key.pem"));
    assert!(!verifies("go_test_private_key.pem", &java_serial));
    assert!(!verifies("java_merchant_private_key.pem", "java_wechat_pay_public_key.pem"));
}

#[test]
fn a_raw_sdk_signature_verifies_only_inside_its_message() {
    let java = json_file("sign_java.json");
    let message =
        Message { signature: string(&java, "signature").to_owned(), ..Message::signed("message", &NOW.to_string()) };
    let refused = v3_keys().verify_v3_answer(&message.headers(), &message.body, NOW).map(|_| ()).unwrap_err();
    assert_eq!(refused, verify::Refusal::WrongSignature);
}

#[test]
fn launch_parameters_have_the_names_that_the_clients_expect() {
    let app = doc_signer().app("wx1", "wx2", NONCE, TIME).unwrap();
    let expected = serde_json::json!({
        "appId": "wx1", "partnerId": "1900007291", "prepayId": "wx2", "packageValue": "Sign=WXPay",
        "nonceStr": NONCE, "timeStamp": "1554208460", "sign": app.sign,
    });
    assert_eq!(serde_json::to_value(&app).unwrap(), expected);
    let jsapi = doc_signer().jsapi("wx1", "wx2", NONCE, TIME).unwrap();
    let expected = serde_json::json!({
        "appId": "wx1", "timeStamp": "1554208460", "nonceStr": NONCE, "package": "prepay_id=wx2",
        "signType": "RSA", "paySign": jsapi.pay_sign,
    });
    assert_eq!(serde_json::to_value(&jsapi).unwrap(), expected);
}

#[test]
fn what_would_break_a_header_or_a_line_is_not_signed() {
    let signer = doc_signer();
    let refused = |what: &str| Err(Unsignable::Character(what.to_owned()));
    for nonce in ["", "a\nb", "a\"", "a b", "\u{5fae}"] {
        assert_eq!(signer.authorization("GET", "/", TIME, nonce, b""), refused("nonce"));
        assert_eq!(signer.app("wx1", "wx2", nonce, TIME).map(|launch| launch.sign), refused("nonce"));
    }
    assert_eq!(signer.authorization("GET", "/a b", TIME, NONCE, b""), refused("path"));
    assert_eq!(signer.authorization("GET", "/a\n", TIME, NONCE, b""), refused("path"));
    assert_eq!(signer.authorization("GET\n", "/", TIME, NONCE, b""), refused("method"));
    assert_eq!(signer.jsapi("wx1", "a\nb", NONCE, TIME).map(|launch| launch.pay_sign), refused("prepay_id"));
}

#[test]
fn a_signer_needs_a_pkcs8_rsa_key_and_usable_ids_and_hides_the_key() {
    let key = text("doc_test_merchant_private_key.pem");
    let new = |mch_id, serial, key: &str| MerchantSigner::new(mch_id, serial, key).map(|_| ());
    assert_eq!(new("", "1", &key), Err(KeyError::Id("merchant number")));
    assert_eq!(new("1", "a\"b", &key), Err(KeyError::Id("certificate serial")));
    assert_eq!(new("1", "1", &text("java_wechat_pay_public_key.pem")), Err(KeyError::Pem("PKCS#8 private key")));
    let garbage = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    assert_eq!(new("1", "1", garbage), Err(KeyError::Rsa));
    let printed = format!("{:?}", doc_signer());
    assert!(printed.contains("1900007291") && printed.contains("[redacted]"));
    assert!(!printed.contains("MII"));
}

fn java_signer() -> MerchantSigner {
    let key = text("java_merchant_private_key.pem");
    MerchantSigner::new("1234567891", "5F1C72E2A8931B72A2E13AF8DEE92471EB397115", &key).unwrap()
}

#[test]
fn sensitive_fields_of_wechatpay_java_open_with_oaep_sha1_alone() {
    let file = json_file("sensitive_field_java.json");
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 3);
    for case in cases {
        let opened = match case["must_fail"].as_str() {
            Some(ciphertext) => java_signer().decrypt_sensitive(ciphertext),
            None => java_signer().decrypt_sensitive(string(case, "ciphertext_base64")),
        };
        let oaep = string(case, "padding").starts_with("RSAES-OAEP, hash SHA-1");
        let expected = if oaep { Ok("plaintext".to_owned()) } else { Err(SensitiveError::Undecryptable) };
        assert_eq!(opened, expected, "{}", case["padding"]);
    }
}

#[test]
fn a_sensitive_field_goes_to_wechat_and_comes_back() {
    // WeChat's side, played with its test key.
    let key = text("java_wechat_pay_private_key.pem");
    let wechat = MerchantSigner::new("1", "1", &key).unwrap();
    let keys = wechatpay_keys();
    for id in [PUBLIC_KEY_ID, CERTIFICATE_SERIAL] {
        let longest = "x".repeat(214);
        for plaintext in ["", "张三", &longest] {
            let sealed = keys.encrypt_sensitive(id, plaintext).unwrap();
            assert_eq!(wechat.decrypt_sensitive(&sealed).as_deref(), Ok(plaintext));
            assert_eq!(java_signer().decrypt_sensitive(&sealed), Err(SensitiveError::Undecryptable));
        }
    }
    assert_eq!(keys.encrypt_sensitive(PUBLIC_KEY_ID, &"x".repeat(215)), Err(SensitiveError::TooLong));
    assert_eq!(keys.encrypt_sensitive("unknown", ""), Err(SensitiveError::UnknownSerial));
    for sealed in ["", "!", "MTIzNA=="] {
        assert_eq!(wechat.decrypt_sensitive(sealed), Err(SensitiveError::Undecryptable));
    }
}
