//! Every way for a V3 message to be wrong.

use serde_json::json;
use verify::{ApiV3Key, Generations, MerchantKeys, Refusal, V3Headers};

use crate::support::{API_V3_KEY, Message, NOW, OTHER_V3_KEY, json_file, notice, string, v3_keys, wechatpay_keys};

const RESOURCE: &str = "{\"mchid\":\"1230000109\"}";

fn good() -> Message {
    Message::signed(notice(RESOURCE, API_V3_KEY, |_| {}), &NOW.to_string())
}

fn result_of(headers: &V3Headers<'_>, body: &[u8], now: i64) -> Result<(), Refusal> {
    v3_keys().verify_v3(headers, body, now).map(|_| ())
}

fn checked(message: &Message) -> Result<(), Refusal> {
    result_of(&message.headers(), &message.body, NOW)
}

#[test]
fn a_good_message_is_accepted() {
    assert_eq!(checked(&good()), Ok(()));
}

#[test]
fn each_missing_or_empty_header_is_refused_by_name() {
    let message = good();
    let whole = message.headers();
    for value in [None, Some("")] {
        for (headers, name) in [
            (V3Headers { timestamp: value, ..whole }, "Wechatpay-Timestamp"),
            (V3Headers { nonce: value, ..whole }, "Wechatpay-Nonce"),
            (V3Headers { serial: value, ..whole }, "Wechatpay-Serial"),
            (V3Headers { signature: value, ..whole }, "Wechatpay-Signature"),
        ] {
            assert_eq!(result_of(&headers, &message.body, NOW), Err(Refusal::MissingHeader(name)));
        }
    }
    let none = V3Headers::default();
    assert_eq!(result_of(&none, &message.body, NOW), Err(Refusal::MissingHeader("Wechatpay-Timestamp")));
    let no_type = V3Headers { signature_type: None, ..whole };
    assert_eq!(result_of(&no_type, &message.body, NOW), Ok(()));
}

#[test]
fn each_doubled_header_is_refused_by_name() {
    let message = good();
    let whole = message.headers();
    let doubled = |value: &str| format!("{value},{value}");
    let timestamp = doubled(&message.timestamp);
    let nonce = doubled(&message.nonce);
    let serial = format!("{}, {}", message.serial, message.serial);
    let signature = doubled(&message.signature);
    let signature_type = doubled("WECHATPAY2-SHA256-RSA2048");
    for (headers, name) in [
        (V3Headers { timestamp: Some(&timestamp), ..whole }, "Wechatpay-Timestamp"),
        (V3Headers { nonce: Some(&nonce), ..whole }, "Wechatpay-Nonce"),
        (V3Headers { serial: Some(&serial), ..whole }, "Wechatpay-Serial"),
        (V3Headers { signature: Some(&signature), ..whole }, "Wechatpay-Signature"),
        (V3Headers { signature_type: Some(&signature_type), ..whole }, "Wechatpay-Signature-Type"),
    ] {
        assert_eq!(result_of(&headers, &message.body, NOW), Err(Refusal::RepeatedHeader(name)));
    }
}

#[test]
fn each_header_cut_short_by_any_number_of_characters_is_refused() {
    let message = good();
    let whole = message.headers();
    let prefixes = |value: &'static str| (0..value.len()).map(move |end| &value[..end]);
    for cut in prefixes(leaked(&message.timestamp)) {
        assert!(result_of(&V3Headers { timestamp: Some(cut), ..whole }, &message.body, NOW).is_err());
    }
    for cut in prefixes(leaked(&message.nonce)) {
        assert!(result_of(&V3Headers { nonce: Some(cut), ..whole }, &message.body, NOW).is_err());
    }
    for cut in prefixes(leaked(&message.serial)) {
        assert!(result_of(&V3Headers { serial: Some(cut), ..whole }, &message.body, NOW).is_err());
    }
    for cut in prefixes(leaked(&message.signature)) {
        assert!(result_of(&V3Headers { signature: Some(cut), ..whole }, &message.body, NOW).is_err());
    }
    for end in 0..message.body.len() {
        assert_eq!(result_of(&whole, &message.body[..end], NOW), Err(Refusal::WrongSignature));
    }
}

fn leaked(value: &str) -> &'static str {
    Box::leak(value.to_owned().into_boxed_str())
}

#[test]
fn the_window_is_300_seconds_in_both_directions() {
    for (offset, expected) in [
        (-301, Err(Refusal::Stale { age_s: -301 })),
        (-300, Ok(())),
        (0, Ok(())),
        (300, Ok(())),
        (301, Err(Refusal::Stale { age_s: 301 })),
        (i64::MAX - NOW, Err(Refusal::Stale { age_s: i64::MAX - NOW })),
    ] {
        let message = good();
        assert_eq!(result_of(&message.headers(), &message.body, NOW + offset), expected, "{offset}");
    }
}

