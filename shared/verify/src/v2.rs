//! V2: the signature is inside the body, over every field.

use aws_lc_rs::cipher::{AES_256, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};

use crate::keys::{ApiV2Key, MerchantKeys};
use crate::refusal::{Refusal, shortened};
use crate::verified::{Content, Proof, SignAlgorithm, Verified};
use crate::xml::V2Fields;

/// An answer of a V2 API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum V2Answer<'a> {
    /// Signed by WeChat.
    Signed(Verified<'a>),
    /// An error answer without `sign`, as WeChat sends them (`return_code` FAIL, `querycontract` -25 and -48). Only TLS
    /// speaks for it: use it for the next safe step, never as proof of anything.
    Unsigned(V2Fields<'a>),
}

impl V2Answer<'_> {
    /// The same answer without the body it was read from.
    #[must_use]
    pub fn into_owned(self) -> V2Answer<'static> {
        match self {
            V2Answer::Signed(verified) => V2Answer::Signed(verified.into_owned()),
            V2Answer::Unsigned(fields) => V2Answer::Unsigned(fields.into_owned()),
        }
    }
}

impl MerchantKeys {
    /// Verifies a V2 notice: `sign` over all received non-empty fields except itself, by the algorithm that `sign_type`
    /// names or else the length of `sign` shows.
    ///
    /// ```
    /// use verify::{ApiV2Key, Content, Generations, MerchantKeys, Proof, SignAlgorithm, WechatpayKeys};
    /// let v2 = Generations::only(ApiV2Key::parse("192006250b4c09247ec02edce69f6a2d")?);
    /// let keys = MerchantKeys::new("10000100", Some(v2), None, WechatpayKeys::default())?;
    /// let body = b"<xml><appid>wxd930ea5d5a258f4f</appid><mch_id>10000100</mch_id><device_info>1000</device_info>\
    ///     <body>test</body><nonce_str>ibuaiVcKdpRxkhJA</nonce_str><sign>9A0A8659F005D6984697E2CA0A9CF3B7</sign></xml>";
    /// let verified = keys.verify_v2(body)?;
    /// assert_eq!(*verified.proof(), Proof::V2Sign(SignAlgorithm::Md5));
    /// assert!(matches!(verified.content(), Content::V2(fields) if fields.get("body") == Some("test")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The variants of [`Refusal`] about V2.
    pub fn verify_v2<'a>(&self, body: &'a [u8]) -> Result<Verified<'a>, Refusal> {
        let fields = V2Fields::parse(body, "xml")?;
        self.signed(fields)
    }

    /// Opens a V2 refund notice. It has no `sign`; all that is proved is that `req_info` was encrypted with our key.
    ///
    /// ```
    /// use verify::{ApiV2Key, Content, Generations, MerchantKeys, WechatpayKeys};
    /// # let vectors = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/wechat");
    /// # let read = |name: &str| std::fs::read_to_string(format!("{vectors}/{name}"));
    /// let v2 = Generations::only(ApiV2Key::parse("192006250b4c09247ec02edce69f6a2d")?);
    /// let keys = MerchantKeys::new("10000100", Some(v2), None, WechatpayKeys::default())?;
    /// let body = read("samples/v2/signed-refund-notice-decryptable.xml")?;
    /// let verified = keys.verify_v2_refund(body.as_bytes())?;
    /// let Content::V2Refund { refund, .. } = verified.content() else { panic!() };
    /// assert_eq!(refund.get("refund_status"), Some("SUCCESS"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Refusal::MissingReqInfo`], [`Refusal::UndecryptableReqInfo`], [`Refusal::NoKey`], and those about the body's form.
    pub fn verify_v2_refund<'a>(&self, body: &'a [u8]) -> Result<Verified<'a>, Refusal> {
        let outer = V2Fields::parse(body, "xml")?;
        let req_info = outer.trimmed("req_info").filter(|text| !text.is_empty()).ok_or(Refusal::MissingReqInfo)?;
        let sealed = STANDARD.decode(req_info).map_err(|_| Refusal::UndecryptableReqInfo)?;
        let generations = self.v2.as_ref().ok_or(Refusal::NoKey("APIv2 key"))?;
        let refund = generations.iter().find_map(|key| open_req_info(key, &sealed));
        let refund = refund.ok_or(Refusal::UndecryptableReqInfo)?;
        Ok(Verified::new(Proof::V2Decryption, Content::V2Refund { outer, refund }))
    }

    /// Verifies the answer of a V2 API. Only an answer that reports an error may come without `sign`.
    ///
    /// ```
    /// use verify::{MerchantKeys, V2Answer, WechatpayKeys};
    /// let keys = MerchantKeys::new("10000100", None, None, WechatpayKeys::default())?;
    /// let answer = keys.verify_v2_answer(b"<xml><return_code>FAIL</return_code></xml>")?;
    /// assert!(matches!(answer, V2Answer::Unsigned(_)));
    /// assert!(keys.verify_v2_answer(b"<xml><return_code>SUCCESS</return_code></xml>").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`MerchantKeys::verify_v2`].
    pub fn verify_v2_answer<'a>(&self, body: &'a [u8]) -> Result<V2Answer<'a>, Refusal> {
        let fields = V2Fields::parse(body, "xml")?;
        let failed = |code| fields.trimmed(code) == Some("FAIL");
        if fields.get("sign").is_none() && (failed("return_code") || failed("result_code")) {
            return Ok(V2Answer::Unsigned(fields));
        }
        self.signed(fields).map(V2Answer::Signed)
    }

    fn signed<'a>(&self, fields: V2Fields<'a>) -> Result<Verified<'a>, Refusal> {
        let sign = fields.trimmed("sign").filter(|sign| !sign.is_empty()).ok_or(Refusal::MissingSign)?;
        let algorithm = algorithm(sign, fields.trimmed("sign_type"))?;
        let generations = self.v2.as_ref().ok_or(Refusal::NoKey("APIv2 key"))?;
        let signed_fields = || fields.iter().filter(|(name, _)| *name != "sign");
        let fits = match algorithm {
            SignAlgorithm::Md5 => {
                let sign = decoded::<16>(sign)?;
                generations.iter().any(|key| verify_slices_are_equal(&md5_sign(signed_fields(), key), &sign).is_ok())
            }
            SignAlgorithm::HmacSha256 => {
                let sign = decoded::<32>(sign)?;
                generations
                    .iter()
                    .any(|key| verify_slices_are_equal(hmac_sign(signed_fields(), key).as_ref(), &sign).is_ok())
            }
        };
        if fits { Ok(Verified::new(Proof::V2Sign(algorithm), Content::V2(fields))) } else { Err(Refusal::WrongSign) }
    }
}

