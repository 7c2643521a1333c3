//! What does WeChat Pay send? This crate speaks for WeChat: it renders, signs and seals notifications and answers, right ones and,
//! on request, wrong ones.
//!
//! ```text
//! Numbers ─> PaymentNotice, ContractNotice, … ─┬─ signed(&WechatPay) ─> SignedRequest ─> tampered(Tamper) ─> SignedRequest
//!            V3Notice                          ┘
//! fixtures::build("payment-v2", &numbers)  does all of it by name
//! ```
//!
//! It is the deliberate second implementation of WeChat's signing: it shares no code with the crate that verifies, and is itself
//! judged by implementations made by others (`tests/judges`). It never reads a clock, and draws random
//! numbers only for new keys and for what RSA seals.
//!
//! ```
//! use counterparty::{Numbers, PaymentNotice, SignType, TradeType, V2Notice as _, WechatPay};
//!
//! let wechat = WechatPay::test_merchant()?;
//! let notice = PaymentNotice::new(&Numbers::example(1_700_000_000), TradeType::App)?.attach("支付测试");
//! let request = notice.signed(&wechat, SignType::Md5)?;
//! assert_eq!(request.content_type, "text/xml");
//! # Ok::<(), counterparty::Error>(())
//! ```

mod error;
pub mod fixtures;
mod keys;
mod merchant;
mod numbers;
mod request;
mod rsa;
mod tamper;
mod v2;
mod v3;

pub use error::Error;
pub use keys::{
    MERCHANT_CERTIFICATE_PEM, MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM, SECOND_MERCHANT, TEST_MERCHANT,
    TestMerchant, WechatPay,
};
pub use merchant::{Authorization, MerchantKey, NotSigned, V3Call};
pub use numbers::{Numbers, Occasion};
pub use request::{Answer, Protocol, SignedRequest};
pub use tamper::{SIGNTEST, Tamper, V2_BODY_LIMIT, V3_BODY_LIMIT, WechatpayHeader};
pub use v2::{
    ContractChange, ContractNotice, DeductionNotice, PaymentNotice, RefundNoticeV2, RefundResultV2, SignType,
    TradeType, V2Fields, V2Notice, v2_unsigned_answer,
};
pub use v3::{PlatformCertificate, RefundResult, V3_SIGNATURE_TYPE, V3_SM2_SIGNATURE_TYPE, V3Notice};
