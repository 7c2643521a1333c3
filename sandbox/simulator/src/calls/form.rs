//! What a table of the documentation says of a call.

/// A call of V2.
pub(crate) struct Form {
    pub(crate) path: &'static str,
    pub(crate) fields: &'static [Field],
    pub(crate) algorithm: Algorithm,
    /// A wrong signature is `err_code` SIGN_ERROR instead of `return_code` FAIL.
    pub(crate) signs_error: bool,
}

/// How a call is signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// MD5, and `sign_type` is not a field of it.
    Md5,
    /// As `sign_type` says, MD5 without it.
    Md5Unless,
    /// As `sign_type` says, HMAC-SHA256 without it.
    HmacUnless,
}

/// A field of a table.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) is_required: bool,
    pub(crate) kind: Kind,
}

/// What a value looks like.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// At most so many characters.
    Text(usize),
    /// Digits, at least 1.
    Positive,
    /// Digits.
    Number,
    /// Digits without leading zeros, a positive int64.
    Serial,
    /// 6 to 32 characters of a small set.
    OrderNumber,
    /// Letters and digits, at most so many.
    Code(usize),
    /// What WeChat can post to.
    NotifyUrl,
    /// `1.0`
    Version,
}
