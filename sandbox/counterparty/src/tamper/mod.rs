//! Every way in which a notification can be wrong. Where a fault is not about the signature, the signature holds, so that nothing
//! but the fault itself can be the reason for a refusal.

mod json;
mod xml;

use crate::v3::{NONCE, SERIAL, SIGNATURE, SIGNATURE_TYPE, TIMESTAMP};
use crate::{Error, Protocol, SignedRequest, V3_SM2_SIGNATURE_TYPE, WechatPay};

/// The largest V2 body that papay reads, in bytes.
pub const V2_BODY_LIMIT: usize = 64 * 1024;
/// The largest V3 body that papay reads, in bytes (1.2 MiB): a ciphertext may have 1 048 576 characters.
pub const V3_BODY_LIMIT: usize = 1_258_291;

/// A fault. The second half of each line says whether the signature still holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tamper {
    /// The lowest bit of the byte at this position (modulo the length) is turned. V2 and V3; signature broken.
    AlteredByte(usize),
    /// V2: `total_fee` is one fen. Signature broken.
    AlteredAmount,
    /// The body is empty. V2 cannot sign it; V3 signature holds.
    EmptyBody,
    /// One byte more than papay reads. Signature holds.
    Oversized,
    /// A value that is GBK, not UTF-8. Signature holds over the raw bytes.
    NotUtf8,
    /// Two thousand elements inside each other, or arrays where `resource` should be. Signature holds.
    DeepNesting,
    /// V2: no `sign`.
    MissingSign,
    /// V2: an empty `sign`.
    EmptySign,
    /// V2: the first element occurs a second time, in front, with another value. Signature holds for whoever keeps the last.
    RepeatedFirst,
    /// V2: the first element occurs a second time, at the end, with another value. Signature holds for whoever keeps the first.
    RepeatedLast,
    /// V2: a document type declaration and nothing else. Signature holds.
    Doctype,
    /// V2: an external entity (XXE) that names a local file, referred to in an extra element. Signature holds if it is read as empty.
    ExternalEntity,
    /// V2: a billion laughs. Signature holds if the entity is read as empty.
    EntityBomb,
    /// V2: the XML declaration says GBK; the bytes stay UTF-8. Signature holds.
    GbkDeclaration,
    /// V3: `Wechatpay-Timestamp` is 301 s ago. Signature holds.
    Stale,
    /// V3: `Wechatpay-Timestamp` is 330 s ahead: half a minute on its way must not bring it into the window. Signature holds.
    FromTheFuture,
    /// V3: `Wechatpay-Timestamp` is the smallest 64-bit number. Signature holds.
    AbsurdTimestamp,
    /// V3: `Wechatpay-Serial` names a certificate that nobody has. The signature would hold under the known key.
    UnknownSerial,
    /// V3: a signature probe, `WECHATPAY/SIGNTEST/…` (<https://pay.weixin.qq.com/doc/v3/merchant/4012075420>).
    SigntestProbe,
    /// V3: `Wechatpay-Signature` is not base64.
    WrongBase64,
    /// V3: `Wechatpay-Signature` lacks its last character.
    ShortSignature,
    /// V3: one of the four headers is missing.
    MissingHeader(WechatpayHeader),
    /// V3: one of the four headers comes twice, with the same value.
    DoubledHeader(WechatpayHeader),
    /// V3: `Wechatpay-Signature-Type` says SM2 with SM3; the RSA signature holds.
    Sm2SignatureType,
    /// V3: `resource.algorithm` says `AEAD_SM4_GCM`. Signature holds.
    Sm4Resource,
    /// V3: one bit of the sealed resource is turned. Signature holds, the tag does not.
    BrokenTag,
    /// V3: the body is no JSON. Signature holds.
    NotJson,
}

/// The four headers that carry the proof of a V3 message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WechatpayHeader {
    /// `Wechatpay-Serial`
    Serial,
    /// `Wechatpay-Signature`
    Signature,
    /// `Wechatpay-Timestamp`
    Timestamp,
    /// `Wechatpay-Nonce`
    Nonce,
}

impl WechatpayHeader {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Serial, Self::Signature, Self::Timestamp, Self::Nonce];

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Serial => SERIAL,
            Self::Signature => SIGNATURE,
            Self::Timestamp => TIMESTAMP,
            Self::Nonce => NONCE,
        }
    }
}

