//! DynamoDB as the emulator never is: throttled, silent, contended, gone. WeChat is told to send again, in time, and nothing
//! changes.

use std::time::Duration;

use counterparty::Protocol;

use crate::harness::{Fault, MCH_ID, Prepared, Proxy, Town, attribute};

/// WeChat waits 5 s; a function answers within 3 s.
const IN_TIME: Duration = Duration::from_millis(3500);

const READ: &str = "BatchGetItem";
const WRITE: &str = "TransactWriteItems";

async fn town_behind_a_door() -> (Town, Proxy) {
    let proxy = Proxy::start().await;
    let town = Town::start_with(vec![proxy.variable()]).await;
    proxy.lead_to(&town.stack.host.dynamodb.endpoint());
    (town, proxy)
}

/// Sends a V2 and a V3 notification while the fault lasts, and after it.
async fn is_answered_as_retryable_and_changes_nothing(faults: &[(&'static str, Fault)]) {
    let (town, proxy) = town_behind_a_door().await;
    for (operation, fault) in faults {
        let (v2, v3) = (town.prepare("payment-v2").await, town.prepare("payment-v3").await);
        let before = town.dump().await;
        proxy.fail(operation, fault.clone());
        for prepared in [&v2, &v3] {
            let answer = town.send_once(prepared).await;
            assert!(answer.is_failure(prepared.fixture.protocol), "{operation} {fault:?}: {answer:?}");
            assert_eq!(answer.status, 503, "{operation} {fault:?}");
            assert!(answer.elapsed < IN_TIME, "{operation} {fault:?}: {:?}", answer.elapsed);
        }
        assert_eq!(town.dump().await.changes_since(&before), Vec::<String>::new(), "{operation} {fault:?}");
        proxy.heal();
        for prepared in [&v2, &v3] {
            let answer = town.send(&town.rebuilt(prepared)).await;
            assert!(answer.is_success(prepared.fixture.protocol), "{operation} {fault:?}, healed: {answer:?}");
        }
        town.drained().await;
    }
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_is_answered_as_retryable_and_changes_nothing() {
    is_answered_as_retryable_and_changes_nothing(&[
        (READ, Fault::Error(400, "ProvisionedThroughputExceededException")),
        (READ, Fault::Error(400, "ThrottlingException")),
        (READ, Fault::Unprocessed),
        (WRITE, Fault::Error(400, "ThrottlingException")),
        (WRITE, Fault::Cancelled("ThrottlingError")),
        (WRITE, Fault::Cancelled("ProvisionedThroughputExceeded")),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_answered_in_time_and_changes_nothing() {
    is_answered_as_retryable_and_changes_nothing(&[(READ, Fault::Silence), (WRITE, Fault::Silence)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_race_that_is_lost_every_time_is_answered_as_retryable() {
    is_answered_as_retryable_and_changes_nothing(&[(WRITE, Fault::Cancelled("TransactionConflict"))]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_table_and_a_broken_service_are_answered_as_retryable() {
    is_answered_as_retryable_and_changes_nothing(&[
        (READ, Fault::Error(400, "ResourceNotFoundException")),
        (WRITE, Fault::Error(400, "ResourceNotFoundException")),
        (READ, Fault::Error(500, "InternalServerError")),
        (WRITE, Fault::Error(500, "InternalServerError")),
        (WRITE, Fault::Error(400, "AccessDeniedException")),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_there_is_answered_as_retryable() {
    let nowhere = ("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), "http://127.0.0.1:1".to_owned());
    let town = Town::start_with(vec![nowhere]).await;
    for name in ["payment-v2", "payment-v3"] {
        let prepared = town.prepare(name).await;
        let answer = town.send_once(&prepared).await;
        assert!(answer.is_failure(prepared.fixture.protocol), "{answer:?}");
        assert_eq!(answer.status, 503);
        assert!(answer.elapsed < IN_TIME, "{:?}", answer.elapsed);
    }
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_race_that_is_lost_once_is_decided_again_and_accepted() {
    let (town, proxy) = town_behind_a_door().await;
    for name in ["payment-v2", "contract-add", "refund-success"] {
        let prepared = town.prepare(name).await;
        proxy.fail_times(WRITE, Fault::Cancelled("TransactionConflict"), 1);
        let answer = town.send(&prepared).await;
        assert!(answer.is_success(prepared.fixture.protocol), "{name}: {answer:?}");
    }
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_after_the_commit_applies_nothing_twice() {
    let (town, proxy) = town_behind_a_door().await;
    let prepared = town.prepare("payment-v2").await;
    proxy.fail_times(WRITE, Fault::LostAnswer, 1);
    let first = town.send_once(&prepared).await;
    assert!(first.elapsed < IN_TIME, "{:?}", first.elapsed);
    proxy.heal();
    assert!(town.send(&prepared).await.is_success(Protocol::V2));
    town.drained().await;
    applied_once(&town, &prepared).await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_always_lost_are_a_failure_to_wechat_and_one_event_to_consumers() {
    let (town, proxy) = town_behind_a_door().await;
    let prepared = town.prepare("payment-v2").await;
    proxy.fail(WRITE, Fault::LostAnswer);
    let first = town.send_once(&prepared).await;
    assert!(first.is_failure(Protocol::V2), "nobody knows that it was recorded: {first:?}");
    assert!(first.elapsed < IN_TIME, "{:?}", first.elapsed);
    proxy.heal();
    assert!(town.send(&prepared).await.is_success(Protocol::V2));
    town.drained().await;
    applied_once(&town, &prepared).await;
    town.stop().await;
}

async fn applied_once(town: &Town, prepared: &Prepared) {
    let dump = town.dump().await;
    let order = dump.state(MCH_ID, 'O', &prepared.numbers.out_trade_no);
    assert_eq!((attribute(order, "state").as_str(), attribute(order, "version").as_str()), ("paid", "2"));
    assert_eq!(dump.outbox.len(), 1);
    assert_eq!(town.receive("membership", 1).await.len(), 1);
    assert!(town.receive_what_is_there("membership").await.is_empty());
}
