//! Faults on request: what tests of senders can make a queue do.

use std::time::{Duration, Instant};

use aws_sdk_sqs::error::SdkError;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use host::sqs::Fault;

use super::*;

async fn send_batch(
    f: &Fixture,
) -> Result<
    aws_sdk_sqs::operation::send_message_batch::SendMessageBatchOutput,
    SdkError<aws_sdk_sqs::operation::send_message_batch::SendMessageBatchError>,
> {
    let entries = ["a", "b", "c"].map(|group| {
        let entry = SendMessageBatchRequestEntry::builder().id(group).message_body(group).message_group_id(group);
        entry.message_deduplication_id(group).build().unwrap()
    });
    f.client.send_message_batch().queue_url(&f.url).set_entries(Some(entries.to_vec())).send().await
}

#[tokio::test]
async fn a_queue_that_is_down_refuses_sends_while_another_takes_them_and_it_heals() {
    let f = Fixture::fifo().await;
    let other = create(&f.client, "other", &[]).await;
    f.sqs.fail_queue("orders.fifo", Fault::RefuseSends);
    let error = send_batch(&f).await.unwrap_err();
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 503);
    f.client.send_message().queue_url(&other).message_body("x").send().await.unwrap();
    assert!(f.receive().await.is_empty());
    f.sqs.heal_queue("orders.fifo");
    send_batch(&f).await.unwrap();
    assert_eq!(f.receive().await.len(), 3);
}

#[tokio::test]
async fn chosen_entries_fail_and_the_others_arrive() {
    let f = Fixture::fifo().await;
    f.sqs.fail_queue_times("orders.fifo", Fault::FailPositions(vec![0]), 1);
    let sent = send_batch(&f).await.unwrap();
    let failed = &sent.failed()[0];
    assert_eq!((failed.id(), failed.code(), failed.sender_fault()), ("a", "InternalError", false));
    assert_eq!(bodies(&f.receive().await), ["b", "c"]);
    f.sqs.fail_queue("orders.fifo", Fault::FailGroups(vec!["c".to_owned()]));
    assert_eq!(send_batch(&f).await.unwrap().failed()[0].id(), "c");
    assert_eq!(bodies(&f.receive().await), ["a"]);
}

#[tokio::test]
async fn a_connection_closes_before_or_after_the_commit() {
    let f = Fixture::fifo().await;
    f.sqs.fail_queue_times("orders.fifo", Fault::CloseBeforeCommit, 1);
    assert!(matches!(send_batch(&f).await.unwrap_err(), SdkError::DispatchFailure(_)));
    assert!(f.receive().await.is_empty());
    f.sqs.fail_queue_times("orders.fifo", Fault::CloseAfterCommit, 1);
    assert!(matches!(send_batch(&f).await.unwrap_err(), SdkError::DispatchFailure(_)));
    assert_eq!(f.receive().await.len(), 3);
    // The fault is used up, and what is sent again is known to the queue.
    assert_eq!(send_batch(&f).await.unwrap().successful().len(), 3);
    assert!(f.receive().await.is_empty());
}

#[tokio::test]
async fn an_answer_can_be_late() {
    let f = Fixture::fifo().await;
    f.sqs.fail_queue_times("orders.fifo", Fault::Delay(Duration::from_millis(300)), 1);
    let started = Instant::now();
    send_batch(&f).await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(300));
}
