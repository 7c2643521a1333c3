//! Answers, from raw bytes to what may be believed.

use domain::Timestamp;
use verify::{Content, Refusal, V2Answer, V2Fields};

use crate::errors::Said;
use crate::prepared::{Form, Route};
use crate::transport::Incoming;
use crate::{CallError, Keys};

/// Numbers that, where a request and its answer both have them, must be the same: an answer about another order is none.
const NUMBERS: [&str; 6] = ["mch_id", "out_trade_no", "out_refund_no", "contract_code", "plan_id", "transaction_id"];

/// What WeChat answered, with what it was asked.
#[doc(hidden)]
pub struct Received<'a> {
    pub(crate) route: &'static Route,
    /// Path and query string that were asked.
    pub(crate) target: &'a str,
    /// The body that was sent.
    pub(crate) sent: &'a str,
    pub(crate) incoming: &'a Incoming,
    pub(crate) keys: &'a Keys,
    pub(crate) now: Timestamp,
    /// Whether TLS says whose answer it is; on loopback nothing does.
    pub(crate) over_tls: bool,
}

/// A V2 answer whose signature fits, or one of those that are documented to have none.
pub(crate) struct Opened<'a> {
    route: &'static Route,
    answer: V2Answer<'a>,
}

impl<'a> Received<'a> {
    /// Verifies a V2 answer over all its fields, in the order of the protocol page: HTTP, communication, signature, numbers.
    pub(crate) fn v2(&self) -> Result<Opened<'a>, CallError> {
        self.check_status()?;
        let incoming: &'a Incoming = self.incoming;
        let answer = self.keys.merchant.verify_v2_answer(&incoming.body);
        let answer = answer.map_err(|refusal| CallError::refusal(self.route, &refusal))?;
        let opened = Opened { route: self.route, answer };
        if !opened.may_be_unsigned() {
            return Err(CallError::refusal(self.route, &Refusal::MissingSign));
        }
        opened.check_numbers(self.sent)?;
        Ok(opened)
    }

    /// The fields of an answer that is never signed (`h5entrustweb`).
    pub(crate) fn v2_unsigned(&self) -> Result<V2Fields<'a>, CallError> {
        debug_assert_eq!(self.route.form, Form::V2Query, "every other call is answered with a signature");
        self.check_status()?;
        let incoming: &'a Incoming = self.incoming;
        V2Fields::parse_unverified(&incoming.body).map_err(|refusal| CallError::refusal(self.route, &refusal))
    }

    fn check_status(&self) -> Result<(), CallError> {
        match self.incoming.status {
            200 => Ok(()),
            status => Err(CallError::http(self.route, status)),
        }
    }
}

impl Opened<'_> {
    /// What WeChat answers if it did what it was asked for, which `verify` lets through signed alone; else the error that it names.
    pub(crate) fn success(&self) -> Result<&V2Fields<'_>, CallError> {
        let fields = self.fields()?;
        match (fields.trimmed("return_code"), fields.trimmed("result_code")) {
            (Some("SUCCESS"), Some("SUCCESS")) => Ok(fields),
            (Some("SUCCESS"), Some("FAIL")) | (Some("FAIL"), _) => Err(self.refused(fields)),
            (Some("SUCCESS"), _) => Err(CallError::unreadable(self.route, "result_code")),
            _ => Err(CallError::unreadable(self.route, "return_code")),
        }
    }

    /// As [`Opened::success`], where one error code is an answer too; it is signed, but for `-25` of `querycontract`.
    pub(crate) fn success_or(self, code: &str) -> Result<Self, CallError> {
        match self.success() {
            Ok(_) => Ok(self),
            Err(error) if error.is_proven(code) => Ok(self),
            Err(error) if code == "-25" && error.code.as_deref() == Some(code) => Ok(self),
            Err(error) => Err(error),
        }
    }

    /// The answer without its bytes.
    pub(crate) fn into_answer(self) -> V2Answer<'static> {
        self.answer.into_owned()
    }

    fn fields(&self) -> Result<&V2Fields<'_>, CallError> {
        fields_of(&self.answer).ok_or_else(|| CallError::unreadable(self.route, "body"))
    }

    fn is_signed(&self) -> bool {
        matches!(self.answer, V2Answer::Signed(_))
    }

    /// `return_code` FAIL is never signed, and of the business errors those of `querycontract` alone.
    fn may_be_unsigned(&self) -> bool {
        let V2Answer::Unsigned(fields) = &self.answer else { return true };
        let documented = matches!(fields.trimmed("err_code"), Some("-25" | "-48"));
        fields.trimmed("return_code") == Some("FAIL") || (self.route.name == "querycontract" && documented)
    }

    fn check_numbers(&self, sent: &str) -> Result<(), CallError> {
        let told = self.fields()?;
        let asked = V2Fields::parse_unverified(sent.as_bytes());
        let asked = asked.map_err(|_| CallError::unreadable(self.route, "request"))?;
        let differs = |name: &&&str| match (asked.trimmed(name), told.trimmed(name)) {
            (Some(asked), Some(told)) => asked != told,
            _ => false,
        };
        match NUMBERS.iter().find(differs) {
            Some(name) => Err(CallError::unbelievable(self.route, &format!("another {name}"))),
            None => Ok(()),
        }
    }

    fn refused(&self, fields: &V2Fields<'_>) -> CallError {
        let code = fields.trimmed("err_code");
        let texts = [fields.trimmed("err_code_des"), fields.trimmed("return_msg")];
        let text = texts.into_iter().flatten().find(|text| *text != "OK").unwrap_or_default();
        CallError::refused(self.route, Said { code, text }, self.is_signed())
    }
}

/// The fields of a V2 answer.
pub(crate) fn fields_of<'m>(answer: &'m V2Answer<'_>) -> Option<&'m V2Fields<'m>> {
    match answer {
        V2Answer::Unsigned(fields) => Some(fields),
        V2Answer::Signed(verified) => match verified.content() {
            Content::V2(fields) => Some(fields),
            Content::V2Refund { .. } | Content::V3(_) => None,
        },
    }
}
