//! Everything in the three tables, to compare before with after.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use record::Tables;

pub(crate) type Item = HashMap<String, AttributeValue>;

/// Everything in the three tables, by key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dump {
    pub(crate) ledger: BTreeMap<String, Item>,
    pub(crate) inbox: BTreeMap<String, Item>,
    pub(crate) outbox: BTreeMap<String, Item>,
}

impl Dump {
    pub(crate) async fn of(client: &Client, tables: &Tables) -> Self {
        Self {
            ledger: scan(client, &tables.ledger, &["pk"]).await,
            inbox: scan(client, &tables.inbox, &["subject", "entry"]).await,
            outbox: scan(client, &tables.outbox, &["stream", "sequence"]).await,
        }
    }

    /// Keys of what some queue has not accepted yet.
    pub(crate) fn pending(&self) -> Vec<&String> {
        self.outbox.iter().filter(|(_, item)| item.contains_key("pending_shard")).map(|(key, _)| key).collect()
    }

    /// A state item.
    pub(crate) fn state(&self, mch_id: &str, kind: char, number: &str) -> &Item {
        let key = format!("{mch_id}#{kind}#{number}");
        self.ledger.get(&key).unwrap_or_else(|| panic!("{key} is not on record"))
    }

    /// The journal entries of a subject, such as `O#<out_trade_no>`.
    pub(crate) fn journal(&self, mch_id: &str, subject: &str) -> Vec<&Item> {
        let prefix = format!("{mch_id}#{subject}|");
        self.inbox.iter().filter(|(key, _)| key.starts_with(&prefix)).map(|(_, item)| item).collect()
    }

    /// What changed since an earlier dump: keys, with the table's initial.
    pub(crate) fn changes_since(&self, before: &Self) -> Vec<String> {
        let changed = |name: &str, now: &BTreeMap<String, Item>, then: &BTreeMap<String, Item>| {
            let keys: std::collections::BTreeSet<_> = now.keys().chain(then.keys()).cloned().collect();
            let differing = keys.into_iter().filter(|key| now.get(key) != then.get(key));
            differing.map(|key| format!("{name} {key}")).collect::<Vec<_>>()
        };
        let mut all = changed("ledger", &self.ledger, &before.ledger);
        all.extend(changed("inbox", &self.inbox, &before.inbox));
        all.extend(changed("outbox", &self.outbox, &before.outbox));
        all
    }
}

async fn scan(client: &Client, table: &str, key: &[&str]) -> BTreeMap<String, Item> {
    let mut items = client.scan().table_name(table).consistent_read(true).into_paginator().items().send();
    let mut found = BTreeMap::new();
    while let Some(item) = items.next().await {
        let item = item.unwrap();
        let key: Vec<_> = key.iter().map(|name| attribute(&item, name)).collect();
        found.insert(key.join("|"), item);
    }
    found
}

/// A text or number of an item; empty where it is not there.
pub(crate) fn attribute(item: &Item, name: &str) -> String {
    match item.get(name) {
        Some(AttributeValue::S(text) | AttributeValue::N(text)) => text.clone(),
        Some(AttributeValue::Bool(bool)) => bool.to_string(),
        _ => String::new(),
    }
}
