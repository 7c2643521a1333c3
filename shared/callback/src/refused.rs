//! Why a callback is not acknowledged, and what WeChat sees of it.

use lambda_http::http::StatusCode;
use record::RecordError;
use setup::KeyringError;

/// Why a callback is not acknowledged. WeChat sees a status and `FAIL`; the log sees the reason, never the body.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It went round the content delivery network that the function is behind.
    #[error("it did not come by way of the content delivery network")]
    Origin,
    /// Not a POST.
    #[error("the method is not POST")]
    Method,
    /// Not `/v2/{mch_id}` or `/v3/{mch_id}`.
    #[error("the path is not that of a callback")]
    Path,
    /// The path names a merchant that is not configured.
    #[error("the path names a merchant that is not configured")]
    UnknownMerchant,
    /// Longer than the protocol's bodies can be.
    #[error("the body is too long")]
    TooLarge,
    /// Nothing was proved.
    #[error(transparent)]
    Untrusted(#[from] verify::Refusal),
    /// Verified, but the body names another merchant than the path.
    #[error("the body names another merchant than the path")]
    WrongMerchant,
    /// Verified, but it belongs to another address.
    #[error("{0} does not belong to this address")]
    WrongEndpoint(String),
    /// Recorded in quarantine, and not acknowledged, so that WeChat sends it again when its order may be there.
    #[error("{0}")]
    Unknown(&'static str),
    /// It could not be recorded: WeChat's resend is the next try.
    #[error(transparent)]
    Unavailable(#[from] RecordError),
    /// It took longer than WeChat waits.
    #[error("it was not recorded in time")]
    Late,
}

impl From<KeyringError> for Refused {
    fn from(error: KeyringError) -> Self {
        match error {
            KeyringError::UnknownMerchant => Self::UnknownMerchant,
        }
    }
}

impl Refused {
    /// A stable label for metric and log.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Origin => "origin",
            Self::Method => "method",
            Self::Path => "path",
            Self::UnknownMerchant => "unknown_merchant",
            Self::TooLarge => "too_large",
            Self::Untrusted(refusal) => refusal.reason(),
            Self::WrongMerchant => "wrong_merchant",
            Self::WrongEndpoint(_) => "wrong_endpoint",
            Self::Unknown(reason) => reason,
            Self::Unavailable(RecordError::Contended | RecordError::Exists) => "contended",
            Self::Unavailable(RecordError::Unreadable { .. }) => "unreadable",
            Self::Unavailable(RecordError::Unavailable(_)) => "unavailable",
            Self::Late => "late",
        }
    }

    /// The status; never a success.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Path | Self::UnknownMerchant => StatusCode::NOT_FOUND,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            // A key fault of ours: alarmed as such.
            Self::Untrusted(verify::Refusal::Undecryptable | verify::Refusal::NoKey(_)) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            Self::Untrusted(_) => StatusCode::UNAUTHORIZED,
            Self::Origin | Self::WrongMerchant | Self::WrongEndpoint(_) => StatusCode::FORBIDDEN,
            Self::Unknown(_) | Self::Unavailable(_) | Self::Late => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}
