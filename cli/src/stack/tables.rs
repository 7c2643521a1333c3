//! The three tables, with the keys and indexes that `record` and `publish` use.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, StreamSpecification, StreamViewType, TimeToLiveSpecification,
};
use record::Tables;

use super::StackError;
use ScalarAttributeType::{N, S};

/// The tables' names on a laptop, where each stack has its own database.
#[must_use]
pub fn names() -> Tables {
    Tables { ledger: "papay-ledger".into(), inbox: "papay-inbox".into(), outbox: "papay-outbox".into() }
}

/// An attribute that a key is made of.
type Key = (&'static str, ScalarAttributeType);

struct Table<'a> {
    name: &'a str,
    keys: Vec<Key>,
    /// Global secondary indexes, KEYS_ONLY.
    indexes: Vec<(&'static str, Vec<Key>)>,
    /// Whether inserts are told to the relay.
    streamed: bool,
    /// The attribute with the time to live.
    ttl: Option<&'static str>,
}

/// Creates the tables that are not there yet.
///
/// # Errors
/// The database refuses.
pub async fn create(client: &Client, names: &Tables) -> Result<(), StackError> {
    let ledger = Table {
        name: &names.ledger,
        keys: vec![("pk", S)],
        indexes: vec![
            ("due", vec![("due_shard", S), ("due_at", N)]),
            ("by_contract", vec![("contract_key", S), ("pk", S)]),
            ("by_day", vec![("day_shard", S), ("pk", S)]),
        ],
        streamed: false,
        ttl: None,
    };
    let inbox = Table {
        name: &names.inbox,
        keys: vec![("subject", S), ("entry", S)],
        indexes: vec![],
        streamed: false,
        ttl: Some("ttl"),
    };
    let outbox = Table {
        name: &names.outbox,
        keys: vec![("stream", S), ("sequence", N)],
        indexes: vec![("pending", vec![("pending_shard", S), ("pending_since", N)])],
        streamed: true,
        ttl: Some("ttl"),
    };
    for table in [ledger, inbox, outbox] {
        table.create(client).await?;
    }
    Ok(())
}

impl Table<'_> {
    async fn create(&self, client: &Client) -> Result<(), StackError> {
        let failed = |what: &str| StackError::Table { table: self.name.to_owned(), cause: what.to_owned() };
        let request = self.request(client).map_err(|error| failed(&error.to_string()))?;
        match request.send().await {
            Ok(_) => {}
            Err(error) if exists(&error) => return Ok(()),
            Err(error) => return Err(failed(error.code().unwrap_or("no answer"))),
        }
        if let Some(attribute) = self.ttl {
            let ttl = TimeToLiveSpecification::builder().attribute_name(attribute).enabled(true).build();
            let ttl = ttl.map_err(|error| failed(&error.to_string()))?;
            let sent = client.update_time_to_live().table_name(self.name).time_to_live_specification(ttl).send().await;
            sent.map_err(|error| failed(error.code().unwrap_or("no answer")))?;
        }
        Ok(())
    }

    fn request(
        &self,
        client: &Client,
    ) -> Result<aws_sdk_dynamodb::operation::create_table::builders::CreateTableFluentBuilder, BuildError> {
        let mut request = client
            .create_table()
            .table_name(self.name)
            .billing_mode(BillingMode::PayPerRequest)
            .set_key_schema(Some(schema(&self.keys)?))
            .set_attribute_definitions(Some(self.attributes()?));
        for (name, keys) in &self.indexes {
            let projection = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
            let index = GlobalSecondaryIndex::builder().index_name(*name).projection(projection);
            request = request.global_secondary_indexes(index.set_key_schema(Some(schema(keys)?)).build()?);
        }
        if self.streamed {
            let stream = StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::KeysOnly);
            request = request.stream_specification(stream.build()?);
        }
        Ok(request)
    }

    /// Every key attribute once.
    fn attributes(&self) -> Result<Vec<AttributeDefinition>, BuildError> {
        let mut keys: Vec<&Key> = self.keys.iter().chain(self.indexes.iter().flat_map(|(_, keys)| keys)).collect();
        keys.sort_by_key(|(name, _)| *name);
        keys.dedup_by_key(|(name, _)| *name);
        let define = |(name, kind): &Key| {
            AttributeDefinition::builder().attribute_name(*name).attribute_type(kind.clone()).build()
        };
        keys.into_iter().map(define).collect()
    }
}

fn schema(keys: &[Key]) -> Result<Vec<KeySchemaElement>, BuildError> {
    let element =
        |((name, _), kind): (&Key, KeyType)| KeySchemaElement::builder().attribute_name(*name).key_type(kind).build();
    keys.iter().zip([KeyType::Hash, KeyType::Range]).map(element).collect()
}

fn exists<R>(error: &SdkError<CreateTableError, R>) -> bool {
    error.as_service_error().is_some_and(CreateTableError::is_resource_in_use_exception)
}
