//! Every behaviour of SQS that is relied on, over the real SDK.

mod batches;
mod dead_letters;
mod faults;
mod fifo;
mod queues;
mod standard;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use host::Store;
use host::clock::Clock;
use host::sqs::Sqs;

use crate::{MORNING, clients};

/// An SQS in memory with a clock that the test moves, and one queue.
struct Fixture {
    sqs: Sqs,
    client: Client,
    clock: Clock,
    url: String,
}

impl Fixture {
    async fn standard() -> Self {
        Self::new("work", &[]).await
    }

    /// A FIFO queue as the events go through: high throughput.
    async fn fifo() -> Self {
        let high_throughput = [
            (QueueAttributeName::FifoQueue, "true"),
            (QueueAttributeName::DeduplicationScope, "messageGroup"),
            (QueueAttributeName::FifoThroughputLimit, "perMessageGroupId"),
        ];
        Self::new("orders.fifo", &high_throughput).await
    }

    async fn new(queue: &str, attributes: &[(QueueAttributeName, &str)]) -> Self {
        let clock = Clock::standing_at(MORNING);
        let sqs = Sqs::start(&Store::Memory, 0, clock.clone()).await.unwrap();
        let client = clients::sqs(&sqs.endpoint());
        let url = create(&client, queue, attributes).await;
        Self { sqs, client, clock, url }
    }

    /// Sends to a FIFO group and returns the sequence number.
    async fn send_to(&self, group: &str, body: &str) -> String {
        let send = self.client.send_message().queue_url(&self.url).message_body(body);
        let sent = send.message_group_id(group).message_deduplication_id(format!("{group}-{body}")).send();
        sent.await.unwrap().sequence_number.unwrap()
    }

    async fn send(&self, body: &str) {
        self.client.send_message().queue_url(&self.url).message_body(body).send().await.unwrap();
    }

    async fn receive(&self) -> Vec<Message> {
        receive(&self.client, &self.url).await
    }

    async fn delete(&self, message: &Message) {
        let handle = message.receipt_handle.as_deref().unwrap();
        self.client.delete_message().queue_url(&self.url).receipt_handle(handle).send().await.unwrap();
    }

    /// Moves the clock, which stands still otherwise; 30 s is the default visibility time-out.
    fn pass_seconds(&self, seconds: i64) {
        self.clock.advance_ms(seconds * 1000).unwrap();
    }
}

async fn create(client: &Client, name: &str, attributes: &[(QueueAttributeName, &str)]) -> String {
    let mut create = client.create_queue().queue_name(name);
    for (attribute, value) in attributes {
        create = create.attributes(attribute.clone(), *value);
    }
    create.send().await.unwrap().queue_url.unwrap()
}

/// All that can be received at once, without waiting.
async fn receive(client: &Client, url: &str) -> Vec<Message> {
    let receive = client.receive_message().queue_url(url).max_number_of_messages(10);
    let receive =
        receive.message_system_attribute_names(MessageSystemAttributeName::All).message_attribute_names("All");
    receive.send().await.unwrap().messages.unwrap_or_default()
}

fn bodies(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.body.as_deref().unwrap()).collect()
}

fn attribute(message: &Message, name: MessageSystemAttributeName) -> Option<&str> {
    message.attributes.as_ref().and_then(|attributes| attributes.get(&name)).map(String::as_str)
}
