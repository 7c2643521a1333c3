//! What queues promise.

use std::collections::BTreeMap;
use std::future::Future;

use domain::Consumer;
use publish::{Message, QueueError, Queues};

use crate::generate::Generator;

/// The consumer's side of a queue, which `publish` has no use for.
pub trait Reader {
    /// Receives and deletes messages until the queue has none left, in the order of arrival within each group.
    fn receive_all(&self, consumer: &Consumer) -> impl Future<Output = Vec<Message>>;
}

/// Everything that queues promise. The consumer's queue has to exist and be empty, and that of `missing` must not exist.
pub async fn queues(queues: &impl Queues, reader: &impl Reader, consumer: &Consumer, missing: &Consumer, seed: u64) {
    let generator = &mut Generator::new(seed);
    what_was_accepted_is_received_whole(queues, reader, consumer, generator).await;
    a_group_is_received_in_the_order_of_sending(queues, reader, consumer, generator).await;
    a_message_sent_twice_is_accepted_twice_and_received_once(queues, reader, consumer, generator).await;
    a_batch_holds_ten_messages(queues, reader, consumer, generator).await;
    a_missing_queue_takes_nothing(queues, missing, generator).await;
}

async fn what_was_accepted_is_received_whole(
    queues: &impl Queues,
    reader: &impl Reader,
    consumer: &Consumer,
    generator: &mut Generator,
) {
    let group = group(generator);
    let sent = Message { body: r#"{"data":"续费 <&> \"🙂\""}"#.to_owned(), ..message(&group, 1) };
    accept(queues, consumer, std::slice::from_ref(&sent)).await;
    assert_eq!(reader.receive_all(consumer).await, [sent]);
}

async fn a_group_is_received_in_the_order_of_sending(
    queues: &impl Queues,
    reader: &impl Reader,
    consumer: &Consumer,
    generator: &mut Generator,
) {
    let groups = [group(generator), group(generator)];
    for at in 0..12 {
        let pair = [message(&groups[0], at), message(&groups[1], at)];
        accept(queues, consumer, &pair).await;
    }
    let mut received: BTreeMap<String, Vec<Message>> = BTreeMap::new();
    for message in reader.receive_all(consumer).await {
        received.entry(message.group.clone()).or_default().push(message);
    }
    for group in groups {
        let sent: Vec<_> = (0..12).map(|at| message(&group, at)).collect();
        assert_eq!(received.remove(&group), Some(sent));
    }
}

async fn a_message_sent_twice_is_accepted_twice_and_received_once(
    queues: &impl Queues,
    reader: &impl Reader,
    consumer: &Consumer,
    generator: &mut Generator,
) {
    let group = group(generator);
    let (first, second) = (message(&group, 1), message(&group, 2));
    accept(queues, consumer, &[first.clone(), first.clone()]).await;
    accept(queues, consumer, std::slice::from_ref(&second)).await;
    accept(queues, consumer, &[first.clone(), second.clone()]).await;
    assert_eq!(reader.receive_all(consumer).await, [first.clone(), second]);
    accept(queues, consumer, &[first]).await;
    assert_eq!(reader.receive_all(consumer).await, [], "a message that was received and deleted is still known");
}

async fn a_batch_holds_ten_messages(
    queues: &impl Queues,
    reader: &impl Reader,
    consumer: &Consumer,
    generator: &mut Generator,
) {
    let messages: Vec<_> = (0..11).map(|at| message(&group(generator), at)).collect();
    accept(queues, consumer, &messages[..10]).await;
    assert_eq!(reader.receive_all(consumer).await.len(), 10);
    let eleven = queues.send(consumer, &messages).await;
    assert!(eleven.is_err(), "{eleven:?}");
    assert_eq!(reader.receive_all(consumer).await, [], "a batch that is too long is refused whole");
}

async fn a_missing_queue_takes_nothing(queues: &impl Queues, missing: &Consumer, generator: &mut Generator) {
    let sent = queues.send(missing, &[message(&group(generator), 1)]).await;
    assert!(matches!(sent, Err(QueueError::Unavailable(_))), "{sent:?}");
}

async fn accept(queues: &impl Queues, consumer: &Consumer, messages: &[Message]) {
    let results = queues.send(consumer, messages).await.unwrap();
    assert_eq!(results, vec![Ok(()); messages.len()], "one result for each message");
}

fn group(generator: &mut Generator) -> String {
    format!("{}#C#{}", generator.mch_id(), generator.contract_code())
}

fn message(group: &str, sequence: u64) -> Message {
    Message {
        group: group.to_owned(),
        deduplication_id: format!("{group}:{sequence}"),
        body: format!("{{\"sequence\":{sequence}}}"),
    }
}
