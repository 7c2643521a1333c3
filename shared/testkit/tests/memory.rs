//! The ports in memory keep what every port promises, and follow the rules that only a memory can be made to show.

#![allow(clippy::unwrap_used, reason = "tests")]

use domain::Timestamp;
use publish::{Message, Outbox, QueueError, Queues};
use record::{CommitError, Ledger, LedgerError};
use testkit::contract::{self, Reader};
use testkit::generate::Generator;
use testkit::memory::Memory;

const SEED: u64 = 1;

#[tokio::test]
async fn the_ledger_in_memory_keeps_the_contract() {
    contract::ledger(&memory().ledger(), SEED).await;
    contract::writeahead(&memory().ledger(), SEED).await;
}

#[tokio::test]
async fn several_runs_can_share_a_ledger() {
    let ledger = memory().ledger();
    contract::ledger(&ledger, SEED).await;
    contract::ledger(&ledger, SEED + 1).await;
}

#[tokio::test]
async fn the_outbox_in_memory_keeps_the_contract() {
    let memory = memory();
    contract::outbox(&memory.ledger(), &memory.outbox(), SEED).await;
}

#[tokio::test]
async fn the_queues_in_memory_keep_the_contract() {
    let memory = memory();
    contract::queues(&memory.queues(), &Consumer(memory), &"all".to_owned(), &"missing".to_owned(), SEED).await;
}

#[tokio::test]
async fn a_queue_forgets_a_message_after_five_minutes() {
    let memory = memory();
    let queue = "all".to_owned();
    for (second, received) in [(0, 1), (299, 0), (300, 1), (301, 0)] {
        memory.set_now(Timestamp::from_second(second).unwrap());
        memory.queues().send(&queue, &[message("1")]).await.unwrap().remove(0).unwrap();
        assert_eq!(memory.receive("all").len(), received, "after {second} s");
    }
}

#[tokio::test]
async fn a_batch_can_half_fail() {
    let memory = memory();
    memory.refuse_next("all", [0]);
    let results = memory.queues().send(&"all".to_owned(), &[message("1"), message("2")]).await.unwrap();
    assert!(matches!(results[..], [Err(QueueError::Refused(_)), Ok(())]));
    assert_eq!(memory.receive("all"), [message("2")]);
}

#[tokio::test]
async fn a_queue_that_is_down_does_not_stop_the_other() {
    let memory = memory();
    memory.set_queue_down("all", true);
    assert!(memory.queues().send(&"all".to_owned(), &[message("1")]).await.is_err());
    assert!(memory.queues().send(&"some".to_owned(), &[message("1")]).await.is_ok());
    memory.set_queue_down("all", false);
    assert!(memory.queues().send(&"all".to_owned(), &[message("1")]).await.is_ok());
}

#[tokio::test]
async fn a_lagging_index_shows_what_it_is_told_to() {
    let memory = memory();
    memory.with_store(testkit::memory::Store::lag);
    contract_with_one_event(&memory).await;
    let later = Timestamp::MAX;
    assert_eq!(memory.outbox().pending_streams(later, 10).await, Ok(Vec::new()));
    memory.with_store(testkit::memory::Store::catch_up_all);
    let streams = memory.outbox().pending_streams(later, 10).await.unwrap();
    assert_eq!(streams.len(), 1);
    let entries = memory.outbox().pending(&streams[0].stream).await.unwrap();
    memory.outbox().mark(&entries[0], &["all".to_owned()], later).await.unwrap();
    assert_eq!(memory.outbox().pending(&streams[0].stream).await, Ok(Vec::new()), "the table is read strongly");
    assert_eq!(memory.outbox().pending_streams(later, 10).await, Ok(streams), "the index does not know yet");
}

#[tokio::test]
async fn a_table_that_is_down_answers_so_and_changes_nothing() {
    let memory = memory();
    let mut generator = Generator::new(SEED);
    let fact = generator.any_fact();
    memory.set_ledger_down(true);
    memory.set_outbox_down(true);
    let loaded = memory.ledger().load(&fact.mch_id, &fact.keys()).await;
    assert!(matches!(loaded, Err(LedgerError::Unavailable(_))));
    let commit = record::Commit::empty(fact.mch_id);
    assert!(matches!(memory.ledger().commit(&commit).await, Err(CommitError::Unavailable(_))));
    assert!(memory.outbox().pending_streams(Timestamp::MAX, 1).await.is_err());
}

struct Consumer(Memory);

impl Reader for Consumer {
    async fn receive_all(&self, consumer: &domain::Consumer) -> Vec<Message> {
        self.0.receive(consumer)
    }
}

fn memory() -> Memory {
    Memory::new(["all".to_owned(), "some".to_owned()], Timestamp::UNIX_EPOCH)
}

fn message(id: &str) -> Message {
    Message { group: "group".to_owned(), deduplication_id: id.to_owned(), body: "{}".to_owned() }
}

/// An order that was paid: one event for the consumer `all`.
async fn contract_with_one_event(memory: &Memory) {
    let mut generator = Generator::new(SEED);
    let order = generator.order(domain::OrderKind::OneOff, None);
    let now = order.created_at;
    let transaction = generator.transaction_id();
    let fact = generator.paid(&order, &transaction, now);
    let route = record::Route { consumer: "all".to_owned(), merchants: Vec::new(), types: Vec::new() };
    let routing = record::Routing { routes: vec![route] };
    let recorder = record::Recorder::new(memory.ledger(), testkit::memory::NoWait, routing);
    let changes = domain::Changes { order: Some(order.clone()), ..domain::Changes::default() };
    recorder.create(&order.mch_id, changes, now, domain::decide).await.unwrap();
    let receipt = record::Receipt { body: Vec::new(), body_hash: [0; 32], received_at: now, traceparent: None };
    recorder.apply(&fact, &receipt, now, domain::decide).await.unwrap();
}
