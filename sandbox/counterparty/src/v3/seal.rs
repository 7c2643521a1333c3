//! The signature of the headers and the seal of the resource.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::request::common_headers;
use crate::{Answer, Error, Occasion, Protocol, SignedRequest, WechatPay};

/// The only signature type of merchants without SM (<https://pay.weixin.qq.com/doc/v3/merchant/4013053249>).
pub const V3_SIGNATURE_TYPE: &str = "WECHATPAY2-SHA256-RSA2048";
/// The type of merchants with SM cryptography (国密), <https://pay.weixin.qq.com/doc/v3/merchant/4012075987>.
pub const V3_SM2_SIGNATURE_TYPE: &str = "WECHATPAY2-SM2-WITH-SM3";

pub(crate) const SERIAL: &str = "Wechatpay-Serial";
pub(crate) const SIGNATURE: &str = "Wechatpay-Signature";
pub(crate) const TIMESTAMP: &str = "Wechatpay-Timestamp";
pub(crate) const NONCE: &str = "Wechatpay-Nonce";
pub(crate) const SIGNATURE_TYPE: &str = "Wechatpay-Signature-Type";

impl WechatPay {
    /// Any body as a V3 notification: each sending has its own timestamp, nonce and signature, the body stays.
    /// `key` names a certificate serial or public key id; `None` takes the first.
    ///
    /// # Errors
    /// There is no such key.
    pub fn v3_request(&self, body: Vec<u8>, key: Option<&str>, occasion: &Occasion) -> Result<SignedRequest, Error> {
        let mut headers = common_headers(&occasion.nonce);
        headers.extend(self.v3_headers(&body, key, occasion)?);
        Ok(SignedRequest { protocol: Protocol::V3, headers, content_type: "application/json", body })
    }

    /// WeChat's answer to a V3 call, with the `Wechatpay-*` headers. An empty body stays without `Content-Type`, as 204 has it.
    ///
    /// # Errors
    /// There is no such key.
    pub fn v3_answer(
        &self,
        status: u16,
        body: Vec<u8>,
        key: Option<&str>,
        occasion: &Occasion,
    ) -> Result<Answer, Error> {
        let mut headers = self.v3_headers(&body, key, occasion)?;
        if !body.is_empty() {
            headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
        }
        headers.push(("Request-ID".to_owned(), occasion.nonce.clone()));
        Ok(Answer { status, headers, body })
    }

    /// The success without content, signed over an empty body: closing an order, a pre-deduction notice.
    ///
    /// # Errors
    /// There is no such key.
    pub fn v3_no_content(&self, key: Option<&str>, occasion: &Occasion) -> Result<Answer, Error> {
        self.v3_answer(204, Vec::new(), key, occasion)
    }

    /// The base64 RSA-SHA256 signature over `timestamp\nnonce\nbody\n`.
    ///
    /// # Errors
    /// There is no such key.
    pub fn v3_sign(&self, body: &[u8], key: Option<&str>, occasion: &Occasion) -> Result<String, Error> {
        let (_, key) = self.signing_key(key)?;
        key.sign(&v3_message(&occasion.now.to_string(), &occasion.nonce, body))
    }

    /// Whether the key of that id has signed such a message: the merchant's view.
    #[must_use]
    pub fn v3_has_signed(&self, key: &str, timestamp: &str, nonce: &str, body: &[u8], signature: &str) -> bool {
        let known = self.signing_key(Some(key));
        known.is_ok_and(|(_, key)| key.has_signed(&v3_message(timestamp, nonce, body), signature))
    }

    /// Opens what [`WechatPay::v3_seal`] has sealed: the merchant's view.
    ///
    /// # Errors
    /// Another APIv3 key has sealed it, or it was altered.
    pub fn v3_open(&self, sealed: &str, nonce: &str, associated_data: &str) -> Result<Vec<u8>, Error> {
        let refused = || Error::Crypto("open the resource");
        let nonce: [u8; 12] = nonce.as_bytes().try_into().map_err(|_| refused())?;
        let key = UnboundKey::new(&AES_256_GCM, self.api_v3_key()).map_err(|_| refused())?;
        let mut opened = STANDARD.decode(sealed).map_err(|_| refused())?;
        let aad = Aad::from(associated_data.as_bytes());
        let opened = LessSafeKey::new(key).open_in_place(Nonce::assume_unique_for_key(nonce), aad, &mut opened);
        Ok(opened.map_err(|_| refused())?.to_vec())
    }

    /// Base64 of the AES-256-GCM ciphertext and its tag, under the APIv3 key (<https://pay.weixin.qq.com/doc/v3/merchant/4012071382>).
    ///
    /// # Errors
    /// None in practice.
    pub fn v3_seal(&self, plaintext: &[u8], nonce: [u8; 12], associated_data: &str) -> Result<String, Error> {
        let refused = |_| Error::Crypto("seal the resource");
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, self.api_v3_key()).map_err(refused)?);
        let mut sealed = plaintext.to_vec();
        key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(associated_data.as_bytes()),
            &mut sealed,
        )
        .map_err(refused)?;
        Ok(STANDARD.encode(sealed))
    }

    fn v3_headers(&self, body: &[u8], key: Option<&str>, occasion: &Occasion) -> Result<Vec<(String, String)>, Error> {
        let (id, _) = self.signing_key(key)?;
        let headers = [
            (SERIAL, id.to_owned()),
            (SIGNATURE, self.v3_sign(body, key, occasion)?),
            (TIMESTAMP, occasion.now.to_string()),
            (NONCE, occasion.nonce.clone()),
            (SIGNATURE_TYPE, V3_SIGNATURE_TYPE.to_owned()),
        ];
        Ok(headers.map(|(name, value)| (name.to_owned(), value)).to_vec())
    }
}

fn v3_message(timestamp: &str, nonce: &str, body: &[u8]) -> Vec<u8> {
    let mut message = format!("{timestamp}\n{nonce}\n").into_bytes();
    message.extend_from_slice(body);
    message.push(b'\n');
    message
}
