//! The V2 refund notice (退款结果通知): <https://pay.weixin.qq.com/doc/v2/merchant/4011987569>, 4011940955.
//! No `sign`: the inner document is sealed with AES-256-ECB by a key made of the APIv2 key.

use aws_lc_rs::cipher::{AES_256, PaddedBlockEncryptingKey, UnboundCipherKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};

use super::{V2Fields, v2_unsigned_request};
use crate::numbers::derived_nonce;
use crate::{Error, Numbers, SignedRequest, WechatPay};

/// `refund_status` of V2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefundResultV2 {
    /// Refunded.
    Success,
    /// Abnormal: the user's bank card is dead.
    Change,
    /// Closed, not refunded.
    RefundClose,
}

impl RefundResultV2 {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::Change => "CHANGE",
            Self::RefundClose => "REFUNDCLOSE",
        }
    }
}

/// 退款结果通知 in XML.
#[derive(Clone)]
pub struct RefundNoticeV2 {
    outer: V2Fields,
    inner: V2Fields,
}

impl RefundNoticeV2 {
    /// A refund made by the API.
    ///
    /// # Errors
    /// A time outside the calendar.
    pub fn new(numbers: &Numbers, result: RefundResultV2) -> Result<Self, Error> {
        let outer = [
            ("return_code", "SUCCESS".to_owned()),
            ("appid", numbers.appid.clone()),
            ("mch_id", numbers.mch_id.clone()),
            ("nonce_str", derived_nonce(&numbers.seed("refund"))),
        ];
        let mut inner: V2Fields = [
            ("out_refund_no", numbers.out_refund_no.clone()),
            ("out_trade_no", numbers.out_trade_no.clone()),
            ("refund_account", "REFUND_SOURCE_UNSETTLED_FUNDS".to_owned()),
            ("refund_fee", numbers.refund.to_string()),
            ("refund_id", numbers.refund_id.clone()),
            // Spelt so on the wire.
            ("refund_recv_accout", "支付用户零钱".to_owned()),
            ("refund_request_source", "API".to_owned()),
            ("refund_status", result.as_str().to_owned()),
            ("settlement_refund_fee", numbers.refund.to_string()),
            ("settlement_total_fee", numbers.total.to_string()),
            ("total_fee", numbers.total.to_string()),
            ("transaction_id", numbers.transaction_id.clone()),
        ]
        .into_iter()
        .collect();
        if result == RefundResultV2::Success {
            inner.set("success_time", &numbers.spaced_time()?);
        }
        Ok(Self { outer: outer.into_iter().collect(), inner })
    }

    /// Made by a person on the merchant platform instead.
    #[must_use]
    pub fn from_platform(self) -> Self {
        self.with_inner("refund_request_source", "VENDOR_PLATFORM")
    }

    /// Adds or replaces a field of the sealed document.
    #[must_use]
    pub fn with_inner(mut self, name: &str, value: &str) -> Self {
        self.inner.set(name, value);
        self
    }

    /// Adds or replaces a field of the outer document, which nothing protects.
    #[must_use]
    pub fn with_outer(mut self, name: &str, value: &str) -> Self {
        self.outer.set(name, value);
        self
    }

    /// The notice as WeChat sends it.
    ///
    /// # Errors
    /// A field name that XML does not know.
    pub fn sealed(&self, wechat: &WechatPay) -> Result<SignedRequest, Error> {
        let mut outer = self.outer.clone();
        outer.set("req_info", &wechat.v2_seal(&self.inner.render("root")?)?);
        v2_unsigned_request(&outer)
    }
}

impl WechatPay {
    /// `req_info`: base64 of AES-256-ECB with PKCS#7 padding, under the lower-case hex of MD5 of the APIv2 key.
    ///
    /// # Errors
    /// None in practice.
    pub fn v2_seal(&self, document: &[u8]) -> Result<String, Error> {
        let refused = |_| Error::Crypto("seal req_info");
        let key = hex::encode(Md5::digest(self.api_v2_key().as_bytes()));
        let key = UnboundCipherKey::new(&AES_256, key.as_bytes()).map_err(refused)?;
        let key = PaddedBlockEncryptingKey::ecb_pkcs7(key).map_err(refused)?;
        let mut sealed = document.to_vec();
        key.encrypt(&mut sealed).map_err(refused)?;
        Ok(STANDARD.encode(sealed))
    }
}
