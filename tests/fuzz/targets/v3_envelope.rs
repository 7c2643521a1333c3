//! The reader of V3 envelopes: what it reads, a second JSON reader reads too, and it reads the same after rendering.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use verify::{ApiV3Key, Generations, Refusal, fuzzing};

static KEYS: LazyLock<Generations<ApiV3Key>> = LazyLock::new(|| Generations {
    current: ApiV3Key::parse("0123456789abcdef0123456789abcdef").unwrap(),
    previous: Some(ApiV3Key::parse("a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb").unwrap()),
});

fuzz_target!(|body: &[u8]| {
    let opened = fuzzing::open_unsigned_envelope(&KEYS, body);
    let members = match fuzzing::envelope_members(body) {
        Ok(members) => members,
        Err(refusal) => {
            assert!(matches!(refusal, Refusal::NotUtf8 | Refusal::MalformedEnvelope));
            assert_eq!(opened, Err(refusal));
            return;
        }
    };
    // The second reader gives up at 128 levels; ours skips what it does not know.
    if let Ok(second) = serde_json::from_slice::<Value>(body) {
        assert_eq!(second["event_type"], members["event_type"]);
        assert_eq!(second["resource"]["ciphertext"], members["ciphertext"]);
    }
    let resource = json!({
        "algorithm": members["algorithm"],
        "original_type": members["original_type"],
        "ciphertext": members["ciphertext"],
        "associated_data": members["associated_data"],
        "nonce": members["nonce"],
    });
    let rendered = json!({
        "id": members["id"],
        "create_time": members["create_time"],
        "event_type": members["event_type"],
        "resource_type": members["resource_type"],
        "summary": members["summary"],
        "resource": resource,
    });
    let rendered = rendered.to_string();
    assert_eq!(fuzzing::envelope_members(rendered.as_bytes()).as_ref(), Ok(&members));
    assert_eq!(fuzzing::open_unsigned_envelope(&KEYS, rendered.as_bytes()), opened);
});
