//! Errors that say what to do next.

pub(crate) mod tables;

use std::fmt;
use std::time::Duration;

use verify::Refusal;

use crate::prepared::Route;

/// A call that did not do what it was asked for.
///
/// WeChat's own text may name people: it is behind [`CallError::description`], and neither in `Debug` nor in `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct CallError {
    /// The call.
    pub call: &'static str,
    /// How far it came.
    pub kind: ErrorKind,
    /// WeChat's code: `err_code`, V3's `code`, or `FAIL` where there is none.
    pub code: Option<String>,
    /// What it means for the thing that was asked for.
    pub meaning: Meaning,
    /// What may be done now.
    pub next: Next,
    /// When that makes sense, if not at once.
    pub retry_after: Option<Duration>,
    description: String,
    request_id: Option<String>,
}

/// How far a call came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// It did not reach WeChat: nothing happened.
    NotSent,
    /// It may have reached WeChat, and no answer came: time-out, connection lost.
    NoAnswer,
    /// An answer of HTTP alone.
    Http(u16),
    /// An answer that is not believed: wrong or missing signature, another merchant or number.
    Unbelievable,
    /// Signed, and not in the documented form.
    Unreadable,
    /// WeChat says no.
    Refused {
        /// Whether the refusal is signed; TLS alone speaks for an unsigned one.
        proven: bool,
    },
}

/// What may be done after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send the identical request again; a new number would be a second purchase or refund.
    RepeatSame,
    /// Ask what became of the number; only then repeat, or give up.
    QueryFirst,
    /// The number is dead; if the thing is still wanted, a new one.
    NewNumber,
    /// It was not done, and sending it again would not help until something else has changed.
    Stop,
}

/// What an error means for the thing that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Meaning {
    /// It may have been done, or not.
    OutcomeUnknown,
    /// A fault of WeChat's that passes.
    Busy,
    /// Too many calls.
    TooFast,
    /// The order is paid.
    AlreadyPaid,
    /// The deduction is accepted and under way.
    AlreadyAccepted,
    /// The order is closed; its number is dead.
    NumberClosed,
    /// The number was used with other parameters.
    NumberUsed,
    /// The state of the order does not allow it.
    WrongState,
    /// The order is not a deduction (any more): `orderquery` knows it.
    NotADeduction,
    /// What is asked for is not known to WeChat.
    NotFound,
    /// There is no contract, or it has ended.
    ContractGone,
    /// The user has not been told of the deduction.
    NoticeRequired,
    /// The template is not one of periodic deductions, so that there is nothing to give notice of.
    NotPeriodic,
    /// A limit of the template, or risk control: the next window, and a look at the amount.
    Limited,
    /// The payer has too little money.
    PayerFunds,
    /// The merchant has too little money for the refund.
    MerchantFunds,
    /// Something is wrong with the user's account.
    UserAccount,
    /// Over a year after the payment.
    Overdue,
    /// The same number or notice was sent with another amount.
    AmountMismatch,
    /// The merchant lacks a permission.
    NotPermitted,
    /// A fault of ours: parameters, keys, certificate. For an alarm.
    Misconfigured,
    /// Anything else.
    Other,
}

/// One line of a table: what a code means at a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) code: &'static str,
    /// A part of WeChat's text. Codes that are too general are told apart by it; with an empty code it decides alone.
    pub(crate) text: &'static str,
    pub(crate) meaning: Meaning,
    pub(crate) next: Next,
    pub(crate) retry_after: Option<Duration>,
}

/// What WeChat said.
#[derive(Clone, Copy)]
pub(crate) struct Said<'a> {
    pub(crate) code: Option<&'a str>,
    pub(crate) text: &'a str,
}

impl CallError {
    /// WeChat's text, at most 120 characters. It may name people: not for logs.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// WeChat's `Request-ID` of a V3 answer: what its support asks for. Its end is a number that says more than the code.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// With the `Request-ID` of the answer, as far as it can stand in a log.
    pub(crate) fn with_request_id(self, id: Option<&str>) -> Self {
        let fits = |id: &&str| (1..=96).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
        Self { request_id: id.filter(fits).map(str::to_owned), ..self }
    }

    /// The same with what it means more exactly.
    pub(crate) fn meaning(self, meaning: Meaning, next: Next) -> Self {
        Self { meaning, next, retry_after: after(meaning), ..self }
    }

    /// Whether WeChat said exactly this, signed.
    pub(crate) fn is_proven(&self, code: &str) -> bool {
        self.kind == ErrorKind::Refused { proven: true } && self.code.as_deref() == Some(code)
    }

    /// Whether the answer was signed with a key that we do not have: the platform certificates, or the secret, have changed.
    #[must_use]
    pub fn names_unknown_key(&self) -> bool {
        self.kind == ErrorKind::Unbelievable && self.code.as_deref() == Some(Refusal::UnknownSerial.reason())
    }

    /// Whether the answer was one of WeChat's deliberately wrong ones.
    pub(crate) fn is_probe(&self) -> bool {
        self.kind == ErrorKind::Unbelievable && self.code.as_deref() == Some(Refusal::Probe.reason())
    }

    /// Whether WeChat said exactly this, signed or not.
    pub(crate) fn says(&self, code: &str) -> bool {
        matches!(self.kind, ErrorKind::Refused { .. }) && self.code.as_deref() == Some(code)
    }

    /// The request cannot have reached WeChat.
    pub(crate) fn not_sent(route: &Route) -> Self {
        Self::of(route, ErrorKind::NotSent, Meaning::Busy, Next::RepeatSame)
    }

