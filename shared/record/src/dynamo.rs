//! The ledger in DynamoDB: three tables, whose keys all begin with `<mch_id>#`.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, Put, TransactWriteItem, Update};
use domain::{Check, Consumer, Contract, Fact, Keys, MchId, Order, OutboxEntry, Refund, Stream};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::recorder::{hex, released};
use crate::{
    Commit, CommitError, Expected, Held, JournalEntry, JournalKey, Ledger, LedgerError, Quarantine, Receipt, Row, Rows,
    Write,
};

type Item = HashMap<String, AttributeValue>;

/// How long a journal entry is kept: longer than any notice is resent (24 h 04 min) and any dispute of a payment lasts.
const JOURNAL_DAYS: i64 = 180;

/// The longest body that is kept, in bytes: an item has at most 400 KB. A V3 resource can be longer, though none that is
/// documented is; of such a one hash, length and fact are kept.
const LONGEST_BODY: usize = 256 * 1024;

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

    fn writes(&self, commit: &Commit) -> Result<Vec<TransactWriteItem>, CommitError> {
        let mut items = Vec::with_capacity(commit.items());
        let mch_id = &commit.mch_id;
        if let Some(entry) = &commit.journal {
            items.push(put(&self.tables.inbox, journal_item(entry)?, entry.unique.then_some("entry"))?);
        }
        if let Some(write) = &commit.order {
            let key = order_key(mch_id, &write.value.out_trade_no);
            let contract = write.value.contract_code.as_ref();
            items.push(self.state(&key, "order", write, write.value.check.as_ref(), contract.map(|c| (mch_id, c)))?);
        }
        if let Some(write) = &commit.contract {
            let key = contract_key(mch_id, &write.value.contract_code);
            items.push(self.state(&key, "contract", write, write.value.check.as_ref(), None)?);
        }
        if let Some(write) = &commit.refund {
            let key = refund_key(mch_id, &write.value.out_refund_no);
            items.push(self.state(&key, "refund", write, write.value.check.as_ref(), None)?);
        }
        if let Some((stream, write)) = &commit.quarantine {
            let head = Write {
                value: BTreeMap::<String, String>::new(),
                expected: write.expected,
                version: write.version,
                routed: write.routed.clone(),
            };
            items.push(self.state(stream.as_str(), "quarantine", &head, None, None)?);
        }
        for entry in &commit.outbox {
            items.push(put(&self.tables.outbox, outbox_item(entry)?, Some("sequence"))?);
        }
        Ok(items)
    }

    /// A state item: put where it is new, updated attribute by attribute where it is not, so that attributes of a later
    /// release survive an earlier one.
    fn state<T: Serialize>(
        &self,
        key: &str,
        kind: &str,
        write: &Write<T>,
        check: Option<&Check>,
        contract: Option<(&MchId, &domain::ContractCode)>,
    ) -> Result<TransactWriteItem, CommitError> {
        let mut item = encode(&write.value)?;
        // Not `kind`: an order has a field of that name.
        item.insert("item".to_owned(), text(kind));
        item.insert("version".to_owned(), number(write.version));
        item.insert("routed".to_owned(), encode_map(&write.routed));
        item.insert("due_shard".to_owned(), check.map_or(NULL, |_| text(&format!("check#{}", shard(key, DUE_SHARDS)))));
        item.insert("due_at".to_owned(), check.map_or(NULL, |check| number(check.due_at.as_millisecond())));
        if let Some((mch_id, code)) = contract {
            item.insert("contract_key".to_owned(), text(&contract_key(mch_id, code)));
        }
        match write.expected {
            Expected::Absent => {
                item.insert("pk".to_owned(), text(key));
                put(&self.tables.ledger, item, Some("pk"))
            }
            Expected::Version(version) => update(&self.tables.ledger, key, item, version),
        }
    }
}

impl Ledger for DynamoLedger {
    async fn load(&self, mch_id: &MchId, keys: &Keys) -> Result<Rows, LedgerError> {
        let order = keys.order.as_ref().map(|number| order_key(mch_id, number));
        let contract = keys.contract.as_ref().map(|code| contract_key(mch_id, code));
        let refund = keys.refund.as_ref().map(|number| refund_key(mch_id, number));
        let wanted: Vec<_> = [&order, &contract, &refund]
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
        })
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

fn order_key(mch_id: &MchId, number: &domain::OutTradeNo) -> String {
    format!("{mch_id}#O#{number}")
}

fn contract_key(mch_id: &MchId, code: &domain::ContractCode) -> String {
    format!("{mch_id}#C#{code}")
}

