//! Attribute values, and the keys that items are found by.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{Consumer, ContractCode, ExemptKey, MchId, OutRefundNo, OutTradeNo};
use serde::Serialize;

use crate::CommitError;

/// An item, or a key.
pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) fn order_key(mch_id: &MchId, number: &OutTradeNo) -> String {
    format!("{mch_id}#O#{number}")
}

pub(super) fn contract_key(mch_id: &MchId, code: &ContractCode) -> String {
    format!("{mch_id}#C#{code}")
}

pub(super) fn refund_key(mch_id: &MchId, number: &OutRefundNo) -> String {
    format!("{mch_id}#R#{number}")
}

pub(super) fn exempt_key(mch_id: &MchId, key: &ExemptKey) -> String {
    format!("{mch_id}#X#{key}")
}

pub(super) const NULL: AttributeValue = AttributeValue::Null(true);

pub(super) fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

pub(super) fn number(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// A stable spread over index partitions (FNV-1a): the same key always lands in the same one.
pub(super) fn shard(key: &str, shards: u8) -> u64 {
    let hash = key
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    hash.checked_rem(u64::from(shards)).unwrap_or(0)
}

pub(super) fn encode<T: Serialize>(value: &T) -> Result<Item, CommitError> {
    serde_dynamo::to_item(value).map_err(|error| CommitError::Unavailable(error.to_string()))
}

pub(super) fn encode_map(routed: &BTreeMap<Consumer, u64>) -> AttributeValue {
    AttributeValue::M(routed.iter().map(|(consumer, sequence)| (consumer.clone(), number(sequence))).collect())
}

/// An attribute's text; nothing where it has none.
pub(super) fn string(item: &Item, name: &str) -> String {
    match item.get(name) {
        Some(AttributeValue::S(text)) => text.clone(),
        Some(_) | None => String::new(),
    }
}
