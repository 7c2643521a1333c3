use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{MessageAttributeValue, QueueAttributeName};

use super::*;
use crate::clients;

fn trigger(name: &str, batch: usize) -> Trigger {
    Trigger::Queue { name: name.to_owned(), batch }
}

async fn fifo(f: &Fixture) -> (Client, String) {
    let client = clients::sqs(&f.stack.sqs.endpoint());
    let create = client.create_queue().queue_name("work.fifo").attributes(QueueAttributeName::FifoQueue, "true");
    let url = create.send().await.unwrap().queue_url.unwrap();
    (client, url)
}

async fn send(client: &Client, url: &str, group: &str, body: &str) {
    let send = client.send_message().queue_url(url).message_body(body).message_group_id(group);
    send.message_deduplication_id(body).send().await.unwrap();
}

async fn left(client: &Client, url: &str) -> (String, String) {
    let get = client.get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::All);
    let mut attributes = get.send().await.unwrap().attributes.unwrap();
    let mut count = |name| attributes.remove(&name).unwrap();
    (
        count(QueueAttributeName::ApproximateNumberOfMessages),
        count(QueueAttributeName::ApproximateNumberOfMessagesNotVisible),
    )
}

/// Waits until nothing waits in the queue and so many messages are held.
async fn come_to_be_held(client: &Client, url: &str, count: usize) {
    let held = ("0".to_owned(), count.to_string());
    wait_until(&format!("{count} messages are held"), async || left(client, url).await == held).await;
}

/// Sends one more message and waits for its event: the poller is done then with all that came before, and takes one batch after the other.
async fn is_through(f: &Fixture, client: &Client, url: &str, events_before: usize) {
    let one_more = format!("after-{events_before}");
    send(client, url, "another", &one_more).await;
    let events = f.wait_for_events(events_before + 1).await;
    assert_eq!(all(&events[events_before], "/body"), [one_more]);
}

fn failures(ids: &[&str]) -> String {
    let failures: Vec<_> = ids.iter().map(|id| serde_json::json!({ "itemIdentifier": id })).collect();
    serde_json::json!({ "batchItemFailures": failures }).to_string()
}

#[tokio::test]
async fn a_function_gets_sqs_records_and_what_it_handled_is_deleted() {
    let mut f = Fixture::new().await;
    let (client, url) = fifo(&f).await;
    let value = MessageAttributeValue::builder().data_type("String").string_value("v").build().unwrap();
    let first = client.send_message().queue_url(&url).message_body("1").message_group_id("a");
    let sent = first.message_deduplication_id("1").message_attributes("k", value).send().await.unwrap();
    send(&client, &url, "a", "2").await;
    f.run(trigger("work.fifo", 10), "").await;
    let events = f.wait_for_events(1).await;
    assert_eq!(all(&events[0], "/body"), ["1", "2"]);
    let record = &events[0]["Records"][0];
    assert_eq!(record["messageId"].as_str(), sent.message_id());
    assert_eq!(record["eventSource"], "aws:sqs");
    assert_eq!(record["eventSourceARN"], "arn:aws:sqs:us-east-1:000000000000:work.fifo");
    assert_eq!(record["awsRegion"], "us-east-1");
    assert_eq!(record["attributes"]["MessageGroupId"], "a");
    assert_eq!(record["attributes"]["ApproximateReceiveCount"], "1");
    assert_eq!(record["attributes"]["SequenceNumber"].as_str(), sent.sequence_number());
    assert_eq!(record["messageAttributes"]["k"]["stringValue"], "v");
    assert_eq!(record["messageAttributes"]["k"]["dataType"], "String");
    assert_eq!(record["md5OfBody"].as_str(), sent.md5_of_message_body());
    assert_eq!(record["md5OfMessageAttributes"].as_str(), sent.md5_of_message_attributes());
    come_to_be_held(&client, &url, 0).await;
}

