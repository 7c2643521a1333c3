//! What can go wrong while speaking for WeChat Pay: a wrong key, or a request that makes no sense.

use crate::Protocol;

/// Why a notice could not be made. All of them are mistakes of the caller or of its configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A private key is not a PKCS#8 RSA key in PEM form.
    #[error("the private key of {id} cannot be read: {reason}")]
    Key {
        /// Serial number or public key id.
        id: String,
        /// What the reader said.
        reason: String,
    },
    /// The APIv3 key must have exactly 32 bytes (<https://pay.weixin.qq.com/doc/v3/merchant/4013053267>).
    #[error("an APIv3 key has 32 bytes, this one {0}")]
    ApiV3KeyLength(usize),
    /// The merchant has no signing key, or none of that serial.
    #[error("no signing key `{0}`")]
    NoSigningKey(String),
    /// The cryptographic library refused.
    #[error("the cryptographic library refused to {0}")]
    Crypto(&'static str),
    /// XML that could not be written or read.
    #[error("XML: {0}")]
    Xml(String),
    /// JSON that could not be written or read.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A time outside the calendar.
    #[error("time out of range: {0}")]
    Time(#[from] jiff::Error),
    /// There is no fixture of that name.
    #[error("no fixture is called `{0}`")]
    UnknownFixture(String),
    /// There are no test keys for that merchant.
    #[error("no test keys for merchant {0}")]
    UnknownMerchant(String),
    /// A fault that this protocol cannot have.
    #[error("{protocol:?} has no fault {fault}")]
    NotApplicable {
        /// The protocol of the request.
        protocol: Protocol,
        /// The fault asked for.
        fault: String,
    },
}

impl Error {
    pub(crate) fn xml(error: impl std::fmt::Display) -> Self {
        Self::Xml(error.to_string())
    }
}
