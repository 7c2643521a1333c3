//! Faults of V3 bodies. The caller signs again.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{DEPTH, Tamper, V3_BODY_LIMIT, not_applicable};
use crate::{Error, Protocol};

pub(super) fn tampered(body: Vec<u8>, tamper: Tamper) -> Result<Vec<u8>, Error> {
    match tamper {
        Tamper::EmptyBody => Ok(Vec::new()),
        Tamper::NotJson => Ok(b"return_code=SUCCESS".to_vec()),
        Tamper::Oversized => {
            let padding = (V3_BODY_LIMIT + 1).saturating_sub(body.len() + MEMBER.len() + 2);
            Ok(with_member(&body, &format!("\"{}\"", "0".repeat(padding)).into_bytes()))
        }
        // The last one of two equal members counts, or both are an error: either way a reader has to look into it.
        Tamper::DeepNesting => Ok(with_last_member(&body, "resource", &nested_arrays())),
        // 支付 in GBK.
        Tamper::NotUtf8 => Ok(with_member(&body, b"\"\xD6\xA7\xB8\xB6\"")),
        Tamper::BrokenTag => in_resource(&body, "ciphertext", turned_bit),
        Tamper::Sm4Resource => in_resource(&body, "algorithm", |_| Ok("AEAD_SM4_GCM".to_owned())),
        _ => Err(not_applicable(Protocol::V3, tamper)),
    }
}

const MEMBER: &str = "\"x\":,";

/// Puts one more member in front.
fn with_member(body: &[u8], value: &[u8]) -> Vec<u8> {
    let rest = body.strip_prefix(b"{").unwrap_or(body);
    [b"{\"x\":", value, b",", rest].concat()
}

/// Puts one more member at the end.
fn with_last_member(body: &[u8], name: &str, value: &str) -> Vec<u8> {
    let front = body.strip_suffix(b"}").unwrap_or(body);
    [front, format!(",\"{name}\":{value}}}").as_bytes()].concat()
}

fn nested_arrays() -> String {
    ["[".repeat(DEPTH), "]".repeat(DEPTH)].concat()
}

fn in_resource(body: &[u8], member: &str, change: impl Fn(&str) -> Result<String, Error>) -> Result<Vec<u8>, Error> {
    let mut envelope: Value = serde_json::from_slice(body)?;
    if let Some(value) = envelope.pointer_mut(&format!("/resource/{member}")) {
        *value = change(value.as_str().unwrap_or_default())?.into();
    }
    Ok(serde_json::to_vec(&envelope)?)
}

fn turned_bit(ciphertext: &str) -> Result<String, Error> {
    let mut sealed = STANDARD.decode(ciphertext).map_err(|_| Error::Crypto("read its own ciphertext"))?;
    if let Some(byte) = sealed.last_mut() {
        *byte ^= 1;
    }
    Ok(STANDARD.encode(sealed))
}