fn refund_key(mch_id: &MchId, number: &domain::OutRefundNo) -> String {
    format!("{mch_id}#R#{number}")
}

fn group(keys: Vec<(&str, Item)>) -> HashMap<String, Vec<Item>> {
    let mut tables: HashMap<String, Vec<Item>> = HashMap::new();
    for (table, key) in keys {
        tables.entry(table.to_owned()).or_default().push(key);
    }
    tables
}

const NULL: AttributeValue = AttributeValue::Null(true);

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// A stable spread over index partitions (FNV-1a): the same key always lands in the same one.
fn shard(key: &str, shards: u8) -> u64 {
    let hash = key
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    hash.checked_rem(u64::from(shards)).unwrap_or(0)
}

fn encode<T: Serialize>(value: &T) -> Result<Item, CommitError> {
    serde_dynamo::to_item(value).map_err(|error| CommitError::Unavailable(error.to_string()))
}

fn encode_map(routed: &BTreeMap<Consumer, u64>) -> AttributeValue {
    AttributeValue::M(routed.iter().map(|(consumer, sequence)| (consumer.clone(), number(sequence))).collect())
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

/// Every attribute that we know, on the condition that the version is what was read.
fn update(table: &str, key: &str, item: Item, version: u64) -> Result<TransactWriteItem, CommitError> {
    let (mut set, mut remove) = (Vec::new(), Vec::new());
    let mut names = HashMap::from([("#version".to_owned(), "version".to_owned())]);
    let mut values = HashMap::from([(":expected".to_owned(), number(version))]);
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
        .condition_expression("#version = :expected")
        .set_expression_attribute_names(Some(names))
        .set_expression_attribute_values(Some(values))
        .build()
        .map_err(|error| CommitError::Unavailable(error.to_string()))?;
    Ok(TransactWriteItem::builder().update(update).build())
}

fn journal_key(key: &JournalKey) -> Item {
    Item::from([("subject".to_owned(), text(&key.subject)), ("entry".to_owned(), text(&key.entry))])
}

fn journal_item(entry: &JournalEntry) -> Result<Item, CommitError> {
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

fn outbox_item(entry: &OutboxEntry) -> Result<Item, CommitError> {
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
struct Empty {}

#[derive(Deserialize)]
struct Meta {
    version: u64,
    #[serde(default)]
    routed: BTreeMap<Consumer, u64>,
}

fn row<T: DeserializeOwned>((key, item): (String, Item)) -> Result<Row<T>, LedgerError> {
    // serde's own words quote the value.
    let unreadable =
        |_| LedgerError::Unreadable { key: key.clone(), reason: "an attribute is not what we write".into() };
    let Meta { version, routed } = serde_dynamo::from_item(item.clone()).map_err(unreadable)?;
    let value = serde_dynamo::from_item(item).map_err(unreadable)?;
    Ok(Row { value, version, routed })
}

fn held_message(item: Item) -> Result<Held, LedgerError> {
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

/// An attribute's text; nothing where it has none.
fn string(item: &Item, name: &str) -> String {
    match item.get(name) {
        Some(AttributeValue::S(text)) => text.clone(),
        Some(_) | None => String::new(),
    }
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0_u8; 32];
    if text.len() != 64 {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        let start = index.checked_mul(2)?;
        *byte = u8::from_str_radix(text.get(start..start.checked_add(2)?)?, 16).ok()?;
    }
    Some(bytes)
}

/// What a refused transaction means.
fn refused<R>(error: &SdkError<TransactWriteItemsError, R>) -> CommitError {
    let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
        return CommitError::Unavailable(describe(error));
    };
    let mut refused = CommitError::Conflict;
    for code in canceled.cancellation_reasons().iter().filter_map(|reason| reason.code()) {
        match code {
            "None" | "ConditionalCheckFailed" => {}
            // Which conditions hold is not known then.
            "TransactionConflict" => refused = CommitError::Contended,
            other => return CommitError::Unavailable(other.to_owned()),
        }
    }
    refused
}

/// The error's code, or its kind; never a request's content.
fn describe<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    match error {
        SdkError::TimeoutError(_) => "timed out".to_owned(),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => "timed out".to_owned(),
        SdkError::DispatchFailure(_) => "no connection".to_owned(),
        SdkError::ConstructionFailure(_) => "the request could not be built".to_owned(),
        SdkError::ResponseError(_) => "the answer could not be read".to_owned(),
        SdkError::ServiceError(_) | _ => error.code().unwrap_or("unknown service error").to_owned(),
    }
}
