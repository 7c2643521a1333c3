//! What an earlier release wrote is read by this one, and nothing of it is lost.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{Contract, ContractCode, ExemptContract, Fact, MchId, Order, OutboxEntry, Refund, Stream, Timestamp};
use publish::envelope::{self, CloudEvent};
use record::{JournalKey, Ledger, Writeahead};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::day::SIGNED;
use super::recording::{Recording, kind, said};
use super::start::{ground, outbox};
use super::wire::{from_json, lost, to_json};
use crate::harness::MCH_ID;

/// What stands in a ledger item beside the state itself.
const BOOKKEEPING: [&str; 8] = ["pk", "item", "version", "routed", "due_shard", "due_at", "contract_key", "asked_at"];

#[test]
fn something_of_every_kind_is_recorded() {
    let recorded: BTreeSet<String> = Recording::all()
        .iter()
        .flat_map(|recording| recording.items().map(|(table, item)| kind(table, item)).collect::<Vec<_>>())
        .collect();
    let kinds = [
        "inbox count",
        "inbox fact",
        "inbox held",
        "inbox idempotency",
        "ledger contract",
        "ledger exempt",
        "ledger guard",
        "ledger order",
        "ledger quarantine",
        "ledger refund",
        "outbox",
    ];
    assert_eq!(recorded, kinds.map(str::to_owned).into());
}

#[test]
fn every_state_of_an_earlier_release_is_read_and_nothing_of_it_is_lost() {
    for recording in Recording::all() {
        for item in &recording.ledger {
            let lost = match said(item, "item") {
                "order" => lost_in::<Order>(item),
                "contract" => lost_in::<Contract>(item),
                "refund" => lost_in::<Refund>(item),
                "exempt" => lost_in::<ExemptContract>(item),
                "guard" | "quarantine" => Vec::new(),
                other => panic!("{other} is an item of which nobody knows"),
            };
            assert!(lost.is_empty(), "{}: {}: {lost:#?}", recording.commit, said(item, "pk"));
        }
    }
}

/// What is not there any more once this release has read an item and written it again.
fn lost_in<T: DeserializeOwned + Serialize>(item: &Value) -> Vec<String> {
    let value: T = serde_dynamo::from_item(from_json(item)).unwrap_or_else(|error| panic!("{error}: {item}"));
    let written: HashMap<String, AttributeValue> = serde_dynamo::to_item(value).unwrap();
    let mut state = item.clone();
    state.as_object_mut().unwrap().retain(|name, _| !BOOKKEEPING.contains(&name.as_str()));
    lost(&state, &to_json(&written))
}

#[tokio::test]
async fn guards_quarantines_keys_counts_and_held_messages_of_an_earlier_release_are_found() {
    for recording in Recording::all() {
        let (ground, mch_id) = (ground(&recording).await, MchId::parse(MCH_ID).unwrap());
        let ledger = ground.ledger();
        for item in &recording.ledger {
            let (pk, version) = (said(item, "pk"), said(item, "version").parse::<u64>().unwrap());
            match said(item, "item") {
                "guard" => {
                    let pointer = ledger.pointers(&[pk.to_owned()]).await.unwrap().remove(0).unwrap();
                    assert_eq!(
                        (pointer.contract_code.as_str(), pointer.version),
                        (said(item, "contract_code"), version)
                    );
                }
                "quarantine" => {
                    let key = JournalKey { subject: pk.to_owned(), entry: "none".to_owned() };
                    assert_eq!(ledger.load_quarantine(&Stream::named(pk), &key).await.unwrap().head.version, version);
                }
                _ => {}
            }
        }
        for item in &recording.inbox {
            let (subject, entry) = (said(item, "subject"), said(item, "entry"));
            let rest = subject.splitn(3, '#').nth(2).unwrap_or_default();
            match kind("inbox", item).as_str() {
                "inbox idempotency" => {
                    let key = JournalKey { subject: subject.to_owned(), entry: entry.to_owned() };
                    let done = ledger.standing(&mch_id, Some(&key), &[]).await.unwrap().done.unwrap();
                    assert_eq!(done.resource, said(item, "resource"));
                }
                "inbox count" => {
                    let then = Timestamp::from_second(entry.parse::<i64>().unwrap() * 60).unwrap();
                    let calls = ledger.count(&mch_id, rest, then).await.unwrap();
                    assert_eq!(calls, said(item, "calls").parse::<u64>().unwrap() + 1, "counted on");
                }
                "inbox held" if said(item, "outcome") == "unknown" => {
                    let subject = subject.split_once('#').unwrap().1;
                    let held = ledger.held(&mch_id, subject).await.unwrap();
                    assert!(held.iter().any(|held| held.key.entry == entry && !held.receipt.body.is_empty()));
                }
                _ => {}
            }
        }
    }
}

