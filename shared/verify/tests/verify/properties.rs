//! What holds for all messages.

use proptest::prelude::*;
use verify::sign::v2::{Field, render_xml, signed_xml};
use verify::{ApiV2Key, Content, SignAlgorithm, V2Fields};

use crate::support::{API_V2_KEY, API_V3_KEY, Message, NOW, bytes, notice, v2_keys, v3_keys};

fn key() -> ApiV2Key {
    ApiV2Key::parse(API_V2_KEY).unwrap()
}

fn algorithm() -> impl Strategy<Value = SignAlgorithm> {
    prop_oneof![Just(SignAlgorithm::Md5), Just(SignAlgorithm::HmacSha256)]
}

/// Names as WeChat has them, none of which changes the procedure.
fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z][a-zA-Z0-9_]{0,12}".prop_filter("has a meaning", |name| name != "sign" && name != "sign_type")
}

/// Values that may be sent: no separators, no control characters but line feed, at most 3 bytes a character.
fn value() -> impl Strategy<Value = String> {
    "[\n -%'-<>-~\u{a0}-\u{d7ff}\u{e000}-\u{fffd}]{0,24}"
}

fn fields() -> impl Strategy<Value = Vec<(String, String)>> {
    proptest::collection::btree_map(name(), value(), 0..20).prop_map(|map| map.into_iter().collect())
}

fn as_fields(fields: &[(String, String)]) -> Vec<Field<'_>> {
    fields.iter().map(|(name, value)| Field::text(name, value)).collect()
}

fn verified_fields(xml: &str) -> Option<Vec<(String, String)>> {
    let keys = v2_keys();
    let verified = keys.verify_v2(xml.as_bytes()).ok()?;
    let Content::V2(fields) = verified.content() else { return None };
    Some(fields.iter().filter(|field| field.0 != "sign").map(|(n, v)| (n.to_owned(), v.to_owned())).collect())
}

proptest! {
    #[test]
    fn what_sign_makes_verify_accepts_and_reads_back(fields in fields(), algorithm in algorithm()) {
        let xml = signed_xml(&as_fields(&fields), &key(), algorithm).unwrap();
        let sent: Vec<_> = fields.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        prop_assert_eq!(verified_fields(&xml), Some(sent));
    }

    #[test]
    fn field_order_is_irrelevant(
        (fields, shuffled) in fields().prop_flat_map(|fields| (Just(fields.clone()), Just(fields).prop_shuffle())),
        algorithm in algorithm(),
    ) {
        let one = signed_xml(&as_fields(&fields), &key(), algorithm).unwrap();
        let other = signed_xml(&as_fields(&shuffled), &key(), algorithm).unwrap();
        prop_assert_eq!(verified_fields(&one), verified_fields(&other));
        prop_assert!(verified_fields(&other).is_some());
    }

    #[test]
    fn unknown_fields_are_covered_by_the_signature(fields in fields(), name in name(), value in value(), algorithm in algorithm()) {
        prop_assume!(!value.is_empty() && fields.iter().all(|field| field.0 != name));
        let without = as_fields(&fields);
        let with = [without.as_slice(), &[Field::text(&name, &value)]].concat();
        let element = format!("<{name}><![CDATA[{}]]></{name}>", value.replace("]]>", "]]]]><![CDATA[>"));
        let removed = signed_xml(&with, &key(), algorithm).unwrap().replace(&element, "");
        prop_assert_eq!(verified_fields(&removed), None);
        let added = signed_xml(&without, &key(), algorithm).unwrap().replace("<xml>", &format!("<xml>{element}"));
        prop_assert_eq!(verified_fields(&added), None);
    }

    #[test]
    fn parsing_what_was_rendered_gives_it_back(
        fields in proptest::collection::btree_map("[a-zA-Z0-9_.-]{1,9}", "[\t\n\r -\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]{1,24}", 0..9)
    ) {
        let rendered: Vec<_> = fields.iter().map(|(name, value)| Field::text(name, value)).collect();
        let xml = render_xml(&rendered);
        let parsed = V2Fields::parse_unverified(xml.as_bytes()).unwrap();
        prop_assert_eq!(parsed.iter().collect::<Vec<_>>(), fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect::<Vec<_>>());
    }

    #[test]
    fn no_bytes_at_all_make_a_reader_panic_or_pass(body in proptest::collection::vec(any::<u8>(), 0..200), text in ".{0,60}") {
        prop_assert!(v2_keys().verify_v2(&body).is_err());
        prop_assert!(v2_keys().verify_v2_refund(&body).is_err());
        let message = Message { signature: text, body, ..Message::signed("", &NOW.to_string()) };
        prop_assert!(v3_keys().verify_v3(&message.headers(), &message.body, NOW).is_err());
    }
}

