//! What one transaction writes, item by item.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, Update};
use domain::{Check, MchId};
use serde::Serialize;

use super::items::{journal_item, journal_key, outbox_item};
use super::values::{
    Item, NULL, contract_key, encode, encode_map, exempt_key, number, order_key, refund_key, shard, text,
};
use super::{DUE_SHARDS, DynamoLedger, days};
use crate::keys::hex;
use crate::writeahead::KEY_KEPT_S;
use crate::{Commit, CommitError, Expected, GuardWrite, IdempotencyRecord, Unchanged, Write};

impl DynamoLedger {
    pub(super) fn writes(&self, commit: &Commit) -> Result<Vec<TransactWriteItem>, CommitError> {
        let mut items = Vec::with_capacity(commit.items());
        let mch_id = &commit.mch_id;
        if let Some(entry) = &commit.journal {
            items.push(put(&self.tables.inbox, journal_item(entry)?, entry.unique.then_some("entry"))?);
        }
        if let Some(write) = &commit.order {
            let key = order_key(mch_id, &write.value.out_trade_no);
            let contract = write.value.contract_code.as_ref();
            let more = [
                ("contract_key", contract.map(|code| contract_key(mch_id, code))),
                ("day_shard", days::of_order(&key, &write.value)),
            ];
            items.push(self.state(&key, "order", write, write.value.check.as_ref(), more)?);
        }
        if let Some(write) = &commit.contract {
            let key = contract_key(mch_id, &write.value.contract_code);
            items.push(self.state(&key, "contract", write, write.value.check.as_ref(), [])?);
        }
        if let Some(write) = &commit.refund {
            let key = refund_key(mch_id, &write.value.out_refund_no);
            let day = ("day_shard", days::of_refund(&key, &write.value));
            items.push(self.state(&key, "refund", write, write.value.check.as_ref(), [day])?);
        }
        if let Some(write) = &commit.exempt {
            let key = exempt_key(mch_id, &write.value.key());
            items.push(self.state(&key, "exempt", write, write.value.check.as_ref(), [])?);
        }
        if let Some((stream, write)) = &commit.quarantine {
            let head = Write {
                value: BTreeMap::<String, String>::new(),
                expected: write.expected,
                version: write.version,
                routed: write.routed.clone(),
            };
            items.push(self.state(stream.as_str(), "quarantine", &head, None, [])?);
        }
        for entry in &commit.outbox {
            items.push(put(&self.tables.outbox, outbox_item(entry)?, Some("sequence"))?);
        }
        if let Some(record) = &commit.idempotency {
            items.push(put(&self.tables.inbox, idempotency_item(record), Some("entry"))?);
        }
        for guard in &commit.guards {
            items.push(self.guard(guard)?);
        }
        for contract in &commit.unchanged {
            items.push(self.unchanged(mch_id, contract)?);
        }
        Ok(items)
    }

    /// A state item, new or not, is updated attribute by attribute: attributes of a later release survive an earlier one, and no function
    /// needs another right for what it seldom sees first. `more` are keys of sparse indexes.
    fn state<T: Serialize, const N: usize>(
        &self,
        key: &str,
        kind: &str,
        write: &Write<T>,
        check: Option<&Check>,
        more: [(&str, Option<String>); N],
    ) -> Result<TransactWriteItem, CommitError> {
        let mut item = encode(&write.value)?;
        // The head of a quarantine has none of its own.
        item.entry("schema".to_owned()).or_insert_with(|| number(domain::SCHEMA));
        // Not `kind`: an order has a field of that name.
        item.insert("item".to_owned(), text(kind));
        item.insert("version".to_owned(), number(write.version));
        item.insert("routed".to_owned(), encode_map(&write.routed));
        item.insert("due_shard".to_owned(), check.map_or(NULL, |_| text(&format!("check#{}", shard(key, DUE_SHARDS)))));
        item.insert("due_at".to_owned(), check.map_or(NULL, |check| number(check.due_at.as_millisecond())));
        item.extend(more.into_iter().filter_map(|(name, key)| Some((name.to_owned(), text(&key?)))));
        update(&self.tables.ledger, key, item, write.expected)
    }

