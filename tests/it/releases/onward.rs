//! What an earlier release left is worked on by this one.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::Stream;
use papay::consumer::{ConsumerRule, Verdict};
use papay::story::Story;
use publish::envelope::CloudEvent;
use publish::{SqsQueues, drain};
use record::{RecordError, Recorded};

use super::day::{DEDUCTED, REFUNDING, SIGNED, UNKNOWN, UNPAID, UNPAID_V3, UNPUBLISHED};
use super::recording::Recording;
use super::start::{ground, now, numbers, outbox};
use crate::harness::{Dump, Ground, MCH_ID, attribute, fact, receive_once};

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
        let earlier: Vec<CloudEvent> =
            earlier.iter().map(|event| serde_json::from_value(event.clone()).unwrap()).collect();
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
