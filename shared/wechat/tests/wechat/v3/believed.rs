//! Which answers are believed.

use counterparty::{PlatformCertificate, TEST_MERCHANT};
use proptest::prelude::*;
use wechat::*;

use super::support::*;

const PAID_WITH: &str = r#"{"prepay_id":"wx1"}"#;

#[tokio::test]
async fn a_success_is_believed_only_with_all_four_headers() {
    assert!(told(&prepared_order(), [signed(200, PAID_WITH)]).await.is_ok());
    for name in ["Wechatpay-Serial", "Wechatpay-Signature", "Wechatpay-Timestamp", "Wechatpay-Nonce"] {
        for value in [None, Some(""), Some("x,y"), Some("0")] {
            let answer = with_header(signed(200, PAID_WITH), name, value);
            let error = told(&prepared_order(), [answer]).await.unwrap_err();
            assert_eq!((error.kind, error.next), (ErrorKind::Unbelievable, Next::RepeatSame), "{name} {value:?}");
        }
    }
    let sm2 = with_header(signed(200, PAID_WITH), "Wechatpay-Signature-Type", Some("WECHATPAY2-SM2-WITH-SM3"));
    let error = told(&prepared_order(), [sm2]).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("unsupported_signature_type"));
}

#[tokio::test]
async fn an_altered_success_is_not_believed() {
    let mut answer = signed(200, PAID_WITH).unwrap();
    answer.body = PAID_WITH.replace("wx1", "wx2").into_bytes();
    let error = told(&prepared_order(), [Ok(answer)]).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Unbelievable, Some("wrong_signature")));
}

#[tokio::test]
async fn an_answer_is_believed_for_three_hundred_seconds_in_both_directions() {
    for (age, believed) in [(0, true), (300, true), (-300, true), (301, false), (-301, false), (-NOW, false)] {
        let answer = signed_by(&wechat(), 200, PAID_WITH, None, NOW - age);
        let told = told(&prepared_order(), [answer]).await;
        assert_eq!(told.is_ok(), believed, "{age}");
        if let Err(error) = told {
            assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Unbelievable, Some("stale")));
        }
    }
}

#[tokio::test]
async fn old_certificate_new_certificate_and_public_key_sign_in_the_same_minute() {
    let (old, new) = (issued(), another_issued());
    let with = |certificate: &PlatformCertificate| wechat().with_platform_certificate(certificate.clone()).unwrap();
    let wechat = with(&old).with_platform_certificate(new.clone()).unwrap();
    let mut known = certificates([TEST_MERCHANT.certificate_pem, &old.certificate_pem, &new.certificate_pem]);
    known.insert_public_key(TEST_MERCHANT.public_key_id, TEST_MERCHANT.public_key_pem).unwrap();
    let keys = keys_with(known);
    for serial in [TEST_MERCHANT.public_key_id, TEST_MERCHANT.certificate_serial, &old.serial, &new.serial] {
        let script = Script::new([signed_by(&wechat, 200, PAID_WITH, Some(serial), NOW)]);
        let told = Client::over(Hosts::default(), &script).send(&prepared_order(), &keys, now()).await;
        assert!(told.is_ok(), "{serial}");
    }
    // The client that has not heard of the new one yet must look for it; it is neither believed nor taken for a forgery.
    let script = Script::new([signed_by(&wechat, 200, PAID_WITH, Some(&new.serial), NOW)]);
    let behind = keys_with(certificates([old.certificate_pem.as_str()]));
    let error = Client::over(Hosts::default(), &script).send(&prepared_order(), &behind, now()).await.unwrap_err();
    assert!(error.names_unknown_key() && error.next == Next::RepeatSame);
    let wrong = with_header(signed(200, PAID_WITH), "Wechatpay-Signature", Some("aGVsbG8="));
    assert!(!told(&prepared_order(), [wrong]).await.unwrap_err().names_unknown_key());
}

#[tokio::test]
async fn a_refusal_may_be_unsigned_but_never_wrongly_signed() {
    let body = error_body("PARAM_ERROR", "参数错误");
    let proven = told(&prepared_order(), [signed(400, &body)]).await.unwrap_err();
    assert_eq!((proven.kind, proven.next), (ErrorKind::Refused { proven: true }, Next::Stop));
    let hint = told(&prepared_order(), [status(400, body.clone().into_bytes())]).await.unwrap_err();
    assert_eq!((hint.kind, hint.next), (ErrorKind::Refused { proven: false }, Next::QueryFirst));
    let forged = with_header(signed(400, &body), "Wechatpay-Signature", Some("aGVsbG8="));
    let forged = told(&prepared_order(), [forged]).await.unwrap_err();
    assert_eq!((forged.kind, forged.next), (ErrorKind::Unbelievable, Next::RepeatSame));
}

#[tokio::test]
async fn the_statuses_between_success_and_failure_settle_nothing() {
    for http in [201, 302, 405, 418] {
        let error = told(&prepared_refund(), [status(http, Vec::new())]).await.unwrap_err();
        assert_eq!((error.kind, error.next), (ErrorKind::Http(http), Next::QueryFirst));
    }
    for http in [202, 503] {
        let error = told(&prepared_refund(), [status(http, Vec::new()), status(http, Vec::new())]).await.unwrap_err();
        assert_eq!((error.kind, error.next), (ErrorKind::Http(http), Next::RepeatSame));
    }
}

#[tokio::test]
async fn rubbish_is_never_believed_and_never_a_panic() {
    for body in ["", "{}", "[]", "null", "\u{0}", "{\"code\":null}", "{\"code\":5}", "{\"code\":[]}"] {
        for http in [400, 404, 429, 500] {
            let answers = [signed(http, body), signed(http, body)];
            let error = told(&prepared_order(), answers).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Http(http), "{http} {body}");
        }
        let _ = told(&prepared_query(), [signed(200, body)])
            .await
            .map(|told| told.fact(&mch_id(), &out_trade_no()).unwrap_err());
        let _ = told(&prepared_refund(), [signed(200, body)])
            .await
            .map(|told| told.fact(&mch_id(), &out_trade_no(), &out_refund_no()).unwrap_err());
        assert!(told(&prepared_order(), [signed(200, body)]).await.is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Over the body, the headers that are signed, and the signature itself.
    #[test]
    fn one_flipped_bit_makes_an_answer_nobodys(place in 0..4_usize, at in 0..1_000_usize, bit in 0..7_u32) {
        let mut answer = signed(200, PAID_WITH).unwrap();
        let flipped = |bytes: &mut [u8]| {
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
        };
        let names = ["Wechatpay-Signature", "Wechatpay-Timestamp", "Wechatpay-Nonce"];
        match names.get(place) {
            None => flipped(&mut answer.body),
            Some(name) => {
                let (_, value) = answer.headers.iter_mut().find(|(known, _)| known == name).unwrap();
                let mut bytes = value.clone().into_bytes();
                flipped(&mut bytes);
                *value = String::from_utf8(bytes).unwrap();
            }
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let error = runtime.block_on(told(&prepared_order(), [Ok(answer)])).unwrap_err();
        prop_assert_eq!((error.kind, error.next), (ErrorKind::Unbelievable, Next::RepeatSame));
    }
}
