//! What consumers are told: JSON Schemas and an AsyncAPI document in `docs/events`, made here from the types in `domain`.
//!
//! `UPDATE=1 cargo test -p publish documents` writes them; without it, the test checks that they are current.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use domain::{
    BillDifference, BillEvent, Cause, ContractEvent, Event, Outcome, PaymentEvent, QuarantineEvent, RefundEvent,
    SubscriptionEvent, schemas,
};
use publish::envelope::{self, CloudEvent, schema_id};
use serde_json::{Map, Value, json};
use testkit::generate::Generator;

use crate::support::{A, entry, stream};

#[test]
fn the_documents_in_the_repository_are_current() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/events");
    let documents = documents();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(&folder).unwrap();
        for (name, document) in &documents {
            std::fs::write(folder.join(name), format!("{document:#}\n")).unwrap();
        }
    }
    for (name, document) in &documents {
        // By value: whether a map keeps its order depends on who else is built.
        let found = std::fs::read(folder.join(name)).ok().and_then(|found| serde_json::from_slice(&found).ok());
        assert!(
            found.as_ref() == Some(document),
            "docs/events/{name} is not current: UPDATE=1 cargo test -p publish documents"
        );
    }
    let json = |name: &String| name.ends_with(".json");
    let files = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let files: BTreeSet<_> = files.filter(json).collect();
    assert_eq!(files, documents.into_keys().collect(), "a document of nothing is left");
}

#[test]
fn every_event_fits_the_schemas_of_its_envelope_and_of_its_data() {
    let of_envelope = jsonschema::validator_for(&cloud_event()).unwrap();
    let of_data: BTreeMap<_, _> =
        schemas().into_iter().map(|(name, _)| (name, jsonschema::validator_for(&data_schema(name)).unwrap())).collect();
    let mut seen = BTreeSet::new();
    for seed in 0..50 {
        for event in events(&mut Generator::new(seed)) {
            let published: Value = serde_json::from_str(&body(&event)).unwrap();
            let (name, data) = (event.event_type(), &published["data"]);
            seen.insert(name);
            of_envelope.validate(&published).unwrap();
            of_data[name].validate(data).unwrap();
            assert_eq!(published["dataschema"], schema_id(name), "the $id of the schema");
        }
    }
    assert_eq!(seen, schemas().into_iter().map(|(name, _)| name).collect(), "an event of every type");
}

#[test]
fn the_schemas_refuse_what_does_not_fit() {
    let event = events(&mut Generator::new(1)).remove(3);
    let published: Value = serde_json::from_str(&body(&event)).unwrap();
    let of_envelope = jsonschema::validator_for(&cloud_event()).unwrap();
    for field in
        ["specversion", "id", "source", "type", "subject", "time", "dataschema", "sequence", "previous", "data"]
    {
        let mut wrong = published.clone();
        wrong.as_object_mut().unwrap().remove(field);
        assert!(!of_envelope.is_valid(&wrong), "without {field}");
    }
    let mut wrong = published.clone();
    wrong["sequence"] = json!(7);
    assert!(!of_envelope.is_valid(&wrong));
    let of_data = jsonschema::validator_for(&data_schema(event.event_type())).unwrap();
    let mut wrong = published["data"].clone();
    wrong["order"]["amount"] = json!("12.34");
    assert!(!of_data.is_valid(&wrong), "an amount is a whole number of fen");
}

#[test]
fn an_envelope_is_a_cloud_event_whose_attributes_have_allowed_names() {
    let published: Map<String, Value> = serde_json::from_str(&body(&events(&mut Generator::new(2)).remove(0))).unwrap();
    let lower = |name: &String| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    assert!(published.keys().all(lower), "{:?}", published.keys());
    assert_eq!(published["specversion"], "1.0");
    assert_eq!(published["id"], "10000100#C#CODE:42");
    assert_eq!(published["source"], "/papay/10000100");
    assert_eq!(published["sequence"], "00000000000000000042");
    assert_eq!(published["previous"], "00000000000000000041");
    let read: CloudEvent = serde_json::from_value(Value::Object(published)).unwrap();
    assert_eq!((read.sequence, read.previous), (42, 41));
}