#[test]
fn times_at_the_ends_of_the_range_neither_overflow_nor_pass() {
    let body = notice(RESOURCE, API_V3_KEY, |_| {});
    for (timestamp, now) in [
        ("0", i64::MAX),
        ("0", i64::MIN),
        ("9223372036854775807", 0),
        ("9223372036854775807", i64::MIN),
        ("9223372036854775807", -1),
    ] {
        let message = Message::signed(body.as_bytes(), timestamp);
        let refusal = result_of(&message.headers(), &message.body, now).unwrap_err();
        assert!(matches!(refusal, Refusal::Stale { .. }), "{timestamp} {now} {refusal}");
    }
    for timestamp in ["9223372036854775808", "-1722850421", "+1722850421", "1722850421.0", "0x66b09c35", "1722850421 "]
    {
        let message = Message::signed(body.as_bytes(), timestamp);
        assert_eq!(checked(&message), Err(Refusal::MalformedHeader("Wechatpay-Timestamp")), "{timestamp}");
    }
    // Milliseconds: a well-signed message from the far future.
    let message = Message::signed(body.as_bytes(), "1722850421000");
    assert!(matches!(checked(&message), Err(Refusal::Stale { age_s }) if age_s < 0));
}

#[test]
fn the_time_is_checked_before_the_key_and_the_signature() {
    let message = Message { serial: "unknown".into(), signature: "wrong".into(), ..good() };
    assert_eq!(result_of(&message.headers(), &message.body, NOW + 301), Err(Refusal::Stale { age_s: 301 }));
    assert_eq!(checked(&message), Err(Refusal::UnknownSerial));
}

#[test]
fn serials_are_looked_up_exactly() {
    let by_certificate = Message { serial: crate::support::CERTIFICATE_SERIAL.into(), ..good() };
    assert_eq!(checked(&by_certificate), Ok(()));
    for serial in [crate::support::CERTIFICATE_SERIAL.to_lowercase(), good().serial.to_lowercase(), "0".into()] {
        assert_eq!(checked(&Message { serial, ..good() }), Err(Refusal::UnknownSerial));
    }
}

#[test]
fn other_signature_types_are_refused_by_name() {
    let message = good();
    let long = "X".repeat(1_000);
    for (name, shown) in [("WECHATPAY2-SM2-WITH-SM3", "WECHATPAY2-SM2-WITH-SM3"), ("", ""), (&long, &"X".repeat(40))] {
        let headers = V3Headers { signature_type: Some(name), ..message.headers() };
        let expected = Refusal::UnsupportedSignatureType(shown.to_owned());
        assert_eq!(result_of(&headers, &message.body, NOW), Err(expected));
    }
}

#[test]
fn a_line_break_cannot_move_the_border_between_nonce_and_body() {
    // `nonce` + "\n" + the first line of the body, and the rest of it: the same signed text, cut elsewhere.
    let honest = Message::signed("first\nsecond", &NOW.to_string());
    let moved = Message { nonce: format!("{}\nfirst", honest.nonce), body: b"second".to_vec(), ..honest };
    assert_eq!(checked(&moved), Err(Refusal::MalformedHeader("Wechatpay-Nonce")));
    let keys = v3_keys();
    let answer = keys.verify_v3_answer(&moved.headers(), &moved.body, NOW);
    assert_eq!(answer.unwrap_err(), Refusal::MalformedHeader("Wechatpay-Nonce"));
}

#[test]
fn a_signature_that_is_no_base64_is_refused_without_a_panic() {
    let whole = good().signature;
    let not_canonical = format!("{}=", whole.trim_end_matches('='));
    let long = "QUJD".repeat(100_000);
    for signature in ["!", "====", "QUI", "QUJD====", "-_-_", &not_canonical, &long] {
        let refusal = checked(&Message { signature: signature.to_owned(), ..good() });
        assert_eq!(refusal, Err(Refusal::MalformedHeader("Wechatpay-Signature")));
    }
    for signature in ["QUJD", &"QUJD".repeat(86), &"QUJD".repeat(342)] {
        assert_eq!(checked(&Message { signature: signature.to_owned(), ..good() }), Err(Refusal::WrongSignature));
    }
}

