//! The number at the end of an answer's `Request-ID` (`…-268449538`): finer than the text codes, some of which are not documented. The
//! header is not signed, so a number may say where to look, and nothing more.

use crate::Meaning::{
    self, AlreadyPaid, Limited, Misconfigured, NotPermitted, NumberClosed, NumberUsed, Other, WrongState,
};

/// What a number means, of those that lead to another step than a general code would.
pub(super) fn meaning(request_id: &str) -> Option<Meaning> {
    let (_, number) = request_id.rsplit_once('-')?;
    match number {
        "268449538" | "268498689" => Some(AlreadyPaid),
        "268498688" => Some(NumberUsed),
        "268447914" => Some(NumberClosed),
        "268449641" => Some(WrongState),
        _ => None,
    }
}

/// Whether a meaning that a code has given is so general that a number says more.
pub(super) fn says_more(meaning: Meaning) -> bool {
    matches!(meaning, Other | Misconfigured | WrongState | Limited | NotPermitted)
}