#[test]
fn data_goes_out_as_it_was_frozen_unless_a_queue_would_refuse_its_letters() {
    let data = "{\"z\": 1.0, \"a\":\"\u{ffff} 续费 \u{fffe}\"}";
    let body = envelope::body(&domain::OutboxEntry { data: data.to_owned(), ..entry(&stream("C"), 1, &[A]) }, 0);
    let body = body.unwrap();
    assert!(body.contains(r#""data":{"z": 1.0, "a":"\uffff 续费 \ufffe"}"#), "{body}");
    let read: CloudEvent = serde_json::from_str(&body).unwrap();
    let (sent, frozen): (Value, Value) =
        (serde_json::from_str(read.data.get()).unwrap(), serde_json::from_str(data).unwrap());
    assert_eq!(sent, frozen);
}

fn body(event: &Event) -> String {
    let data = serde_json::to_value(event).unwrap()["data"].to_string();
    let event_type = event.event_type().to_owned();
    let entry = domain::OutboxEntry { event_type, subject: event.subject(), data, ..entry(&stream("CODE"), 42, &[A]) };
    envelope::body(&entry, 41).unwrap()
}

/// One event of each type.
fn events(generator: &mut Generator) -> Vec<Event> {
    let cause = generator.one_of(&[Cause::Callback, Cause::Query, Cause::Bill, Cause::Api]);
    let contract = ContractEvent { contract: (&generator.any_contract()).into(), cause };
    let order = generator.any_order();
    let payment = PaymentEvent { order: (&order).into(), cause };
    let refund = RefundEvent { refund: (&generator.any_refund()).into(), order: (&order).into(), cause };
    let outcome = generator.one_of(&[Outcome::Active, Outcome::PaidSigning, Outcome::Refunded, Outcome::Terminated]);
    let subscription = SubscriptionEvent { outcome, contract: contract.contract.clone(), cause };
    let quarantine = QuarantineEvent {
        subject: format!("O#{}", order.out_trade_no),
        reason: "unknown_order".to_owned(),
        body_hash: "ab".repeat(32),
        cause,
    };
    let bill = BillEvent {
        bill_date: domain::bill_day(generator.time()),
        out_trade_no: order.out_trade_no.to_string(),
        out_refund_no: None,
        difference: generator.one_of(&[BillDifference::NotOnRecord, BillDifference::NotInBill, BillDifference::State]),
        bill: Some("SUCCESS".to_owned()),
        record: None,
        cause: Cause::Bill,
    };
    vec![
        Event::ContractSigned(contract.clone()),
        Event::ContractNotSigned(contract.clone()),
        Event::ContractTerminated(contract),
        Event::PaymentSucceeded(payment.clone()),
        Event::PaymentClosed(payment.clone()),
        Event::DeductionSucceeded(payment.clone()),
        Event::DeductionFailed(payment),
        Event::RefundSucceeded(refund.clone()),
        Event::RefundClosed(refund.clone()),
        Event::RefundAbnormal(refund),
        Event::SubscriptionSettled(subscription),
        Event::NotificationQuarantined(quarantine),
        Event::BillDiffered(bill),
    ]
}

/// Every document by its file name.
fn documents() -> BTreeMap<String, Value> {
    let mut documents = BTreeMap::from([
        ("cloudevent.schema.json".to_owned(), cloud_event()),
        ("asyncapi.json".to_owned(), async_api()),
    ]);
    documents.extend(schemas().into_iter().map(|(name, _)| (file(name), data_schema(name))));
    documents
}

fn file(event_type: &str) -> String {
    format!("{event_type}.schema.json")
}

fn data_schema(event_type: &str) -> Value {
    let (_, schema) = schemas().into_iter().find(|(name, _)| *name == event_type).unwrap();
    let mut schema = schema.to_value();
    schema["$id"] = json!(schema_id(event_type));
    schema
}

/// The schema of the message body, whatever its type.
fn cloud_event() -> Value {
    let digits = |description: &str| json!({"type": "string", "pattern": "^[0-9]{20}$", "description": description});
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:papay:cloudevent",
        "title": "A papay event",
        "description": "CloudEvents 1.0, structured JSON.",
        "type": "object",
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {"type": "string", "description": "<stream>:<sequence>; the same in every copy of an event."},
            "source": {"type": "string", "pattern": "^/papay/[0-9]+$", "description": "/papay/<mch_id>"},
            "type": {"type": "string", "pattern": "^papay\\.[a-z_]+\\.[a-z_]+\\.v[0-9]+$"},
            "subject": {"type": "string", "description": "The number of what it is about."},
            "time": {"type": "string", "format": "date-time", "description": "When the fact was recorded."},
            "datacontenttype": {"const": "application/json"},
            "dataschema": {"type": "string", "format": "uri", "description": "The $id of the schema of data."},
            "sequence": digits("Its place in the stream, rising with gaps; orders as text and as a number."),
            "previous": digits(
                "The sequence of the event of this stream that was routed to this consumer before it; zero for the first."
            ),
            "traceparent": {"type": "string", "description": "W3C trace context of what caused it."},
            "data": {"type": "object", "description": "A full snapshot, and its cause."}
        },
        "required": [
            "specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "sequence",
            "previous", "data"
        ]
    })
}

