//! Why a verified message is not a fact.

/// Why a verified message is not a fact. Texts name fields and rules, never values: values hold personal data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The body's merchant is not the path's: refused like an untrusted message.
    #[error("the message is about another merchant")]
    WrongMerchant,
    /// A kind that we know, at an endpoint that it does not belong to: refused.
    #[error("{event} does not belong to this endpoint")]
    WrongEndpoint {
        /// V3 `event_type`, or a name for the V2 notice.
        event: String,
    },
    /// Verified, yet new to us: to be held, and decided again after a fix.
    #[error("not understood: {what}")]
    NotUnderstood {
        /// The field and the rule that it breaks.
        what: String,
    },
}

impl ParseError {
    /// The field is not what it must be.
    pub(crate) fn rule(field: &str, rule: &str) -> Self {
        Self::NotUnderstood { what: format!("{field}: {rule}") }
    }

    pub(crate) fn missing(field: &str) -> Self {
        Self::rule(field, "required")
    }
}
