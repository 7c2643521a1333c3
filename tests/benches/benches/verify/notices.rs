//! The notices: what papay does with each, and what the floor does with the same bytes.

use counterparty::{Numbers, SignedRequest, TEST_MERCHANT, fixtures};
use domain::{Fact, MchId};
use parse::ParseError;
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject;
use verify::{ApiV2Key, ApiV3Key, Generations, MerchantKeys, V3Headers, Verified, WechatpayKeys};

use crate::floor;

/// When WeChat speaks and we listen, Unix seconds.
const NOW: i64 = 1_764_554_400;

type Parse = fn(&MchId, &Verified<'_>) -> Result<Fact, ParseError>;
type Failure = Box<dyn std::error::Error>;

/// One notice and both ways to read it.
pub(crate) struct Notice {
    pub(crate) title: &'static str,
    request: SignedRequest,
    how: How,
}

/// What its kind needs.
enum How {
    V2 { hmac_sha256: bool, parse: Parse },
    V3 { parse: Parse, read: floor::ReadResource },
}

/// Both sides' keys.
pub(crate) struct Keys {
    mch_id: MchId,
    ours: MerchantKeys,
    floor: floor::Keys,
}

impl Keys {
    pub(crate) fn test_merchant() -> Result<Self, Failure> {
        let mut wechatpay = WechatpayKeys::default();
        wechatpay.insert_public_key(TEST_MERCHANT.public_key_id, TEST_MERCHANT.public_key_pem)?;
        let v2 = Generations::only(ApiV2Key::parse(TEST_MERCHANT.api_v2_key)?);
        let v3 = Generations::only(ApiV3Key::parse(TEST_MERCHANT.api_v3_key)?);
        let spki = SubjectPublicKeyInfoDer::from_pem_slice(TEST_MERCHANT.public_key_pem.as_bytes());
        Ok(Self {
            mch_id: MchId::parse(TEST_MERCHANT.mch_id)?,
            ours: MerchantKeys::new(TEST_MERCHANT.mch_id, Some(v2), Some(v3), wechatpay)?,
            floor: floor::Keys::new(
                TEST_MERCHANT.api_v2_key,
                TEST_MERCHANT.api_v3_key,
                spki.ok().as_deref().unwrap_or_default(),
            )
            .ok_or("a key")?,
        })
    }
}

/// Every notice that is measured.
pub(crate) fn all() -> Result<Vec<Notice>, Failure> {
    let v2 = |hmac_sha256, parse| How::V2 { hmac_sha256, parse };
    Ok(vec![
        notice("V2 payment, MD5", "payment-v2", v2(false, parse::deduction))?,
        notice("V2 payment, HMAC-SHA256", "payment-v2-hmac", v2(true, parse::deduction))?,
        notice("V2 deduction, MD5", "deduction-success", v2(false, parse::deduction))?,
        notice("V2 contract, MD5", "contract-add", v2(false, parse::contract))?,
        notice("V3 payment", "payment-v3", How::V3 { parse: parse::payment, read: floor::payment })?,
        notice("V3 refund", "refund-success", How::V3 { parse: parse::refund, read: floor::refund })?,
    ])
}

fn notice(title: &'static str, fixture: &str, how: How) -> Result<Notice, Failure> {
    Ok(Notice { title, request: fixtures::build(fixture, &Numbers::example(NOW))?, how })
}

impl Notice {
    pub(crate) fn bytes(&self) -> usize {
        self.request.body.len()
    }

    pub(crate) fn is_v3(&self) -> bool {
        matches!(self.how, How::V3 { .. })
    }

    /// Verify, decrypt, parse, as a callback function does.
    pub(crate) fn ours(&self, keys: &Keys) -> Option<Fact> {
        let body = &self.request.body;
        match self.how {
            How::V2 { parse, .. } => parse(&keys.mch_id, &keys.ours.verify_v2(body).ok()?).ok(),
            How::V3 { parse, .. } => {
                let headers = V3Headers {
                    timestamp: self.request.header("Wechatpay-Timestamp"),
                    nonce: self.request.header("Wechatpay-Nonce"),
                    serial: self.request.header("Wechatpay-Serial"),
                    signature: self.request.header("Wechatpay-Signature"),
                    signature_type: self.request.header("Wechatpay-Signature-Type"),
                };
                parse(&keys.mch_id, &keys.ours.verify_v3(&headers, body, NOW).ok()?).ok()
            }
        }
    }

    /// The building blocks alone; `tuned` as papay tunes them, which makes a difference for V2.
    pub(crate) fn floor(&self, keys: &Keys, tuned: bool) -> Option<()> {
        let body = &self.request.body;
        match self.how {
            How::V2 { hmac_sha256, .. } => {
                let how = floor::V2 { hmac_sha256, skip_blanks: tuned };
                std::hint::black_box(floor::v2(&keys.floor, body, how)?);
                Some(())
            }
            How::V3 { read, .. } => {
                let header = |name| self.request.header(name).unwrap_or_default();
                let headers = floor::Headers {
                    timestamp: header("Wechatpay-Timestamp"),
                    nonce: header("Wechatpay-Nonce"),
                    signature: header("Wechatpay-Signature"),
                };
                floor::v3(&keys.floor, &headers, body, read)
            }
        }
    }

    /// Both sides accept it, and refuse it with one bit changed: neither leaves its work out.
    pub(crate) fn check(mut self, keys: &Keys) -> Result<Self, Failure> {
        let accepted = |notice: &Self| {
            [notice.ours(keys).is_some(), notice.floor(keys, false).is_some(), notice.floor(keys, true).is_some()]
        };
        if accepted(&self).contains(&false) {
            return Err(format!("{}: refused", self.title).into());
        }
        let middle = self.request.body.len() / 2;
        self.flip(middle);
        if accepted(&self).contains(&true) {
            return Err(format!("{}: accepted with a bit changed", self.title).into());
        }
        self.flip(middle);
        Ok(self)
    }

    fn flip(&mut self, at: usize) {
        if let Some(byte) = self.request.body.get_mut(at) {
            *byte ^= 1;
        }
    }
}
