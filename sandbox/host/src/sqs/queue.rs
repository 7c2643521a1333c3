//! A queue and its attributes.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::error::{Kind, SqsError};
use super::message::SIZE_LIMIT;
use crate::{ACCOUNT, REGION};

pub(crate) type QueueAttributes = BTreeMap<String, String>;

/// Attributes that are numbers: name, default, least, most.
const NUMBERS: [(&str, i64, i64, i64); 5] = [
    ("DelaySeconds", 0, 0, 900),
    ("MaximumMessageSize", SIZE_LIMIT as i64, 1024, SIZE_LIMIT as i64),
    ("MessageRetentionPeriod", 345_600, 60, 1_209_600),
    ("ReceiveMessageWaitTimeSeconds", 0, 0, 20),
    ("VisibilityTimeout", 30, 0, 43_200),
];

/// Attributes of FIFO queues: name, default, the other value.
const FIFO_CHOICES: [(&str, &str, &str); 3] = [
    ("ContentBasedDeduplication", "false", "true"),
    ("DeduplicationScope", "queue", "messageGroup"),
    ("FifoThroughputLimit", "perQueue", "perMessageGroupId"),
];

/// Kept and answered, without an effect here.
const IGNORED: [&str; 5] =
    ["KmsDataKeyReusePeriodSeconds", "KmsMasterKeyId", "Policy", "RedriveAllowPolicy", "SqsManagedSseEnabled"];

/// A queue's settings.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    pub(crate) name: String,
    pub(crate) created_ms: i64,
    pub(crate) modified_ms: i64,
    pub(crate) attributes: QueueAttributes,
}

/// Where a message goes after how many receives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redrive {
    pub(crate) dead_letter_queue: String,
    pub(crate) max_receives: i64,
}

impl Queue {
    pub(crate) fn arn(&self) -> String {
        arn(&self.name)
    }

    pub(crate) fn is_fifo(&self) -> bool {
        is_fifo_name(&self.name)
    }

    pub(crate) fn deduplicates_by_content(&self) -> bool {
        self.is("ContentBasedDeduplication", "true")
    }

    pub(crate) fn deduplicates_per_group(&self) -> bool {
        self.is("DeduplicationScope", "messageGroup")
    }

    pub(crate) fn maximum_message_size(&self) -> usize {
        usize::try_from(self.number("MaximumMessageSize")).unwrap_or(SIZE_LIMIT)
    }

    /// A numeric attribute; seconds, where it is a time.
    pub(crate) fn number(&self, name: &str) -> i64 {
        let default = NUMBERS.iter().find(|number| number.0 == name).map_or(0, |number| number.1);
        self.attributes.get(name).and_then(|value| value.parse().ok()).unwrap_or(default)
    }

    pub(crate) fn redrive(&self) -> Option<Redrive> {
        self.attributes.get("RedrivePolicy").and_then(|policy| parse_redrive(policy).ok())
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.attributes.get(name).is_some_and(|set| set == value)
    }
}

pub(crate) fn arn(queue: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}")
}

pub(crate) fn name_of_arn(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:aws:sqs:")?.rsplit(':').next()
}

pub(crate) fn is_fifo_name(name: &str) -> bool {
    name.ends_with(".fifo")
}

/// Refuses what is no queue name: 1 to 80 letters, digits, `-` and `_`, and `.fifo` at the end if it is one.
pub(crate) fn check_name(name: &str, attributes: &QueueAttributes) -> Result<(), SqsError> {
    let stem = name.strip_suffix(".fifo").unwrap_or(name);
    let is_word = stem.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if stem.is_empty() || name.len() > 80 || !is_word {
        return Err(Kind::InvalidParameterValue
            .because("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"));
    }
    let wants_fifo = attributes.get("FifoQueue").is_some_and(|value| value == "true");
    match (is_fifo_name(name), wants_fifo) {
        (true, true) | (false, false) => Ok(()),
        (false, true) => Err(Kind::InvalidParameterValue.because("The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.")),
        (true, false) => Err(Kind::InvalidParameterValue.because("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")),
    }
}

