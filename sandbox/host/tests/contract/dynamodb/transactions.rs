//! Transactions: all or nothing, why not, and what stood in the way.

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    CancellationReason, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};

use super::*;

fn put_if_absent(item: Item) -> TransactWriteItem {
    let put = Put::builder().table_name(TABLE).set_item(Some(item)).condition_expression("attribute_not_exists(seq)");
    let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    TransactWriteItem::builder().put(put.build().unwrap()).build()
}

fn raise_version(stream: &str, from: i64) -> TransactWriteItem {
    let update = Update::builder().table_name(TABLE).set_key(Some(key(stream, 0)));
    let update = update.update_expression("SET version = :new").condition_expression("version = :read");
    let update = update.expression_attribute_values(":new", n(from + 1)).expression_attribute_values(":read", n(from));
    let update = update.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    TransactWriteItem::builder().update(update.build().unwrap()).build()
}

async fn transact(f: &Fixture, items: Vec<TransactWriteItem>) -> Result<(), Vec<CancellationReason>> {
    match f.client.transact_write_items().set_transact_items(Some(items)).send().await {
        Ok(_) => Ok(()),
        Err(error) => match error.into_service_error() {
            TransactWriteItemsError::TransactionCanceledException(canceled) => {
                Err(canceled.cancellation_reasons.unwrap())
            }
            other => panic!("{other:?}"),
        },
    }
}

#[tokio::test]
async fn a_transaction_writes_all_of_its_items() {
    let f = Fixture::memory().await;
    f.put(with(key("a", 0), "version", n(1))).await;
    transact(&f, vec![put_if_absent(key("a", 1)), raise_version("a", 1)]).await.unwrap();
    assert!(f.get("a", 1).await.is_some());
    assert_eq!(f.get("a", 0).await.unwrap()["version"], n(2));
}

#[tokio::test]
async fn a_failed_condition_undoes_all_and_gives_a_reason_per_item_with_the_item_as_it_was() {
    let f = Fixture::memory().await;
    f.put(with(key("a", 0), "version", n(7))).await;
    f.put(with(key("a", 1), "body", s("earlier"))).await;
    let items = vec![put_if_absent(key("a", 2)), raise_version("a", 1), put_if_absent(key("a", 1))];
    let reasons = transact(&f, items).await.unwrap_err();
    let codes: Vec<_> = reasons.iter().map(|reason| reason.code().unwrap()).collect();
    assert_eq!(codes, ["None", "ConditionalCheckFailed", "ConditionalCheckFailed"]);
    assert!(reasons[0].item().is_none());
    assert_eq!(reasons[1].item().unwrap()["version"], n(7));
    assert_eq!(reasons[2].item().unwrap()["body"], s("earlier"));
    assert!(f.get("a", 2).await.is_none());
}

#[tokio::test]
async fn a_condition_check_and_a_deletion_take_part() {
    let f = Fixture::memory().await;
    f.put(key("a", 1)).await;
    let check = |stream| {
        let check = ConditionCheck::builder().table_name(TABLE).set_key(Some(key(stream, 1)));
        let check = check.condition_expression("attribute_exists(seq)").build().unwrap();
        TransactWriteItem::builder().condition_check(check).build()
    };
    let delete = Delete::builder().table_name(TABLE).set_key(Some(key("b", 1))).build().unwrap();
    let delete = TransactWriteItem::builder().delete(delete).build();
    f.put(key("b", 1)).await;
    let reasons = transact(&f, vec![check("none"), delete.clone()]).await.unwrap_err();
    assert_eq!(reasons[0].code(), Some("ConditionalCheckFailed"));
    assert!(f.get("b", 1).await.is_some());
    transact(&f, vec![check("a"), delete]).await.unwrap();
    assert!(f.get("b", 1).await.is_none());
}

#[tokio::test]
async fn a_repeated_client_request_token_writes_once_and_a_reused_one_is_refused() {
    let f = Fixture::memory().await;
    f.put(with(key("a", 0), "count", n(0))).await;
    let add = |amount: i64| {
        let update = Update::builder().table_name(TABLE).set_key(Some(key("a", 0)));
        let update = update.update_expression("ADD #c :n").expression_attribute_names("#c", "count");
        let update = update.expression_attribute_values(":n", n(amount)).build().unwrap();
        let write = f.client.transact_write_items().client_request_token("one-token");
        write.transact_items(TransactWriteItem::builder().update(update).build()).send()
    };
    add(1).await.unwrap();
    add(1).await.unwrap();
    assert_eq!(f.get("a", 0).await.unwrap()["count"], n(1));
    let error = add(2).await.unwrap_err().into_service_error();
    assert!(matches!(error, TransactWriteItemsError::IdempotentParameterMismatchException(_)), "{error:?}");
}

#[tokio::test]
async fn of_fifty_equal_transactions_at_once_one_wins() {
    let f = Fixture::memory().await;
    f.put(with(key("a", 0), "version", n(1))).await;
    let racing = (0..50).map(|_| {
        let write = f.client.transact_write_items();
        let write = write.set_transact_items(Some(vec![raise_version("a", 1), put_if_absent(key("a", 1))]));
        tokio::spawn(write.send())
    });
    let mut won = 0;
    for write in racing.collect::<Vec<_>>() {
        won += usize::from(write.await.unwrap().is_ok());
    }
    assert_eq!(won, 1);
    assert_eq!(f.get("a", 0).await.unwrap()["version"], n(2));
}

#[tokio::test]
async fn an_item_that_is_named_twice_is_refused() {
    let f = Fixture::memory().await;
    let write = f.client.transact_write_items();
    let write = write.transact_items(put_if_absent(key("a", 1))).transact_items(put_if_absent(key("a", 1)));
    let error = write.send().await.unwrap_err().into_service_error();
    assert_eq!(error.meta().code(), Some("ValidationException"));
}
