//! The ledger in DynamoDB: three tables, whose keys all begin with `<mch_id>#`.

mod certificates;
mod days;
mod due;
mod error;
mod items;
mod values;
mod writeahead;
mod writes;

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use domain::{Contract, ExemptContract, Keys, MchId, Order, Refund, Stream};
use serde::{Deserialize, Serialize};

use self::error::{describe, refused};
use self::items::{Empty, held_message, journal_key, row};
use self::values::{Item, contract_key, exempt_key, order_key, refund_key, string, text};
use crate::keys::released;
use crate::{Commit, CommitError, Held, JournalKey, Ledger, LedgerError, Pointer, Quarantine, Row, Rows};

/// Index partitions of what is due; a time-ordered index key must not be one partition.
const DUE_SHARDS: u8 = 16;

/// Index partitions of what is pending in the outbox.
const PENDING_SHARDS: u8 = 16;

/// The partitions of the `due` index that hold checks: `check#0` to `check#15`.
pub fn due_shards() -> impl Iterator<Item = String> {
    (0..DUE_SHARDS).map(|shard| format!("check#{shard}"))
}

/// The partitions of the outbox's `pending` index: `p#0` to `p#15`.
pub fn pending_shards() -> impl Iterator<Item = String> {
    (0..PENDING_SHARDS).map(|shard| format!("p#{shard}"))
}

/// The names of the three tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tables {
    /// Contracts, orders, refunds, stream heads.
    pub ledger: String,
    /// The journal.
    pub inbox: String,
    /// Events that wait for their queues, and those of the last 30 days.
    pub outbox: String,
}

/// The ledger in DynamoDB.
#[derive(Clone, Debug)]
pub struct DynamoLedger {
    client: Client,
    tables: Tables,
}

impl DynamoLedger {
    /// A ledger in these tables.
    #[must_use]
    pub fn new(client: Client, tables: Tables) -> Self {
        Self { client, tables }
    }

    /// Reads items of one or two tables, consistently, in one request.
    async fn batch_get(&self, keys: Vec<(&str, Item)>) -> Result<HashMap<String, Vec<Item>>, LedgerError> {
        let mut request: HashMap<String, KeysAndAttributes> = HashMap::new();
        for (table, keys) in group(keys) {
            let keys = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
            request.insert(table, keys.map_err(|error| LedgerError::Unavailable(error.to_string()))?);
        }
        let output = self.client.batch_get_item().set_request_items(Some(request)).send().await;
        let output = output.map_err(|error| LedgerError::Unavailable(describe(&error)))?;
        // Unprocessed keys are a throttle: what is missing must not look like what does not exist.
        if output.unprocessed_keys.is_some_and(|keys| !keys.is_empty()) {
            return Err(LedgerError::Unavailable("unprocessed keys".to_owned()));
        }
        Ok(output.responses.unwrap_or_default())
    }
}

impl Ledger for DynamoLedger {
    async fn load(&self, mch_id: &MchId, keys: &Keys) -> Result<Rows, LedgerError> {
        let order = keys.order.as_ref().map(|number| order_key(mch_id, number));
        let contract = keys.contract.as_ref().map(|code| contract_key(mch_id, code));
        let refund = keys.refund.as_ref().map(|number| refund_key(mch_id, number));
        let exempt = keys.exempt.as_ref().map(|key| exempt_key(mch_id, key));
        let wanted: Vec<_> = [&order, &contract, &refund, &exempt]
            .into_iter()
            .flatten()
            .map(|key| (self.tables.ledger.as_str(), Item::from([("pk".to_owned(), text(key))])))
            .collect();
        if wanted.is_empty() {
            return Ok(Rows::default());
        }
        let mut found: HashMap<String, Item> = HashMap::new();
        for item in self.batch_get(wanted).await?.into_values().flatten() {
            if let Some(AttributeValue::S(key)) = item.get("pk") {
                found.insert(key.clone(), item);
            }
        }
        let mut take = |key: Option<String>| key.and_then(|key| found.remove(&key).map(|item| (key, item)));
        Ok(Rows {
            order: take(order).map(row::<Order>).transpose()?,
            contract: take(contract).map(row::<Contract>).transpose()?,
            refund: take(refund).map(row::<Refund>).transpose()?,
            exempt: take(exempt).map(row::<ExemptContract>).transpose()?,
        })
    }

    async fn pointers(&self, guards: &[String]) -> Result<Vec<Option<Pointer>>, LedgerError> {
        Ok(self.read_standing(None, guards).await?.guards)
    }

    async fn load_quarantine(&self, stream: &Stream, key: &JournalKey) -> Result<Quarantine, LedgerError> {
        let head = Item::from([("pk".to_owned(), text(stream.as_str()))]);
        let wanted = vec![(self.tables.ledger.as_str(), head), (self.tables.inbox.as_str(), journal_key(key))];
        let mut found = self.batch_get(wanted).await?;
        let held = found.remove(&self.tables.inbox).and_then(|items| items.into_iter().next());
        let held = held.map(|item| string(&item, "outcome"));
        let head = found.remove(&self.tables.ledger).and_then(|items| items.into_iter().next());
        let head = match head {
            Some(item) => {
                let Row { version, routed, .. } = row::<Empty>((stream.as_str().to_owned(), item))?;
                Row { value: (), version, routed }
            }
            None => Row { value: (), version: 0, routed: BTreeMap::new() },
        };
        Ok(Quarantine { head, held })
    }

    async fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        let items = self.writes(commit)?;
        match self.client.transact_write_items().set_transact_items(Some(items)).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(refused(&error)),
        }
    }

    async fn held(&self, mch_id: &MchId, subject: &str) -> Result<Vec<Held>, LedgerError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.tables.inbox)
            .consistent_read(true)
            .key_condition_expression("subject = :subject AND begins_with(entry, :held)")
            .filter_expression("outcome = :unknown")
            .expression_attribute_values(":subject", text(&format!("{mch_id}#{subject}")))
            .expression_attribute_values(":held", text("held#"))
            .expression_attribute_values(":unknown", text("unknown"))
            .into_paginator()
            .items()
            .send();
        let mut held = Vec::new();
        while let Some(item) = pages.next().await {
            held.push(held_message(item.map_err(|error| LedgerError::Unavailable(describe(&error)))?)?);
        }
        Ok(held)
    }

    async fn release(&self, key: &JournalKey, outcome: &str) -> Result<(), LedgerError> {
        let request = self.client.update_item().table_name(&self.tables.inbox).set_key(Some(journal_key(key)));
        request
            .update_expression("SET outcome = :outcome")
            .condition_expression("attribute_exists(entry)")
            .expression_attribute_values(":outcome", text(&released(outcome)))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| LedgerError::Unavailable(describe(&error)))
    }
}

fn group(keys: Vec<(&str, Item)>) -> HashMap<String, Vec<Item>> {
    let mut tables: HashMap<String, Vec<Item>> = HashMap::new();
    for (table, key) in keys {
        tables.entry(table.to_owned()).or_default().push(key);
    }
    tables
}
