//! Streams and time to live.

use aws_sdk_dynamodbstreams::types::{OperationType, Record, ShardIteratorType, StreamViewType};

use super::*;
use crate::wait_until;

async fn records(f: &Fixture) -> Vec<Record> {
    let client = clients::streams(&f.dynamodb.endpoint());
    let streams = client.list_streams().table_name(TABLE).send().await.unwrap();
    let arn = streams.streams()[0].stream_arn().unwrap();
    let description = client.describe_stream().stream_arn(arn).send().await.unwrap().stream_description.unwrap();
    let shard = description.shards()[0].shard_id().unwrap();
    let iterator = client.get_shard_iterator().stream_arn(arn).shard_id(shard);
    let iterator = iterator.shard_iterator_type(ShardIteratorType::TrimHorizon).send().await.unwrap();
    let read = client.get_records().set_shard_iterator(iterator.shard_iterator).send().await.unwrap();
    read.records.unwrap()
}

#[tokio::test]
async fn a_keys_only_stream_tells_inserts_changes_and_removals_in_order() {
    let f = Fixture::memory().await;
    f.put(key("a", 1)).await;
    f.put(with(key("a", 1), "body", s("changed"))).await;
    f.put(key("b", 1)).await;
    f.client.delete_item().table_name(TABLE).set_key(Some(key("a", 1))).send().await.unwrap();
    let records = records(&f).await;
    let told: Vec<_> = records
        .iter()
        .map(|record| {
            let change = record.dynamodb().unwrap();
            assert_eq!(change.stream_view_type(), Some(&StreamViewType::KeysOnly));
            assert!(change.new_image().is_none() && change.old_image().is_none());
            (record.event_name().unwrap().clone(), change.keys().unwrap()["stream"].as_s().unwrap().as_str())
        })
        .collect();
    assert_eq!(
        told,
        [
            (OperationType::Insert, "a"),
            (OperationType::Modify, "a"),
            (OperationType::Insert, "b"),
            (OperationType::Remove, "a")
        ]
    );
    let sequences: Vec<_> = records.iter().map(|record| record.dynamodb().unwrap().sequence_number()).collect();
    assert!(sequences.is_sorted());
}

#[tokio::test]
async fn a_transaction_that_fails_tells_the_stream_nothing() {
    let f = Fixture::memory().await;
    let put = |condition: &str, seq| {
        let put = aws_sdk_dynamodb::types::Put::builder().table_name(TABLE).set_item(Some(key("a", seq)));
        let put = put.condition_expression(condition).build().unwrap();
        aws_sdk_dynamodb::types::TransactWriteItem::builder().put(put).build()
    };
    let write = f.client.transact_write_items().transact_items(put("attribute_not_exists(seq)", 1));
    write.transact_items(put("attribute_exists(seq)", 2)).send().await.unwrap_err();
    assert!(records(&f).await.is_empty());
}

#[tokio::test]
async fn an_item_is_gone_soon_after_its_time_to_live_by_the_moved_clock() {
    let f = Fixture::memory().await;
    let now_s = f.clock.now_ms() / 1000;
    f.put(with(key("soon", 1), "expires", n(now_s + 3_600))).await;
    f.put(with(key("late", 1), "expires", n(now_s + 7_200))).await;
    f.put(key("never", 1)).await;
    f.has_swept(1).await;
    assert!(f.get("soon", 1).await.is_some());
    f.clock.advance_ms(3_600_000).unwrap();
    f.has_swept(2).await;
    assert!(f.get("soon", 1).await.is_some(), "at its last second");
    f.clock.advance_ms(1_000).unwrap();
    wait_until("the item is gone", async || f.get("soon", 1).await.is_none()).await;
    f.has_swept(3).await;
    assert!(f.get("late", 1).await.is_some() && f.get("never", 1).await.is_some());
}

impl Fixture {
    /// Waits until all that is over by now was looked for: an item that was over when it was written is gone.
    async fn has_swept(&self, time: i64) {
        // Whatever sweep is under way may have read the table before.
        for seq in [2 * time, 2 * time + 1] {
            self.put(with(key("over", seq), "expires", n(0))).await;
            wait_until("what was over is gone", async || self.get("over", seq).await.is_none()).await;
        }
    }
}