/// Calls `check` with every bit of `whole` flipped once.
fn each_flipped_bit(whole: &[u8], mut check: impl FnMut(&[u8], usize)) {
    let mut altered = whole.to_vec();
    for at in 0..whole.len() {
        for bit in 0..8 {
            altered[at] ^= 1 << bit;
            check(&altered, at);
            altered[at] ^= 1 << bit;
        }
    }
}

/// The one exception is meant: `sign` in the other case is the same `sign`.
#[test]
fn one_flipped_bit_anywhere_in_a_v2_body_is_refused() {
    for file in
        ["synthetic-pay-notice-app-md5.xml", "synthetic-pay-notice-app-hmac.xml", "synthetic-contract-notice-add.xml"]
    {
        let body = bytes(&format!("samples/v2/{file}"));
        let keys = v2_keys();
        assert!(keys.verify_v2(&body).is_ok());
        let mut in_other_case = 0;
        each_flipped_bit(&body, |altered, at| {
            let same_sign = altered.eq_ignore_ascii_case(&body) && body[at].is_ascii_uppercase();
            let accepted = keys.verify_v2(altered).is_ok();
            assert!(!accepted || same_sign, "{file}: byte {at}");
            in_other_case += usize::from(accepted);
        });
        let sign = V2Fields::parse_unverified(&body).unwrap().get("sign").unwrap().to_owned();
        assert_eq!(in_other_case, sign.bytes().filter(u8::is_ascii_alphabetic).count());
    }
}

#[test]
fn one_flipped_bit_anywhere_in_a_v3_body_is_refused() {
    let message = Message::signed(notice("{\"mchid\":\"1230000109\"}", API_V3_KEY, |_| {}), &NOW.to_string());
    let keys = v3_keys();
    assert!(keys.verify_v3(&message.headers(), &message.body, NOW).is_ok());
    each_flipped_bit(&message.body, |altered, at| {
        assert!(keys.verify_v3(&message.headers(), altered, NOW).is_err(), "byte {at}");
    });
}

#[test]
fn one_flipped_bit_anywhere_in_a_v3_header_is_refused() {
    let message = Message::signed(notice("{\"mchid\":\"1230000109\"}", API_V3_KEY, |_| {}), &NOW.to_string());
    let keys = v3_keys();
    let refused = |changed: &Message| keys.verify_v3(&changed.headers(), &changed.body, NOW).is_err();
    let altered = |value: &str, put: &dyn Fn(String) -> Message| {
        each_flipped_bit(value.as_bytes(), |bytes, at| {
            // A header value that is not UTF-8 never gets here.
            if let Ok(text) = String::from_utf8(bytes.to_vec()) {
                assert!(refused(&put(text)), "{value}: byte {at}");
            }
        });
    };
    altered(&message.timestamp, &|timestamp| Message { timestamp, ..message.clone() });
    altered(&message.nonce, &|nonce| Message { nonce, ..message.clone() });
    altered(&message.serial, &|serial| Message { serial, ..message.clone() });
    altered(&message.signature, &|signature| Message { signature, ..message.clone() });
}
