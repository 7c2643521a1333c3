//! Fields by the names that they have on the wire, whichever protocol they come from.

use domain::{Fen, InvalidValue, MchId};

use crate::ParseError;

/// The value of a field that must be there.
pub(crate) fn required<T>(
    name: &str,
    text: Option<&str>,
    parse: impl FnOnce(&str) -> Result<T, InvalidValue>,
) -> Result<T, ParseError> {
    optional(name, text, parse)?.ok_or_else(|| ParseError::missing(name))
}

/// The value of a field that may be absent or empty, but not malformed.
pub(crate) fn optional<T>(
    name: &str,
    text: Option<&str>,
    parse: impl FnOnce(&str) -> Result<T, InvalidValue>,
) -> Result<Option<T>, ParseError> {
    let text = text.filter(|text| !text.is_empty());
    text.map(parse).transpose().map_err(|invalid| ParseError::rule(name, invalid.rule))
}

/// The amount; the caller names the field.
pub(crate) fn fen(text: &str) -> Result<Fen, InvalidValue> {
    Fen::parse("", text)
}

/// The merchant of a body, which must be the one that it was sent to.
pub(crate) fn check_merchant(mch_id: &MchId, name: &str, told: Option<&str>) -> Result<(), ParseError> {
    let told = told.filter(|told| !told.is_empty()).ok_or_else(|| ParseError::missing(name))?;
    if told == mch_id.as_str() { Ok(()) } else { Err(ParseError::WrongMerchant) }
}

/// Amounts are in fen of Chinese yuan; where a currency is named it must be that one.
pub(crate) fn check_currency(name: &str, told: Option<&str>) -> Result<(), ParseError> {
    match told {
        None | Some("" | "CNY") => Ok(()),
        Some(_) => Err(ParseError::rule(name, "CNY")),
    }
}
