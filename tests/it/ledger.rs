//! The ledger, the outbox and the queues over the real SDK.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use counterparty::{Numbers, Protocol};
use domain::{
    Cause, Consumer, Evidence, Fact, FactBody, MchId, OutTradeNo, PaymentFact, PaymentResult, SignatureAlgorithm,
    Timestamp,
};
use papay::Clients;
use papay::seed::rows;
use papay::story::{Story, new_code};
use publish::{DynamoOutbox, Message, SqsQueues};
use record::{Commit, Expected, Ledger, Receipt, Recorded, Write, pending_shards};
use testkit::contract::{self, Reader};

use crate::harness::{Dump, Ground, MCH_ID, OTHER_MCH_ID, Town, attribute, fact};

const NOW: i64 = 1_795_000_000;

fn numbers(story: Story) -> Numbers {
    story.numbers(MCH_ID, &new_code(NOW * 1000), NOW)
}

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

async fn seeded(ground: &Ground, story: Story) -> Numbers {
    let numbers = numbers(story);
    papay::seed::seed(&ground.clients, &ground.tables, &ground.config.routing, story, &numbers, now()).await.unwrap();
    numbers
}

#[tokio::test]
async fn the_ledger_in_dynamodb_keeps_the_contract() {
    let ground = Ground::start().await;
    contract::ledger(&ground.ledger(), 1).await;
    contract::ledger(&ground.ledger(), 2).await;
    contract::writeahead(&ground.ledger(), 1).await;
    contract::writeahead(&ground.ledger(), 2).await;
}

#[tokio::test]
async fn the_outbox_in_dynamodb_keeps_the_contract() {
    let ground = Ground::start().await;
    let outbox = DynamoOutbox::new(ground.clients.dynamodb.clone(), ground.tables.outbox.clone(), pending_shards());
    contract::outbox(&ground.ledger(), &outbox, 1).await;
}

#[tokio::test]
async fn the_queues_in_sqs_keep_the_contract() {
    let ground = Ground::start().await;
    let mut urls = ground.queues.clone();
    urls.insert("missing".to_owned(), format!("{}-missing.fifo", ground.queues["ledger"]));
    let queues = SqsQueues::new(ground.clients.sqs.clone(), urls);
    let reader = SqsReader { clients: ground.clients.clone(), urls: ground.queues.clone() };
    contract::queues(&queues, &reader, &"ledger".to_owned(), &"missing".to_owned(), 1).await;
}

struct SqsReader {
    clients: Clients,
    urls: BTreeMap<Consumer, String>,
}

