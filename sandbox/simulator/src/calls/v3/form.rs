//! What a table of the documentation says of a JSON body.

/// A member of an object.
pub(crate) struct Member {
    pub(crate) name: &'static str,
    pub(crate) is_required: bool,
    pub(crate) kind: Kind,
}

/// What a value looks like.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// 1 to so many characters.
    Text(usize),
    /// 1 to so many bytes.
    Bytes(usize),
    /// 6 to 32 characters of a small set.
    OrderNumber,
    /// 1 to 64 characters of a small set.
    RefundNumber,
    /// Letters and digits, at most so many.
    Code(usize),
    /// An integer from 0 on.
    Number,
    /// An integer from 1 on.
    Positive,
    /// true, false
    Flag,
    /// What WeChat can post to: https, or http on this machine, without query, at most so long.
    NotifyUrl(usize),
    /// RFC 3339.
    Time,
    /// IPv4 or IPv6.
    Address,
    /// One of these words.
    Word(&'static [&'static str]),
    /// An object with these members and no others.
    Object(&'static [Member]),
    /// At least one such object.
    List(&'static [Member]),
}

pub(super) const fn required(name: &'static str, kind: Kind) -> Member {
    Member { name, is_required: true, kind }
}

pub(super) const fn optional(name: &'static str, kind: Kind) -> Member {
    Member { name, is_required: false, kind }
}
