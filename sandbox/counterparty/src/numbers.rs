//! The numbers a notice is about, and the moment WeChat speaks.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use md5::{Digest as _, Md5};

use crate::Error;

/// Who and what a notice is about. Amounts in fen, time in Unix seconds.
#[derive(Clone)]
pub struct Numbers {
    /// Merchant number.
    pub mch_id: String,
    /// Application id.
    pub appid: String,
    /// The merchant's order number.
    pub out_trade_no: String,
    /// The merchant's contract number.
    pub contract_code: String,
    /// WeChat's contract number.
    pub contract_id: String,
    /// Contract template.
    pub plan_id: String,
    /// WeChat's order number.
    pub transaction_id: String,
    /// The merchant's refund number.
    pub out_refund_no: String,
    /// WeChat's refund number.
    pub refund_id: String,
    /// Amount of the order in fen.
    pub total: u64,
    /// Amount of the refund in fen.
    pub refund: u64,
    /// The user under `appid`.
    pub openid: String,
    /// When it happened and is sent, Unix seconds.
    pub now: i64,
}

impl Numbers {
    /// Numbers of merchant 10000100, in the form that papay gives its own: what a test needs when it does not care.
    #[must_use]
    pub fn example(now: i64) -> Self {
        Self {
            mch_id: crate::TEST_MERCHANT.mch_id.to_owned(),
            appid: "wx2421b1c4370ec43b".to_owned(),
            out_trade_no: "01JD3Q0VZC5W8K2M7N4PF0".to_owned(),
            contract_code: "01JD3Q0VZC5W8K2M7N4P".to_owned(),
            contract_id: "202611210000000001".to_owned(),
            plan_id: "12535".to_owned(),
            transaction_id: "4200000000202611210000000001".to_owned(),
            out_refund_no: "01JD3Q0VZC5W8K2M7N4PF0R1".to_owned(),
            refund_id: "50000000002026112100000000001".to_owned(),
            total: 1800,
            refund: 1800,
            openid: "onqOjjmM1tad-3ROpncN-yUfa6ua".to_owned(),
            now,
        }
    }

    /// The merchant-scoped number that makes this set different from another: the seed of nonces and ids.
    pub(crate) fn seed(&self, subject: &str) -> String {
        format!("{subject}|{}|{}|{}|{}", self.mch_id, self.out_trade_no, self.out_refund_no, self.now)
    }

    /// `yyyyMMddHHmmss`, Beijing time: `time_end` of V2.
    pub(crate) fn compact_time(&self) -> Result<String, Error> {
        beijing(self.now, "%Y%m%d%H%M%S")
    }

    /// `yyyy-MM-dd HH:mm:ss`, Beijing time: `operate_time` and `success_time` of V2.
    pub(crate) fn spaced_time(&self) -> Result<String, Error> {
        beijing(self.now, "%Y-%m-%d %H:%M:%S")
    }

    /// RFC 3339 with `+08:00`: every time of V3.
    pub(crate) fn rfc3339(&self) -> Result<String, Error> {
        rfc3339(self.now)
    }
}

/// Without the user, who is nobody's business.
impl fmt::Debug for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Numbers")
            .field("mch_id", &self.mch_id)
            .field("out_trade_no", &self.out_trade_no)
            .field("contract_code", &self.contract_code)
            .field("out_refund_no", &self.out_refund_no)
            .field("total", &self.total)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

/// When WeChat speaks, and its random string: arguments, so that a message can be made again byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occasion {
    /// Unix seconds; becomes `Wechatpay-Timestamp`.
    pub now: i64,
    /// 32 letters or digits; becomes `Wechatpay-Nonce`. The nonce of the sealed resource is derived from it.
    pub nonce: String,
}

impl Occasion {
    /// An occasion whose nonce is derived from a seed: two seeds, two nonces.
    #[must_use]
    pub fn derived(now: i64, seed: &str) -> Self {
        Self { now, nonce: derived_nonce(seed) }
    }
}

/// 32 hexadecimal digits that depend on the seed alone.
pub(crate) fn derived_nonce(seed: &str) -> String {
    hex::encode(Md5::digest(seed.as_bytes()))
}

pub(crate) fn rfc3339(now: i64) -> Result<String, Error> {
    beijing(now, "%Y-%m-%dT%H:%M:%S%:z")
}

/// WeChat Pay speaks Beijing time everywhere, and China has had no daylight saving time since 1991.
pub(crate) fn beijing(now: i64, format: &str) -> Result<String, Error> {
    const BEIJING: Offset = jiff::tz::offset(8);
    let time = Timestamp::from_second(now)?.to_zoned(TimeZone::fixed(BEIJING));
    Ok(time.strftime(format).to_string())
}
