//! What the ports promise, asked of DynamoDB and SQS.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageSystemAttributeName as Attribute;
use domain::Consumer;
use publish::Message;
use testkit::contract;

use super::{A, World};

#[tokio::test]
async fn the_outbox_in_dynamodb_keeps_its_promises() {
    let world = World::start().await;
    for seed in 1..=3 {
        contract::outbox(&world.ledger(), &world.outbox(), seed).await;
    }
}

#[tokio::test]
async fn the_queues_in_sqs_keep_their_promises() {
    let world = World::start().await;
    let mut queues = world.urls.clone();
    queues.insert("missing".to_owned(), world.stack.sqs.queue_url("missing.fifo"));
    let queues = publish::SqsQueues::new(world.clients.sqs.clone(), queues);
    for seed in 1..=3 {
        contract::queues(&queues, &Reader(&world), &A.to_owned(), &"missing".to_owned(), seed).await;
        contract::queues(&queues, &Reader(&world), &A.to_owned(), &"unheard of".to_owned(), seed + 10).await;
    }
}

struct Reader<'a>(&'a World);

impl contract::Reader for Reader<'_> {
    async fn receive_all(&self, consumer: &Consumer) -> Vec<Message> {
        receive_all(&self.0.clients.sqs, &self.0.urls[consumer]).await
    }
}

/// Receives and deletes until there is nothing left.
pub(super) async fn receive_all(client: &Client, url: &str) -> Vec<Message> {
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
