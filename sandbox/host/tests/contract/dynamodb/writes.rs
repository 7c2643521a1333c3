//! Single writes and reads.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnConsumedCapacity, ReturnValue, ReturnValuesOnConditionCheckFailure};

use super::*;

#[tokio::test]
async fn a_query_is_strongly_consistent_ordered_by_number_and_limited() {
    let f = Fixture::memory().await;
    for seq in [10, 9, 2, 1] {
        f.put(key("a", seq)).await;
    }
    f.put(key("b", 3)).await;
    let query = || {
        let query = f.client.query().table_name(TABLE).consistent_read(true);
        let query =
            query.key_condition_expression("#s = :s AND seq > :from").expression_attribute_names("#s", "stream");
        query.expression_attribute_values(":s", s("a")).expression_attribute_values(":from", n(1)).limit(2)
    };
    let first = query().send().await.unwrap();
    let seqs = |items: &[Item]| items.iter().map(|item| item["seq"].as_n().unwrap().clone()).collect::<Vec<_>>();
    assert_eq!(seqs(first.items()), ["2", "9"]);
    let rest = query().set_exclusive_start_key(first.last_evaluated_key).send().await.unwrap();
    assert_eq!(seqs(rest.items()), ["10"]);
    let backwards = query().scan_index_forward(false).send().await.unwrap();
    assert_eq!(seqs(backwards.items()), ["10", "9"]);
}

#[tokio::test]
async fn a_sparse_index_holds_what_has_its_key_in_order_and_forgets_what_loses_it() {
    let f = Fixture::memory().await;
    for (stream, at) in [("late", 20), ("early", 10)] {
        f.put(with(with(key(stream, 1), "pending", s("p#3")), "at", n(at))).await;
    }
    f.put(key("done", 1)).await;
    let pending = || {
        let query = f.client.query().table_name(TABLE).index_name("pending");
        let query = query.key_condition_expression("pending = :p AND #at <= :now");
        let query = query.expression_attribute_names("#at", "at").expression_attribute_values(":p", s("p#3"));
        query.expression_attribute_values(":now", n(20)).send()
    };
    let found = pending().await.unwrap();
    let streams: Vec<_> = found.items().iter().map(|item| item["stream"].as_s().unwrap().as_str()).collect();
    assert_eq!(streams, ["early", "late"]);
    let done = f.client.update_item().table_name(TABLE).set_key(Some(key("early", 1)));
    done.update_expression("REMOVE pending").send().await.unwrap();
    assert_eq!(pending().await.unwrap().items().len(), 1);
}

#[tokio::test]
async fn an_update_takes_elements_out_of_a_set_under_a_condition_and_returns_the_new_item() {
    let f = Fixture::memory().await;
    let queues = AttributeValue::Ss(vec!["crm".to_owned(), "ledger".to_owned()]);
    f.put(with(key("a", 1), "todo", queues)).await;
    let delete = |queue: &str| {
        let update = f.client.update_item().table_name(TABLE).set_key(Some(key("a", 1)));
        let update = update.update_expression("DELETE todo :done").condition_expression("contains(todo, :one)");
        let update = update.expression_attribute_values(":done", AttributeValue::Ss(vec![queue.to_owned()]));
        update.expression_attribute_values(":one", s(queue)).return_values(ReturnValue::AllNew).send()
    };
    let after = delete("crm").await.unwrap().attributes.unwrap();
    assert_eq!(after["todo"], AttributeValue::Ss(vec!["ledger".to_owned()]));
    let error = delete("crm").await.unwrap_err().into_service_error();
    assert!(matches!(error, UpdateItemError::ConditionalCheckFailedException(_)), "{error:?}");
    // A set that loses its last element is gone, and so is its attribute.
    let after = delete("ledger").await.unwrap().attributes.unwrap();
    assert!(!after.contains_key("todo"));
}

#[tokio::test]
async fn a_failed_condition_of_one_write_can_return_the_item_that_stood_in_the_way() {
    let f = Fixture::memory().await;
    f.put(with(key("a", 1), "body", s("earlier"))).await;
    let put = f.client.put_item().table_name(TABLE).set_item(Some(key("a", 1)));
    let put = put.condition_expression("attribute_not_exists(seq)");
    let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let error = put.send().await.unwrap_err().into_service_error();
    let aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(failed) = error else {
        panic!("{error:?}");
    };
    assert_eq!(failed.item().unwrap()["body"], s("earlier"));
}

#[tokio::test]
async fn several_items_are_read_at_once() {
    let f = Fixture::memory().await;
    f.put(key("a", 1)).await;
    f.put(key("b", 1)).await;
    let keys = aws_sdk_dynamodb::types::KeysAndAttributes::builder().consistent_read(true);
    let keys = keys.keys(key("a", 1)).keys(key("b", 1)).keys(key("none", 1)).build().unwrap();
    let read = f.client.batch_get_item().request_items(TABLE, keys).send().await.unwrap();
    assert_eq!(read.responses.unwrap()[TABLE].len(), 2);
}

#[tokio::test]
async fn write_units_are_counted_per_kilobyte_twice_in_a_transaction_and_once_per_index() {
    let f = Fixture::memory().await;
    let put = |item: Item| {
        let put = f.client.put_item().table_name(TABLE).set_item(Some(item));
        put.return_consumed_capacity(ReturnConsumedCapacity::Total).send()
    };
    let units = |output: aws_sdk_dynamodb::operation::put_item::PutItemOutput| {
        output.consumed_capacity.unwrap().capacity_units.unwrap()
    };
    assert_eq!(units(put(key("a", 1)).await.unwrap()), 1.0);
    assert_eq!(units(put(with(key("a", 2), "body", s(&"x".repeat(1500)))).await.unwrap()), 2.0);
    let indexed = with(with(key("a", 3), "pending", s("p")), "at", n(1));
    assert_eq!(units(put(indexed).await.unwrap()), 2.0);
    let item = aws_sdk_dynamodb::types::Put::builder().table_name(TABLE).set_item(Some(key("a", 4))).build().unwrap();
    let item = aws_sdk_dynamodb::types::TransactWriteItem::builder().put(item).build();
    let write = f.client.transact_write_items().transact_items(item);
    let written = write.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await.unwrap();
    assert_eq!(written.consumed_capacity()[0].capacity_units(), Some(2.0));
}