impl Reader for SqsReader {
    async fn receive_all(&self, consumer: &Consumer) -> Vec<Message> {
        use aws_sdk_sqs::types::MessageSystemAttributeName as Name;
        let url = &self.urls[consumer];
        let mut all = Vec::new();
        loop {
            let receive = self.clients.sqs.receive_message().queue_url(url).max_number_of_messages(10);
            let receive = receive.message_system_attribute_names(Name::All).wait_time_seconds(0);
            let messages = receive.send().await.unwrap().messages.unwrap_or_default();
            if messages.is_empty() {
                return all;
            }
            for message in messages {
                let attributes = message.attributes.unwrap();
                all.push(Message {
                    group: attributes[&Name::MessageGroupId].clone(),
                    deduplication_id: attributes[&Name::MessageDeduplicationId].clone(),
                    body: message.body.unwrap(),
                });
                let delete = self.clients.sqs.delete_message().queue_url(url);
                delete.set_receipt_handle(message.receipt_handle).send().await.unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_equal_notifications_at_once_are_one_transition_and_one_event() {
    let town = Town::start().await;
    let prepared = town.prepare("payment-v2").await;
    let (answers, _) = tokio::join!(
        futures_util::future::join_all((0..50).map(|_| town.send(&prepared))),
        town.receive("membership", 1),
    );
    for answer in answers {
        assert!(answer.is_success(Protocol::V2), "{answer:?}");
    }
    town.drained().await;
    let dump = town.dump().await;
    one_payment_and_nothing_else(&dump, &prepared.numbers);
    assert!(town.receive_what_is_there("membership").await.is_empty(), "one event was all");
    assert_eq!(town.receive_what_is_there("ledger").await.len(), 1);
    town.stop().await;
}

pub(crate) fn one_payment_and_nothing_else(dump: &Dump, numbers: &Numbers) {
    let order = dump.state(MCH_ID, 'O', &numbers.out_trade_no);
    assert_eq!((attribute(order, "state").as_str(), attribute(order, "version").as_str()), ("paid", "2"));
    assert_eq!(dump.inbox.len(), 1, "{:?}", dump.inbox.keys());
    assert_eq!(dump.outbox.len(), 1, "{:?}", dump.outbox.keys());
}

#[tokio::test]
async fn add_and_delete_end_in_the_same_state_in_either_order() {
    let ground = Ground::start().await;
    let ended = async |names: [&str; 2]| {
        let numbers = seeded(&ground, Story::Signing).await;
        let outcomes = [ground.record(names[0], &numbers).await, ground.record(names[1], &numbers).await];
        let dump = ground.dump().await;
        let contract = dump.state(MCH_ID, 'C', &numbers.contract_code);
        assert_eq!(attribute(contract, "state"), "terminated", "{names:?}");
        (outcomes.map(|outcome| outcome.label()), events(&dump, &numbers))
    };
    let in_order = ended(["contract-add", "contract-delete"]).await;
    assert_eq!(in_order.0, ["applied", "applied"]);
    assert_eq!(in_order.1, ["contract.signed", "subscription.settled", "contract.terminated", "subscription.settled"]);
    let swapped = ended(["contract-delete", "contract-add"]).await;
    assert_eq!(swapped.0, ["applied", "stale"], "a late ADD revives nothing");
    assert_eq!(swapped.1, ["contract.terminated", "subscription.settled"]);
}

/// The types of a contract's events in order, without what they have in common.
fn events(dump: &Dump, numbers: &Numbers) -> Vec<String> {
    let stream = format!("{}#C#{}", numbers.mch_id, numbers.contract_code);
    let mut entries: Vec<_> = dump.outbox.values().filter(|item| attribute(item, "stream") == stream).collect();
    entries.sort_by_key(|item| attribute(item, "sequence").parse::<u64>().unwrap());
    let short = |item| attribute(item, "event_type").trim_start_matches("papay.").trim_end_matches(".v1").to_owned();
    entries.into_iter().map(short).collect()
}

#[tokio::test]
async fn a_success_after_a_local_close_is_booked() {
    let ground = Ground::start().await;
    let numbers = seeded(&ground, Story::PayAndSign).await;
    let closed = Fact {
        mch_id: MchId::parse(MCH_ID).unwrap(),
        cause: Cause::Query,
        evidence: Evidence::Signed(SignatureAlgorithm::Md5),
        body: FactBody::Payment(PaymentFact {
            out_trade_no: OutTradeNo::parse(&numbers.out_trade_no).unwrap(),
            appid: None,
            contract_id: None,
            attach: None,
            result: PaymentResult::Closed,
        }),
    };
    let receipt = Receipt { body: Vec::new(), body_hash: [1; 32], received_at: now(), traceparent: None };
    let recorded = ground.recorder().apply(&closed, &receipt, now(), domain::decide).await.unwrap();
    assert_eq!(recorded.label(), "applied");
    assert_eq!(attribute(ground.dump().await.state(MCH_ID, 'O', &numbers.out_trade_no), "state"), "closed");
    assert_eq!(ground.record("payment-v2", &numbers).await.label(), "applied");
    assert_eq!(ground.record("contract-add", &numbers).await.label(), "applied");
    let dump = ground.dump().await;
    assert_eq!(attribute(dump.state(MCH_ID, 'O', &numbers.out_trade_no), "state"), "paid");
    assert_eq!(attribute(dump.state(MCH_ID, 'C', &numbers.contract_code), "state"), "signed");
    let expected =
        ["payment.closed", "subscription.settled", "payment.succeeded", "contract.signed", "subscription.settled"];
    assert_eq!(events(&dump, &numbers), expected);
}

#[tokio::test]
async fn a_notification_of_an_unknown_order_is_applied_by_wechats_resend_once_the_row_is_there() {
    let town = Town::start().await;
    let prepared = town.unseeded("payment-v2");
    let first = town.send(&prepared).await;
    assert_eq!(first.status, 503);
    assert!(first.is_failure(Protocol::V2), "WeChat is to send it again: {first:?}");
    let again = town.send(&prepared).await;
    assert!(again.is_failure(Protocol::V2), "{again:?}");
    town.drained().await;
    let held = town.dump().await;
    let quarantined = town.receive("membership", 1).await;
    assert_eq!(quarantined[0].event_type, "papay.notification.quarantined.v1");
    assert_eq!((held.inbox.len(), held.outbox.len()), (1, 1), "held and told once, however often it comes");

    // A minute later the row is there, by a writer that knows nothing of what is held.
    town.move_clock(std::time::Duration::from_secs(60)).await;
    write_rows(&town, &prepared.numbers).await;
    let resent = town.send(&town.rebuilt(&prepared)).await;
    assert!(resent.is_success(Protocol::V2), "{resent:?}");
    assert_eq!(town.receive("membership", 1).await[0].event_type, "papay.payment.succeeded.v1");
    assert_eq!(attribute(town.dump().await.state(MCH_ID, 'O', &prepared.numbers.out_trade_no), "state"), "paid");
    town.stop().await;
}

async fn write_rows(town: &Town, numbers: &Numbers) {
    let fresh = |version| (Expected::Absent, version);
    for rows in rows(Story::PayAndSign, numbers, town.now()).unwrap() {
        let (expected, version) = fresh(1);
        let mch_id = MchId::parse(MCH_ID).unwrap();
        let commit = Commit {
            order: rows.order.map(|value| Write { value, expected, version, routed: BTreeMap::new() }),
            contract: rows.contract.map(|value| Write { value, expected, version, routed: BTreeMap::new() }),
            ..Commit::empty(mch_id)
        };
        let ledger = record::DynamoLedger::new(town.clients().dynamodb.clone(), town.stack.tables.clone());
        ledger.commit(&commit).await.unwrap();
    }
}

#[tokio::test]
async fn what_was_held_for_want_of_an_order_is_applied_when_the_order_is_created() {
    let ground = Ground::start().await;
    let numbers = numbers(Story::PayAndSign);
    for name in ["contract-add", "payment-v2"] {
        assert!(matches!(ground.record(name, &numbers).await, Recorded::Unknown(_)), "{name}");
    }
    let (tables, routing) = (&ground.tables, &ground.config.routing);
    let outcomes =
        papay::seed::seed(&ground.clients, tables, routing, Story::PayAndSign, &numbers, now()).await.unwrap();
    assert_eq!(outcomes.iter().map(Recorded::label).collect::<Vec<_>>(), ["applied", "applied"]);
    let dump = ground.dump().await;
    assert_eq!(attribute(dump.state(MCH_ID, 'O', &numbers.out_trade_no), "state"), "paid");
    assert_eq!(attribute(dump.state(MCH_ID, 'C', &numbers.contract_code), "state"), "signed");
    assert_eq!(ground.record("payment-v2", &numbers).await, Recorded::Duplicate, "the resend comes, too");
}

#[tokio::test]
async fn two_merchants_with_equal_numbers_do_not_meet() {
    let ground = Ground::start().await;
    let one = seeded(&ground, Story::PayAndSign).await;
    let other = Numbers { mch_id: OTHER_MCH_ID.to_owned(), ..one.clone() };
    let (tables, routing) = (&ground.tables, &ground.config.routing);
    papay::seed::seed(&ground.clients, tables, routing, Story::PayAndSign, &other, now()).await.unwrap();
    let before = ground.dump().await;
    assert_eq!(ground.record("payment-v2", &one).await.label(), "applied");
    let after = ground.dump().await;
    for change in after.changes_since(&before) {
        assert!(change.contains(" 10000100#"), "{change}");
    }
    assert_eq!(attribute(after.state(OTHER_MCH_ID, 'O', &other.out_trade_no), "state"), "requested");
    assert_eq!(ground.record("payment-v2", &other).await.label(), "applied", "the same numbers, another payment");
}

#[tokio::test]
async fn attributes_of_a_later_release_survive_our_update() {
    let ground = Ground::start().await;
    let numbers = seeded(&ground, Story::PayAndSign).await;
    let keys = [format!("{MCH_ID}#O#{}", numbers.out_trade_no), format!("{MCH_ID}#C#{}", numbers.contract_code)];
    for key in &keys {
        let update = ground.clients.dynamodb.update_item().table_name(&ground.tables.ledger);
        let update = update.key("pk", AttributeValue::S(key.clone())).update_expression("SET invented_later = :value");
        update.expression_attribute_values(":value", AttributeValue::S("kept".to_owned())).send().await.unwrap();
    }
    assert_eq!(ground.record("payment-v2", &numbers).await.label(), "applied");
    assert_eq!(ground.record("contract-add", &numbers).await.label(), "applied");
    let dump = ground.dump().await;
    for key in &keys {
        assert_eq!(attribute(&dump.ledger[key], "invented_later"), "kept", "{key}");
    }
    assert_eq!(attribute(&dump.ledger[&keys[0]], "state"), "paid");
    assert_eq!(attribute(&dump.ledger[&keys[1]], "state"), "signed");
}

#[tokio::test]
async fn an_order_is_read_back_as_it_was_written() {
    let ground = Ground::start().await;
    let numbers = seeded(&ground, Story::Deduction).await;
    let (fact, _) = fact("deduction-success", &numbers);
    let rows = ground.ledger().load(&fact.mch_id, &fact.keys()).await.unwrap();
    let written = papay::seed::rows(Story::Deduction, &numbers, now()).unwrap();
    assert_eq!(rows.order.unwrap().value, written[1].order.clone().unwrap());
    assert_eq!(rows.contract.unwrap().value, written[0].contract.clone().unwrap());
}
