//! The other direction: signing what we send, and what the app hands to WeChat.

pub mod v2;
pub mod v3;

/// A value that must not be signed. Holds the name of the value, never the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsignable {
    /// `&` or `=` in a V2 value: V2 signing has no escaping, so the signed text could be read as other fields.
    #[error("{0} holds `&` or `=`")]
    Separator(String),
    /// A control character, a blank where none may be, or a character that WeChat refuses (more than 3 bytes of UTF-8).
    #[error("{0} holds a character that cannot be sent")]
    Character(String),
    /// A field name that V2 does not know the like of, or `sign` itself.
    #[error("{0:?} is no name for a signed field")]
    Name(String),
    /// A field is given twice.
    #[error("{0} is given twice")]
    Repeated(String),
    /// The private key refused.
    #[error("the private key cannot sign")]
    Key,
}
