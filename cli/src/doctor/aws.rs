//! What AWS said instead of an answer.

use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};

use super::{At, Finding};

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is no such thing.
    Missing,
    /// These credentials may not ask: the permission that they lack.
    Denied(&'static str),
    /// Anything else: the code, or that nobody answered.
    Other(String),
}

/// The answer, or the reason for none. `permission` is what the question needs.
pub(super) fn asked<T, E: ProvideErrorMetadata, R>(
    permission: &'static str,
    result: Result<T, SdkError<E, R>>,
) -> Result<T, Refusal> {
    result.map_err(|error| match error.code() {
        Some(code) => Refusal::of(code, permission),
        None => Refusal::Other("no answer".to_owned()),
    })
}

impl Refusal {
    /// What a code of AWS's means.
    fn of(code: &str, permission: &'static str) -> Self {
        match code {
            "ResourceNotFoundException"
            | "QueueDoesNotExist"
            | "AWS.SimpleQueueService.NonExistentQueue"
            | "NotFound"
            | "NotFoundException" => Self::Missing,
            "AccessDenied"
            | "AccessDeniedException"
            | "UnauthorizedException"
            | "NotAuthorized"
            | "AuthorizationError"
            | "AuthorizationErrorException" => Self::Denied(permission),
            other => Self::Other(other.to_owned()),
        }
    }

    /// As a finding about a thing that must be there.
    pub(super) fn finding(&self, at: &At, fix: &str) -> Finding {
        match self {
            Self::Missing => at.failure("is not there", fix),
            Self::Denied(permission) => at.unchecked(
                format_args!("these credentials may not ask: {permission}"),
                "ask with a role that may read the stack's resources",
            ),
            Self::Other(code) => at.unchecked(format_args!("AWS did not tell: {code}"), "try again"),
        }
    }
}
