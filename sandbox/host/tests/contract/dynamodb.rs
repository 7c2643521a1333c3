//! Every behaviour of DynamoDB that is relied on, over the real SDK.

mod door;
mod faults;
mod streams;
mod transactions;
mod writes;

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, StreamSpecification, StreamViewType, TimeToLiveSpecification,
};
use host::Store;
use host::clock::Clock;
use host::dynamodb::DynamoDb;

use crate::{MORNING, clients};

pub(crate) const TABLE: &str = "outbox";

type Item = HashMap<String, AttributeValue>;

/// A DynamoDB with a table `stream`/`seq` that has a sparse index `pending`/`at`, a KEYS_ONLY stream and a time to
/// live `expires`.
struct Fixture {
    dynamodb: DynamoDb,
    client: Client,
    clock: Clock,
}

impl Fixture {
    async fn memory() -> Self {
        let clock = Clock::standing_at(MORNING);
        let dynamodb = DynamoDb::start(&Store::Memory, 0, clock.clone()).await.unwrap();
        let client = clients::dynamodb(&dynamodb.endpoint());
        create_table(&client).await;
        Self { dynamodb, client, clock }
    }

    async fn put(&self, item: Item) {
        self.client.put_item().table_name(TABLE).set_item(Some(item)).send().await.unwrap();
    }

    async fn get(&self, stream: &str, seq: i64) -> Option<Item> {
        let get = self.client.get_item().table_name(TABLE).consistent_read(true).set_key(Some(key(stream, seq)));
        get.send().await.unwrap().item
    }
}

pub(crate) async fn create_table(client: &Client) {
    let attribute =
        |name: &str, kind| AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap();
    let key_element =
        |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    let index = GlobalSecondaryIndex::builder()
        .index_name("pending")
        .key_schema(key_element("pending", KeyType::Hash))
        .key_schema(key_element("at", KeyType::Range))
        .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build());
    let stream = StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::KeysOnly);
    let create = client.create_table().table_name(TABLE).billing_mode(BillingMode::PayPerRequest);
    create
        .attribute_definitions(attribute("stream", ScalarAttributeType::S))
        .attribute_definitions(attribute("seq", ScalarAttributeType::N))
        .attribute_definitions(attribute("pending", ScalarAttributeType::S))
        .attribute_definitions(attribute("at", ScalarAttributeType::N))
        .key_schema(key_element("stream", KeyType::Hash))
        .key_schema(key_element("seq", KeyType::Range))
        .global_secondary_indexes(index.build().unwrap())
        .stream_specification(stream.build().unwrap())
        .send()
        .await
        .unwrap();
    let expiry = TimeToLiveSpecification::builder().enabled(true).attribute_name("expires").build().unwrap();
    client.update_time_to_live().table_name(TABLE).time_to_live_specification(expiry).send().await.unwrap();
}

pub(crate) fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

pub(crate) fn n(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

pub(crate) fn key(stream: &str, seq: i64) -> Item {
    Item::from([("stream".to_owned(), s(stream)), ("seq".to_owned(), n(seq))])
}

pub(crate) fn with(mut item: Item, name: &str, value: AttributeValue) -> Item {
    item.insert(name.to_owned(), value);
    item
}
