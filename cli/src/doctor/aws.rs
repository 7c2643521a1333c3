//! What AWS said instead of an answer.

use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};

use super::{At, Finding};

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is no such thing.
    Missing,
    /// These credentials may not ask.
    Denied,
    /// Anything else: the code, or that nobody answered.
    Other(String),
}

/// The answer, or the reason for none.
pub(super) fn asked<T, E: ProvideErrorMetadata, R>(result: Result<T, SdkError<E, R>>) -> Result<T, Refusal> {
    result.map_err(|error| match error.code() {
        Some(code) => Refusal::of(code),
        None => Refusal::Other("no answer".to_owned()),
    })
}

impl Refusal {
    /// What a code of AWS's means.
    pub(super) fn of(code: &str) -> Self {
        match code {
            "ResourceNotFoundException" | "QueueDoesNotExist" | "AWS.SimpleQueueService.NonExistentQueue" => {
                Self::Missing
            }
            "AccessDenied" | "AccessDeniedException" | "UnauthorizedException" | "NotAuthorized" => Self::Denied,
            other => Self::Other(other.to_owned()),
        }
    }

    /// As a finding about a thing that must be there.
    pub(super) fn finding(&self, at: &At, fix: &str) -> Finding {
        match self {
            Self::Missing => at.failure("is not there", fix),
            Self::Denied => {
                at.unchecked("these credentials may not ask", "ask with a role that may read the stack's resources")
            }
            Self::Other(code) => at.unchecked(format_args!("AWS did not tell: {code}"), "try again"),
        }
    }
}
