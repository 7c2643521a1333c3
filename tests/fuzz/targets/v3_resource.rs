//! The decryption of V3 resources: what was sealed opens to itself, with one bit changed it does not open, and bytes that nobody
//! sealed do not open.
//!
//! Input: length of the nonce, length of the associated data, nonce, associated data, text.
#![no_main]

use std::sync::LazyLock;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use serde_json::json;
use verify::{ApiV3Key, Generations, Refusal, fuzzing};

const KEY: &str = "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb";

static KEYS: LazyLock<Generations<ApiV3Key>> = LazyLock::new(|| Generations {
    current: ApiV3Key::parse("0123456789abcdef0123456789abcdef").unwrap(),
    previous: Some(ApiV3Key::parse(KEY).unwrap()),
});

fuzz_target!(|input: &[u8]| {
    let Some(([nonce_len, associated_len], rest)) = input.split_first_chunk() else { return };
    let Some((nonce, rest)) = rest.split_at_checked(usize::from(*nonce_len)) else { return };
    let Some((associated, text)) = rest.split_at_checked(usize::from(*associated_len)) else { return };
    let (Ok(nonce), Ok(associated)) = (std::str::from_utf8(nonce), std::str::from_utf8(associated)) else { return };

    let unsealed = opened(nonce, associated, text);
    let Ok(nonce_bytes) = <[u8; 12]>::try_from(nonce.as_bytes()) else {
        assert_eq!(unsealed, Err(Refusal::MalformedNonce));
        return;
    };
    assert_eq!(unsealed, Err(Refusal::Undecryptable));

    let cipher = Aes256Gcm::new_from_slice(KEY.as_bytes()).unwrap();
    let payload = Payload { msg: text, aad: associated.as_bytes() };
    let mut sealed = cipher.encrypt(&nonce_bytes.into(), payload).unwrap();
    assert_eq!(opened(nonce, associated, &sealed).as_deref(), Ok(text));
    let at = text.len() % sealed.len();
    sealed[at] ^= 1 << (associated.len() % 8);
    assert_eq!(opened(nonce, associated, &sealed), Err(Refusal::Undecryptable));
});

fn opened(nonce: &str, associated_data: &str, sealed: &[u8]) -> Result<Vec<u8>, Refusal> {
    let resource = json!({
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": STANDARD.encode(sealed),
        "associated_data": associated_data,
        "nonce": nonce,
    });
    let envelope = json!({ "id": "1", "event_type": "T", "resource": resource });
    fuzzing::open_unsigned_envelope(&KEYS, envelope.to_string().as_bytes())
}
