use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::{Consumer, MchId, OutboxEntry, SCHEMA};
use publish::{Message, QueueError};
use record::{Commit, Ledger};
use testkit::memory::{Memory, MemoryQueues};

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn what_a_lost_doorbell_left_is_published_after_half_a_minute() {
    let memory = memory();
    record(&memory, "1#C#A", at(0)).await;
    sweep(&memory.outbox(), &memory.queues(), at(29), MINUTE).await.unwrap();
    assert_eq!(memory.receive("access").len(), 0, "the relay may have it in hand");
    sweep(&memory.outbox(), &memory.queues(), at(30), MINUTE).await.unwrap();
    assert_eq!(memory.receive("access").len(), 1);
    assert!(memory.store().pending(&Stream::named("1#C#A")).is_empty());
}

#[tokio::test]
async fn a_queue_that_is_up_again_after_a_day_catches_up_in_one_sweep() {
    let memory = memory();
    for number in 0..350 {
        record(&memory, &format!("1#C#{number}"), at(number)).await;
    }
    memory.set_queue_down("billing", true);
    let day = 24 * 3600;
    sweep(&memory.outbox(), &memory.queues(), at(day), MINUTE).await.unwrap();
    assert_eq!(memory.receive("billing").len(), 0);
    memory.set_queue_down("billing", false);
    sweep(&memory.outbox(), &memory.queues(), at(day + 60), MINUTE).await.unwrap();
    assert_eq!(memory.receive("billing").len(), 350);
    assert_eq!(memory.receive("access").len(), 350);
    assert!(memory.store().outbox().all(|item| item.entry.pending.is_empty()));
}

#[tokio::test]
async fn a_queue_that_is_down_is_asked_once_in_a_sweep_and_what_was_just_missed_goes_out() {
    let memory = memory();
    memory.set_queue_down("billing", true);
    for number in 0..350 {
        record(&memory, &format!("1#C#{number}"), at(number)).await;
    }
    let now = at(30 * 60);
    record(&memory, "1#C#missed", at(29 * 60)).await;
    let queues = Counting { queues: memory.queues(), to_billing: AtomicUsize::new(0) };
    sweep(&memory.outbox(), &queues, now, MINUTE).await.unwrap();
    assert_eq!(queues.to_billing.load(Ordering::Relaxed), 1);
    let received = memory.receive("access");
    assert!(received.iter().any(|message| message.group == "1#C#missed"));
}

#[tokio::test]
async fn a_sweep_stops_when_its_time_is_over() {
    let memory = memory();
    record(&memory, "1#C#A", at(0)).await;
    let short = Duration::from_millis(20);
    let swept = tokio::time::timeout(MINUTE, sweep(&memory.outbox(), &Hanging, at(60), short)).await;
    assert_eq!(swept, Ok(Ok(())));
}

#[tokio::test]
async fn an_outbox_that_is_down_fails_the_sweep() {
    let memory = memory();
    memory.set_outbox_down(true);
    assert!(sweep(&memory.outbox(), &memory.queues(), at(60), MINUTE).await.is_err());
}

/// Queues of which one counts how often it is asked.
struct Counting {
    queues: MemoryQueues,
    to_billing: AtomicUsize,
}

impl Queues for Counting {
    async fn send(&self, consumer: &Consumer, messages: &[Message]) -> Result<Vec<Result<(), QueueError>>, QueueError> {
        if consumer == "billing" {
            self.to_billing.fetch_add(1, Ordering::Relaxed);
        }
        self.queues.send(consumer, messages).await
    }
}

/// Queues that never answer.
struct Hanging;

impl Queues for Hanging {
    async fn send(&self, _: &Consumer, _: &[Message]) -> Result<Vec<Result<(), QueueError>>, QueueError> {
        std::future::pending().await
    }
}

fn memory() -> Memory {
    Memory::new(["access".to_owned(), "billing".to_owned()], at(0))
}

async fn record(memory: &Memory, stream: &str, time: Timestamp) {
    let consumers = ["access".to_owned(), "billing".to_owned()];
    let mch_id = MchId::parse("1").unwrap();
    let entry = OutboxEntry {
        schema: SCHEMA,
        stream: Stream::named(stream),
        sequence: 1,
        mch_id: mch_id.clone(),
        event_type: "papay.contract.signed.v1".to_owned(),
        subject: "A".to_owned(),
        time,
        traceparent: None,
        data: "{}".to_owned(),
        destinations: consumers.iter().map(|consumer| (consumer.clone(), 0)).collect::<BTreeMap<_, _>>(),
        pending: BTreeSet::from(consumers),
    };
    let commit = Commit { outbox: vec![entry], ..Commit::empty(mch_id) };
    memory.ledger().commit(&commit).await.unwrap();
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_760_000_000 + second).unwrap()
}
