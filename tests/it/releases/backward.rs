//! What an earlier release wrote is read by this one, and worked on.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use counterparty::Numbers;
use domain::{Contract, ContractCode, ExemptContract, Fact, MchId, Order, OutboxEntry, Refund, Stream, Timestamp};
use papay::consumer::{ConsumerRule, Verdict};
use papay::story::Story;
use publish::envelope::{self, CloudEvent};
use publish::{DynamoOutbox, SqsQueues, drain};
use record::{JournalKey, Ledger, RecordError, Recorded, Writeahead, pending_shards};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::day::{DEDUCTED, REFUNDING, SIGNED, UNKNOWN, UNPAID, UNPAID_V3, UNPUBLISHED};
use super::recording::{Recording, kind, said};
use super::wire::{from_json, lost, to_json};
use crate::harness::{Dump, Ground, MCH_ID, attribute, fact, receive_once};

/// Later than anything that is recorded.
const NOW: i64 = 2_000_000_000;

/// What stands in a ledger item beside the state itself.
const BOOKKEEPING: [&str; 8] = ["pk", "item", "version", "routed", "due_shard", "due_at", "contract_key", "asked_at"];

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

fn numbers(story: Story, code: &str) -> Numbers {
    story.numbers(MCH_ID, code, NOW)
}

/// The tables as an earlier release left them.
async fn ground(recording: &Recording) -> Ground {
    let ground = Ground::start().await;
    let table = |name| match name {
        "ledger" => &ground.tables.ledger,
        "inbox" => &ground.tables.inbox,
        _ => &ground.tables.outbox,
    };
    for (name, item) in recording.items() {
        let put = ground.clients.dynamodb.put_item().table_name(table(name)).set_item(Some(from_json(item)));
        put.send().await.unwrap();
    }
    ground
}

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

fn outbox(ground: &Ground) -> DynamoOutbox {
    DynamoOutbox::new(ground.clients.dynamodb.clone(), ground.tables.outbox.clone(), pending_shards())
}

#[tokio::test]
async fn what_wechat_tells_of_an_earlier_releases_orders_is_applied_and_no_consumer_sees_a_gap() {
    for recording in Recording::all() {
        let ground = ground(&recording).await;
        for (name, story, code, label) in [
            ("payment-v2", Story::Signed, SIGNED, "duplicate"),
            ("contract-delete", Story::Signed, SIGNED, "applied"),
            ("payment-v2", Story::PayAndSign, UNPAID, "applied"),
            ("contract-add", Story::Signing, UNPAID, "applied"),
            ("payment-v3", Story::OneOff, UNPAID_V3, "applied"),
            ("refund-success", Story::Refund, REFUNDING, "applied"),
            ("deduction-success", Story::Deduction, DEDUCTED, "applied"),
        ] {
            let recorded = ground.record(name, &numbers(story, code)).await;
            assert_eq!(recorded.label(), label, "{}: {name} of {code}", recording.commit);
        }
        let dump = ground.dump().await;
        for (kind, number, state) in [
            ('C', SIGNED.to_owned(), "terminated"),
            ('O', format!("{UNPAID}F0"), "paid"),
            ('C', UNPAID.to_owned(), "signed"),
            ('O', UNPAID_V3.to_owned(), "paid"),
            ('O', REFUNDING.to_owned(), "refunded"),
            ('R', format!("{REFUNDING}R1"), "succeeded"),
            ('O', format!("{DEDUCTED}P0001A01"), "paid"),
        ] {
            assert_eq!(attribute(dump.state(MCH_ID, kind, &number), "state"), state, "{kind} {number}");
        }
        consumers_see_no_gap(&ground, &recording, &dump).await;
    }
}

/// What each consumer hears goes on where it was.
async fn consumers_see_no_gap(ground: &Ground, recording: &Recording, dump: &Dump) {
    let streams: BTreeSet<Stream> =
        dump.pending().iter().map(|key| Stream::named(key.rsplit_once('|').unwrap().0)).collect();
    assert!(streams.iter().any(|stream| stream.as_str().contains(UNPUBLISHED)), "the one that no queue had");
    let queues = SqsQueues::new(ground.clients.sqs.clone(), ground.queues.clone());
    let drained = drain(&outbox(ground), &queues, &Vec::from_iter(streams), now()).await;
    assert!(drained.is_complete(), "{drained:?}");
    for (consumer, earlier) in &recording.events {
        let mut rule = ConsumerRule::default();
        let earlier: Vec<CloudEvent> = earlier.iter().map(|event| read(event.to_string())).collect();
        for event in &earlier {
            assert_eq!(rule.judge(event), Verdict::Next, "{}", event.id);
        }
        let mut heard = Vec::new();
        while let more @ [_, ..] = &receive_once(&ground.clients, &ground.queues[consumer], 0).await[..] {
            heard.extend(more.iter().map(|event| (event.event_type.clone(), rule.judge(event))));
        }
        assert!(heard.len() > 4, "{consumer}: {heard:?}");
        assert!(heard.iter().all(|(_, verdict)| *verdict == Verdict::Next), "{consumer}: {heard:?}");
    }
}

fn read(body: String) -> CloudEvent {
    serde_json::from_str(&body).unwrap()
}

#[tokio::test]
async fn what_an_earlier_release_held_is_applied_once_its_order_is_on_record() {
    for recording in Recording::all() {
        let ground = ground(&recording).await;
        let numbers = numbers(Story::PayAndSign, UNKNOWN);
        let (tables, routing) = (&ground.tables, &ground.config.routing);
        let outcomes =
            papay::seed::seed(&ground.clients, tables, routing, Story::PayAndSign, &numbers, now()).await.unwrap();
        assert_eq!(outcomes.iter().map(Recorded::label).collect::<Vec<_>>(), ["applied"]);
        let dump = ground.dump().await;
        assert_eq!(attribute(dump.state(MCH_ID, 'O', &numbers.out_trade_no), "state"), "paid");
    }
}

#[tokio::test]
async fn an_item_with_a_word_of_a_later_release_is_not_read_and_never_overwritten() {
    let recording = Recording::all().remove(0);
    let ground = ground(&recording).await;
    let numbers = numbers(Story::PayAndSign, UNPAID);
    let key = format!("{MCH_ID}#O#{}", numbers.out_trade_no);
    let update = ground.clients.dynamodb.update_item().table_name(&ground.tables.ledger);
    let update = update.key("pk", AttributeValue::S(key.clone())).update_expression("SET #state = :later");
    let update = update.expression_attribute_names("#state", "state");
    update.expression_attribute_values(":later", AttributeValue::S("invented_later".to_owned())).send().await.unwrap();
    let before = ground.dump().await;
    let (fact, receipt) = fact("payment-v2", &numbers);
    let refused = ground.recorder().apply(&fact, &receipt, now(), domain::decide).await;
    assert!(matches!(&refused, Err(RecordError::Unreadable { key: of, .. }) if *of == key), "{refused:?}");
    assert_eq!(ground.dump().await.changes_since(&before), Vec::<String>::new(), "WeChat sends it again");
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
        drop(read(event.to_string()));
    }
    // A contract's numbers stay what orders are called by.
    assert!(ContractCode::parse(SIGNED).unwrap().first_order().is_some());
}