    /// The keys that the call needs are not there.
    pub(crate) fn unequipped(route: &Route) -> Self {
        Self::of(route, ErrorKind::NotSent, Meaning::Misconfigured, Next::Stop)
    }

    pub(crate) fn no_answer(route: &Route) -> Self {
        Self::of(route, ErrorKind::NoAnswer, Meaning::OutcomeUnknown, after_silence(route))
    }

    pub(crate) fn http(route: &Route, status: u16) -> Self {
        let (meaning, next) = match status {
            // Taken, and not done: the same is asked for again (V3 page, 12.1).
            202 => (Meaning::Busy, Next::RepeatSame),
            429 => (Meaning::TooFast, Next::RepeatSame),
            500..=599 => (Meaning::OutcomeUnknown, after_silence(route)),
            // Nothing is proved by a status: that nothing was done, neither.
            _ => (Meaning::Misconfigured, if route.asks_only { Next::Stop } else { Next::QueryFirst }),
        };
        Self { retry_after: after(meaning), ..Self::of(route, ErrorKind::Http(status), meaning, next) }
    }

    /// An answer that is not believed says nothing: not even that it failed.
    pub(crate) fn unbelievable(route: &Route, why: &str) -> Self {
        let error = Self::of(route, ErrorKind::Unbelievable, Meaning::OutcomeUnknown, after_silence(route));
        Self { code: Some(why.to_owned()), ..error }
    }

    pub(crate) fn refusal(route: &Route, refusal: &Refusal) -> Self {
        Self::unbelievable(route, refusal.reason())
    }

    pub(crate) fn unreadable(route: &Route, field: &str) -> Self {
        let error = Self::of(route, ErrorKind::Unreadable, Meaning::OutcomeUnknown, after_silence(route));
        Self { code: Some(field.to_owned()), ..error }
    }

    /// WeChat's no, looked up in the call's table, and then in the one of all calls.
    pub(crate) fn refused(route: &Route, said: Said<'_>, proven: bool) -> Self {
        let code = said.code.unwrap_or("FAIL");
        let row = route.errors.iter().chain(tables::EVERY_CALL).find(|row| row.fits(said));
        let unknown = if route.asks_only { Next::RepeatSame } else { Next::QueryFirst };
        let (meaning, next) = row.map_or((Meaning::Other, unknown), |row| (row.meaning, row.next));
        Self {
            code: Some(shortened(code, 40)),
            retry_after: row.and_then(|row| row.retry_after).or(after(meaning)),
            description: shortened(said.text, 120),
            ..Self::of(route, ErrorKind::Refused { proven }, meaning, next)
        }
    }

    /// A no of V3: a code that no table has goes by the HTTP status. One without signature does not prove that nothing was done.
    pub(crate) fn v3_refused(route: &Route, status: u16, said: Said<'_>, proven: bool) -> Self {
        let refused = Self::refused(route, said, proven);
        let unknown = refused.meaning == Meaning::Other && !route.errors.iter().any(|row| row.fits(said));
        let (meaning, next) = match status {
            429 if unknown => (Meaning::TooFast, refused.next),
            401 if unknown => (Meaning::Misconfigured, Next::Stop),
            500..=599 if unknown => (Meaning::Busy, after_silence(route)),
            _ => (refused.meaning, refused.next),
        };
        let next = match next {
            Next::NewNumber | Next::Stop if !proven && !route.asks_only => Next::QueryFirst,
            Next::RepeatSame | Next::QueryFirst | Next::NewNumber | Next::Stop => next,
        };
        Self { meaning, next, retry_after: refused.retry_after.or(after(meaning)), ..refused }
    }

    fn of(route: &Route, kind: ErrorKind, meaning: Meaning, next: Next) -> Self {
        let (call, description) = (route.name, String::new());
        Self { call, kind, code: None, meaning, next, retry_after: None, description, request_id: None }
    }

    /// Whether WeChat may have done it all the same.
    pub(crate) fn leaves_doubt(&self) -> bool {
        match self.kind {
            ErrorKind::NotSent => false,
            ErrorKind::NoAnswer | ErrorKind::Unbelievable | ErrorKind::Unreadable => true,
            ErrorKind::Http(_) | ErrorKind::Refused { .. } => {
                matches!(self.meaning, Meaning::OutcomeUnknown | Meaning::Busy)
            }
        }
    }
}

impl Row {
    fn fits(&self, said: Said<'_>) -> bool {
        // Some errors have their code in the text alone.
        let code_fits =
            self.code.is_empty() || said.code == Some(self.code) || said.code.is_none() && said.text == self.code;
        code_fits && said.text.contains(self.text)
    }
}

/// What may be sent twice is sent again. Of anything else it is looked up first what became of it.
fn after_silence(route: &Route) -> Next {
    if route.repeatable { Next::RepeatSame } else { Next::QueryFirst }
}

fn after(meaning: Meaning) -> Option<Duration> {
    (meaning == Meaning::TooFast).then_some(Duration::from_secs(60))
}

/// Long texts are cut, and nothing in them breaks a line.
fn shortened(text: &str, max: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(max).collect()
}

impl fmt::Debug for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallError")
            .field("call", &self.call)
            .field("kind", &self.kind)
            .field("code", &self.code)
            .field("meaning", &self.meaning)
            .field("next", &self.next)
            .field("retry_after", &self.retry_after)
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.call, self.kind)?;
        self.code.iter().try_for_each(|code| write!(f, " {code}"))?;
        write!(f, " ({:?}, next: {:?})", self.meaning, self.next)?;
        self.request_id.iter().try_for_each(|id| write!(f, " Request-ID {id}"))
    }
}

impl std::error::Error for CallError {}