impl WechatPay {
    /// The request with a fault in it. `self` must be the one who signed it.
    ///
    /// # Errors
    /// [`Error::NotApplicable`] if the protocol has no such fault, or the body is not one that this crate made.
    pub fn tampered(&self, request: SignedRequest, tamper: Tamper) -> Result<SignedRequest, Error> {
        match (tamper, request.protocol) {
            (Tamper::AlteredByte(at), _) => Ok(altered_byte(request, at)),
            (_, Protocol::V2) => xml::tampered(self, request, tamper),
            (_, Protocol::V3) => self.tampered_v3(request, tamper),
        }
    }

    fn tampered_v3(&self, mut request: SignedRequest, tamper: Tamper) -> Result<SignedRequest, Error> {
        match tamper {
            Tamper::Stale => self.moved(request, -301),
            Tamper::FromTheFuture => self.moved(request, 330),
            Tamper::AbsurdTimestamp => self.signed_again(request, i64::MIN),
            Tamper::UnknownSerial => {
                request.set_header(SERIAL, "0000000000000000000000000000000000000000");
                Ok(request)
            }
            Tamper::SigntestProbe => {
                request.set_header(SIGNATURE, SIGNTEST);
                Ok(request)
            }
            Tamper::WrongBase64 => {
                request.set_header(SIGNATURE, "!this is not base64!");
                Ok(request)
            }
            Tamper::ShortSignature => {
                let mut signature = request.header(SIGNATURE).unwrap_or_default().to_owned();
                signature.pop();
                request.set_header(SIGNATURE, &signature);
                Ok(request)
            }
            Tamper::MissingHeader(header) => {
                request.remove_header(header.as_str());
                Ok(request)
            }
            Tamper::DoubledHeader(header) => {
                let value = request.header(header.as_str()).unwrap_or_default().to_owned();
                request.headers.push((header.as_str().to_owned(), value));
                Ok(request)
            }
            Tamper::Sm2SignatureType => {
                request.set_header(SIGNATURE_TYPE, V3_SM2_SIGNATURE_TYPE);
                Ok(request)
            }
            _ => {
                request.body = json::tampered(request.body, tamper)?;
                self.moved(request, 0)
            }
        }
    }

    /// Signs again with a timestamp so many seconds away.
    fn moved(&self, request: SignedRequest, seconds: i64) -> Result<SignedRequest, Error> {
        let now = request.header(TIMESTAMP).and_then(|text| text.parse::<i64>().ok()).unwrap_or_default();
        self.signed_again(request, now.saturating_add(seconds))
    }

    fn signed_again(&self, request: SignedRequest, now: i64) -> Result<SignedRequest, Error> {
        let key = request.header(SERIAL).unwrap_or_default();
        let nonce = request.header(NONCE).unwrap_or_default().to_owned();
        let occasion = crate::Occasion { now, nonce };
        self.v3_request(request.body.clone(), Some(key), &occasion)
    }
}

/// The probe of the documentation: <https://pay.weixin.qq.com/doc/v3/merchant/4013070368>.
pub const SIGNTEST: &str = "WECHATPAY/SIGNTEST/c0k+ZP6cSbveFpn0U5Bhq1Evz0A0rmmhGyuFXGqAtrlspDr3wrmaeauXJT6YYD4OmnDi767TImhRdV9hdmU0T5ZVfkOB/zka3mYthkxJ9V6UMoI4QLGogSG1mnYjZGa6zGy1+8WInqosp0+6eBJuul55xwf3oEIpNMxAl4NL0QHr5nLfB0b0PZQSU9rZneOtDjdNtDCGEtcwV6H1eTdLpFrw2wCtiWJDw6tQwR1IfGVtdE4FKJQvYmOT7udgR6XfLdvzwbJsifpxvuG9q23OQF1i4PndT7AP8ykhKUEZayTrYGWdobrljFh2nu9Ng7divjg==";

/// Enough to exhaust the stack of a reader that recurses, and short enough for the size limit.
const DEPTH: usize = 2_000;

fn altered_byte(mut request: SignedRequest, at: usize) -> SignedRequest {
    let at = at.checked_rem(request.body.len()).unwrap_or_default();
    if let Some(byte) = request.body.get_mut(at) {
        *byte ^= 1;
    }
    request
}

fn not_applicable(protocol: Protocol, tamper: Tamper) -> Error {
    Error::NotApplicable { protocol, fault: format!("{tamper:?}") }
}
