//! Items of the journal and the outbox, and rows read back.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{Consumer, Fact, OutboxEntry};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::PENDING_SHARDS;
use super::values::{Item, encode, number, shard, string, text};
use crate::keys::{hex, unhex};
use crate::{CommitError, Held, JournalEntry, JournalKey, LedgerError, Receipt, Row};

/// How long a journal entry is kept: longer than any notice is resent (24 h 04 min) and any dispute of a payment lasts.
const JOURNAL_DAYS: i64 = 180;

/// The longest body that is kept, in bytes: an item has at most 400 KB. A V3 resource can be longer, though none that is
/// documented is; of such a one hash, length and fact are kept.
const LONGEST_BODY: usize = 256 * 1024;

pub(super) fn journal_key(key: &JournalKey) -> Item {
    Item::from([("subject".to_owned(), text(&key.subject)), ("entry".to_owned(), text(&key.entry))])
}

pub(super) fn journal_item(entry: &JournalEntry) -> Result<Item, CommitError> {
    let mut item = journal_key(&entry.key);
    let fact = entry.fact.as_ref().map(serde_json::to_string).transpose();
    let fact = fact.map_err(|error| CommitError::Unavailable(error.to_string()))?;
    let ttl = entry.received_at.as_second().saturating_add(JOURNAL_DAYS.saturating_mul(86_400));
    item.insert("schema".to_owned(), number(domain::SCHEMA));
    item.insert("outcome".to_owned(), text(entry.outcome));
    item.insert("body_hash".to_owned(), text(&hex(&entry.body_hash)));
    item.insert("received_at".to_owned(), text(&entry.received_at.to_string()));
    item.insert("ttl".to_owned(), number(ttl));
    if entry.body.len() > LONGEST_BODY {
        item.insert("body_bytes".to_owned(), number(entry.body.len()));
    } else if !entry.body.is_empty() {
        let body = aws_sdk_dynamodb::primitives::Blob::new(entry.body.clone());
        item.insert("body".to_owned(), AttributeValue::B(body));
    }
    let optional = [("fact", fact), ("reason", entry.reason.clone()), ("traceparent", entry.traceparent.clone())];
    for (name, value) in optional {
        if let Some(value) = value {
            item.insert(name.to_owned(), text(&value));
        }
    }
    if let Some((stream, sequence)) = &entry.sequence {
        item.insert("stream".to_owned(), text(stream.as_str()));
        item.insert("sequence".to_owned(), number(sequence));
    }
    Ok(item)
}

pub(super) fn outbox_item(entry: &OutboxEntry) -> Result<Item, CommitError> {
    let mut item = encode(entry)?;
    if entry.pending.is_empty() {
        // Nobody waits for it, so publishing will not set its time to live.
        item.remove("pending");
        item.insert("ttl".to_owned(), number(OutboxEntry::ttl(entry.time)));
    } else {
        item.insert("pending".to_owned(), AttributeValue::Ss(entry.pending.iter().cloned().collect()));
        let shard = shard(entry.stream.as_str(), PENDING_SHARDS);
        item.insert("pending_shard".to_owned(), text(&format!("p#{shard}")));
        item.insert("pending_since".to_owned(), number(entry.time.as_millisecond()));
    }
    Ok(item)
}

#[derive(Deserialize)]
pub(super) struct Empty {}

#[derive(Deserialize)]
pub(super) struct Meta {
    version: u64,
    #[serde(default)]
    routed: BTreeMap<Consumer, u64>,
}

pub(super) fn row<T: DeserializeOwned>((key, item): (String, Item)) -> Result<Row<T>, LedgerError> {
    // serde's own words quote the value.
    let unreadable =
        |_| LedgerError::Unreadable { key: key.clone(), reason: "an attribute is not what we write".into() };
    let Meta { version, routed } = serde_dynamo::from_item(item.clone()).map_err(unreadable)?;
    let value = serde_dynamo::from_item(item).map_err(unreadable)?;
    Ok(Row { value, version, routed })
}

pub(super) fn held_message(item: Item) -> Result<Held, LedgerError> {
    let key = JournalKey { subject: string(&item, "subject"), entry: string(&item, "entry") };
    let unreadable = |reason: String| LedgerError::Unreadable { key: key.entry.clone(), reason };
    let fact: Fact = serde_json::from_str(&string(&item, "fact")).map_err(|_| unreadable("fact".to_owned()))?;
    let body_hash = unhex(&string(&item, "body_hash")).ok_or_else(|| unreadable("body_hash".to_owned()))?;
    let received_at = string(&item, "received_at").parse().map_err(|_| unreadable("received_at".to_owned()))?;
    let body = match item.get("body") {
        Some(AttributeValue::B(body)) => body.as_ref().to_vec(),
        Some(_) | None => Vec::new(),
    };
    let traceparent = item.contains_key("traceparent").then(|| string(&item, "traceparent"));
    Ok(Held { fact, receipt: Receipt { body, body_hash, received_at, traceparent }, key })
}
