//! V3: an RSA signature in HTTP headers over the raw body, and an encrypted resource inside it.

use std::borrow::Cow;

use aws_lc_rs::digest::{Context, Digest, SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::keys::MerchantKeys;
use crate::refusal::{Refusal, shortened};
use crate::resource::Sealed;
use crate::verified::{Content, Proof, V3Event, Verified};
use crate::wechatpay_keys::WechatpayKeys;

/// How far a message's time may be from ours, in both directions. WeChat signs each resend anew, so a message that is
/// older than this is not one of its resends but somebody's recording.
const WINDOW_S: u64 = 300;

/// The one signature type of RSA merchants.
const SIGNATURE_TYPE: &str = "WECHATPAY2-SHA256-RSA2048";

/// How WeChat's deliberately wrong signatures begin. It is only looked at after the check has failed.
const PROBE: &str = "WECHATPAY/SIGNTEST/";

/// The longest RSA signature, 8192 bits, and what the base64 decoder may write beyond it.
const SIGNATURE_BUFFER: usize = 1028;

/// The headers of a V3 message, as they came. The names are those of the protocol, without `Wechatpay-`.
#[derive(Clone, Copy, Default)]
pub struct V3Headers<'h> {
    /// `Wechatpay-Timestamp`: Unix seconds.
    pub timestamp: Option<&'h str>,
    /// `Wechatpay-Nonce`.
    pub nonce: Option<&'h str>,
    /// `Wechatpay-Serial`: a certificate's serial or a public key's id.
    pub serial: Option<&'h str>,
    /// `Wechatpay-Signature`: base64.
    pub signature: Option<&'h str>,
    /// `Wechatpay-Signature-Type`; absent means RSA.
    pub signature_type: Option<&'h str>,
}

/// A verified answer of a V3 API. Only this crate can make one.
#[derive(Clone, PartialEq, Eq)]
pub struct V3Answer<'a> {
    proof: Proof,
    body: Cow<'a, [u8]>,
}

impl V3Answer<'_> {
    /// What was proved.
    #[must_use]
    pub fn proof(&self) -> &Proof {
        &self.proof
    }

    /// The body as WeChat signed it: JSON, or nothing (204).
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The same answer with a body of its own.
    #[must_use]
    pub fn into_owned(self) -> V3Answer<'static> {
        V3Answer { proof: self.proof, body: Cow::Owned(self.body.into_owned()) }
    }
}

/// The proof alone is printed: bodies hold openids.
impl std::fmt::Debug for V3Answer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("V3Answer").field("proof", &self.proof).finish_non_exhaustive()
    }
}

impl MerchantKeys {
    /// Verifies a V3 notice and decrypts its resource. `now` is Unix seconds; the message may be 300 s away from it.
    ///
    /// The checks in their order: headers present, time, key, signature over the raw body, JSON, decryption.
    ///
    /// ```
    /// use verify::{ApiV3Key, Content, Generations, MerchantKeys, V3Headers, WechatpayKeys};
    /// # let vectors = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/wechat");
    /// # let read = |name: &str| std::fs::read_to_string(format!("{vectors}/{name}"));
    /// # let file: serde_json::Value = serde_json::from_str(&read("constructed_notices.json")?)?;
    /// # let notice = &file["notices"][1];
    /// # let header = |name: &str| notice["headers"][name].as_str();
    /// # let body = notice["body"].as_str().unwrap();
    /// let mut wechatpay = WechatpayKeys::default();
    /// let id = "PUB_KEY_ID_0116571234562024052000123400000000";
    /// wechatpay.insert_public_key(id, &read("java_wechat_pay_public_key.pem")?)?;
    /// let v3 = Generations::only(ApiV3Key::parse("a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb")?);
    /// let keys = MerchantKeys::new("1230000109", None, Some(v3), wechatpay)?;
    /// let headers = V3Headers {
    ///     timestamp: header("Wechatpay-Timestamp"),
    ///     nonce: header("Wechatpay-Nonce"),
    ///     serial: header("Wechatpay-Serial"),
    ///     signature: header("Wechatpay-Signature"),
    ///     signature_type: header("Wechatpay-Signature-Type"),
    /// };
    /// let verified = keys.verify_v3(&headers, body.as_bytes(), 1_722_850_421)?;
    /// assert!(matches!(verified.content(), Content::V3(event) if event.event_type == "TRANSACTION.SUCCESS"));
    /// assert!(keys.verify_v3(&headers, body.as_bytes(), 1_722_850_421 + 301).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The variants of [`Refusal`] about V3.
    pub fn verify_v3<'a>(&self, headers: &V3Headers<'_>, body: &'a [u8], now: i64) -> Result<Verified<'a>, Refusal> {
        let proof = check_signature(&self.wechatpay, headers, body, now)?;
        let envelope = Envelope::parse(body)?;
        let resource = envelope.resource.open(self.v3.as_ref())?;
        Ok(Verified::new(proof, Content::V3(envelope.with(resource))))
    }

