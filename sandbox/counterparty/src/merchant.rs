//! The merchant as WeChat Pay knows it: who calls a V3 API.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;

use crate::{Error, Occasion, V3_SIGNATURE_TYPE};

/// WeChat refuses a call whose timestamp is further away (<https://pay.weixin.qq.com/doc/v3/merchant/4012365342>).
const LONGEST_AGE_S: i64 = 300;

/// The key with which a merchant signs its V3 calls, of which WeChat Pay has the certificate.
#[derive(Clone)]
pub struct MerchantKey {
    serial: String,
    pair: Arc<RsaKeyPair>,
}

/// A V3 call of a merchant, as far as its signature covers it.
#[derive(Clone, Copy)]
pub struct V3Call<'a> {
    /// `POST`, `GET`, …
    pub method: &'a str,
    /// Path and query.
    pub target: &'a str,
    /// The body as received.
    pub body: &'a [u8],
    /// The `Authorization` header.
    pub authorization: &'a str,
}

impl MerchantKey {
    /// A private key (PKCS#8 PEM) under the serial of its certificate. WeChat Pay has the certificate only; a test merchant signs with it.
    ///
    /// # Errors
    /// The PEM must hold an RSA private key.
    pub fn of_private_key(serial: &str, pkcs8_pem: &str) -> Result<Self, Error> {
        let unreadable = |reason: String| Error::Key { id: serial.to_owned(), reason };
        let der = PrivatePkcs8KeyDer::from_pem_slice(pkcs8_pem.as_bytes()).map_err(|e| unreadable(e.to_string()))?;
        let pair = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|e| unreadable(e.to_string()))?;
        Ok(Self { serial: serial.to_owned(), pair: Arc::new(pair) })
    }

    /// The `Authorization` header of a call, as the merchant makes it.
    ///
    /// # Errors
    /// None in practice.
    pub fn authorization(
        &self,
        method: &str,
        target: &str,
        body: &[u8],
        mch_id: &str,
        at: &Occasion,
    ) -> Result<String, Error> {
        let timestamp = at.now.to_string();
        let message = message(method, target, &timestamp, &at.nonce, body);
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let signed = self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &message, &mut signature);
        signed.map_err(|_| Error::Crypto("sign"))?;
        let (nonce, signature, serial) = (&at.nonce, STANDARD.encode(signature), &self.serial);
        Ok(format!(
            "{V3_SIGNATURE_TYPE} mchid=\"{mch_id}\",nonce_str=\"{nonce}\",signature=\"{signature}\",timestamp=\"{timestamp}\",serial_no=\"{serial}\""
        ))
    }

    /// Whether this key has signed the call for this merchant, and lately (`now` in Unix seconds).
    #[must_use]
    pub fn has_signed(&self, call: V3Call<'_>, mch_id: &str, now: i64) -> bool {
        let Some(parameters) = call.authorization.strip_prefix(V3_SIGNATURE_TYPE) else { return false };
        let parameter = |name: &str| parameter(parameters, name);
        let (Some(timestamp), Some(nonce), Some(signature)) =
            (parameter("timestamp"), parameter("nonce_str"), parameter("signature"))
        else {
            return false;
        };
        let is_ours = parameter("mchid") == Some(mch_id) && parameter("serial_no") == Some(&self.serial);
        let is_fresh = timestamp.parse::<i64>().is_ok_and(|then| now.abs_diff(then) <= LONGEST_AGE_S.unsigned_abs());
        is_ours && is_fresh && self.verifies(call, timestamp, nonce, signature)
    }

    fn verifies(&self, call: V3Call<'_>, timestamp: &str, nonce: &str, signature: &str) -> bool {
        let message = message(call.method, call.target, timestamp, nonce, call.body);
        let Ok(signature) = STANDARD.decode(signature) else { return false };
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.pair.public_key().as_ref());
        key.verify(&message, &signature).is_ok()
    }
}

/// Names the key, which is public anyway.
impl fmt::Debug for MerchantKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MerchantKey").field("serial", &self.serial).finish_non_exhaustive()
    }
}

/// What a call's signature covers.
fn message(method: &str, target: &str, timestamp: &str, nonce: &str, body: &[u8]) -> Vec<u8> {
    let mut message = format!("{method}\n{target}\n{timestamp}\n{nonce}\n").into_bytes();
    message.extend_from_slice(body);
    message.push(b'\n');
    message
}

/// `name="value"` in a list with commas.
fn parameter<'a>(list: &'a str, name: &str) -> Option<&'a str> {
    list.split(',').find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name).then(|| value.trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM};

    const NOW: i64 = 1_700_000_000;
    const TARGET: &str = "/v3/papay/contracts/1/notify";

    #[test]
    fn a_call_is_the_merchants_only_as_it_was_signed_and_only_for_five_minutes() {
        let key = MerchantKey::of_private_key(MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM).unwrap();
        let at = Occasion::derived(NOW, "a call");
        let authorization = key.authorization("POST", TARGET, b"{}", "10000100", &at).unwrap();
        let call = V3Call { method: "POST", target: TARGET, body: b"{}", authorization: &authorization };
        assert!(key.has_signed(call, "10000100", NOW));
        assert!(key.has_signed(call, "10000100", NOW + 300));
        assert!(!key.has_signed(call, "10000100", NOW + 301));
        assert!(!key.has_signed(call, "10000200", NOW));
        assert!(!key.has_signed(V3Call { body: b"{ }", ..call }, "10000100", NOW));
        assert!(!key.has_signed(V3Call { target: "/v3/papay/contracts/2/notify", ..call }, "10000100", NOW));
        assert!(!key.has_signed(V3Call { authorization: "", ..call }, "10000100", NOW));
    }
}
