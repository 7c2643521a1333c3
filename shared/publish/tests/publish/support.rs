//! Ports in memory that remember what was asked of them, and can be made to misbehave.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use domain::{Consumer, MchId, OutboxEntry, SCHEMA, Stream, Timestamp};
use publish::{Message, Outbox, OutboxError, QueueError, Queues, Waiting, envelope::CloudEvent};
use record::{Commit, Ledger};
use testkit::memory::{Memory, MemoryOutbox, MemoryQueues};

pub(crate) const A: &str = "access";
pub(crate) const B: &str = "billing";

/// A memory with two consumers, and everything that was asked of its ports.
pub(crate) struct World {
    pub(crate) memory: Memory,
    pub(crate) log: Arc<Mutex<Log>>,
}

/// What was asked of the ports, and how they shall answer.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// Each batch: the consumer, and stream and sequence of its events.
    pub(crate) batches: Vec<(Consumer, Vec<(Stream, u64)>)>,
    /// Each mark: stream, sequence, consumers.
    pub(crate) marks: Vec<(Stream, u64, Vec<Consumer>)>,
    /// A batch with this text in it is refused as a whole.
    pub(crate) poison: Option<&'static str>,
    /// Marks of this stream fail.
    pub(crate) unmarkable: Option<Stream>,
    /// This consumer's queue never answers.
    pub(crate) hanging: Option<&'static str>,
    /// Every effect waits its turn once before it happens, and once more before its caller learns of it.
    pub(crate) patient: bool,
}

pub(crate) struct SpyOutbox(MemoryOutbox, Arc<Mutex<Log>>);
pub(crate) struct SpyQueues(MemoryQueues, Arc<Mutex<Log>>);

impl World {
    pub(crate) fn new() -> Self {
        Self { memory: Memory::new([A.to_owned(), B.to_owned()], at(0)), log: Arc::default() }
    }

    pub(crate) fn outbox(&self) -> SpyOutbox {
        SpyOutbox(self.memory.outbox(), self.log.clone())
    }

    pub(crate) fn queues(&self) -> SpyQueues {
        SpyQueues(self.memory.queues(), self.log.clone())
    }

    /// Records events with these sequences, each routed to both consumers.
    pub(crate) async fn record(&self, stream: &Stream, sequences: impl IntoIterator<Item = u64>) {
        for sequence in sequences {
            self.record_entry(entry(stream, sequence, &[A, B])).await;
        }
    }

    pub(crate) async fn record_entry(&self, entry: OutboxEntry) {
        let commit = Commit { outbox: vec![entry], ..Commit::empty(mch_id()) };
        self.memory.ledger().commit(&commit).await.unwrap();
    }

    /// What a consumer sees and has not seen before, by stream.
    pub(crate) fn received(&self, consumer: &str) -> BTreeMap<Stream, Vec<u64>> {
        let mut received: BTreeMap<Stream, Vec<u64>> = BTreeMap::new();
        for message in self.memory.receive(consumer) {
            let event: CloudEvent = serde_json::from_str(&message.body).unwrap();
            received.entry(Stream::named(&message.group)).or_default().push(event.sequence);
        }
        received
    }

    pub(crate) fn nothing_is_pending(&self) -> bool {
        self.memory.store().outbox().all(|item| item.entry.pending.is_empty())
    }

    pub(crate) fn batches(&self) -> Vec<(Consumer, Vec<(Stream, u64)>)> {
        self.log.lock().unwrap().batches.clone()
    }

    pub(crate) fn marks(&self) -> Vec<(Stream, u64, Vec<Consumer>)> {
        self.log.lock().unwrap().marks.clone()
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut Log)) {
        change(&mut self.log.lock().unwrap());
    }
}

impl SpyOutbox {
    async fn turn(&self) {
        turn(&self.1).await;
    }
}

impl Outbox for SpyOutbox {
    async fn pending(&self, stream: &Stream) -> Result<Vec<OutboxEntry>, OutboxError> {
        self.turn().await;
        let pending = self.0.pending(stream).await;
        self.turn().await;
        pending
    }

    async fn mark(&self, entry: &OutboxEntry, accepted: &[Consumer], now: Timestamp) -> Result<(), OutboxError> {
        self.turn().await;
        if self.1.lock().unwrap().unmarkable.as_ref() == Some(&entry.stream) {
            return Err(OutboxError::Unavailable("down".to_owned()));
        }
        self.1.lock().unwrap().marks.push((entry.stream.clone(), entry.sequence, accepted.to_vec()));
        self.0.mark(entry, accepted, now).await?;
        self.turn().await;
        Ok(())
    }

    async fn pending_streams(&self, before: Timestamp, limit: usize) -> Result<Vec<Waiting>, OutboxError> {
        self.0.pending_streams(before, limit).await
    }
}

impl Queues for SpyQueues {
    async fn send(&self, consumer: &Consumer, messages: &[Message]) -> Result<Vec<Result<(), QueueError>>, QueueError> {
        turn(&self.1).await;
        let (poison, hanging) = {
            let log = self.1.lock().unwrap();
            (log.poison, log.hanging)
        };
        if hanging == Some(consumer.as_str()) {
            std::future::pending::<()>().await;
        }
        self.1.lock().unwrap().batches.push((consumer.clone(), messages.iter().map(event_of).collect()));
        if poison.is_some_and(|poison| messages.iter().any(|message| message.body.contains(poison))) {
            return Err(QueueError::Refused("InvalidMessageContents".to_owned()));
        }
        let answer = self.0.send(consumer, messages).await;
        turn(&self.1).await;
        answer
    }
}

async fn turn(log: &Mutex<Log>) {
    if log.lock().unwrap().patient {
        tokio::task::yield_now().await;
    }
}

fn event_of(message: &Message) -> (Stream, u64) {
    let event: CloudEvent = serde_json::from_str(&message.body).unwrap();
    (Stream::named(&message.group), event.sequence)
}

pub(crate) fn entry(stream: &Stream, sequence: u64, consumers: &[&str]) -> OutboxEntry {
    let previous = sequence - 1;
    OutboxEntry {
        schema: SCHEMA,
        stream: stream.clone(),
        sequence,
        mch_id: mch_id(),
        event_type: "papay.contract.signed.v1".to_owned(),
        subject: "code".to_owned(),
        time: at(0),
        traceparent: None,
        data: format!(r#"{{"text":"续费 of {stream}"}}"#),
        destinations: consumers.iter().map(|consumer| ((*consumer).to_owned(), previous)).collect(),
        pending: consumers.iter().map(|consumer| (*consumer).to_owned()).collect::<BTreeSet<_>>(),
    }
}

pub(crate) fn stream(name: &str) -> Stream {
    Stream::named(&format!("10000100#C#{name}"))
}

pub(crate) fn streams(count: usize) -> Vec<Stream> {
    (0..count).map(|number| stream(&format!("CODE{number:03}"))).collect()
}

pub(crate) fn mch_id() -> MchId {
    MchId::parse("10000100").unwrap()
}

/// Seconds after the beginning of these tests.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_760_000_000 + second).unwrap()
}
