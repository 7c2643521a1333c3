//! The merchant as WeChat Pay knows it: who calls a V3 API.

use std::fmt;

use crate::rsa::RsaKey;
use crate::{Error, Occasion, V3_SIGNATURE_TYPE};

/// WeChat refuses a call whose timestamp is further away (<https://pay.weixin.qq.com/doc/v3/merchant/4012365342>).
const LONGEST_AGE_S: u64 = 300;

/// The key with which a merchant signs its V3 calls, of which WeChat Pay has the certificate.
#[derive(Clone)]
pub struct MerchantKey {
    serial: String,
    key: RsaKey,
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

/// What an `Authorization` header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authorization<'a> {
    /// Who calls.
    pub mch_id: &'a str,
    /// The serial of the merchant's certificate.
    pub serial: &'a str,
    timestamp: &'a str,
    nonce: &'a str,
    signature: &'a str,
}

/// Why WeChat does not take a call as the merchant's, in the order in which it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    /// The header is not there, or not five pairs of a name and a value.
    #[error("HTTP头Authorization值格式错误")]
    Malformed,
    /// Another scheme.
    #[error("HTTP头Authorization认证类型不正确")]
    Scheme,
    /// Signed too long ago, or in the future.
    #[error("HTTP头Authorization中的timestamp与发起请求的时间不得超过5分钟")]
    Timestamp,
    /// Not the merchant's certificate.
    #[error("商户证书序列号有误。")]
    Serial,
    /// Another key, or another message.
    #[error("错误的签名，导致验签失败。")]
    Signature,
}

impl<'a> Authorization<'a> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`NotSigned::Scheme`], [`NotSigned::Malformed`]
    pub fn read(header: &'a str) -> Result<Self, NotSigned> {
        let (scheme, parameters) = header.split_once(' ').ok_or(NotSigned::Malformed)?;
        if scheme != V3_SIGNATURE_TYPE {
            return Err(NotSigned::Scheme);
        }
        let parameter = |name: &str| parameter(parameters, name).ok_or(NotSigned::Malformed);
        Ok(Self {
            mch_id: parameter("mchid")?,
            serial: parameter("serial_no")?,
            timestamp: parameter("timestamp")?,
            nonce: parameter("nonce_str")?,
            signature: parameter("signature")?,
        })
    }
}

impl MerchantKey {
    /// A private key (PKCS#8 PEM) under the serial of its certificate. WeChat Pay has the certificate only; a test merchant signs with it.
    ///
    /// # Errors
    /// The PEM must hold an RSA private key.
    pub fn of_private_key(serial: &str, pkcs8_pem: &str) -> Result<Self, Error> {
        Ok(Self { serial: serial.to_owned(), key: RsaKey::read(serial, pkcs8_pem)? })
    }

    /// The serial of its certificate.
    #[must_use]
    pub fn serial(&self) -> &str {
        &self.serial
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
        let signature = self.key.sign(&message(method, target, &timestamp, &at.nonce, body))?;
        let (nonce, serial) = (&at.nonce, &self.serial);
        Ok(format!(
            "{V3_SIGNATURE_TYPE} mchid=\"{mch_id}\",nonce_str=\"{nonce}\",signature=\"{signature}\",timestamp=\"{timestamp}\",serial_no=\"{serial}\""
        ))
    }

    /// Whether this key has signed the call for this merchant, and lately (`now` in Unix seconds).
    #[must_use]
    pub fn has_signed(&self, call: V3Call<'_>, mch_id: &str, now: i64) -> bool {
        self.check(call, now).is_ok_and(|authorization| authorization.mch_id == mch_id)
    }

