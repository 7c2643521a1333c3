//! Why something was not believed: one variant per cause that a test can provoke.

/// Why a callback or an answer was not believed.
///
/// Texts hold no body, key, openid or signature; names that the other side chose are cut to 40 characters and escaped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing, or only blanks, where a message should be.
    #[error("the body is empty")]
    Empty,
    /// The body is not UTF-8.
    #[error("the body is not UTF-8")]
    NotUtf8,
    /// A document type declaration: the way to external entities.
    #[error("the XML has a document type declaration")]
    Doctype,
    /// An entity reference other than the five predefined ones and character references.
    #[error("the XML refers to an entity that is not predefined")]
    Entity,
    /// A processing instruction, or an XML declaration that is not at the start.
    #[error("the XML has a processing instruction")]
    ProcessingInstruction,
    /// The XML declaration names an encoding other than UTF-8.
    #[error("the XML declares an encoding other than UTF-8")]
    Encoding,
    /// An element inside a field.
    #[error("the XML has more than one level")]
    Nested,
    /// Two elements of one name: two readers could pick two values.
    #[error("an XML element is repeated")]
    RepeatedElement,
    /// XML that is broken in another way; says in which.
    #[error("the XML is malformed: {0}")]
    MalformedXml(&'static str),
    /// No `sign`, or an empty one.
    #[error("`sign` is missing or empty")]
    MissingSign,
    /// `sign` has a length or characters that no algorithm gives.
    #[error("`sign` is neither an MD5 nor an HMAC-SHA256 value")]
    MalformedSign,
    /// `sign_type` names one algorithm and the length of `sign` is that of another.
    #[error("`sign_type` and the length of `sign` disagree")]
    SignTypeMismatch,
    /// V2: `sign` is not what our key gives.
    #[error("`sign` is wrong")]
    WrongSign,
    /// A V2 refund notice without `req_info`.
    #[error("`req_info` is missing or empty")]
    MissingReqInfo,
    /// `req_info` cannot be decrypted into a refund with our key. Anyone can cause it: nothing was proved before.
    #[error("`req_info` cannot be decrypted")]
    UndecryptableReqInfo,
    /// A V3 header is missing or empty; its name.
    #[error("header {0} is missing or empty")]
    MissingHeader(&'static str),
    /// A V3 header was sent twice (joined by a comma on the way); its name.
    #[error("header {0} is repeated")]
    RepeatedHeader(&'static str),
    /// A V3 header has a value of the wrong form; its name.
    #[error("header {0} is malformed")]
    MalformedHeader(&'static str),
    /// V3: more than 300 s away from our clock, in either direction.
    #[error("the message is {age_s} s old")]
    Stale {
        /// Our time less the message's, seconds; negative when the message comes from the future.
        age_s: i64,
    },
    /// V3: no key with this serial or public key id.
    #[error("no WeChat Pay key has this serial")]
    UnknownSerial,
    /// A signature type other than ours (SM2 for instance, or an unknown V2 `sign_type`); its name.
    #[error("signature type {0:?} is not supported")]
    UnsupportedSignatureType(String),
    /// V3: the RSA signature is wrong.
    #[error("the signature is wrong")]
    WrongSignature,
    /// V3: the signature is wrong and says that it is one of WeChat's probes (`WECHATPAY/SIGNTEST/`).
    #[error("the signature is a probe of WeChat's")]
    Probe,
    /// V3: a good signature over something that is not the documented JSON.
    #[error("the signed JSON is not the documented one")]
    MalformedEnvelope,
    /// V3: a resource that is encrypted in another way (SM4 for instance); its name.
    #[error("resource algorithm {0:?} is not supported")]
    UnsupportedAlgorithm(String),
    /// V3: the resource's nonce does not have 12 bytes.
    #[error("the resource's nonce does not have 12 bytes")]
    MalformedNonce,
    /// V3: a good signature, and a resource that our APIv3 key does not open: a key fault of ours.
    #[error("the resource cannot be decrypted")]
    Undecryptable,
    /// A platform certificate that Tenpay's authority did not issue, or that is not valid now.
    #[error("the certificate is not one of Tenpay's that is valid now")]
    UntrustedCertificate,
    /// The merchant has no key of this kind; its name.
    #[error("the merchant has no {0}")]
    NoKey(&'static str),
}

impl Refusal {
    /// A stable label for metrics and logs.
    ///
    /// ```
    /// assert_eq!(verify::Refusal::MissingHeader("Wechatpay-Nonce").reason(), "missing_header");
    /// ```
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Refusal::Empty => "empty",
            Refusal::NotUtf8 => "not_utf8",
            Refusal::Doctype => "doctype",
            Refusal::Entity => "entity",
            Refusal::ProcessingInstruction => "processing_instruction",
            Refusal::Encoding => "encoding",
            Refusal::Nested => "nested",
            Refusal::RepeatedElement => "repeated_element",
            Refusal::MalformedXml(_) => "malformed_xml",
            Refusal::MissingSign => "missing_sign",
            Refusal::MalformedSign => "malformed_sign",
            Refusal::SignTypeMismatch => "sign_type_mismatch",
            Refusal::WrongSign => "wrong_sign",
            Refusal::MissingReqInfo => "missing_req_info",
            Refusal::UndecryptableReqInfo => "undecryptable_req_info",
            Refusal::MissingHeader(_) => "missing_header",
            Refusal::RepeatedHeader(_) => "repeated_header",
            Refusal::MalformedHeader(_) => "malformed_header",
            Refusal::Stale { .. } => "stale",
            Refusal::UnknownSerial => "unknown_serial",
            Refusal::UnsupportedSignatureType(_) => "unsupported_signature_type",
            Refusal::WrongSignature => "wrong_signature",
            Refusal::Probe => "probe",
            Refusal::MalformedEnvelope => "malformed_envelope",
            Refusal::UnsupportedAlgorithm(_) => "unsupported_algorithm",
            Refusal::MalformedNonce => "malformed_nonce",
            Refusal::Undecryptable => "undecryptable",
            Refusal::UntrustedCertificate => "untrusted_certificate",
            Refusal::NoKey(_) => "no_key",
        }
    }

    /// Whether keys that have changed behind our back would explain this: the caller reads its secret again, at most once
    /// a minute, because anyone can cause most of these.
    ///
    /// ```
    /// use verify::Refusal;
    /// assert!(Refusal::UnknownSerial.could_be_key_fault());
    /// assert!(!Refusal::WrongSignature.could_be_key_fault());
    /// ```
    #[must_use]
    pub fn could_be_key_fault(&self) -> bool {
        matches!(
            self,
            Refusal::WrongSign
                | Refusal::UndecryptableReqInfo
                | Refusal::UnknownSerial
                | Refusal::Undecryptable
                | Refusal::NoKey(_)
        )
    }
}

/// A name that the other side chose, short enough to be logged.
pub(crate) fn shortened(name: &str) -> String {
    name.chars().take(40).collect()
}
