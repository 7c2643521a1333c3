//! Why nothing was learnt.

use parse::answer::AnswerError;
use record::RecordError;
use wechat::{CallError, ErrorKind, Invalid, Meaning};

/// Why a question came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The ledger.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// WeChat did not answer, or refused the question.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The answer cannot be read.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// The question cannot be put: what is on record breaks a rule of WeChat's.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

impl AskError {
    /// Whether the same question may be answered in a minute. What is a fault of ours, or a code that nobody knows, is asked less
    /// often each time, and somebody must look.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Record(_) => true,
            Self::Call(error) => passes(error),
            Self::Answer(_) | Self::Invalid(_) => false,
        }
    }

    /// A stable label for metrics and logs.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Record(_) => "ledger",
            Self::Call(error) if passes(error) => "no_answer",
            Self::Call(error) => match error.kind {
                ErrorKind::Unbelievable => "unbelievable",
                ErrorKind::Unreadable => "unreadable",
                ErrorKind::NotSent | ErrorKind::NoAnswer | ErrorKind::Http(_) | ErrorKind::Refused { .. } => "refused",
            },
            Self::Answer(_) => "unreadable",
            Self::Invalid(_) => "invalid",
        }
    }
}

fn passes(error: &CallError) -> bool {
    match error.kind {
        ErrorKind::NotSent | ErrorKind::NoAnswer | ErrorKind::Http(_) | ErrorKind::Refused { .. } => {
            matches!(error.meaning, Meaning::OutcomeUnknown | Meaning::Busy | Meaning::TooFast)
        }
        ErrorKind::Unbelievable | ErrorKind::Unreadable => false,
    }
}
