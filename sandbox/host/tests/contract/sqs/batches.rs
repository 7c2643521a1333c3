//! Batches: every entry has an outcome of its own, and HTTP 200 says nothing about it.

use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchError;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, SendMessageBatchRequestEntry,
};

use super::*;

fn entry(id: &str, group: &str, body: &str) -> SendMessageBatchRequestEntry {
    let entry = SendMessageBatchRequestEntry::builder().id(id).message_body(body).message_group_id(group);
    entry.message_deduplication_id(format!("{group}-{body}")).build().unwrap()
}

#[tokio::test]
async fn a_batch_can_half_succeed_with_http_200() {
    let f = Fixture::fifo().await;
    let no_group = SendMessageBatchRequestEntry::builder().id("bad").message_body("x").build().unwrap();
    let batch = f.client.send_message_batch().queue_url(&f.url);
    let sent = batch.entries(entry("first", "a", "1")).entries(no_group).entries(entry("last", "a", "2"));
    let sent = sent.send().await.unwrap();
    let good: Vec<_> = sent.successful().iter().map(|entry| (entry.id(), entry.md5_of_message_body())).collect();
    assert_eq!(good, [("first", "c4ca4238a0b923820dcc509a6f75849b"), ("last", "c81e728d9d4c2f636f067f89cc14862c")]);
    let bad = &sent.failed()[0];
    assert_eq!((bad.id(), bad.code(), bad.sender_fault()), ("bad", "MissingParameter", true));
    assert!(sent.successful()[0].sequence_number() < sent.successful()[1].sequence_number());
    assert_eq!(bodies(&f.receive().await), ["1", "2"]);
}

#[tokio::test]
async fn a_batch_with_a_wrong_shape_is_refused_as_a_whole_by_type() {
    let f = Fixture::fifo().await;
    let send = |entries| f.client.send_message_batch().queue_url(&f.url).set_entries(Some(entries)).send();
    let error = send(vec![]).await.unwrap_err().into_service_error();
    assert!(matches!(error, SendMessageBatchError::EmptyBatchRequest(_)), "{error:?}");
    let eleven = (0..11).map(|n| entry(&n.to_string(), "a", &n.to_string())).collect();
    let error = send(eleven).await.unwrap_err().into_service_error();
    assert!(matches!(error, SendMessageBatchError::TooManyEntriesInBatchRequest(_)), "{error:?}");
    let error = send(vec![entry("1", "a", "1"), entry("1", "a", "2")]).await.unwrap_err().into_service_error();
    assert!(matches!(error, SendMessageBatchError::BatchEntryIdsNotDistinct(_)), "{error:?}");
    let error = send(vec![entry("no spaces", "a", "1")]).await.unwrap_err().into_service_error();
    assert!(matches!(error, SendMessageBatchError::InvalidBatchEntryId(_)), "{error:?}");
    let half = "x".repeat(600 * 1024);
    let too_long = ["1", "2"].map(|id| {
        let entry = SendMessageBatchRequestEntry::builder().id(id).message_body(&half).message_group_id("a");
        entry.message_deduplication_id(id).build().unwrap()
    });
    let error = send(too_long.to_vec()).await.unwrap_err().into_service_error();
    assert!(matches!(error, SendMessageBatchError::BatchRequestTooLong(_)), "{error:?}");
    assert!(f.receive().await.is_empty());
}

#[tokio::test]
async fn a_batch_of_deletions_or_of_visibilities_can_half_succeed() {
    let f = Fixture::fifo().await;
    f.send_to("a", "1").await;
    f.send_to("a", "2").await;
    let held = f.receive().await;
    let handle = |n: usize| held[n].receipt_handle().unwrap();
    let change = |id: &str, handle: &str| {
        let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(id).receipt_handle(handle);
        entry.visibility_timeout(0).build().unwrap()
    };
    let changes = f.client.change_message_visibility_batch().queue_url(&f.url);
    let changed = changes.entries(change("good", handle(1))).entries(change("bad", "nonsense")).send().await.unwrap();
    assert_eq!((changed.successful()[0].id(), changed.failed()[0].id()), ("good", "bad"));
    let delete = |id: &str, handle: &str| {
        DeleteMessageBatchRequestEntry::builder().id(id).receipt_handle(handle).build().unwrap()
    };
    let deletions = f.client.delete_message_batch().queue_url(&f.url);
    let deleted = deletions.entries(delete("good", handle(0))).entries(delete("bad", "nonsense")).send().await.unwrap();
    assert_eq!(deleted.successful()[0].id(), "good");
    let failed = &deleted.failed()[0];
    assert_eq!((failed.id(), failed.code(), failed.sender_fault()), ("bad", "ReceiptHandleIsInvalid", true));
    assert_eq!(bodies(&f.receive().await), ["2"]);
}
