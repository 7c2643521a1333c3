//! What `verify` hands on: the content, and what was proved about it.

use std::borrow::Cow;

use crate::xml::V2Fields;

/// A message of WeChat's, and what was proved about it. Only this crate can make one.
#[derive(Clone, PartialEq, Eq)]
pub struct Verified<'a> {
    proof: Proof,
    content: Content<'a>,
}

impl<'a> Verified<'a> {
    pub(crate) fn new(proof: Proof, content: Content<'a>) -> Self {
        Verified { proof, content }
    }

    /// What was proved.
    #[must_use]
    pub fn proof(&self) -> &Proof {
        &self.proof
    }

    /// What the message says.
    #[must_use]
    pub fn content(&self) -> &Content<'a> {
        &self.content
    }

    /// The same message without the body it was read from.
    #[must_use]
    pub fn into_owned(self) -> Verified<'static> {
        Verified { proof: self.proof, content: self.content.into_owned() }
    }
}

/// The proof alone is printed: contents hold openids.
impl std::fmt::Debug for Verified<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verified").field("proof", &self.proof).finish_non_exhaustive()
    }
}

/// How much was proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// V2: `sign` over every non-empty field, by someone who holds the APIv2 key.
    V2Sign(SignAlgorithm),
    /// V2 refund notice: `req_info` was encrypted with the APIv2 key. ECB has no integrity and nothing is signed, so this
    /// is a reason to ask WeChat, not to believe.
    V2Decryption,
    /// V3: WeChat's RSA signature over time, nonce and body.
    WechatpaySignature {
        /// Serial of the platform certificate, or id of the public key.
        serial: String,
    },
}

/// The algorithms of a V2 `sign`, the weaker one first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignAlgorithm {
    /// MD5, with the key at the end of the text.
    Md5,
    /// HMAC-SHA256.
    HmacSha256,
}

impl SignAlgorithm {
    /// As written in `sign_type`.
    ///
    /// ```
    /// use verify::SignAlgorithm;
    /// assert_eq!(SignAlgorithm::HmacSha256.name(), "HMAC-SHA256");
    /// assert!(SignAlgorithm::Md5 < SignAlgorithm::HmacSha256);
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            SignAlgorithm::Md5 => "MD5",
            SignAlgorithm::HmacSha256 => "HMAC-SHA256",
        }
    }
}

/// What a verified message says.
#[derive(Clone, PartialEq, Eq)]
pub enum Content<'a> {
    /// The fields of a V2 notice or answer, `sign` included.
    V2(V2Fields<'a>),
    /// A V2 refund notice.
    V2Refund {
        /// The fields around `req_info`. **Nothing about them is proved**: anyone can write them.
        outer: V2Fields<'a>,
        /// What `req_info` held.
        refund: V2Fields<'static>,
    },
    /// A V3 notice.
    V3(V3Event<'a>),
}

impl Content<'_> {
    fn into_owned(self) -> Content<'static> {
        match self {
            Content::V2(fields) => Content::V2(fields.into_owned()),
            Content::V2Refund { outer, refund } => Content::V2Refund { outer: outer.into_owned(), refund },
            Content::V3(event) => Content::V3(event.into_owned()),
        }
    }
}

/// A V3 notice with its resource decrypted. Members that the sender left out are empty, `id` and `event_type` excepted.
#[derive(Clone, PartialEq, Eq)]
pub struct V3Event<'a> {
    /// Id of the notice. Whether a resend keeps it is not documented: never use it alone as a key.
    pub id: Cow<'a, str>,
    /// RFC 3339.
    pub create_time: Cow<'a, str>,
    /// `TRANSACTION.SUCCESS`, `REFUND.CLOSED`, `ENTRUST.SIGN`, …
    pub event_type: Cow<'a, str>,
    /// `encrypt-resource`.
    pub resource_type: Cow<'a, str>,
    /// Short Chinese text for people.
    pub summary: Cow<'a, str>,
    /// `transaction`, `refund`, `entrust`, …
    pub original_type: Cow<'a, str>,
    /// The decrypted resource: JSON as WeChat wrote it.
    pub resource: Vec<u8>,
}

impl V3Event<'_> {
    fn into_owned(self) -> V3Event<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        V3Event {
            id: owned(self.id),
            create_time: owned(self.create_time),
            event_type: owned(self.event_type),
            resource_type: owned(self.resource_type),
            summary: owned(self.summary),
            original_type: owned(self.original_type),
            resource: self.resource,
        }
    }
}