const CONSUMER_RULE: &str = "One FIFO queue per consumer; the message group is the stream. Delivery is at least once and \
    in order for each stream. Keep the last sequence of each stream: if `previous` is that one, apply the event; if \
    `sequence` is not greater, ignore it; otherwise there is a gap: fetch the stream before applying.";

fn async_api() -> Value {
    let message = |name: &str| {
        json!({
            "name": name,
            "contentType": "application/cloudevents+json",
            "payload": {
                "allOf": [
                    {"$ref": "./cloudevent.schema.json"},
                    {
                        "type": "object",
                        "properties": {
                            "type": {"const": name},
                            "dataschema": {"const": schema_id(name)},
                            "data": {"$ref": format!("./{}", file(name))}
                        }
                    }
                ]
            }
        })
    };
    let names: Vec<_> = schemas().into_iter().map(|(name, _)| name).collect();
    // A component's key may not hold dots everywhere that reads it.
    let key = |name: &str| name.replace('.', "_");
    let messages: Map<_, _> = names.iter().map(|name| (key(name), message(name))).collect();
    let reference = |name: &&str| (key(name), json!({"$ref": format!("#/components/messages/{}", key(name))}));
    let references: Map<_, _> = names.iter().map(reference).collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "papay events",
            "version": "1.0.0",
            "description": "What became of contracts, payments, deductions and refunds.",
            "license": {"name": "Apache-2.0"}
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {
            "consumer": {
                "address": "{consumer}.fifo",
                "description": CONSUMER_RULE,
                "parameters": {"consumer": {"description": "The consumer's name in the routing table."}},
                "messages": references,
                "bindings": {
                    "sqs": {
                        "queue": {
                            "name": "{consumer}.fifo",
                            "fifoQueue": true,
                            "deduplicationScope": "messageGroup",
                            "fifoThroughputLimit": "perMessageGroupId"
                        },
                        "deadLetterQueue": {"name": "{consumer}-dlq.fifo", "fifoQueue": true},
                        "bindingVersion": "0.3.0"
                    }
                }
            }
        },
        "operations": {"publish": {"action": "send", "channel": {"$ref": "#/channels/consumer"}}},
        "components": {"messages": messages}
    })
}
