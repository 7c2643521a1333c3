//! The keys of one merchant, parsed once when the function starts.

use aes_gcm::{Aes256Gcm, KeyInit};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;

use crate::wechatpay_keys::WechatpayKeys;

/// A key that cannot be used. Texts never hold key material.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// An API key does not have 32 bytes.
    #[error("the {what} has {length} bytes instead of 32")]
    Length {
        /// Which key.
        what: &'static str,
        /// How many bytes were given.
        length: usize,
    },
    /// An API key holds something else than visible ASCII characters.
    #[error("the {0} holds characters other than visible ASCII")]
    Characters(&'static str),
    /// The APIv2 and the APIv3 key are the same value: one of them is in the wrong place.
    #[error("the APIv2 key and the APIv3 key are equal")]
    EqualApiKeys,
    /// No PEM block of this kind; its name.
    #[error("this is not a PEM {0}")]
    Pem(&'static str),
    /// An RSA key that is not accepted (2048 to 8192 bits).
    #[error("this is not an RSA key of 2048 to 8192 bits")]
    Rsa,
    /// A certificate that cannot be read.
    #[error("this is not an X.509 certificate")]
    Certificate,
    /// A merchant id, serial or public key id that is empty or cannot stand in a header.
    #[error("the {0} is empty or holds characters that a header cannot carry")]
    Id(&'static str),
    /// Two different keys under one serial or id.
    #[error("two different keys have the id {0}")]
    TwoKeysOneId(String),
}

/// The APIv2 key (API密钥): signs and verifies V2 messages, and opens V2 refund notices.
#[derive(Clone)]
pub struct ApiV2Key {
    ascii: [u8; 32],
    hmac: hmac::Key,
}

impl ApiV2Key {
    /// Takes the 32 characters that were set on the merchant platform.
    ///
    /// ```
    /// assert!(verify::ApiV2Key::parse("192006250b4c09247ec02edce69f6a2d").is_ok());
    /// assert!(verify::ApiV2Key::parse("too short").is_err());
    /// ```
    ///
    /// # Errors
    /// [`KeyError::Length`], [`KeyError::Characters`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let ascii = thirty_two_ascii(text, "APIv2 key")?;
        Ok(ApiV2Key { ascii, hmac: hmac::Key::new(hmac::HMAC_SHA256, &ascii) })
    }

    pub(crate) fn ascii(&self) -> &[u8; 32] {
        &self.ascii
    }

    pub(crate) fn hmac(&self) -> &hmac::Key {
        &self.hmac
    }
}

impl std::fmt::Debug for ApiV2Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The APIv3 key (APIv3密钥): opens the resources of V3 notices and platform certificates.
#[derive(Clone)]
pub struct ApiV3Key {
    ascii: [u8; 32],
    cipher: Aes256Gcm,
}

impl ApiV3Key {
    /// Takes the 32 characters that were set on the merchant platform. Other lengths, such as the 16 bytes in some SDKs'
    /// fixtures, are refused.
    ///
    /// ```
    /// assert!(verify::ApiV3Key::parse("a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb").is_ok());
    /// assert!(verify::ApiV3Key::parse("testMchAPIv3Key0").is_err());
    /// ```
    ///
    /// # Errors
    /// [`KeyError::Length`], [`KeyError::Characters`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let ascii = thirty_two_ascii(text, "APIv3 key")?;
        Ok(ApiV3Key { ascii, cipher: Aes256Gcm::new(&ascii.into()) })
    }

    pub(crate) fn cipher(&self) -> &Aes256Gcm {
        &self.cipher
    }
}

impl std::fmt::Debug for ApiV3Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A key and the one before it. After a reset WeChat goes on using the old value for messages that are on their way.
#[derive(Debug, Clone)]
pub struct Generations<K> {
    /// Tried first; signs.
    pub current: K,
    /// Tried when `current` does not fit.
    pub previous: Option<K>,
}

impl<K> Generations<K> {
    /// One key without a predecessor.
    ///
    /// ```
    /// assert_eq!(verify::Generations::only(1).iter().count(), 1);
    /// ```
    pub fn only(current: K) -> Self {
        Generations { current, previous: None }
    }

    /// Newest first.
    pub fn iter(&self) -> impl Iterator<Item = &K> {
        std::iter::once(&self.current).chain(&self.previous)
    }
}

/// Everything that verifies messages for one merchant.
#[derive(Debug)]
#[non_exhaustive]
pub struct MerchantKeys {
    /// Merchant number; the caller compares it with the one in the verified content.
    pub mch_id: String,
    /// APIv2 keys; without them every V2 message is refused.
    pub v2: Option<Generations<ApiV2Key>>,
    /// APIv3 keys; without them every V3 notice is refused.
    pub v3: Option<Generations<ApiV3Key>>,
    /// WeChat's public keys and platform certificates.
    pub wechatpay: WechatpayKeys,
}

impl MerchantKeys {
    /// Puts the keys of one merchant together.
    ///
    /// ```
    /// use verify::{ApiV2Key, Generations, KeyError, MerchantKeys, WechatpayKeys};
    /// let v2 = Generations::only(ApiV2Key::parse("192006250b4c09247ec02edce69f6a2d")?);
    /// let keys = MerchantKeys::new("10000100", Some(v2), None, WechatpayKeys::default())?;
    /// assert_eq!(keys.mch_id, "10000100");
    /// # Ok::<(), KeyError>(())
    /// ```
    ///
    /// # Errors
    /// [`KeyError::EqualApiKeys`] if any APIv2 key equals any APIv3 key; [`KeyError::Id`] for an unusable merchant number.
    pub fn new(
        mch_id: impl Into<String>,
        v2: Option<Generations<ApiV2Key>>,
        v3: Option<Generations<ApiV3Key>>,
        wechatpay: WechatpayKeys,
    ) -> Result<Self, KeyError> {
        let mch_id = mch_id.into();
        header_safe(&mch_id, "merchant number")?;
        let equal =
            |v2_key: &ApiV2Key, v3_key: &ApiV3Key| verify_slices_are_equal(&v2_key.ascii, &v3_key.ascii).is_ok();
        let v3_keys = || v3.iter().flat_map(Generations::iter);
        if v2.iter().flat_map(Generations::iter).any(|v2_key| v3_keys().any(|v3_key| equal(v2_key, v3_key))) {
            return Err(KeyError::EqualApiKeys);
        }
        Ok(MerchantKeys { mch_id, v2, v3, wechatpay })
    }
}

/// Refuses what could not stand in a header, or would end the quotation marks around it.
pub(crate) fn header_safe(id: &str, what: &'static str) -> Result<(), KeyError> {
    let safe = |byte: u8| byte.is_ascii_graphic() && byte != b',' && byte != b'"';
    if !id.is_empty() && id.bytes().all(safe) { Ok(()) } else { Err(KeyError::Id(what)) }
}

fn thirty_two_ascii(text: &str, what: &'static str) -> Result<[u8; 32], KeyError> {
    let bytes: [u8; 32] = text.as_bytes().try_into().map_err(|_| KeyError::Length { what, length: text.len() })?;
    if bytes.iter().all(u8::is_ascii_graphic) { Ok(bytes) } else { Err(KeyError::Characters(what)) }
}
