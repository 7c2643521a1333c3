//! From the outbox to the queues over the real SDK: DynamoDB and SQS are the embedded ones.

mod faults;
mod items;
mod processes;

use std::collections::BTreeMap;

use aws_sdk_sqs::types::MessageSystemAttributeName as Attribute;
use domain::{Consumer, MchId, OutboxEntry, SCHEMA, Stream, Timestamp};
use host::clock::Clock;
use host::{Stack, StackConfig};
use papay::Clients;
use papay::stack::{queues, tables};
use publish::envelope::CloudEvent;
use publish::{Drained, DynamoOutbox, Message, SqsQueues, drain};
use record::{Commit, DynamoLedger, Ledger, Tables};

const A: &str = "access";
const B: &str = "billing";

/// The services of one test, with the tables and two consumers' queues.
struct World {
    stack: Stack,
    clients: Clients,
    tables: Tables,
    urls: BTreeMap<Consumer, String>,
}

impl World {
    async fn start() -> Self {
        // Its own time: what is published expires, and must not before the test has looked.
        let clock = Clock::standing_at(at(0).as_millisecond());
        let stack = Stack::start(StackConfig { clock: Some(clock), ..StackConfig::default() }).await.unwrap();
        let clients = Clients::new(&stack.dynamodb.endpoint(), &stack.sqs.endpoint()).unwrap();
        let tables = tables::names();
        tables::create(&clients.dynamodb, &tables).await.unwrap();
        let urls = queues::create(&clients.sqs, &[A.to_owned(), B.to_owned()]).await.unwrap();
        Self { stack, clients, tables, urls }
    }

    fn ledger(&self) -> DynamoLedger {
        DynamoLedger::new(self.clients.dynamodb.clone(), self.tables.clone())
    }

    fn outbox(&self) -> DynamoOutbox {
        DynamoOutbox::new(self.clients.dynamodb.clone(), self.tables.outbox.clone(), record::pending_shards())
    }

    fn queues(&self) -> SqsQueues {
        SqsQueues::new(self.clients.sqs.clone(), self.urls.clone())
    }

    async fn drain(&self, streams: &[Stream]) -> Drained {
        drain(&self.outbox(), &self.queues(), streams, at(1)).await
    }

    /// Records events with these sequences, as the ledger does.
    async fn record(&self, stream: &Stream, sequences: impl IntoIterator<Item = u64>) {
        for sequence in sequences {
            self.record_entry(entry(stream, sequence)).await;
        }
    }

    async fn record_entry(&self, entry: OutboxEntry) {
        let commit = Commit { outbox: vec![entry], ..Commit::empty(mch_id()) };
        self.ledger().commit(&commit).await.unwrap();
    }

    /// Receives and deletes what is in a consumer's queue.
    async fn receive(&self, consumer: &str) -> Vec<Message> {
        receive_all(&self.clients.sqs, &self.urls[consumer]).await
    }

    /// The same, by stream.
    async fn received(&self, consumer: &str) -> BTreeMap<String, Vec<u64>> {
        let mut received: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for message in self.receive(consumer).await {
            let event: CloudEvent = serde_json::from_str(&message.body).unwrap();
            let (stream, _) = event.id.rsplit_once(':').unwrap();
            received.entry(stream.to_owned()).or_default().push(event.sequence);
        }
        received
    }
}

/// Receives and deletes until there is nothing left.
async fn receive_all(client: &aws_sdk_sqs::Client, url: &str) -> Vec<Message> {
    let mut received = Vec::new();
    loop {
        let request = client.receive_message().queue_url(url).max_number_of_messages(10);
        let request = request.message_system_attribute_names(Attribute::All);
        let messages = request.send().await.unwrap().messages.unwrap_or_default();
        if messages.is_empty() {
            return received;
        }
        for message in messages {
            let receipt = message.receipt_handle().unwrap();
            client.delete_message().queue_url(url).receipt_handle(receipt).send().await.unwrap();
            let attributes = message.attributes().unwrap();
            received.push(Message {
                group: attributes[&Attribute::MessageGroupId].clone(),
                deduplication_id: attributes[&Attribute::MessageDeduplicationId].clone(),
                body: message.body().unwrap().to_owned(),
            });
        }
    }
}

fn entry(stream: &Stream, sequence: u64) -> OutboxEntry {
    let consumers = [A.to_owned(), B.to_owned()];
    OutboxEntry {
        schema: SCHEMA,
        stream: stream.clone(),
        sequence,
        mch_id: mch_id(),
        event_type: "papay.contract.signed.v1".to_owned(),
        subject: "code".to_owned(),
        time: at(0),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        data: r#"{"text":"续费 <&>"}"#.to_owned(),
        destinations: consumers.iter().map(|consumer| (consumer.clone(), sequence - 1)).collect(),
        pending: consumers.into(),
    }
}

fn streams(count: usize) -> Vec<Stream> {
    (0..count).map(|number| Stream::named(&format!("10000100#C#CODE{number:03}"))).collect()
}

fn mch_id() -> MchId {
    MchId::parse("10000100").unwrap()
}

/// Seconds after the beginning of these tests.
fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_760_000_000 + second).unwrap()
}
