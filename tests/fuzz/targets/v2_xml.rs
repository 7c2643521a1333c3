//! The reader of V2 bodies: whatever parses is sorted, holds no empty value, and parses to the same fields after rendering; and
//! nothing is accepted by a key with which nothing was ever signed.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use verify::sign::v2::{Field, render_xml};
use verify::{ApiV2Key, Generations, MerchantKeys, V2Answer, V2Fields, WechatpayKeys};

static KEYS: LazyLock<MerchantKeys> = LazyLock::new(|| {
    let v2 = Generations::only(ApiV2Key::parse("qazwsxedcrfvtgbyhnujmikolp111111").unwrap());
    MerchantKeys::new("10000100", Some(v2), None, WechatpayKeys::default()).unwrap()
});

fuzz_target!(|body: &[u8]| {
    assert!(KEYS.verify_v2(body).is_err());
    let answer = KEYS.verify_v2_answer(body);
    assert!(!matches!(answer, Ok(V2Answer::Signed(_))));
    let Ok(fields) = V2Fields::parse_unverified(body) else { return };
    let names: Vec<_> = fields.iter().map(|field| field.0).collect();
    assert!(names.is_sorted_by(|one, next| one < next));
    assert!(fields.iter().all(|(name, value)| !value.is_empty() && fields.get(name) == Some(value)));
    let rendered: Vec<_> = fields.iter().map(|(name, value)| Field::text(name, value)).collect();
    let xml = render_xml(&rendered);
    assert!(V2Fields::parse_unverified(xml.as_bytes()).unwrap() == fields);
});
