//! The V3 headers, the clock and the body around them. The key is one with which none of the seeds was signed, so nothing may be
//! accepted; and a signature may only be looked at inside the window of 300 s.
//!
//! Input: clock, timestamp, nonce, serial, signature, signature type, body, with zero bytes between them; empty headers are absent.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use verify::{MerchantKeys, Refusal, V3Headers, WechatpayKeys};

const PUBLIC_KEY: &str = include_str!("../../vectors/wechat/doc_platform_cert_public_key.pem");

static KEYS: LazyLock<MerchantKeys> = LazyLock::new(|| {
    let mut wechatpay = WechatpayKeys::default();
    for id in ["440024045C4A427599D09BB4E3DE0279F2E813FD", "PUB_KEY_ID_0116571234562024052000123400000000"] {
        wechatpay.insert_public_key(id, PUBLIC_KEY).unwrap();
    }
    MerchantKeys::new("1230000109", None, None, wechatpay).unwrap()
});

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(7, |byte| *byte == 0);
    let mut text = || parts.next().map(std::str::from_utf8).transpose().ok().flatten().filter(|text| !text.is_empty());
    let now: i64 = text().and_then(|text| text.parse().ok()).unwrap_or_default();
    let headers =
        V3Headers { timestamp: text(), nonce: text(), serial: text(), signature: text(), signature_type: text() };
    let body = parts.next().unwrap_or_default();
    let refusal = KEYS.verify_v3(&headers, body, now).unwrap_err();
    assert_eq!(KEYS.verify_v3_answer(&headers, body, now).unwrap_err(), refusal);
    let in_window = headers
        .timestamp
        .and_then(|timestamp| timestamp.parse::<i128>().ok())
        .is_some_and(|timestamp| (i128::from(now) - timestamp).abs() <= 300);
    match refusal {
        Refusal::WrongSignature | Refusal::UnknownSerial => assert!(in_window),
        Refusal::Probe => assert!(in_window && headers.signature.unwrap().starts_with("WECHATPAY/SIGNTEST/")),
        Refusal::Stale { .. } => assert!(!in_window),
        Refusal::MissingHeader(_)
        | Refusal::RepeatedHeader(_)
        | Refusal::MalformedHeader(_)
        | Refusal::UnsupportedSignatureType(_) => {}
        other => panic!("{other} before the signature"),
    }
});