/// The attributes of a queue that nobody set.
pub(crate) fn defaults(fifo: bool) -> QueueAttributes {
    let numbers = NUMBERS.iter().map(|(name, default, ..)| ((*name).to_owned(), default.to_string()));
    let mut defaults: QueueAttributes = numbers.collect();
    defaults.insert("SqsManagedSseEnabled".to_owned(), "true".to_owned());
    if fifo {
        defaults.insert("FifoQueue".to_owned(), "true".to_owned());
        defaults.extend(FIFO_CHOICES.iter().map(|(name, default, _)| ((*name).to_owned(), (*default).to_owned())));
    }
    defaults
}

/// Refuses attributes that this queue cannot have; the dead-letter queue's existence is the store's to check.
pub(crate) fn check_attributes(name: &str, attributes: &QueueAttributes) -> Result<(), SqsError> {
    attributes.iter().try_for_each(|(attribute, value)| check_attribute(name, attribute, value))
}

fn check_attribute(queue: &str, attribute: &str, value: &str) -> Result<(), SqsError> {
    let invalid = || Kind::InvalidAttributeValue.because(format!("Invalid value for the parameter {attribute}."));
    if let Some((_, _, least, most)) = NUMBERS.iter().find(|number| number.0 == attribute) {
        let in_range = value.parse::<i64>().is_ok_and(|number| (*least..=*most).contains(&number));
        return if in_range { Ok(()) } else { Err(invalid()) };
    }
    let unknown = || Kind::InvalidAttributeName.because(format!("Unknown Attribute {attribute}."));
    if let Some((_, default, other)) = FIFO_CHOICES.iter().find(|choice| choice.0 == attribute) {
        return match (is_fifo_name(queue), value == *default || value == *other) {
            (false, _) => Err(unknown()),
            (true, false) => Err(invalid()),
            (true, true) => Ok(()),
        };
    }
    match attribute {
        "FifoQueue" if is_fifo_name(queue) && value == "true" => Ok(()),
        "FifoQueue" => Err(unknown()),
        "RedrivePolicy" if value.is_empty() => Ok(()),
        "RedrivePolicy" => parse_redrive(value).map(|_| ()),
        ignored if IGNORED.contains(&ignored) => Ok(()),
        _ => Err(unknown()),
    }
}

/// High throughput needs both of its attributes.
pub(crate) fn check_throughput(attributes: &QueueAttributes) -> Result<(), SqsError> {
    let is = |name: &str, value: &str| attributes.get(name).is_some_and(|set| set == value);
    if is("FifoThroughputLimit", "perMessageGroupId") && !is("DeduplicationScope", "messageGroup") {
        return Err(Kind::InvalidAttributeValue.because(
            "Invalid value for the parameter FifoThroughputLimit. Reason: The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup.",
        ));
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RedrivePolicy {
    dead_letter_target_arn: String,
    /// A number, or a number in quotation marks: AWS takes both.
    max_receive_count: Value,
}

fn parse_redrive(policy: &str) -> Result<Redrive, SqsError> {
    let invalid = |reason: &str| SqsError::invalid("RedrivePolicy", policy, reason);
    let parsed: RedrivePolicy =
        serde_json::from_str(policy).map_err(|_| invalid("Redrive policy is not a valid JSON map."))?;
    let max_receives = match &parsed.max_receive_count {
        Value::String(text) => text.parse().ok(),
        other => other.as_i64(),
    };
    let max_receives = max_receives.filter(|count| (1..=1000).contains(count));
    Ok(Redrive {
        max_receives: max_receives
            .ok_or_else(|| invalid("Invalid value for maxReceiveCount: must be between 1 and 1000."))?,
        dead_letter_queue: name_of_arn(&parsed.dead_letter_target_arn)
            .ok_or_else(|| invalid("Invalid value for deadLetterTargetArn."))?
            .to_owned(),
    })
}
