//! `papay show`: everything on record about one contract, order or refund.

use std::collections::HashMap;
use std::path::Path;
use std::process::ExitCode;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::OutTradeNo;
use papay::stack::tables;
use record::Tables;
use serde_json::{Map, Value};

use crate::failure::{Failure, running};

/// Show state, journal and events of a contract, an order or a refund.
#[derive(clap::Args)]
pub(crate) struct Show {
    /// contract_code, out_trade_no or out_refund_no.
    number: String,
}

type Item = HashMap<String, AttributeValue>;

impl Show {
    pub(crate) async fn run(self, data: &Path) -> Result<ExitCode, Failure> {
        let stack = running(data)?;
        let reader = Reader {
            client: stack.clients().map_err(Failure::new)?.dynamodb,
            tables: tables::names(),
            number: self.number,
        };
        let mut found = false;
        for mch_id in &stack.merchants {
            found |= reader.show(mch_id.as_str()).await?;
        }
        if !found {
            let failure = Failure::new(format_args!("nothing is on record about {}", reader.number));
            return Err(failure.next("`cargo run -- trigger <fixture> --seed` puts something on record"));
        }
        Ok(ExitCode::SUCCESS)
    }
}

struct Reader {
    client: Client,
    tables: Tables,
    number: String,
}

impl Reader {
    /// Shows what one merchant has under the number.
    async fn show(&self, mch_id: &str) -> Result<bool, Failure> {
        let number = &self.number;
        let mut states = Vec::new();
        for kind in ["C", "O", "R"] {
            states.extend(self.state(&format!("{mch_id}#{kind}#{number}")).await?);
        }
        // A contract's orders, and an order's or a refund's contract, belong to one story.
        let contract = self.contract_of(mch_id, &states);
        if let Some(contract) = &contract {
            states.extend(self.orders_of(contract).await?);
        }
        let mut subjects: Vec<String> = ["C", "O", "R"].map(|kind| format!("{mch_id}#{kind}#{number}")).into();
        subjects.extend(contract);
        subjects.extend(states.iter().filter_map(|item| order_key(mch_id, item)));
        subjects.extend(states.iter().filter_map(|item| string(item, "pk")));
        subjects.sort();
        subjects.dedup();
        let (mut journal, mut events) = (Vec::new(), Vec::new());
        for subject in &subjects {
            journal.extend(self.partition(&self.tables.inbox, "subject", subject).await?);
            events.extend(self.partition(&self.tables.outbox, "stream", subject).await?);
        }
        states.sort_by_key(|item| string(item, "pk"));
        states.dedup_by_key(|item| string(item, "pk"));
        let found = !(states.is_empty() && journal.is_empty());
        print("state", &states);
        print("journal", &journal);
        print("events", &events);
        Ok(found)
    }

    fn contract_of(&self, mch_id: &str, states: &[Item]) -> Option<String> {
        let by_state = states.iter().find_map(|item| string(item, "contract_code"));
        let by_order = || {
            let order = states.iter().find_map(|item| string(item, "out_trade_no"))?;
            OutTradeNo::parse(&order).ok()?.contract_code().map(String::from)
        };
        Some(format!("{mch_id}#C#{}", by_state.or_else(by_order)?))
    }

    async fn state(&self, key: &str) -> Result<Option<Item>, Failure> {
        let get = self.client.get_item().table_name(&self.tables.ledger).consistent_read(true);
        let output = get.key("pk", AttributeValue::S(key.to_owned())).send().await.map_err(unavailable)?;
        Ok(output.item)
    }

    async fn orders_of(&self, contract: &str) -> Result<Vec<Item>, Failure> {
        let query = self.client.query().table_name(&self.tables.ledger).index_name("by_contract");
        let query = query
            .key_condition_expression("contract_key = :contract")
            .expression_attribute_values(":contract", AttributeValue::S(contract.to_owned()));
        let found = query.send().await.map_err(unavailable)?.items.unwrap_or_default();
        let mut states = Vec::from_iter(self.state(contract).await?);
        for key in found.iter().filter_map(|item| string(item, "pk")) {
            states.extend(self.state(&key).await?);
        }
        Ok(states)
    }

    async fn partition(&self, table: &str, name: &str, key: &str) -> Result<Vec<Item>, Failure> {
        let mut pages = self
            .client
            .query()
            .table_name(table)
            .consistent_read(true)
            .key_condition_expression("#key = :key")
            .expression_attribute_names("#key", name)
            .expression_attribute_values(":key", AttributeValue::S(key.to_owned()))
            .into_paginator()
            .items()
            .send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            items.push(item.map_err(unavailable)?);
        }
        Ok(items)
    }
}

fn unavailable(error: impl ProvideErrorMetadata) -> Failure {
    let cause = error.code().unwrap_or("no connection");
    Failure::new(format_args!("the database does not answer: {cause}")).next("is `cargo run -- dev` still running?")
}

/// The order that a refund is about.
fn order_key(mch_id: &str, item: &Item) -> Option<String> {
    Some(format!("{mch_id}#O#{}", string(item, "out_trade_no")?))
}

fn string(item: &Item, name: &str) -> Option<String> {
    item.get(name)?.as_s().ok().cloned()
}

fn print(title: &str, items: &[Item]) {
    if items.is_empty() {
        return;
    }
    println!("{title}");
    for item in items {
        println!("  {}", readable(item));
    }
}

/// Bodies and users are nobody's business, and the rest fits on a line.
const HIDDEN: [&str; 4] = ["body", "openid", "payer", "fact"];

fn readable(item: &Item) -> Value {
    let mut fields: Vec<_> = item.iter().filter(|(name, _)| !HIDDEN.contains(&name.as_str())).collect();
    fields.sort_by_key(|(name, _)| (rank(name), name.as_str()));
    Value::Object(fields.into_iter().map(|(name, value)| (name.clone(), json(value))).collect::<Map<_, _>>())
}

/// The key first.
fn rank(name: &str) -> usize {
    let first = ["pk", "subject", "stream", "sequence", "entry", "kind", "state", "outcome", "event_type"];
    first.iter().position(|known| *known == name).unwrap_or(first.len())
}

fn json(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => {
            serde_json::from_str(text).ok().filter(Value::is_object).unwrap_or_else(|| text.as_str().into())
        }
        AttributeValue::N(number) => serde_json::from_str(number).unwrap_or_else(|_| number.as_str().into()),
        AttributeValue::Bool(bool) => (*bool).into(),
        AttributeValue::L(list) => list.iter().map(json).collect(),
        AttributeValue::M(map) => readable(map),
        AttributeValue::Ss(set) => set.iter().map(String::as_str).collect(),
        _ => Value::Null,
    }
}
