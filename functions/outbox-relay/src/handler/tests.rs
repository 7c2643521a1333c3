use std::collections::{BTreeMap, BTreeSet};

use domain::{MchId, OutboxEntry, SCHEMA};
use record::{Commit, Ledger};
use testkit::memory::Memory;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn records_of_one_stream_ring_for_all_that_is_pending_there() {
    let memory = memory().await;
    let event = event(&[("100", "1#C#A")]);
    let answer = handle(&memory.outbox(), &memory.queues(), &event, now(), MINUTE).await;
    assert_eq!(answer, BatchResponse::default());
    assert_eq!(memory.receive("access").len(), 2, "both events, though one record came");
    assert_eq!(memory.store().pending(&Stream::named("1#C#B")).len(), 2, "the other stream did not ring");
}

#[tokio::test]
async fn a_queue_that_is_down_does_not_stall_the_shard() {
    let memory = memory().await;
    memory.set_queue_down("billing", true);
    let event = event(&[("100", "1#C#A"), ("101", "1#C#B")]);
    let answer = handle(&memory.outbox(), &memory.queues(), &event, now(), MINUTE).await;
    assert_eq!(answer, BatchResponse::default());
    assert_eq!(memory.receive("access").len(), 4);
}

#[tokio::test]
async fn an_outbox_that_is_down_is_asked_again_from_the_first_record_of_each_stream() {
    let memory = memory().await;
    memory.set_outbox_down(true);
    let event = event(&[("100", "1#C#B"), ("101", "1#C#A"), ("102", "1#C#B"), ("103", "1#C#A")]);
    let answer = handle(&memory.outbox(), &memory.queues(), &event, now(), MINUTE).await;
    let again: BTreeSet<_> = answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
    assert_eq!(again, BTreeSet::from(["100".to_owned(), "101".to_owned()]));
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_does_not_block_the_shard() {
    let memory = memory().await;
    record(&memory, OutboxEntry { data: "{".to_owned(), ..entry("1#C#A", 3) }).await;
    let event = event(&[("100", "1#C#A"), ("101", "1#C#B")]);
    let answer = handle(&memory.outbox(), &memory.queues(), &event, now(), MINUTE).await;
    assert_eq!(answer, BatchResponse::default());
    assert_eq!(memory.receive("access").len(), 2, "those of the other stream");
}

fn event(records: &[(&str, &str)]) -> StreamEvent {
    let record = |(number, stream): &(&str, &str)| {
        format!(
            r#"{{"eventName":"INSERT","dynamodb":{{"Keys":{{"stream":{{"S":"{stream}"}}}},"SequenceNumber":"{number}"}}}}"#
        )
    };
    let records: Vec<_> = records.iter().map(record).collect();
    serde_json::from_str(&format!(r#"{{"Records":[{}]}}"#, records.join(","))).unwrap()
}

/// Two streams of two events for two consumers.
async fn memory() -> Memory {
    let memory = Memory::new(["access".to_owned(), "billing".to_owned()], now());
    for stream in ["1#C#A", "1#C#B"] {
        for sequence in [1, 2] {
            record(&memory, entry(stream, sequence)).await;
        }
    }
    memory
}

async fn record(memory: &Memory, entry: OutboxEntry) {
    let commit = Commit { outbox: vec![entry], ..Commit::empty(mch_id()) };
    memory.ledger().commit(&commit).await.unwrap();
}

fn entry(stream: &str, sequence: u64) -> OutboxEntry {
    let consumers = ["access".to_owned(), "billing".to_owned()];
    OutboxEntry {
        schema: SCHEMA,
        stream: Stream::named(stream),
        sequence,
        mch_id: mch_id(),
        event_type: "papay.contract.signed.v1".to_owned(),
        subject: "A".to_owned(),
        time: now(),
        traceparent: None,
        data: "{}".to_owned(),
        destinations: consumers.iter().map(|consumer| (consumer.clone(), sequence - 1)).collect::<BTreeMap<_, _>>(),
        pending: BTreeSet::from(consumers),
    }
}

fn mch_id() -> MchId {
    MchId::parse("1").unwrap()
}

fn now() -> Timestamp {
    Timestamp::from_second(1_760_000_000).unwrap()
}
