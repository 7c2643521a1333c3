//! What a message may hold, and the digests that SQS answers with.

use std::collections::BTreeMap;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::error::{Kind, SqsError};
use super::queue::Queue;

/// The limit of a message, and of all messages of a batch together: 1 MiB, in bytes.
pub(crate) const SIZE_LIMIT: usize = 1024 * 1024;

/// One message attribute, as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Attribute {
    pub(crate) data_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) string_value: Option<String>,
    /// Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) binary_value: Option<String>,
}

pub(crate) type Attributes = BTreeMap<String, Attribute>;

/// A message that somebody wants to send.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct NewMessage {
    #[serde(default)]
    pub(crate) message_body: String,
    #[serde(default)]
    pub(crate) delay_seconds: Option<i64>,
    #[serde(default)]
    pub(crate) message_attributes: Option<Attributes>,
    #[serde(default)]
    pub(crate) message_system_attributes: Option<Attributes>,
    #[serde(default)]
    pub(crate) message_deduplication_id: Option<String>,
    #[serde(default)]
    pub(crate) message_group_id: Option<String>,
}

impl NewMessage {
    /// What counts towards the limits, in bytes.
    pub(crate) fn size(&self) -> usize {
        let attributes = self.message_attributes.iter().flatten();
        self.message_body.len() + attributes.map(|(name, attribute)| name.len() + attribute.size()).sum::<usize>()
    }

    /// Refuses what this queue would not take.
    pub(crate) fn check(&self, queue: &Queue) -> Result<(), SqsError> {
        self.check_body(queue)?;
        self.check_order(queue)?;
        for (name, attribute) in self.message_attributes.iter().flatten() {
            attribute.check(name)?;
        }
        if self.message_attributes.as_ref().is_some_and(|attributes| attributes.len() > 10) {
            return Err(
                Kind::InvalidParameterValue.because("Number of message attributes exceeds the allowed maximum [10].")
            );
        }
        Ok(())
    }

    fn check_body(&self, queue: &Queue) -> Result<(), SqsError> {
        if self.message_body.is_empty() {
            return Err(SqsError::missing("MessageBody"));
        }
        if self.size() > queue.maximum_message_size() {
            let limit = queue.maximum_message_size();
            let message =
                format!("One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes.");
            return Err(Kind::InvalidParameterValue.because(message));
        }
        if !self.message_body.chars().all(is_allowed) {
            return Err(Kind::InvalidMessageContents.because("Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"));
        }
        Ok(())
    }

    fn check_order(&self, queue: &Queue) -> Result<(), SqsError> {
        match self.delay_seconds {
            Some(delay) if queue.is_fifo() && delay != 0 => {
                let reason = "The request include parameter that is not valid for this queue type.";
                return Err(SqsError::invalid("DelaySeconds", delay, reason));
            }
            Some(delay) if !(0..=900).contains(&delay) => {
                return Err(SqsError::invalid("DelaySeconds", delay, "DelaySeconds must be >= 0 and <= 900."));
            }
            _ => {}
        }
        check_token("MessageGroupId", self.message_group_id.as_deref())?;
        check_token("MessageDeduplicationId", self.message_deduplication_id.as_deref())?;
        if !queue.is_fifo() {
            return match &self.message_deduplication_id {
                None => Ok(()),
                Some(id) => Err(SqsError::invalid(
                    "MessageDeduplicationId",
                    id,
                    "The request include parameter that is not valid for this queue type.",
                )),
            };
        }
        if self.message_group_id.is_none() {
            return Err(SqsError::missing("MessageGroupId"));
        }
        if self.message_deduplication_id.is_none() && !queue.deduplicates_by_content() {
            return Err(Kind::InvalidParameterValue.because(
                "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
            ));
        }
        Ok(())
    }

    /// The deduplication id of a FIFO message: given, or the SHA-256 of the body.
    pub(crate) fn deduplication_id(&self) -> String {
        self.message_deduplication_id.clone().unwrap_or_else(|| hex(&Sha256::digest(self.message_body.as_bytes())))
    }
}

/// Group and deduplication ids: 1 to 128 printable ASCII characters.
fn check_token(parameter: &str, token: Option<&str>) -> Result<(), SqsError> {
    match token {
        Some(token) if token.is_empty() || token.len() > 128 || !token.bytes().all(|b| b.is_ascii_graphic()) => {
            let reason =
                format!("{parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length.");
            Err(SqsError::invalid(parameter, token, &reason))
        }
        _ => Ok(()),
    }
}

fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}')
}

impl Attribute {
    fn size(&self) -> usize {
        self.data_type.len() + self.bytes().map_or(0, |(_, bytes)| bytes.len())
    }

    fn check(&self, name: &str) -> Result<(), SqsError> {
        let base_type = self.data_type.split('.').next().unwrap_or_default();
        let has_its_value = match base_type {
            "String" | "Number" => self.string_value.as_ref().is_some_and(|value| !value.is_empty()),
            "Binary" => self.bytes().is_some_and(|(_, bytes)| !bytes.is_empty()),
            _ => {
                let message = format!(
                    "The type of message (user) attribute '{name}' is invalid. You must use only the following supported type prefixes: Binary, Number, String."
                );
                return Err(Kind::InvalidParameterValue.because(message));
            }
        };
        if has_its_value {
            return Ok(());
        }
        let message =
            format!("The message (user) attribute '{name}' must contain a non-empty value of type '{base_type}'.");
        Err(Kind::InvalidParameterValue.because(message))
    }

    /// The transport type in MD5's input (1: string, 2: binary) and the value.
    fn bytes(&self) -> Option<(u8, Vec<u8>)> {
        match (&self.string_value, &self.binary_value) {
            (Some(text), _) => Some((1, text.clone().into_bytes())),
            (None, Some(base64)) => Some((2, STANDARD.decode(base64).ok()?)),
            (None, None) => None,
        }
    }
}

pub(crate) fn md5_of_body(body: &str) -> String {
    hex(&Md5::digest(body.as_bytes()))
}

/// The MD5 of message attributes: by name, each as length and bytes of name and type, transport type, length and bytes
/// of the value. None for no attributes.
pub(crate) fn md5_of_attributes<'a>(
    attributes: impl IntoIterator<Item = (&'a String, &'a Attribute)>,
) -> Option<String> {
    let mut digest = Md5::new();
    let mut any = false;
    for (name, attribute) in attributes {
        let (transport, value) = attribute.bytes()?;
        update_with_length(&mut digest, name.as_bytes());
        update_with_length(&mut digest, attribute.data_type.as_bytes());
        digest.update([transport]);
        update_with_length(&mut digest, &value);
        any = true;
    }
    any.then(|| hex(&digest.finalize()))
}

fn update_with_length(digest: &mut Md5, bytes: &[u8]) {
    digest.update(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    digest.update(bytes);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
