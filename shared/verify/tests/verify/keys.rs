use verify::{ApiV2Key, ApiV3Key, Generations, KeyError, MerchantKeys, Validity, WechatpayKeys};

use crate::support::{API_V2_KEY, API_V3_KEY, CERTIFICATE_SERIAL, OTHER_V2_KEY, text, v2_keys, v3_keys};

#[test]
fn an_api_key_has_32_visible_ascii_characters() {
    assert!(ApiV2Key::parse(API_V2_KEY).is_ok());
    let wrong = [("", 0), ("192006250b4c09247ec02edce69f6a2", 31), ("192006250b4c09247ec02edce69f6a2d\n", 33)];
    for (key, length) in wrong {
        assert_eq!(ApiV2Key::parse(key).unwrap_err(), KeyError::Length { what: "APIv2 key", length });
        assert_eq!(ApiV3Key::parse(key).unwrap_err(), KeyError::Length { what: "APIv3 key", length });
    }
    for key in ["192006250b4c09247ec02edce69f6a2\n", "192006250b4c09247ec02edce69f6\u{5fae}"] {
        assert_eq!(ApiV2Key::parse(key).unwrap_err(), KeyError::Characters("APIv2 key"));
        assert_eq!(ApiV3Key::parse(key).unwrap_err(), KeyError::Characters("APIv3 key"));
    }
}

#[test]
fn keys_of_16_bytes_from_sdk_fixtures_are_refused() {
    for (file, pointer) in [
        ("notify_go.json", "/api_v3_key"),
        ("certificates_go.json", "/api_v3_key"),
        ("aead_aes_gcm.json", "/cases/4/key_ascii"),
    ] {
        let file = crate::support::json_file(file);
        let key = file.pointer(pointer).unwrap().as_str().unwrap();
        assert_eq!(ApiV3Key::parse(key).unwrap_err(), KeyError::Length { what: "APIv3 key", length: 16 });
    }
}

#[test]
fn an_apiv2_key_equal_to_an_apiv3_key_of_any_generation_is_refused() {
    let v2 = |key| ApiV2Key::parse(key).unwrap();
    let v3 = |key| ApiV3Key::parse(key).unwrap();
    let new = |v2, v3| MerchantKeys::new("10000100", Some(v2), Some(v3), WechatpayKeys::default());
    assert!(new(Generations::only(v2(API_V2_KEY)), Generations::only(v3(API_V3_KEY))).is_ok());
    let only = new(Generations::only(v2(API_V3_KEY)), Generations::only(v3(API_V3_KEY)));
    assert_eq!(only.unwrap_err(), KeyError::EqualApiKeys);
    let crossed = new(
        Generations { current: v2(API_V2_KEY), previous: Some(v2(OTHER_V2_KEY)) },
        Generations { current: v3(API_V3_KEY), previous: Some(v3(OTHER_V2_KEY)) },
    );
    assert_eq!(crossed.unwrap_err(), KeyError::EqualApiKeys);
}

#[test]
fn debug_output_holds_no_key() {
    let printed = format!("{:?} {:?}", v2_keys(), v3_keys());
    assert!(printed.contains("[redacted]"));
    assert!(printed.contains(CERTIFICATE_SERIAL));
    assert!(!printed.contains(API_V2_KEY));
    assert!(!printed.contains(API_V3_KEY));
}

#[test]
fn a_certificate_is_known_by_its_own_serial_and_keeps_its_validity() {
    let mut keys = WechatpayKeys::default();
    for (file, serial) in [
        ("go_platform_cert_F5765756002FDD77.pem", "F5765756002FDD77"),
        ("go_platform_cert_D7CE59D1F522D701.pem", "D7CE59D1F522D701"),
        ("java_wechat_pay_certificate.pem", CERTIFICATE_SERIAL),
        ("java_merchant_certificate.pem", "5F1C72E2A8931B72A2E13AF8DEE92471EB397115"),
    ] {
        assert_eq!(keys.insert_certificate(&text(file)).as_deref(), Ok(serial));
        assert!(keys.contains(serial));
    }
    assert_eq!(keys.len(), 4);
    // 2021-04-27 08:55:23 and 2031-04-25 08:55:23 UTC, as `openssl x509 -dates` prints them.
    let expected = Validity { not_before: 1_619_513_723, not_after: 1_934_873_723 };
    assert_eq!(keys.validity("D7CE59D1F522D701"), Some(expected));
    assert!(!keys.contains("d7ce59d1f522d701"));
}

#[test]
fn one_id_never_names_two_keys() {
    let mut keys = WechatpayKeys::default();
    let one = text("java_wechat_pay_public_key.pem");
    let other = text("doc_platform_cert_public_key.pem");
    keys.insert_public_key("PUB_KEY_ID_1", &one).unwrap();
    keys.insert_public_key("PUB_KEY_ID_1", &one).unwrap();
    assert_eq!(keys.len(), 1);
    let refused = keys.insert_public_key("PUB_KEY_ID_1", &other).unwrap_err();
    assert_eq!(refused, KeyError::TwoKeysOneId("PUB_KEY_ID_1".into()));
}

#[test]
fn what_is_no_usable_key_is_refused_with_its_kind() {
    let mut keys = WechatpayKeys::default();
    let public = text("java_wechat_pay_public_key.pem");
    let certificate = text("java_wechat_pay_certificate.pem");
    assert_eq!(keys.insert_public_key("K", &certificate), Err(KeyError::Pem("public key")));
    assert_eq!(keys.insert_public_key("", &public), Err(KeyError::Id("public key id")));
    assert_eq!(keys.insert_public_key("A,B", &public), Err(KeyError::Id("public key id")));
    assert_eq!(keys.insert_certificate(&public), Err(KeyError::Pem("certificate")));
    assert_eq!(keys.insert_certificate(&text("java_merchant_private_key.pem")), Err(KeyError::Pem("certificate")));
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(keys.insert_certificate(garbage), Err(KeyError::Certificate));
    let no_rsa = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
    assert_eq!(keys.insert_public_key("K", no_rsa), Err(KeyError::Rsa));
    assert!(keys.is_empty());
}
