//! FIFO queues: order, group lock, deduplication.

use aws_sdk_sqs::operation::delete_message::DeleteMessageError;
use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName};

use super::*;

#[tokio::test]
async fn messages_of_a_group_arrive_in_order_and_several_at_once() {
    let f = Fixture::fifo().await;
    for body in ["1", "2", "3"] {
        f.send_to("a", body).await;
    }
    assert_eq!(bodies(&f.receive().await), ["1", "2", "3"]);
}

#[tokio::test]
async fn a_group_waits_while_one_of_its_messages_is_in_flight_and_other_groups_do_not() {
    let f = Fixture::fifo().await;
    f.send_to("a", "a1").await;
    let held = f.receive().await;
    f.send_to("a", "a2").await;
    f.send_to("b", "b1").await;
    assert_eq!(bodies(&f.receive().await), ["b1"]);
    f.delete(&held[0]).await;
    assert_eq!(bodies(&f.receive().await), ["a2"]);
}

#[tokio::test]
async fn a_message_that_was_not_deleted_comes_again_before_the_later_ones_of_its_group() {
    let f = Fixture::fifo().await;
    f.send_to("a", "1").await;
    assert_eq!(bodies(&f.receive().await), ["1"]);
    f.send_to("a", "2").await;
    f.pass_seconds(29);
    assert!(f.receive().await.is_empty());
    f.pass_seconds(2);
    let again = f.receive().await;
    assert_eq!(bodies(&again), ["1", "2"]);
    assert_eq!(attribute(&again[0], MessageSystemAttributeName::ApproximateReceiveCount), Some("2"));
    assert_eq!(attribute(&again[1], MessageSystemAttributeName::ApproximateReceiveCount), Some("1"));
}

#[tokio::test]
async fn sequence_numbers_rise_for_ever_even_after_messages_are_gone() {
    let f = Fixture::fifo().await;
    let first = f.send_to("a", "1").await;
    f.delete(&f.receive().await[0]).await;
    let second = f.send_to("b", "2").await;
    f.client.purge_queue().queue_url(&f.url).send().await.unwrap();
    let third = f.send_to("a", "3").await;
    assert!(first < second && second < third, "{first} {second} {third}");
    assert_eq!(first.len(), 20);
    let received = f.receive().await;
    assert_eq!(attribute(&received[0], MessageSystemAttributeName::SequenceNumber), Some(third.as_str()));
    assert_eq!(attribute(&received[0], MessageSystemAttributeName::MessageGroupId), Some("a"));
    assert_eq!(attribute(&received[0], MessageSystemAttributeName::MessageDeduplicationId), Some("a-3"));
}

#[tokio::test]
async fn a_duplicate_within_five_minutes_is_accepted_and_dropped_even_after_the_first_was_deleted() {
    let f = Fixture::fifo().await;
    let first = f.send_to("a", "1").await;
    assert_eq!(f.send_to("a", "1").await, first);
    f.delete(&f.receive().await[0]).await;
    f.pass_seconds(299);
    assert_eq!(f.send_to("a", "1").await, first);
    assert!(f.receive().await.is_empty());
    f.pass_seconds(2);
    assert_ne!(f.send_to("a", "1").await, first);
    assert_eq!(bodies(&f.receive().await), ["1"]);
}

#[tokio::test]
async fn the_scope_of_deduplication_is_the_group_or_the_queue() {
    let per_group = Fixture::fifo().await;
    let per_queue = Fixture::new("plain.fifo", &[(QueueAttributeName::FifoQueue, "true")]).await;
    for (f, arrived) in [(&per_group, 2), (&per_queue, 1)] {
        for group in ["a", "b"] {
            let send = f.client.send_message().queue_url(&f.url).message_body("same").message_group_id(group);
            send.message_deduplication_id("same").send().await.unwrap();
        }
        assert_eq!(f.receive().await.len(), arrived, "{}", f.url);
    }
}

