//! The opener of V2 refund notices. After `p` the input is a plaintext: sealed and opened it must read as it reads directly. Any other
//! input is a ciphertext: it must not crash, alone or inside a notice.
#![no_main]

use std::sync::LazyLock;

use aws_lc_rs::cipher::{AES_256, PaddedBlockEncryptingKey, UnboundCipherKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use verify::{ApiV2Key, Content, Generations, MerchantKeys, V2Fields, WechatpayKeys, fuzzing};

/// The lower-case MD5 of the key below; both are published test values.
const AES_KEY: &[u8] = b"d96eb16afdd491fa1e705096edbc2205";

static KEYS: LazyLock<MerchantKeys> = LazyLock::new(|| {
    let v2 = Generations::only(ApiV2Key::parse("192006250b4c09247ec02edce69f6a2d").unwrap());
    MerchantKeys::new("10000100", Some(v2), None, WechatpayKeys::default()).unwrap()
});

fuzz_target!(|input: &[u8]| {
    let Some(plaintext) = input.strip_prefix(b"p") else {
        let _ = opened(input);
        return;
    };
    let read = fuzzing::read_refund(plaintext).ok().map(V2Fields::into_owned);
    assert!(opened(&sealed(plaintext)) == read);
});

fn opened(sealed: &[u8]) -> Option<V2Fields<'static>> {
    let notice = format!("<xml><req_info>{}</req_info></xml>", STANDARD.encode(sealed));
    let verified = KEYS.verify_v2_refund(notice.as_bytes()).ok()?;
    match verified.content() {
        Content::V2Refund { refund, .. } => Some(refund.clone()),
        Content::V2(_) | Content::V3(_) => unreachable!("a refund notice"),
    }
}

fn sealed(plaintext: &[u8]) -> Vec<u8> {
    let key = UnboundCipherKey::new(&AES_256, AES_KEY).unwrap();
    let mut buffer = plaintext.to_vec();
    PaddedBlockEncryptingKey::ecb_pkcs7(key).unwrap().encrypt(&mut buffer).unwrap();
    buffer
}
