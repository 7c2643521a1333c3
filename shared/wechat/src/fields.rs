//! The fields of a request while it is built: each is checked when it is added, and all are signed at the end.

use domain::Fen;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use verify::SignAlgorithm;
use verify::sign::v2::{self, Field};

use crate::{Invalid, Keys, check};

/// Everything but letters, digits and `- . _ ~` is escaped, in upper case.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Names and raw values in the order in which they will be written.
#[derive(Clone, Default)]
pub(crate) struct Fields(Vec<(&'static str, String, Form)>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    /// From configuration, the only kind of value that may hold `&` and `=`.
    Url,
}

impl Fields {
    /// The two that every request begins with.
    pub(crate) fn new(appid: &domain::AppId, keys: &Keys) -> Self {
        Self::default().with("appid", appid.as_str()).with("mch_id", keys.mch_id())
    }

    /// A value that its type has checked already, or a constant.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.push((name, value.into(), Form::Text));
        self
    }

    pub(crate) fn with_optional(self, name: &'static str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Free text.
    pub(crate) fn text(self, name: &'static str, value: &str, max_bytes: usize) -> Result<Self, Invalid> {
        check::text(name, value, max_bytes)?;
        Ok(self.with(name, value))
    }

    pub(crate) fn optional_text(
        self,
        name: &'static str,
        value: Option<&str>,
        max_bytes: usize,
    ) -> Result<Self, Invalid> {
        match value {
            Some(value) => self.text(name, value, max_bytes),
            None => Ok(self),
        }
    }

    pub(crate) fn notify_url(mut self, name: &'static str, value: &str) -> Result<Self, Invalid> {
        check::notify_url(name, value)?;
        self.0.push((name, value.to_owned(), Form::Url));
        Ok(self)
    }

    pub(crate) fn amount(self, name: &'static str, value: Fen) -> Result<Self, Invalid> {
        check::amount(name, value)?;
        Ok(self.with(name, value.to_string()))
    }

    /// The request's body, `sign` last.
    pub(crate) fn signed_xml(&self, keys: &Keys, algorithm: SignAlgorithm) -> Result<String, Invalid> {
        v2::signed_xml(&self.fields(), keys.v2()?, algorithm).map_err(|error| self.unsignable(&error))
    }

    pub(crate) fn sign(&self, keys: &Keys, algorithm: SignAlgorithm) -> Result<String, Invalid> {
        v2::sign(&self.fields(), keys.v2()?, algorithm).map_err(|error| self.unsignable(&error))
    }

    /// The query string: signed over the raw values, each escaped once, in the order of the names, `sign` last.
    pub(crate) fn signed_query(&self, keys: &Keys, algorithm: SignAlgorithm) -> Result<String, Invalid> {
        let sign = self.sign(keys, algorithm)?;
        let mut sorted: Vec<(&str, &str)> = self.iter().collect();
        sorted.sort_unstable();
        sorted.push(("sign", &sign));
        let pairs = sorted.iter().map(|(name, value)| format!("{name}={}", escaped(value)));
        Ok(pairs.collect::<Vec<_>>().join("&"))
    }

    /// Names and raw values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value, _)| (*name, value.as_str()))
    }

    fn fields(&self) -> Vec<Field<'_>> {
        self.0
            .iter()
            .map(|(name, value, form)| match form {
                Form::Text => Field::text(name, value),
                Form::Url => Field::configured_url(name, value),
            })
            .collect()
    }

    fn unsignable(&self, error: &verify::sign::Unsignable) -> Invalid {
        Invalid::unsignable(error, self.0.iter().map(|(name, _, _)| *name))
    }

    /// The same with another value, unchecked: samples made by others have values that we would not send.
    #[cfg(test)]
    pub(crate) fn replaced(mut self, name: &'static str, value: &str) -> Self {
        self.0.retain(|(known, _, _)| *known != name);
        self.0.push((name, value.to_owned(), Form::Url));
        self
    }

    #[cfg(test)]
    pub(crate) fn without(mut self, name: &'static str) -> Self {
        self.0.retain(|(known, _, _)| *known != name);
        self
    }
}

pub(crate) fn escaped(value: &str) -> impl std::fmt::Display + '_ {
    utf8_percent_encode(value, ESCAPED)
}
