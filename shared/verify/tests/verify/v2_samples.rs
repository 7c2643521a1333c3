//! Whole V2 messages: which verify, by which algorithm, and which never do.

use verify::WechatpayKeys;
use verify::{
    ApiV2Key, Content, Generations, MerchantKeys, Proof, Refusal, SignAlgorithm, V2Answer, V2Fields, Verified,
};

use crate::support::{API_V2_KEY, OTHER_V2_KEY, bytes, text, v2_keys, vectors};

fn samples() -> Vec<(String, Vec<u8>)> {
    let mut samples: Vec<_> = std::fs::read_dir(vectors().join("wechat/samples/v2"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()))
        .collect();
    samples.sort();
    samples
}

/// The table in `samples/README.md`: file name and what its `sign` verifies as.
fn documented() -> Vec<(String, String)> {
    let readme = text("samples/README.md");
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    rows.filter(|(name, _)| name.ends_with(".xml"))
        .map(|(name, says)| (name.to_owned(), says.trim_end_matches(" |").to_owned()))
        .collect()
}

#[test]
fn every_sample_verifies_by_the_documented_algorithm_or_not_at_all() {
    let keys = v2_keys();
    let documented = documented();
    let samples = samples();
    assert_eq!(samples.len(), documented.len());
    let mut verified = 0;
    for ((name, body), (documented_name, says)) in samples.iter().zip(&documented) {
        assert_eq!(name, documented_name);
        let result = keys.verify_v2(body).map(|message| message.proof().clone());
        let expected = match says.as_str() {
            "MD5" => Ok(Proof::V2Sign(SignAlgorithm::Md5)),
            "HMAC-SHA256" => Ok(Proof::V2Sign(SignAlgorithm::HmacSha256)),
            "no sign field" if name.ends_with("-plaintext.xml") => Err(Refusal::MalformedXml("root element")),
            "no sign field" => Err(Refusal::MissingSign),
            "placeholder / key unknown" => Err(Refusal::WrongSign),
            other => panic!("{other}"),
        };
        // Some of the placeholders are not even of the right form.
        let expected = if result == Err(Refusal::MalformedSign) && expected == Err(Refusal::WrongSign) {
            result.clone()
        } else {
            expected
        };
        assert_eq!(result, expected, "{name}");
        verified += usize::from(result.is_ok());
    }
    assert_eq!(verified, 35);
}

#[test]
fn a_sample_verifies_with_the_previous_key_as_well() {
    let v2 = Generations {
        current: ApiV2Key::parse(OTHER_V2_KEY).unwrap(),
        previous: Some(ApiV2Key::parse(API_V2_KEY).unwrap()),
    };
    let keys = MerchantKeys::new("10000100", Some(v2), None, WechatpayKeys::default()).unwrap();
    assert!(keys.verify_v2(&bytes("samples/v2/synthetic-pay-notice-app-md5.xml")).is_ok());
    assert!(keys.verify_v2(&bytes("samples/v2/synthetic-pay-notice-app-hmac.xml")).is_ok());
    assert!(keys.verify_v2_refund(&bytes("samples/v2/signed-refund-notice-decryptable.xml")).is_ok());
}

#[test]
fn no_sample_verifies_with_another_key_or_without_one() {
    let other = Generations::only(ApiV2Key::parse(OTHER_V2_KEY).unwrap());
    let other = MerchantKeys::new("10000100", Some(other), None, WechatpayKeys::default()).unwrap();
    let none = MerchantKeys::new("10000100", None, None, WechatpayKeys::default()).unwrap();
    for (name, body) in samples() {
        assert!(other.verify_v2(&body).is_err(), "{name}");
        assert!(none.verify_v2(&body).is_err(), "{name}");
        assert!(other.verify_v2_refund(&body).is_err(), "{name}");
        assert!(none.verify_v2_refund(&body).is_err(), "{name}");
    }
    let body = bytes("samples/v2/synthetic-pay-notice-app-md5.xml");
    assert_eq!(none.verify_v2(&body), Err(Refusal::NoKey("APIv2 key")));
}

fn refund<'v>(verified: &'v Verified<'_>) -> (&'v V2Fields<'static>, &'v str) {
    match verified.content() {
        Content::V2Refund { outer, refund } => (refund, outer.get("mch_id").unwrap()),
        Content::V2(_) | Content::V3(_) => panic!("not a refund"),
    }
}

#[test]
fn a_refund_notice_decrypts_to_its_documented_plaintext() {
    for (sealed, plaintext) in [
        ("signed-refund-notice-decryptable.xml", "signed-refund-notice-plaintext.xml"),
        ("synthetic-refund-notice-change.xml", "synthetic-refund-notice-change-plaintext.xml"),
    ] {
        let sealed = bytes(&format!("samples/v2/{sealed}"));
        let plaintext = text(&format!("samples/v2/{plaintext}")).replace("root>", "xml>");
        let expected = V2Fields::parse_unverified(plaintext.as_bytes()).unwrap();
        let keys = v2_keys();
        let verified = keys.verify_v2_refund(&sealed).unwrap();
        let (refund, mch_id) = refund(&verified);
        assert_eq!(*verified.proof(), Proof::V2Decryption);
        assert_eq!(*refund, expected);
        assert_eq!(mch_id, "10000100");
    }
}

#[test]
fn the_official_refund_notice_is_a_dummy_and_is_refused() {
    let body = bytes("samples/v2/official-refund-notice.xml");
    assert_eq!(v2_keys().verify_v2_refund(&body), Err(Refusal::UndecryptableReqInfo));
}

#[test]
fn a_notice_of_another_kind_is_no_refund_notice() {
    let body = bytes("samples/v2/synthetic-pay-notice-app-md5.xml");
    assert_eq!(v2_keys().verify_v2_refund(&body), Err(Refusal::MissingReqInfo));
}

#[test]
fn only_an_error_answer_may_be_unsigned() {
    let keys = v2_keys();
    let unsigned = bytes("samples/v2/community-querycontract-response-not-found.xml");
    assert!(matches!(keys.verify_v2_answer(&unsigned), Ok(V2Answer::Unsigned(_))));
    let signed = bytes("samples/v2/signed-orderquery-response-success.xml");
    assert!(matches!(keys.verify_v2_answer(&signed), Ok(V2Answer::Signed(_))));
    let stripped = text("samples/v2/signed-orderquery-response-success.xml")
        .replace("<sign>07EACC03ED8DD7F1BAB6BBE1853EF998</sign>", "");
    assert_eq!(keys.verify_v2_answer(stripped.as_bytes()), Err(Refusal::MissingSign));
    let forged = b"<xml><return_code>FAIL</return_code><sign>07EACC03ED8DD7F1BAB6BBE1853EF998</sign></xml>";
    assert_eq!(keys.verify_v2_answer(forged), Err(Refusal::WrongSign));
}

#[test]
fn debug_output_holds_no_value_of_a_field() {
    let body = bytes("samples/v2/synthetic-contract-notice-add.xml");
    let keys = v2_keys();
    let verified = keys.verify_v2(&body).unwrap();
    let Content::V2(fields) = verified.content() else { panic!("not V2") };
    let printed = format!("{verified:?} {fields:?}");
    assert!(printed.contains("openid"));
    assert!(!printed.contains(fields.get("openid").unwrap()));
}