#[tokio::test]
async fn a_failed_batch_comes_again_when_its_visibility_ends() {
    let mut f = Fixture::new().await;
    let (client, url) = fifo(&f).await;
    send(&client, &url, "a", "1").await;
    f.run(trigger("work.fifo", 10), "error").await;
    f.wait_for_events(1).await;
    is_through(&f, &client, &url, 1).await;
    come_to_be_held(&client, &url, 1).await;
    f.stack.clock.advance_ms(29_999).unwrap();
    is_through(&f, &client, &url, 2).await;
    come_to_be_held(&client, &url, 1).await;
    f.stack.clock.advance_ms(1).unwrap();
    let events = f.wait_for_events(4).await;
    assert_eq!(all(&events[3], "/body"), ["1"]);
    assert_eq!(events[3]["Records"][0]["attributes"]["ApproximateReceiveCount"], "2");
}

#[tokio::test]
async fn of_a_half_failed_batch_only_the_failures_come_again() {
    let mut f = Fixture::new().await;
    let client = clients::sqs(&f.stack.sqs.endpoint());
    let url = client.create_queue().queue_name("work").send().await.unwrap().queue_url.unwrap();
    let mut ids = Vec::new();
    for body in ["1", "2", "3"] {
        let sent = client.send_message().queue_url(&url).message_body(body).send().await.unwrap();
        ids.push(sent.message_id.unwrap());
    }
    f.run(trigger("work", 10), &failures(&[&ids[1]])).await;
    f.wait_for_events(1).await;
    come_to_be_held(&client, &url, 1).await;
    f.stack.clock.advance_ms(31_000).unwrap();
    let events = f.wait_for_events(2).await;
    assert_eq!(all(&events[1], "/body"), ["2"]);
}

#[tokio::test]
async fn after_a_failure_in_a_fifo_group_nothing_later_of_that_group_is_done() {
    let mut f = Fixture::new().await;
    let (client, url) = fifo(&f).await;
    let mut ids = Vec::new();
    for (group, body) in [("a", "a1"), ("a", "a2"), ("b", "b1"), ("a", "a3")] {
        let send = client.send_message().queue_url(&url).message_body(body).message_group_id(group);
        ids.push(send.message_deduplication_id(body).send().await.unwrap().message_id.unwrap());
    }
    f.run(trigger("work.fifo", 10), &failures(&[&ids[1]])).await;
    f.wait_for_events(1).await;
    come_to_be_held(&client, &url, 2).await;
    f.stack.clock.advance_ms(31_000).unwrap();
    let events = f.wait_for_events(2).await;
    assert_eq!(all(&events[1], "/body"), ["a2", "a3"]);
}

#[tokio::test]
async fn an_answer_that_names_what_is_not_in_the_batch_fails_it_as_a_whole() {
    let mut f = Fixture::new().await;
    let (client, url) = fifo(&f).await;
    send(&client, &url, "a", "1").await;
    f.run(trigger("work.fifo", 10), &failures(&["nobody"])).await;
    f.wait_for_events(1).await;
    is_through(&f, &client, &url, 1).await;
    come_to_be_held(&client, &url, 1).await;
    f.stack.clock.advance_ms(31_000).unwrap();
    assert_eq!(all(&f.wait_for_events(3).await[2], "/body"), ["1"]);
}

#[tokio::test]
async fn a_queue_may_come_into_being_after_its_poller_and_batches_keep_their_size() {
    let mut f = Fixture::new().await;
    f.run(trigger("work.fifo", 2), "").await;
    let (client, url) = fifo(&f).await;
    for body in ["1", "2", "3"] {
        send(&client, &url, "a", body).await;
    }
    let seen = || f.events().iter().map(|event| all(event, "/body").concat()).collect::<String>();
    wait_until("the last one is seen", async || seen().contains('3')).await;
    assert_eq!(seen(), "123");
    assert!(f.events().iter().all(|event| event["Records"].as_array().unwrap().len() <= 2));
}
