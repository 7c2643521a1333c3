//! What every call may come to beside its own answers, for the documents of the APIs.

use utoipa::IntoResponses;

use crate::ProblemBody;

/// What any call of an app's user may come to.
#[derive(IntoResponses)]
pub enum UserProblems {
    /// The request breaks a rule.
    #[response(
        status = 400,
        description = "invalid_field; where there is a body also idempotency_key_missing, not_json",
        content_type = "application/problem+json"
    )]
    Invalid(ProblemBody),
    /// The token proves nobody.
    #[response(
        status = 401,
        description = "token_missing, token_invalid, token_expired",
        content_type = "application/problem+json"
    )]
    Unauthorized(ProblemBody),
    /// The token is not good for this.
    #[response(status = 403, description = "other_merchant, claim_needed", content_type = "application/problem+json")]
    Forbidden(ProblemBody),
    /// The user called too often.
    #[response(status = 429, description = "too_many_requests", content_type = "application/problem+json")]
    TooMany(ProblemBody),
    /// Something that we need does not answer.
    #[response(
        status = 503,
        description = "unavailable, keys_unavailable: repeat the same request",
        content_type = "application/problem+json"
    )]
    Unavailable(ProblemBody),
}

/// What any call with a body may come to.
#[derive(IntoResponses)]
pub enum BodyProblems {
    /// The body is too long.
    #[response(status = 413, description = "too_large", content_type = "application/problem+json")]
    TooLarge(ProblemBody),
    /// The body is of another type.
    #[response(status = 415, description = "not_json", content_type = "application/problem+json")]
    NotJson(ProblemBody),
}

/// What any call of a back end may come to.
#[derive(IntoResponses)]
pub enum BackendProblems {
    /// The request, its caller, or what is on record forbids it.
    #[response(
        status = "4XX",
        description = "invalid_field, idempotency_key_missing, not_json, unknown_principal, not_allowed, not_found, \
                       idempotency_key_reused, too_large, and those of the call itself",
        content_type = "application/problem+json"
    )]
    Refused(ProblemBody),
    /// WeChat, or something that we need, does not do its part.
    #[response(
        status = "5XX",
        description = "unavailable: repeat the same request; refused_by_wechat; internal",
        content_type = "application/problem+json"
    )]
    Failed(ProblemBody),
}