/// `sign_type` decides if it is there, otherwise the length of `sign`; they must not disagree.
fn algorithm(sign: &str, sign_type: Option<&str>) -> Result<SignAlgorithm, Refusal> {
    let by_length = match sign.len() {
        32 => SignAlgorithm::Md5,
        64 => SignAlgorithm::HmacSha256,
        _ => return Err(Refusal::MalformedSign),
    };
    match sign_type {
        None => Ok(by_length),
        Some(name) if name == by_length.name() => Ok(by_length),
        Some("MD5" | "HMAC-SHA256") => Err(Refusal::SignTypeMismatch),
        Some(other) => Err(Refusal::UnsupportedSignatureType(shortened(other))),
    }
}

/// Bytes are compared instead of text, so upper and lower case are the same.
fn decoded<const N: usize>(sign: &str) -> Result<[u8; N], Refusal> {
    let mut bytes = [0; N];
    hex::decode_to_slice(sign, &mut bytes).map_err(|_| Refusal::MalformedSign)?;
    Ok(bytes)
}

/// MD5 over `a=1&b=2&key=…`. The fields come sorted, non-empty and without `sign`.
pub(crate) fn md5_sign<'f>(fields: impl Iterator<Item = (&'f str, &'f str)>, key: &ApiV2Key) -> [u8; 16] {
    let mut hasher = Md5::new();
    hasher.update(joined(fields));
    hasher.update(b"key=");
    hasher.update(key.ascii());
    hasher.finalize().into()
}

/// HMAC-SHA256 over the same text, the key at its end included.
pub(crate) fn hmac_sign<'f>(fields: impl Iterator<Item = (&'f str, &'f str)>, key: &ApiV2Key) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key.hmac());
    context.update(&joined(fields));
    context.update(b"key=");
    context.update(key.ascii());
    context.sign()
}

/// The signed text up to the key, which is not copied. One buffer is faster than eighty small updates of a hash.
fn joined<'f>(fields: impl Iterator<Item = (&'f str, &'f str)>) -> Vec<u8> {
    let mut text = Vec::with_capacity(1024);
    for (name, value) in fields {
        text.extend_from_slice(name.as_bytes());
        text.push(b'=');
        text.extend_from_slice(value.as_bytes());
        text.push(b'&');
    }
    text
}

/// AES-256-ECB with PKCS#7; the key is the **text** of the lower-case hexadecimal MD5 of the APIv2 key. What is inside is
/// XML with the root `<root>`. A wrong key gives a readable padding once in 256 times, so the reading decides too.
fn open_req_info(key: &ApiV2Key, sealed: &[u8]) -> Option<V2Fields<'static>> {
    let mut buffer = sealed.to_vec();
    let plaintext = decrypt_ecb(key, &mut buffer).ok()?;
    let fields = V2Fields::parse(plaintext, "root").ok()?;
    Some(fields.into_owned())
}

fn decrypt_ecb<'b>(key: &ApiV2Key, buffer: &'b mut [u8]) -> Result<&'b [u8], Unspecified> {
    let aes_key = hex::encode(Md5::digest(key.ascii()));
    let cipher = PaddedBlockDecryptingKey::ecb_pkcs7(UnboundCipherKey::new(&AES_256, aes_key.as_bytes())?)?;
    let plaintext = cipher.decrypt(buffer, DecryptionContext::None)?;
    Ok(plaintext)
}