#[test]
fn every_fact_in_the_journal_of_an_earlier_release_is_read_and_nothing_of_it_is_lost() {
    let mut facts = 0;
    for recording in Recording::all() {
        for item in &recording.inbox {
            let text = said(item, "fact");
            if text.is_empty() {
                continue;
            }
            let fact: Fact = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
            let lost = lost(&serde_json::from_str(text).unwrap(), &serde_json::to_value(&fact).unwrap());
            assert!(lost.is_empty(), "{}: {lost:#?}", recording.commit);
            facts += 1;
        }
    }
    assert!(facts > 20, "only {facts} facts");
}

#[tokio::test]
async fn every_event_of_an_earlier_release_is_sent_again_as_it_was() {
    for recording in Recording::all() {
        let ground = ground(&recording).await;
        let mut sent = BTreeMap::new();
        for stream in recording.outbox.iter().map(|item| said(item, "stream")).collect::<BTreeSet<_>>() {
            for entry in outbox(&ground).history(&Stream::named(stream)).await.unwrap() {
                for (consumer, previous) in &entry.destinations {
                    let body: Value = serde_json::from_str(&envelope::body(&entry, *previous).unwrap()).unwrap();
                    sent.insert((consumer.clone(), entry.id()), body);
                }
                let item = recording.outbox.iter().find(|item| is(item, &entry)).unwrap();
                assert_eq!(said(item, "data"), entry.data, "frozen when it was recorded");
            }
        }
        let mut heard = 0;
        for (consumer, events) in &recording.events {
            for event in events {
                let id = event["id"].as_str().unwrap().to_owned();
                assert_eq!(sent.get(&(consumer.clone(), id)), Some(event), "{}: {consumer}", recording.commit);
                heard += 1;
            }
        }
        assert!(heard > 20, "only {heard} events");
    }
}

fn is(item: &Value, entry: &OutboxEntry) -> bool {
    (said(item, "stream"), said(item, "sequence")) == (entry.stream.as_str(), entry.sequence.to_string().as_str())
}

#[test]
fn attributes_and_members_of_a_later_release_are_passed_over() {
    let recording = Recording::all().remove(0);
    let later = |item: &Value| {
        let mut item = item.clone();
        item["invented_later"] = serde_json::json!({ "M": { "deep": { "S": "x" } } });
        for value in item.as_object_mut().unwrap().values_mut() {
            if let Some(map) = value.get_mut("M").and_then(Value::as_object_mut) {
                map.insert("invented_later".to_owned(), serde_json::json!({ "S": "x" }));
            }
        }
        item
    };
    for item in recording.ledger.iter().map(later) {
        match said(&item, "item") {
            "order" => drop(serde_dynamo::from_item::<_, Order>(from_json(&item)).unwrap()),
            "contract" => drop(serde_dynamo::from_item::<_, Contract>(from_json(&item)).unwrap()),
            "refund" => drop(serde_dynamo::from_item::<_, Refund>(from_json(&item)).unwrap()),
            _ => {}
        }
    }
    for event in recording.events.values().flatten() {
        let mut event = event.clone();
        event["inventedlater"] = "x".into();
        event["data"]["invented_later"] = "x".into();
        drop(serde_json::from_value::<CloudEvent>(event).unwrap());
    }
    // A contract's numbers stay what orders are called by.
    assert!(ContractCode::parse(SIGNED).unwrap().first_order().is_some());
}
