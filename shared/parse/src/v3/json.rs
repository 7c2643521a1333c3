//! JSON members, each of which is checked by name when it is read: an error of the whole would name none.

use std::borrow::Cow;

use domain::InvalidValue;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{ParseError, field};

/// A member as it stands in the text; absent and `null` are the same.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Member<'a>(#[serde(borrow)] Option<&'a RawValue>);

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Reads an object whose members are borrowed from the text. A member that we read and that is there twice is an error: two
/// readers could pick two values.
pub(crate) fn object<'a, T: Deserialize<'a>>(name: &str, json: &'a [u8]) -> Result<T, ParseError> {
    let text = std::str::from_utf8(json).map_err(|_| ParseError::rule(name, "UTF-8"))?;
    read_object(name, text)
}

fn read_object<'a, T: Deserialize<'a>>(name: &str, text: &'a str) -> Result<T, ParseError> {
    // serde would take an array for a struct, too.
    if !text.trim_ascii_start().starts_with('{') {
        return Err(ParseError::rule(name, "a JSON object"));
    }
    serde_json::from_str(text).map_err(|_| ParseError::rule(name, "a JSON object without repeated members"))
}

impl<'a> Member<'a> {
    /// A member that is an object; the default where it is absent.
    pub(crate) fn object<T: Deserialize<'a> + Default>(self, name: &str) -> Result<T, ParseError> {
        self.0.map_or_else(|| Ok(T::default()), |raw| read_object(name, raw.get()))
    }

    /// The text of a string, without blanks around it; an empty one counts as absent.
    pub(crate) fn text(self, name: &str) -> Result<Option<Cow<'a, str>>, ParseError> {
        let Some(raw) = self.0 else { return Ok(None) };
        let Text(text) = serde_json::from_str(raw.get()).map_err(|_| ParseError::rule(name, "a string"))?;
        Ok(Some(trimmed(text)).filter(|text| !text.is_empty()))
    }

    pub(crate) fn word(self, name: &str) -> Result<Cow<'a, str>, ParseError> {
        self.text(name)?.ok_or_else(|| ParseError::missing(name))
    }

    pub(crate) fn required<T>(
        self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, InvalidValue>,
    ) -> Result<T, ParseError> {
        field::required(name, self.text(name)?.as_deref(), parse)
    }

    pub(crate) fn optional<T>(
        self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, InvalidValue>,
    ) -> Result<Option<T>, ParseError> {
        field::optional(name, self.text(name)?.as_deref(), parse)
    }

    /// A number, by its digits: `888`, and neither `888.0` nor `"888"`.
    pub(crate) fn number<T>(
        self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, InvalidValue>,
    ) -> Result<Option<T>, ParseError> {
        field::optional(name, self.0.map(RawValue::get), parse)
    }

    /// A number that some pages write as text (`plan_id`).
    pub(crate) fn number_or_text<T>(
        self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, InvalidValue>,
    ) -> Result<Option<T>, ParseError> {
        let is_text = self.0.is_some_and(|raw| raw.get().starts_with('"'));
        if is_text { self.optional(name, parse) } else { self.number(name, parse) }
    }
}

/// Stray blanks occur: WeChat's own partner sample has tabs inside openids.
fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}
