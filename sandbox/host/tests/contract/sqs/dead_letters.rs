//! Dead-letter queues: on the way in by receive count, on the way out by redrive.

use super::*;

/// A FIFO queue that gives up after two receives.
async fn fixture() -> (Fixture, String) {
    let f = Fixture::fifo().await;
    let dead = create(&f.client, "orders-dlq.fifo", &[(QueueAttributeName::FifoQueue, "true")]).await;
    let policy = format!(r#"{{"deadLetterTargetArn":"{}","maxReceiveCount":2}}"#, arn(&f.client, &dead).await);
    let set = f.client.set_queue_attributes().queue_url(&f.url);
    set.attributes(QueueAttributeName::RedrivePolicy, policy).send().await.unwrap();
    (f, dead)
}

async fn arn(client: &Client, url: &str) -> String {
    let get = client.get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::QueueArn);
    get.send().await.unwrap().attributes.unwrap()[&QueueAttributeName::QueueArn].clone()
}

/// Fails the head of the queue until it goes away.
async fn fail_twice(f: &Fixture) -> Message {
    let mut last = None;
    for _ in 0..2 {
        last = f.receive().await.into_iter().next();
        f.pass_seconds(31);
    }
    last.unwrap()
}

#[tokio::test]
async fn a_message_received_too_often_goes_to_the_dead_letter_queue_with_id_attributes_and_group() {
    let (f, dead) = fixture().await;
    let value = aws_sdk_sqs::types::MessageAttributeValue::builder().data_type("String").string_value("v");
    let send = f.client.send_message().queue_url(&f.url).message_body("poison").message_group_id("a");
    let sent = send.message_deduplication_id("1").message_attributes("k", value.build().unwrap()).send().await.unwrap();
    fail_twice(&f).await;
    assert!(f.receive().await.is_empty());
    let dead_letters = receive(&f.client, &dead).await;
    let letter = &dead_letters[0];
    assert_eq!((letter.body(), letter.message_id()), (Some("poison"), sent.message_id()));
    assert_eq!(letter.message_attributes.as_ref().unwrap()["k"].string_value(), Some("v"));
    assert_eq!(attribute(letter, MessageSystemAttributeName::MessageGroupId), Some("a"));
    let source = attribute(letter, MessageSystemAttributeName::DeadLetterQueueSourceArn);
    assert_eq!(source, Some(arn(&f.client, &f.url).await.as_str()));
    let sequence = attribute(letter, MessageSystemAttributeName::SequenceNumber);
    assert!(sequence > sent.sequence_number());
}

#[tokio::test]
async fn a_poisoned_head_frees_its_group_in_the_same_receive() {
    let (f, _) = fixture().await;
    f.send_to("a", "poison").await;
    fail_twice(&f).await;
    f.send_to("a", "good").await;
    assert_eq!(bodies(&f.receive().await), ["good"]);
}

#[tokio::test]
async fn a_redrive_brings_dead_letters_back_in_order_and_they_may_fail_again() {
    let (f, dead) = fixture().await;
    for body in ["1", "2"] {
        f.send_to("a", body).await;
    }
    fail_twice(&f).await;
    assert!(f.receive().await.is_empty());
    let source = arn(&f.client, &dead).await;
    let task = f.client.start_message_move_task().source_arn(&source).send().await.unwrap();
    assert!(task.task_handle().is_some());
    assert!(receive(&f.client, &dead).await.is_empty());
    let back = f.receive().await;
    assert_eq!(bodies(&back), ["1", "2"]);
    assert_eq!(attribute(&back[0], MessageSystemAttributeName::ApproximateReceiveCount), Some("1"));
    let listed = f.client.list_message_move_tasks().source_arn(&source).send().await.unwrap();
    let result = &listed.results()[0];
    assert_eq!((result.status(), result.approximate_number_of_messages_moved()), (Some("COMPLETED"), 2));
}

#[tokio::test]
async fn only_a_dead_letter_queue_can_be_redriven() {
    let (f, _) = fixture().await;
    let start = |arn: String| f.client.start_message_move_task().source_arn(arn).send();
    let error = start(arn(&f.client, &f.url).await).await.unwrap_err().into_service_error();
    assert_eq!(error.meta().code(), Some("InvalidParameterValue"));
    let unknown = start("arn:aws:sqs:us-east-1:000000000000:none.fifo".to_owned()).await;
    assert!(unknown.unwrap_err().into_service_error().is_resource_not_found_exception());
}

#[tokio::test]
async fn a_dead_letter_queue_must_exist_and_be_of_the_same_kind() {
    let f = Fixture::fifo().await;
    create(&f.client, "standard", &[]).await;
    for target in ["none.fifo", "standard"] {
        let policy =
            format!(r#"{{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:{target}","maxReceiveCount":"2"}}"#);
        let set = f.client.set_queue_attributes().queue_url(&f.url);
        let error = set.attributes(QueueAttributeName::RedrivePolicy, policy).send().await.unwrap_err();
        assert_eq!(error.into_service_error().meta().code(), Some("InvalidParameterValue"), "{target}");
    }
}
