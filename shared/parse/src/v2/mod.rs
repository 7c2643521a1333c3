//! V2: flat fields of text.

pub(crate) mod contract;
pub(crate) mod payment;
pub(crate) mod refund;

use domain::{InvalidValue, MchId};
use verify::V2Fields;

use crate::{ParseError, field};

/// The fields of a V2 message, without the blanks that some of WeChat's CDATA have around their values.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'m>(&'m V2Fields<'m>);

/// What a signed V2 message is about (V2 page, 8.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Payment,
    Contract,
    Refund,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Payment => "V2 payment notice",
            Self::Contract => "V2 contract notice",
            Self::Refund => "V2 refund notice",
        }
    }
}

impl<'m> Fields<'m> {
    pub(crate) fn new(fields: &'m V2Fields<'_>) -> Self {
        Self(fields)
    }

    /// The field's text; an empty one counts as absent.
    pub(crate) fn text(self, name: &str) -> Option<&'m str> {
        self.0.trimmed(name).filter(|text| !text.is_empty())
    }

    pub(crate) fn required<T>(
        self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, InvalidValue>,
    ) -> Result<T, ParseError> {
        field::required(name, self.text(name), parse)
    }

    pub(crate) fn optional<T>(
        self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, InvalidValue>,
    ) -> Result<Option<T>, ParseError> {
        field::optional(name, self.text(name), parse)
    }

    /// The text of a field that must be there.
    pub(crate) fn word(self, name: &str) -> Result<&'m str, ParseError> {
        self.text(name).ok_or_else(|| ParseError::missing(name))
    }

    pub(crate) fn expect(self, name: &str, word: &str) -> Result<(), ParseError> {
        if self.word(name)? == word { Ok(()) } else { Err(ParseError::rule(name, word)) }
    }

    pub(crate) fn check_merchant(self, mch_id: &MchId) -> Result<(), ParseError> {
        field::check_merchant(mch_id, "mch_id", self.text("mch_id"))
    }

    /// Whether WeChat wrote it. Launch parameters and signing data are signed by us with the same key and reach every user's
    /// device, who could post them here: they prove nothing, and must not fill the quarantine. Only WeChat's messages have a
    /// `return_code`.
    pub(crate) fn check_author(self) -> Result<(), ParseError> {
        match self.text("return_code") {
            Some(_) => Ok(()),
            None => Err(ParseError::WrongEndpoint { event: "a V2 message without return_code".to_owned() }),
        }
    }

    /// What the message is about. Answers about refunds carry payment fields too, and are signed with the same key: they must not
    /// pass for payments.
    pub(crate) fn kind(self) -> Option<Kind> {
        let mut kind = None;
        for (name, _) in self.0.iter().filter(|(_, value)| !value.trim_ascii().is_empty()) {
            match name {
                "change_type" => return Some(Kind::Contract),
                "req_info" | "refund_id" | "out_refund_no" | "refund_count" => kind = Some(Kind::Refund),
                "out_trade_no" => kind = kind.or(Some(Kind::Payment)),
                _ => {}
            }
        }
        kind
    }
}