    /// Whether this key has signed the call, and lately (`now` in Unix seconds); answers what the header says.
    ///
    /// # Errors
    /// [`NotSigned`], with WeChat's own words.
    pub fn check<'a>(&self, call: V3Call<'a>, now: i64) -> Result<Authorization<'a>, NotSigned> {
        let said = Authorization::read(call.authorization)?;
        let then: i64 = said.timestamp.parse().map_err(|_| NotSigned::Malformed)?;
        if now.abs_diff(then) > LONGEST_AGE_S {
            return Err(NotSigned::Timestamp);
        }
        if said.serial != self.serial {
            return Err(NotSigned::Serial);
        }
        let message = message(call.method, call.target, said.timestamp, said.nonce, call.body);
        match self.key.has_signed(&message, said.signature) {
            true => Ok(said),
            false => Err(NotSigned::Signature),
        }
    }

    /// The signature of launch parameters: each line with its line break (<https://pay.weixin.qq.com/doc/v3/merchant/4012365340>).
    ///
    /// # Errors
    /// None in practice.
    pub fn launch_signature(&self, lines: [&str; 4]) -> Result<String, Error> {
        self.key.sign(launch_message(lines).as_bytes())
    }

    /// Whether this key has signed the launch parameters.
    #[must_use]
    pub fn has_signed_launch(&self, lines: [&str; 4], signature: &str) -> bool {
        self.key.has_signed(launch_message(lines).as_bytes(), signature)
    }

    /// A sensitive field of an answer, for the merchant's eyes.
    ///
    /// # Errors
    /// The text is too long for one block.
    pub fn seal_sensitive(&self, text: &str) -> Result<String, Error> {
        self.key.seal(text)
    }

    /// Opens a sensitive field of an answer, as the merchant does.
    ///
    /// # Errors
    /// It was sealed for another key.
    pub fn open_sensitive(&self, sealed: &str) -> Result<String, Error> {
        self.key.open(sealed)
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

fn launch_message(lines: [&str; 4]) -> String {
    lines.map(|line| format!("{line}\n")).concat()
}

/// `name="value"` in a list with commas.
fn parameter<'a>(list: &'a str, name: &str) -> Option<&'a str> {
    list.split(',').find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name).then(|| value.strip_prefix('"')?.strip_suffix('"')).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM};

    const NOW: i64 = 1_700_000_000;
    const TARGET: &str = "/v3/papay/contracts/1/notify";

    fn key() -> MerchantKey {
        MerchantKey::of_private_key(MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM).unwrap()
    }

    #[test]
    fn a_call_is_the_merchants_only_as_it_was_signed_and_only_for_five_minutes() {
        let key = key();
        let at = Occasion::derived(NOW, "a call");
        let authorization = key.authorization("POST", TARGET, b"{}", "10000100", &at).unwrap();
        let call = V3Call { method: "POST", target: TARGET, body: b"{}", authorization: &authorization };
        assert!(key.has_signed(call, "10000100", NOW));
        assert!(key.has_signed(call, "10000100", NOW + 300));
        assert!(!key.has_signed(call, "10000200", NOW));
        let refused = |call: V3Call<'_>, now: i64| key.check(call, now).unwrap_err();
        assert_eq!(refused(call, NOW + 301), NotSigned::Timestamp);
        assert_eq!(refused(call, NOW - 301), NotSigned::Timestamp);
        assert_eq!(refused(V3Call { body: b"{ }", ..call }, NOW), NotSigned::Signature);
        assert_eq!(refused(V3Call { target: "/v3/papay/contracts/2/notify", ..call }, NOW), NotSigned::Signature);
        assert_eq!(refused(V3Call { authorization: "", ..call }, NOW), NotSigned::Malformed);
        let other = authorization.replace(V3_SIGNATURE_TYPE, "WECHATPAY2-SM2-WITH-SM3");
        assert_eq!(refused(V3Call { authorization: &other, ..call }, NOW), NotSigned::Scheme);
        let other = authorization.replace(MERCHANT_CERTIFICATE_SERIAL, "00");
        assert_eq!(refused(V3Call { authorization: &other, ..call }, NOW), NotSigned::Serial);
        let other = authorization.replace("nonce_str=", "nonce=");
        assert_eq!(refused(V3Call { authorization: &other, ..call }, NOW), NotSigned::Malformed);
    }

    #[test]
    fn launch_parameters_are_the_merchants_only_as_it_signed_them() {
        let key = key();
        let signed = key.launch_signature(["wx1", "1554208460", "nonce", "prepay"]).unwrap();
        assert!(key.has_signed_launch(["wx1", "1554208460", "nonce", "prepay"], &signed));
        assert!(!key.has_signed_launch(["wx1", "1554208461", "nonce", "prepay"], &signed));
    }
}
