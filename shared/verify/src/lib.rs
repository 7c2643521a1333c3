//! **Who sent this?** Bytes, headers, keys and the time go in; a [`Verified`] or a typed [`Refusal`] comes out.
//!
//! ```text
//!                         MerchantKeys
//!                              |
//!   V2 XML body ---------> verify_v2 ---------.
//!   V2 refund notice ----> verify_v2_refund ---+--> Verified { proof, content }  ->  `parse`
//!   V3 headers, body, now  verify_v3 ---------'          or
//!                                                    Refusal  ->  FAIL to WeChat, one counted reason
//!
//!   answers to our calls:  verify_v2_answer, verify_v3_answer, open_certificates
//!   requests of ours:      sign::v2, sign::v3
//! ```
//!
//! A [`Verified`] cannot be made anywhere else: its fields are private and there is no constructor.
//!
//! ```compile_fail,E0451
//! let forged = verify::Verified { proof: verify::Proof::V2Decryption, content: todo!() };
//! ```
//!
//! The crate is pure: it knows no AWS, no async and no clock. `now` is an argument (Unix seconds).
//! What was proved travels with the content, because the three proofs are worth different things: a V2 refund notice has
//! no signature at all, only a ciphertext without integrity.

#![deny(
    missing_docs,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm
)]

mod certificates;
mod hash;
mod issuer;
mod keys;
mod merchant_certificate;
mod pem;
mod refusal;
mod resource;
mod sensitive;
pub mod sign;
mod v2;
mod v3;
mod verified;
mod wechatpay_keys;
mod xml;

#[doc(hidden)]
pub mod fuzzing;

pub use certificates::PlatformCertificate;
pub use hash::{sha1, sha256};
pub use keys::{ApiV2Key, ApiV3Key, Generations, KeyError, MerchantKeys};
pub use merchant_certificate::MerchantCertificate;
pub use refusal::Refusal;
pub use sensitive::SensitiveError;
pub use v2::V2Answer;
pub use v3::{V3Answer, V3Headers};
pub use verified::{Content, Proof, SignAlgorithm, V3Event, Verified};
pub use wechatpay_keys::{Validity, WechatpayKeys};
pub use xml::V2Fields;