#[test]
fn probes_fail_the_ordinary_check_and_are_told_apart_after_it() {
    let file = json_file("samples/v3/notice_signtest.header.json");
    let documented = string(&file, "Wechatpay-Signature").to_owned();
    for signature in [documented, "WECHATPAY/SIGNTEST/".into(), "WECHATPAY/SIGNTEST/!?".into()] {
        assert_eq!(checked(&Message { signature: signature.clone(), ..good() }), Err(Refusal::Probe));
        // What fails before the signature is not a probe.
        let stale = Message { signature, ..good() };
        assert_eq!(result_of(&stale.headers(), &stale.body, NOW + 999), Err(Refusal::Stale { age_s: 999 }));
    }
    let lower_case = "wechatpay/signtest/".to_owned();
    assert!(!matches!(checked(&Message { signature: lower_case, ..good() }), Err(Refusal::Probe)));
}

#[test]
fn a_good_signature_over_something_else_than_a_notice_is_refused() {
    let bodies = [
        String::new(),
        "null".into(),
        "[]".into(),
        "{}".into(),
        "<xml/>".into(),
        "{\"code\":\"FAIL\"}".into(),
        "[".repeat(100_000),
        format!("{}x", notice(RESOURCE, API_V3_KEY, |_| {})),
        notice(RESOURCE, API_V3_KEY, |notice| notice["id"] = json!(1)),
        notice(RESOURCE, API_V3_KEY, |notice| notice["event_type"] = json!(null)),
        notice(RESOURCE, API_V3_KEY, |notice| notice["resource"] = json!([])),
        notice(RESOURCE, API_V3_KEY, |notice| notice["resource"]["nonce"] = json!(null)),
        notice(RESOURCE, API_V3_KEY, |_| {}).replacen("{\"", "{\"id\":\"other\",\"", 1),
    ];
    for body in bodies {
        let message = Message::signed(body.as_bytes(), &NOW.to_string());
        assert_eq!(checked(&message), Err(Refusal::MalformedEnvelope), "{body:.80}");
    }
    let message = Message::signed(b"{\"id\":\"\xff\"}", &NOW.to_string());
    assert_eq!(checked(&message), Err(Refusal::NotUtf8));
}

#[test]
fn members_that_nobody_decides_by_may_be_absent_and_unknown_ones_present() {
    let body = notice(RESOURCE, API_V3_KEY, |notice| {
        for member in ["create_time", "resource_type", "summary"] {
            notice.as_object_mut().unwrap().remove(member);
        }
        notice["resource"].as_object_mut().unwrap().remove("original_type");
        notice["new"] = json!({ "deep": [[[[1]]]] });
    });
    assert_eq!(checked(&Message::signed(body, &NOW.to_string())), Ok(()));
}

#[test]
fn a_resource_that_cannot_be_opened_is_refused_for_its_reason() {
    let resource = |member: &'static str, value: serde_json::Value| {
        let body = notice(RESOURCE, API_V3_KEY, |notice| notice["resource"][member] = value);
        checked(&Message::signed(body, &NOW.to_string()))
    };
    let sm4 = Refusal::UnsupportedAlgorithm("AEAD_SM4_GCM".into());
    assert_eq!(resource("algorithm", json!("AEAD_SM4_GCM")), Err(sm4));
    for nonce in ["", "fdasfjihihi", "fdasfjihihihi", "\u{5fae}\u{4fe1}\u{5fae}\u{4fe1}\u{5fae}"] {
        assert_eq!(resource("nonce", json!(nonce)), Err(Refusal::MalformedNonce));
    }
    assert_eq!(resource("nonce", json!("fdasfjihihiX")), Err(Refusal::Undecryptable));
    for ciphertext in ["", "!", "QUJD", "AAAAAAAAAAAAAAAAAAAAAA=="] {
        assert_eq!(resource("ciphertext", json!(ciphertext)), Err(Refusal::Undecryptable));
    }
    for associated_data in [json!(""), json!(null), json!("refund")] {
        assert_eq!(resource("associated_data", associated_data), Err(Refusal::Undecryptable));
    }
}

#[test]
fn either_generation_of_the_apiv3_key_opens_a_resource() {
    let generations = |current, previous: Option<&str>| {
        let parse = |key: &str| ApiV3Key::parse(key).unwrap();
        let v3 = Generations { current: parse(current), previous: previous.map(parse) };
        MerchantKeys::new("1", None, Some(v3), wechatpay_keys()).unwrap()
    };
    let message = good();
    let opens = |keys: MerchantKeys| keys.verify_v3(&message.headers(), &message.body, NOW).map(|_| ());
    assert_eq!(opens(generations(API_V3_KEY, Some(OTHER_V3_KEY))), Ok(()));
    assert_eq!(opens(generations(OTHER_V3_KEY, Some(API_V3_KEY))), Ok(()));
    assert_eq!(opens(generations(OTHER_V3_KEY, None)), Err(Refusal::Undecryptable));
    let none = MerchantKeys::new("1", None, None, wechatpay_keys()).unwrap();
    assert_eq!(opens(none), Err(Refusal::NoKey("APIv3 key")));
}