    fn guard(&self, write: &GuardWrite) -> Result<TransactWriteItem, CommitError> {
        let table = &self.tables.ledger;
        let mut item = Item::from([
            ("item".to_owned(), text("guard")),
            ("schema".to_owned(), number(domain::SCHEMA)),
            ("contract_code".to_owned(), text(write.contract_code.as_str())),
        ]);
        let Some(expected) = write.expected else { return point(table, &write.key, item) };
        let before = match expected {
            Expected::Absent => 0,
            Expected::Version(version) => version,
        };
        item.insert("version".to_owned(), number(before.saturating_add(1)));
        update(table, &write.key, item, expected)
    }

    /// Its version must still be this. Written as an update that changes nothing, since whoever records has that right: a late payment, that
    /// any function may be told of, looks at the attempt that was begun meanwhile.
    fn unchanged(&self, mch_id: &MchId, contract: &Unchanged) -> Result<TransactWriteItem, CommitError> {
        let version = Item::from([("version".to_owned(), number(contract.version))]);
        let key = contract_key(mch_id, &contract.contract_code);
        update(&self.tables.ledger, &key, version, Expected::Version(contract.version))
    }
}

fn idempotency_item(record: &IdempotencyRecord) -> Item {
    let mut item = journal_key(&record.key);
    item.insert("schema".to_owned(), number(domain::SCHEMA));
    item.insert("body_hash".to_owned(), text(&hex(&record.body_hash)));
    item.insert("resource".to_owned(), text(&record.resource));
    item.insert("received_at".to_owned(), text(&record.at.to_string()));
    item.insert("ttl".to_owned(), number(record.at.as_second().saturating_add(KEY_KEPT_S)));
    item
}

/// A whole item; `absent` names a key attribute that must not exist yet.
fn put(table: &str, mut item: Item, absent: Option<&str>) -> Result<TransactWriteItem, CommitError> {
    item.retain(|_, value| !matches!(value, AttributeValue::Null(_)));
    let mut put = Put::builder().table_name(table).set_item(Some(item));
    if let Some(key) = absent {
        put = put.condition_expression("attribute_not_exists(#key)").expression_attribute_names("#key", key);
    }
    let put = put.build().map_err(|error| CommitError::Unavailable(error.to_string()))?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// Every attribute that we know, on the condition that the version is what was read, or that there was nothing to read.
fn update(table: &str, key: &str, item: Item, expected: Expected) -> Result<TransactWriteItem, CommitError> {
    let (mut set, mut remove) = (Vec::new(), Vec::new());
    let (mut names, mut values) = (HashMap::new(), HashMap::new());
    let condition = match expected {
        Expected::Absent => "attribute_not_exists(pk)",
        Expected::Version(version) => {
            names.insert("#version".to_owned(), "version".to_owned());
            values.insert(":expected".to_owned(), number(version));
            "#version = :expected"
        }
    };
    for (index, (name, value)) in item.into_iter().enumerate() {
        let alias = format!("#a{index}");
        if matches!(value, AttributeValue::Null(_)) {
            remove.push(alias.clone());
        } else {
            set.push(format!("{alias} = :a{index}"));
            values.insert(format!(":a{index}"), value);
        }
        names.insert(alias, name);
    }
    let mut expression = format!("SET {}", set.join(", "));
    if !remove.is_empty() {
        expression.push_str(&format!(" REMOVE {}", remove.join(", ")));
    }
    let update = Update::builder()
        .table_name(table)
        .key("pk", text(key))
        .update_expression(expression)
        .condition_expression(condition)
        .set_expression_attribute_names(Some(names))
        .set_expression_attribute_values(Some(values))
        .build()
        .map_err(|error| CommitError::Unavailable(error.to_string()))?;
    Ok(TransactWriteItem::builder().update(update).build())
}

/// A guard that points elsewhere from here, whatever it pointed at.
fn point(table: &str, key: &str, item: Item) -> Result<TransactWriteItem, CommitError> {
    let mut update = Update::builder().table_name(table).key("pk", text(key));
    let mut set = Vec::new();
    for (index, (name, value)) in item.into_iter().enumerate() {
        set.push(format!("#a{index} = :a{index}"));
        update = update
            .expression_attribute_names(format!("#a{index}"), name)
            .expression_attribute_values(format!(":a{index}"), value);
    }
    let update = update
        .update_expression(format!("SET {} ADD #version :one", set.join(", ")))
        .expression_attribute_names("#version", "version")
        .expression_attribute_values(":one", number(1))
        .build()
        .map_err(|error| CommitError::Unavailable(error.to_string()))?;
    Ok(TransactWriteItem::builder().update(update).build())
}