#[tokio::test]
async fn content_based_deduplication_takes_the_sha256_of_the_body() {
    let attributes = [(QueueAttributeName::FifoQueue, "true"), (QueueAttributeName::ContentBasedDeduplication, "true")];
    let f = Fixture::new("content.fifo", &attributes).await;
    for body in ["same", "same", "other"] {
        f.client.send_message().queue_url(&f.url).message_body(body).message_group_id("a").send().await.unwrap();
    }
    let received = f.receive().await;
    assert_eq!(bodies(&received), ["same", "other"]);
    assert_eq!(
        attribute(&received[0], MessageSystemAttributeName::MessageDeduplicationId),
        Some("0967115f2813a3541eaef77de9d9d5773f1c0c04314b0bbfe4ff3b3b1c55b5d5")
    );
}

#[tokio::test]
async fn a_message_without_a_group_or_a_deduplication_id_is_refused() {
    let f = Fixture::fifo().await;
    let send = || f.client.send_message().queue_url(&f.url).message_body("x");
    let no_group = send().message_deduplication_id("1").send().await.unwrap_err().into_service_error();
    assert_eq!(no_group.meta().code(), Some("MissingParameter"));
    let no_id = send().message_group_id("a").send().await.unwrap_err().into_service_error();
    assert_eq!(no_id.meta().code(), Some("InvalidParameterValue"));
    let delayed = send().message_group_id("a").message_deduplication_id("1").delay_seconds(1).send();
    assert_eq!(delayed.await.unwrap_err().into_service_error().meta().code(), Some("InvalidParameterValue"));
}

#[tokio::test]
async fn a_receipt_whose_time_is_over_cannot_delete() {
    let f = Fixture::fifo().await;
    f.send_to("a", "1").await;
    let late = f.receive().await;
    f.pass_seconds(31);
    let delete = f.client.delete_message().queue_url(&f.url).receipt_handle(late[0].receipt_handle().unwrap());
    let error = delete.send().await.unwrap_err().into_service_error();
    assert_eq!(error.meta().code(), Some("InvalidParameterValue"));
    assert!(!matches!(error, DeleteMessageError::ReceiptHandleIsInvalid(_)));
    assert_eq!(bodies(&f.receive().await), ["1"]);
}

#[tokio::test]
async fn a_queue_with_a_delay_keeps_the_order_of_a_group() {
    let f = Fixture::fifo().await;
    let delay = |seconds: &str| {
        f.client.set_queue_attributes().queue_url(&f.url).attributes(QueueAttributeName::DelaySeconds, seconds).send()
    };
    delay("10").await.unwrap();
    f.send_to("a", "1").await;
    delay("0").await.unwrap();
    f.send_to("a", "2").await;
    assert!(f.receive().await.is_empty());
    f.pass_seconds(11);
    assert_eq!(bodies(&f.receive().await), ["1", "2"]);
}

#[tokio::test]
async fn two_consumers_at_once_never_hold_two_messages_of_one_group() {
    let f = Fixture::fifo().await;
    for n in 0..40 {
        f.send_to(if n % 2 == 0 { "even" } else { "odd" }, &format!("{n:02}")).await;
    }
    let consume = || {
        let (client, url) = (f.client.clone(), f.url.clone());
        tokio::spawn(async move {
            let mut seen = Vec::new();
            loop {
                let got = client.receive_message().queue_url(&url).max_number_of_messages(1).send().await.unwrap();
                let Some(message) = got.messages.unwrap_or_default().pop() else { return seen };
                let begun = std::time::Instant::now();
                client
                    .delete_message()
                    .queue_url(&url)
                    .receipt_handle(message.receipt_handle.unwrap())
                    .send()
                    .await
                    .unwrap();
                seen.push((message.body.unwrap(), begun));
            }
        })
    };
    let (one, two) = (consume(), consume());
    let mut all = one.await.unwrap();
    all.extend(two.await.unwrap());
    all.sort_by_key(|(_, begun)| *begun);
    for parity in [0, 1] {
        let of_group: Vec<_> = all.iter().map(|(n, _)| n).filter(|n| n.parse::<u32>().unwrap() % 2 == parity).collect();
        assert!(of_group.is_sorted(), "{of_group:?}");
    }
}
