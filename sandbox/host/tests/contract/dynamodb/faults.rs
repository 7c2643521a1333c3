//! Faults on request, and the meter.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemOutput};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use host::dynamodb::Fault;

use super::*;

async fn put(f: &Fixture, seq: i64) -> Result<PutItemOutput, SdkError<PutItemError>> {
    f.client.put_item().table_name(TABLE).set_item(Some(key("a", seq))).send().await
}

fn put_in_transaction(seq: i64) -> TransactWriteItem {
    let put = Put::builder().table_name(TABLE).set_item(Some(key("a", seq))).build().unwrap();
    TransactWriteItem::builder().put(put).build()
}

#[tokio::test]
async fn a_throttled_or_broken_table_changes_nothing_and_heals() {
    let f = Fixture::memory().await;
    f.dynamodb.fail(Fault::Throttle, None, None);
    let error = put(&f, 1).await.unwrap_err().into_service_error();
    assert!(matches!(error, PutItemError::ProvisionedThroughputExceededException(_)), "{error:?}");
    f.dynamodb.fail(Fault::InternalError, None, None);
    let error = put(&f, 1).await.unwrap_err().into_service_error();
    assert!(matches!(error, PutItemError::InternalServerError(_)), "{error:?}");
    f.dynamodb.heal();
    assert!(f.get("a", 1).await.is_none());
    put(&f, 1).await.unwrap();
}

#[tokio::test]
async fn a_transaction_conflict_has_a_reason_per_item_and_meets_only_its_operation() {
    let f = Fixture::memory().await;
    f.dynamodb.fail(Fault::TransactionConflict, Some("TransactWriteItems"), Some(1));
    put(&f, 1).await.unwrap();
    let write = || {
        let write = f.client.transact_write_items().transact_items(put_in_transaction(2));
        write.transact_items(put_in_transaction(3)).send()
    };
    let error = write().await.unwrap_err().into_service_error();
    let TransactWriteItemsError::TransactionCanceledException(canceled) = error else { panic!("{error:?}") };
    let codes: Vec<_> = canceled.cancellation_reasons().iter().map(|reason| reason.code().unwrap()).collect();
    assert_eq!(codes, ["TransactionConflict", "None"]);
    assert!(f.get("a", 2).await.is_none());
    write().await.unwrap();
}

#[tokio::test]
async fn a_connection_closes_before_or_after_the_commit() {
    let f = Fixture::memory().await;
    for (fault, is_written) in [(Fault::CloseBeforeCommit, false), (Fault::CloseAfterCommit, true)] {
        f.dynamodb.fail(fault.clone(), None, Some(1));
        assert!(matches!(put(&f, 1).await.unwrap_err(), SdkError::DispatchFailure(_)), "{fault:?}");
        assert_eq!(f.get("a", 1).await.is_some(), is_written, "{fault:?}");
    }
}

#[tokio::test]
async fn an_answer_can_be_late() {
    let f = Fixture::memory().await;
    f.dynamodb.fail(Fault::Delay(Duration::from_millis(200)), None, Some(1));
    let started = Instant::now();
    put(&f, 1).await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn requests_are_counted_with_what_they_cost_although_the_client_does_not_ask() {
    let f = Fixture::memory().await;
    f.dynamodb.start_metering();
    let unasked = put(&f, 1).await.unwrap();
    f.get("a", 1).await;
    let write = f.client.transact_write_items().transact_items(put_in_transaction(2));
    write.transact_items(put_in_transaction(3)).send().await.unwrap();
    let metered = f.dynamodb.take_metered();
    let metered: Vec<_> = metered.iter().map(|request| (request.operation.as_str(), request.units)).collect();
    assert_eq!(metered, [("PutItem", 1.0), ("GetItem", 1.0), ("TransactWriteItems", 4.0)]);
    assert!(f.dynamodb.take_metered().is_empty());
    drop(unasked);
}
