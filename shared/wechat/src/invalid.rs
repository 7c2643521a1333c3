//! Why a request is not sent.

use verify::sign::Unsignable;

/// A value that must not be sent. It names field and rule, never the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {rule}")]
pub struct Invalid {
    /// WeChat's name of the field.
    pub field: &'static str,
    /// The rule that the value breaks.
    pub rule: &'static str,
}

impl Invalid {
    pub(crate) fn new(field: &'static str, rule: &'static str) -> Self {
        Self { field, rule }
    }

    /// What signing refused. The names are ours, so the one that is meant is found among `names`.
    pub(crate) fn unsignable(error: &Unsignable, names: impl IntoIterator<Item = &'static str>) -> Self {
        let (name, rule) = match error {
            Unsignable::Separator(name) => (name.as_str(), "no & and no ="),
            Unsignable::Character(name) => (name.as_str(), "only characters that can be sent"),
            Unsignable::Name(name) => (name.as_str(), "a field name"),
            Unsignable::Repeated(name) => (name.as_str(), "given once"),
            Unsignable::Key => ("key", "a private key that signs"),
        };
        Self::new(names.into_iter().find(|known| *known == name).unwrap_or("sign"), rule)
    }
}

impl From<domain::InvalidValue> for Invalid {
    fn from(invalid: domain::InvalidValue) -> Self {
        Self::new(invalid.field, invalid.rule)
    }
}
