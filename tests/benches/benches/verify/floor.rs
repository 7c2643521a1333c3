//! The floor: what no verifier can do without, from crates made by others alone, on the same bytes.
//!
//! | V2, passes over the body | V3, passes over body and headers |
//! |---|---|
//! | UTF-8 | SHA-256 of time, nonce and body |
//! | quick-xml events, into borrowed names and values | base64 of the signature; RSA-2048 verify, key parsed before |
//! | sort by name | UTF-8; serde_json, envelope typed and borrowed |
//! | join and MD5 (md-5), or HMAC-SHA256 with its key kept (aws-lc-rs) | base64 of the ciphertext; AES-256-GCM open (aes-gcm), key schedule kept |
//! | hex of `sign`, compare | UTF-8; serde_json, resource typed and borrowed |
//!
//! quick-xml comes with events for the blanks between elements. papay switches them off, and the second V2 floor does too: it shows
//! what is left when the floor may use every trick that papay uses.
//!
//! It checks no limits, no encoding, no times, no merchant and no kind, allows what must be refused (repeated elements,
//! attributes, entities), tries one key, and makes no value of its own: its result borrows from the body.

use std::borrow::Cow;
use std::hint::black_box;

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit};
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde::Deserialize;

/// The passes, for the output.
pub(crate) const V2_PASSES: &str = "UTF-8, quick-xml events, sort, join + MD5 or HMAC-SHA256, hex";
pub(crate) const V3_PASSES: &str = "SHA-256, base64 + RSA-2048 verify, UTF-8 + serde_json typed envelope, base64 + AES-256-GCM open, UTF-8 + serde_json typed resource";

/// The keys, as a verifier keeps them.
pub(crate) struct Keys {
    v2: Vec<u8>,
    hmac: hmac::Key,
    cipher: Aes256Gcm,
    rsa: ParsedPublicKey,
}

impl Keys {
    pub(crate) fn new(v2: &str, v3: &str, spki_der: &[u8]) -> Option<Self> {
        Some(Self {
            v2: v2.as_bytes().to_vec(),
            hmac: hmac::Key::new(hmac::HMAC_SHA256, v2.as_bytes()),
            cipher: Aes256Gcm::new_from_slice(v3.as_bytes()).ok()?,
            rsa: ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, spki_der).ok()?,
        })
    }
}

type Fields<'a> = Vec<(BytesStart<'a>, Cow<'a, str>)>;

/// How a V2 floor works.
#[derive(Clone, Copy)]
pub(crate) struct V2 {
    /// HMAC-SHA256 instead of MD5.
    pub(crate) hmac_sha256: bool,
    /// Whether the parser makes no events of the blanks between elements. It makes them as it comes.
    pub(crate) skip_blanks: bool,
}

/// V2: the sorted fields if `sign` is right.
pub(crate) fn v2<'a>(keys: &Keys, body: &'a [u8], how: V2) -> Option<Fields<'a>> {
    let mut fields = read_xml(std::str::from_utf8(body).ok()?, how.skip_blanks)?;
    fields.sort_unstable_by(|one, other| one.0.name().cmp(&other.0.name()));
    let sign = fields.iter().find(|field| field.0.name().as_ref() == "sign").map(|field| field.1.as_bytes())?;
    let signed = fields.iter().filter(|field| field.0.name().as_ref() != "sign" && !field.1.is_empty());
    let text = join(signed, &keys.v2);
    let fits = if how.hmac_sha256 {
        let mut told = [0; 32];
        hex::decode_to_slice(sign, &mut told).ok()?;
        hmac::sign(&keys.hmac, &text).as_ref() == told
    } else {
        let mut told = [0; 16];
        hex::decode_to_slice(sign, &mut told).ok()?;
        Md5::digest(&text).as_slice() == told
    };
    fits.then_some(fields)
}

fn read_xml(text: &str, skip_blanks: bool) -> Option<Fields<'_>> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().trim_text_start = skip_blanks;
    let mut fields = Vec::with_capacity(18);
    let mut open: Option<BytesStart<'_>> = None;
    let mut value = Cow::Borrowed("");
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => open = Some(start),
            Event::CData(part) if open.is_some() => value = part.into_inner(),
            Event::Text(part) if open.is_some() => value = part.into_inner(),
            Event::End(_) => {
                if let Some(start) = open.take() {
                    fields.push((start, std::mem::take(&mut value)));
                }
            }
            Event::Eof => return Some(fields),
            _ => {}
        }
    }
}

