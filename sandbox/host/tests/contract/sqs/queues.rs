//! Queues themselves: made, found, described, kept over a kill, closed to web pages.

use aws_sdk_sqs::operation::create_queue::CreateQueueError;
use aws_sdk_sqs::operation::get_queue_url::GetQueueUrlError;

use super::*;

async fn attributes(f: &Fixture) -> std::collections::HashMap<QueueAttributeName, String> {
    let get = f.client.get_queue_attributes().queue_url(&f.url).attribute_names(QueueAttributeName::All);
    get.send().await.unwrap().attributes.unwrap()
}

#[tokio::test]
async fn a_queue_can_be_made_twice_with_the_same_attributes_and_not_with_others() {
    let f = Fixture::fifo().await;
    let again = [(QueueAttributeName::FifoQueue, "true")];
    assert_eq!(create(&f.client, "orders.fifo", &again).await, f.url);
    let other = f.client.create_queue().queue_name("orders.fifo").attributes(QueueAttributeName::FifoQueue, "true");
    let error = other.attributes(QueueAttributeName::VisibilityTimeout, "60").send().await.unwrap_err();
    assert!(matches!(error.into_service_error(), CreateQueueError::QueueNameExists(_)));
}

#[tokio::test]
async fn wrong_names_and_attributes_are_refused_by_type() {
    let f = Fixture::fifo().await;
    let create = |name: &str| f.client.create_queue().queue_name(name);
    let bad_name = create("no spaces").send().await.unwrap_err().into_service_error();
    assert_eq!(bad_name.meta().code(), Some("InvalidParameterValue"));
    let no_suffix = create("plain").attributes(QueueAttributeName::FifoQueue, "true").send().await;
    assert_eq!(no_suffix.unwrap_err().into_service_error().meta().code(), Some("InvalidParameterValue"));
    let too_long = create("x").attributes(QueueAttributeName::VisibilityTimeout, "43201").send().await;
    assert!(matches!(too_long.unwrap_err().into_service_error(), CreateQueueError::InvalidAttributeValue(_)));
    let unknown = create("x").attributes(QueueAttributeName::from("Colour"), "red").send().await;
    assert!(matches!(unknown.unwrap_err().into_service_error(), CreateQueueError::InvalidAttributeName(_)));
    let half = create("x.fifo").attributes(QueueAttributeName::FifoQueue, "true");
    let half = half.attributes(QueueAttributeName::FifoThroughputLimit, "perMessageGroupId").send().await;
    assert!(matches!(half.unwrap_err().into_service_error(), CreateQueueError::InvalidAttributeValue(_)));
}

#[tokio::test]
async fn queues_are_found_by_name_and_by_prefix_and_gone_once_deleted() {
    let f = Fixture::fifo().await;
    let other = create(&f.client, "other", &[]).await;
    let found = f.client.get_queue_url().queue_name("other").send().await.unwrap();
    assert_eq!(found.queue_url(), Some(other.as_str()));
    assert_eq!(f.sqs.queue_url("other"), other);
    let listed = f.client.list_queues().queue_name_prefix("or").send().await.unwrap();
    assert_eq!(listed.queue_urls(), std::slice::from_ref(&f.url));
    f.client.delete_queue().queue_url(&other).send().await.unwrap();
    let error = f.client.get_queue_url().queue_name("other").send().await.unwrap_err().into_service_error();
    assert!(matches!(error, GetQueueUrlError::QueueDoesNotExist(_)), "{error:?}");
    let send = f.client.send_message().queue_url(&other).message_body("x").send().await;
    assert!(send.unwrap_err().into_service_error().is_queue_does_not_exist());
}

#[tokio::test]
async fn attributes_say_how_a_queue_is_set_and_what_it_holds() {
    let f = Fixture::fifo().await;
    for body in ["1", "2"] {
        f.send_to(body, body).await;
    }
    f.client.receive_message().queue_url(&f.url).max_number_of_messages(1).send().await.unwrap();
    let attributes = attributes(&f).await;
    for (name, value) in [
        (QueueAttributeName::ApproximateNumberOfMessages, "1"),
        (QueueAttributeName::ApproximateNumberOfMessagesNotVisible, "1"),
        (QueueAttributeName::ApproximateNumberOfMessagesDelayed, "0"),
        (QueueAttributeName::QueueArn, "arn:aws:sqs:us-east-1:000000000000:orders.fifo"),
        (QueueAttributeName::FifoQueue, "true"),
        (QueueAttributeName::VisibilityTimeout, "30"),
        (QueueAttributeName::MaximumMessageSize, "1048576"),
        (QueueAttributeName::DeduplicationScope, "messageGroup"),
    ] {
        assert_eq!(attributes[&name], value, "{name}");
    }
}

#[tokio::test]
async fn a_purged_queue_is_empty() {
    let f = Fixture::fifo().await;
    f.send_to("a", "1").await;
    f.client.purge_queue().queue_url(&f.url).send().await.unwrap();
    assert!(f.receive().await.is_empty());
    assert_eq!(attributes(&f).await[&QueueAttributeName::ApproximateNumberOfMessages], "0");
}

#[tokio::test]
async fn queues_messages_and_deduplication_are_still_there_after_a_restart_on_another_port() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::Folder(folder.path().to_owned());
    let sqs = Sqs::start(&store, 0, Clock::standing_at(MORNING)).await.unwrap();
    let client = clients::sqs(&sqs.endpoint());
    let url = create(&client, "orders.fifo", &[(QueueAttributeName::FifoQueue, "true")]).await;
    let send = |client: &Client| {
        let send = client.send_message().queue_url(&url).message_body("1").message_group_id("a");
        send.message_deduplication_id("1").send()
    };
    let first = send(&client).await.unwrap();
    sqs.shutdown().await;
    let sqs = Sqs::start(&store, 0, Clock::standing_at(MORNING)).await.unwrap();
    let client = clients::sqs(&sqs.endpoint());
    // The stored URL names the old port.
    assert_eq!(send(&client).await.unwrap().sequence_number, first.sequence_number);
    let received = receive(&client, &sqs.queue_url("orders.fifo")).await;
    assert_eq!(bodies(&received), ["1"]);
    let delete = client.delete_message().queue_url(&url).receipt_handle(received[0].receipt_handle().unwrap());
    delete.send().await.unwrap();
}

#[tokio::test]
async fn web_pages_and_unsigned_requests_are_refused() {
    let f = Fixture::fifo().await;
    let post =
        || reqwest::Client::new().post(f.sqs.endpoint()).header("x-amz-target", "AmazonSQS.ListQueues").body("{}");
    let signed = || post().header("Authorization", "AWS4-HMAC-SHA256 Credential=local");
    assert_eq!(signed().send().await.unwrap().status(), 200);
    assert_eq!(post().send().await.unwrap().status(), 403);
    assert_eq!(signed().header("Host", "evil.example").send().await.unwrap().status(), 403);
    assert_eq!(signed().header("Origin", "https://evil.example").send().await.unwrap().status(), 403);
}
