//! A V3 notification: the envelope (<https://pay.weixin.qq.com/doc/v3/merchant/4013070368>) around a sealed resource.

use serde_json::{Map, Value, json};

use crate::numbers::{derived_nonce, rfc3339};
use crate::{Error, Occasion, SignedRequest, WechatPay};

/// A V3 notification before sealing and signing. The constructors, one per kind, are in `resources.rs`.
#[derive(Clone)]
pub struct V3Notice {
    pub(crate) event_type: String,
    original_type: String,
    summary: String,
    resource: Map<String, Value>,
    associated_data: Option<String>,
    extra: Map<String, Value>,
    key: Option<String>,
}

impl V3Notice {
    /// Any notification: of a type that nobody knows yet, or of the right type with a strange resource.
    #[must_use]
    pub fn new(event_type: &str, original_type: &str, summary: &str, resource: Map<String, Value>) -> Self {
        Self {
            event_type: event_type.to_owned(),
            original_type: original_type.to_owned(),
            summary: summary.to_owned(),
            resource,
            // In practice it equals `original_type`.
            associated_data: Some(original_type.to_owned()),
            extra: Map::new(),
            key: None,
        }
    }

    /// Adds or replaces a member of the sealed resource.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.resource.insert(member.to_owned(), value.into());
        self
    }

    /// Leaves a member of the resource out.
    #[must_use]
    pub fn without(mut self, member: &str) -> Self {
        self.resource.remove(member);
        self
    }

    /// Sends another `event_type` than the resource deserves.
    #[must_use]
    pub fn event_type(mut self, event_type: &str) -> Self {
        event_type.clone_into(&mut self.event_type);
        self
    }

    /// Adds a member to the envelope, which may grow without notice.
    #[must_use]
    pub fn with_envelope(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(member.to_owned(), value.into());
        self
    }

    /// `associated_data` is optional: `None` leaves it out, `Some("")` sends it empty.
    #[must_use]
    pub fn associated_data(mut self, associated_data: Option<&str>) -> Self {
        self.associated_data = associated_data.map(str::to_owned);
        self
    }

    /// Signs by the key of this certificate serial or public key id instead of the first one.
    #[must_use]
    pub fn signed_by(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    /// The body: envelope and sealed resource. A resent notification keeps it and is signed anew, with [`WechatPay::v3_request`].
    ///
    /// # Errors
    /// A time outside the calendar.
    pub fn sealed(&self, wechat: &WechatPay, occasion: &Occasion) -> Result<Vec<u8>, Error> {
        // Two kinds of notice on one occasion must not share the nonce of the cipher.
        let seed = format!("{}|{}", occasion.nonce, self.event_type);
        let (nonce, nonce_text) = resource_nonce(&seed);
        let plaintext = serde_json::to_vec(&self.resource)?;
        let aad = self.associated_data.as_deref();
        let mut resource = json!({
            "original_type": self.original_type,
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": wechat.v3_seal(&plaintext, nonce, aad.unwrap_or_default())?,
            "nonce": nonce_text,
        });
        if let Some(aad) = aad {
            resource["associated_data"] = aad.into();
        }
        let mut envelope = self.extra.clone();
        envelope.insert("id".to_owned(), notice_id(&seed).into());
        envelope.insert("create_time".to_owned(), rfc3339(occasion.now)?.into());
        envelope.insert("resource_type".to_owned(), "encrypt-resource".into());
        envelope.insert("event_type".to_owned(), self.event_type.as_str().into());
        envelope.insert("summary".to_owned(), self.summary.as_str().into());
        envelope.insert("resource".to_owned(), resource);
        Ok(serde_json::to_vec(&envelope)?)
    }

    /// The notification as WeChat sends it.
    ///
    /// # Errors
    /// There is no such key, or a time outside the calendar.
    pub fn signed(&self, wechat: &WechatPay, occasion: &Occasion) -> Result<SignedRequest, Error> {
        wechat.v3_request(self.sealed(wechat, occasion)?, self.key.as_deref(), occasion)
    }
}

/// 12 ASCII bytes, as WeChat's are.
fn resource_nonce(seed: &str) -> ([u8; 12], String) {
    let digits = derived_nonce(&format!("resource|{seed}"));
    let mut nonce = [b'0'; 12];
    for (byte, digit) in nonce.iter_mut().zip(digits.bytes()) {
        *byte = digit;
    }
    let text = String::from_utf8_lossy(&nonce).into_owned();
    (nonce, text)
}

/// In the form of a UUID, as `id` is said to be.
fn notice_id(seed: &str) -> String {
    let digits = derived_nonce(&format!("id|{seed}"));
    let mut id = String::with_capacity(36);
    for (at, digit) in digits.chars().enumerate() {
        if [8, 12, 16, 20].contains(&at) {
            id.push('-');
        }
        id.push(digit);
    }
    id
}