fn join<'f, 'a: 'f>(fields: impl Iterator<Item = &'f (BytesStart<'a>, Cow<'a, str>)>, key: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(1024);
    for (name, value) in fields {
        text.extend_from_slice(name.name().as_ref().as_bytes());
        text.push(b'=');
        text.extend_from_slice(value.as_bytes());
        text.push(b'&');
    }
    text.extend_from_slice(b"key=");
    text.extend_from_slice(key);
    text
}

/// The headers of a V3 notice.
pub(crate) struct Headers<'h> {
    pub(crate) timestamp: &'h str,
    pub(crate) nonce: &'h str,
    pub(crate) signature: &'h str,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "members that nobody looks at are read all the same")]
struct Envelope<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    create_time: Cow<'a, str>,
    #[serde(borrow)]
    event_type: Cow<'a, str>,
    #[serde(borrow)]
    resource: Sealed<'a>,
}

#[derive(Deserialize)]
struct Sealed<'a> {
    #[serde(borrow)]
    ciphertext: Cow<'a, str>,
    #[serde(borrow)]
    associated_data: Cow<'a, str>,
    #[serde(borrow)]
    nonce: Cow<'a, str>,
}

/// Reads the resource of a kind of notice.
pub(crate) type ReadResource = fn(&str) -> Option<()>;

/// V3: whether signature and tag are right and the resource can be read.
pub(crate) fn v3(keys: &Keys, headers: &Headers<'_>, body: &[u8], read: ReadResource) -> Option<()> {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in [headers.timestamp.as_bytes(), headers.nonce.as_bytes(), body] {
        context.update(part);
        context.update(b"\n");
    }
    let mut signature = [0; 260];
    let length = STANDARD.decode_slice(headers.signature, &mut signature).ok()?;
    keys.rsa.verify_digest_sig(&context.finish(), signature.get(..length)?).ok()?;
    let Envelope { resource, .. } = serde_json::from_str(std::str::from_utf8(body).ok()?).ok()?;
    let mut buffer = STANDARD.decode(resource.ciphertext.as_bytes()).ok()?;
    let nonce: [u8; 12] = resource.nonce.as_bytes().try_into().ok()?;
    let (text, tag) = buffer.split_last_chunk_mut::<16>()?;
    let tag = (*tag).into();
    keys.cipher.decrypt_inout_detached(&nonce.into(), resource.associated_data.as_bytes(), text.into(), &tag).ok()?;
    let end = buffer.len().checked_sub(16)?;
    read(std::str::from_utf8(buffer.get(..end)?).ok()?)
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what is read is not looked at")]
struct Payment<'a> {
    #[serde(borrow)]
    mchid: Cow<'a, str>,
    #[serde(borrow)]
    appid: Cow<'a, str>,
    #[serde(borrow)]
    out_trade_no: Cow<'a, str>,
    #[serde(borrow)]
    transaction_id: Cow<'a, str>,
    #[serde(borrow)]
    trade_type: Cow<'a, str>,
    #[serde(borrow)]
    trade_state: Cow<'a, str>,
    #[serde(borrow)]
    success_time: Cow<'a, str>,
    #[serde(borrow)]
    payer: Payer<'a>,
    #[serde(borrow)]
    amount: PaymentAmount<'a>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what is read is not looked at")]
struct Payer<'a> {
    #[serde(borrow)]
    openid: Cow<'a, str>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what is read is not looked at")]
struct PaymentAmount<'a> {
    total: u64,
    #[serde(borrow)]
    currency: Cow<'a, str>,
}

/// Reads the resource of a payment notice.
pub(crate) fn payment(resource: &str) -> Option<()> {
    serde_json::from_str::<Payment<'_>>(resource).ok().map(|payment| drop(black_box(payment)))
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what is read is not looked at")]
struct Refund<'a> {
    #[serde(borrow)]
    mchid: Cow<'a, str>,
    #[serde(borrow)]
    out_trade_no: Cow<'a, str>,
    #[serde(borrow)]
    transaction_id: Cow<'a, str>,
    #[serde(borrow)]
    out_refund_no: Cow<'a, str>,
    #[serde(borrow)]
    refund_id: Cow<'a, str>,
    #[serde(borrow)]
    refund_status: Cow<'a, str>,
    #[serde(borrow)]
    success_time: Cow<'a, str>,
    amount: RefundAmount,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what is read is not looked at")]
struct RefundAmount {
    total: u64,
    refund: u64,
}

/// Reads the resource of a refund notice.
pub(crate) fn refund(resource: &str) -> Option<()> {
    serde_json::from_str::<Refund<'_>>(resource).ok().map(|refund| drop(black_box(refund)))
}