    /// Verifies an answer of a V3 API, empty ones (204) included.
    ///
    /// ```
    /// use verify::{MerchantKeys, Refusal, V3Headers, WechatpayKeys};
    /// let keys = MerchantKeys::new("1230000109", None, None, WechatpayKeys::default())?;
    /// let unsigned = keys.verify_v3_answer(&V3Headers::default(), b"{\"code\":\"SIGN_ERROR\"}", 1_722_850_421);
    /// assert_eq!(unsigned, Err(Refusal::MissingHeader("Wechatpay-Timestamp")));
    /// # Ok::<(), verify::KeyError>(())
    /// ```
    ///
    /// # Errors
    /// The variants of [`Refusal`] about V3 headers and signatures. Error answers may come without headers
    /// ([`Refusal::MissingHeader`]).
    pub fn verify_v3_answer<'a>(
        &self,
        headers: &V3Headers<'_>,
        body: &'a [u8],
        now: i64,
    ) -> Result<V3Answer<'a>, Refusal> {
        let proof = check_signature(&self.wechatpay, headers, body, now)?;
        Ok(V3Answer { proof, body: Cow::Borrowed(body) })
    }
}

pub(crate) fn check_signature(
    keys: &WechatpayKeys,
    headers: &V3Headers<'_>,
    body: &[u8],
    now: i64,
) -> Result<Proof, Refusal> {
    let timestamp = single(headers.timestamp, "Wechatpay-Timestamp")?;
    let nonce = single(headers.nonce, "Wechatpay-Nonce")?;
    let serial = single(headers.serial, "Wechatpay-Serial")?;
    let signature = single(headers.signature, "Wechatpay-Signature")?;
    check_signature_type(headers.signature_type)?;
    check_time(timestamp, now)?;
    let key = keys.public_key(serial).ok_or(Refusal::UnknownSerial)?;
    let refused = |ordinary| if signature.starts_with(PROBE) { Refusal::Probe } else { ordinary };
    let mut buffer = [0; SIGNATURE_BUFFER];
    let signature_len = STANDARD.decode_slice(signature, &mut buffer);
    let decoded = signature_len.ok().and_then(|len| buffer.get(..len));
    let decoded = decoded.ok_or_else(|| refused(Refusal::MalformedHeader("Wechatpay-Signature")))?;
    key.verify_digest_sig(&signed_digest(timestamp, nonce, body), decoded)
        .map_err(|_| refused(Refusal::WrongSignature))?;
    Ok(Proof::WechatpaySignature { serial: serial.to_owned() })
}

/// Absent means RSA: SDK fixtures lack the header, and WeChat sends another type only after the merchant has asked for it.
fn check_signature_type(name: Option<&str>) -> Result<(), Refusal> {
    match name {
        None | Some(SIGNATURE_TYPE) => Ok(()),
        Some(several) if several.contains(',') => Err(Refusal::RepeatedHeader("Wechatpay-Signature-Type")),
        Some(other) => Err(Refusal::UnsupportedSignatureType(shortened(other))),
    }
}

/// The value of a header that must be there once. Only visible ASCII is let through: a line break in the nonce could move
/// the border between nonce and body.
fn single<'h>(value: Option<&'h str>, name: &'static str) -> Result<&'h str, Refusal> {
    let value = value.filter(|value| !value.is_empty()).ok_or(Refusal::MissingHeader(name))?;
    if value.contains(',') {
        return Err(Refusal::RepeatedHeader(name));
    }
    if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Refusal::MalformedHeader(name));
    }
    Ok(value)
}

fn check_time(timestamp: &str, now: i64) -> Result<(), Refusal> {
    let malformed = || Refusal::MalformedHeader("Wechatpay-Timestamp");
    if !timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(malformed());
    }
    let sent: i64 = timestamp.parse().map_err(|_| malformed())?;
    let age_s = now.saturating_sub(sent);
    if age_s.unsigned_abs() <= WINDOW_S { Ok(()) } else { Err(Refusal::Stale { age_s }) }
}

/// SHA-256 of `timestamp\nnonce\nbody\n`; the last line is there even if the body is empty.
fn signed_digest(timestamp: &str, nonce: &str, body: &[u8]) -> Digest {
    let mut context = Context::new(&SHA256);
    for line in [timestamp.as_bytes(), nonce.as_bytes(), body] {
        context.update(line);
        context.update(b"\n");
    }
    context.finish()
}

/// The JSON around a resource. Members that nobody decides by may be absent.
#[derive(Deserialize)]
pub(crate) struct Envelope<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    create_time: Cow<'a, str>,
    #[serde(borrow)]
    event_type: Cow<'a, str>,
    #[serde(borrow, default)]
    resource_type: Cow<'a, str>,
    #[serde(borrow, default)]
    summary: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) resource: Sealed<'a>,
}

impl<'a> Envelope<'a> {
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, Refusal> {
        let text = std::str::from_utf8(body).map_err(|_| Refusal::NotUtf8)?;
        serde_json::from_str(text).map_err(|_| Refusal::MalformedEnvelope)
    }

    /// Names and values, those of `resource` among them.
    pub(crate) fn members(&self) -> [(&'static str, &str); 10] {
        [
            ("id", &self.id),
            ("create_time", &self.create_time),
            ("event_type", &self.event_type),
            ("resource_type", &self.resource_type),
            ("summary", &self.summary),
            ("algorithm", &self.resource.algorithm),
            ("original_type", &self.resource.original_type),
            ("ciphertext", &self.resource.ciphertext),
            ("associated_data", self.resource.associated_data.as_deref().unwrap_or_default()),
            ("nonce", &self.resource.nonce),
        ]
    }

    fn with(self, resource: Vec<u8>) -> V3Event<'a> {
        V3Event {
            id: self.id,
            create_time: self.create_time,
            event_type: self.event_type,
            resource_type: self.resource_type,
            summary: self.summary,
            original_type: self.resource.original_type,
            resource,
        }
    }
}
