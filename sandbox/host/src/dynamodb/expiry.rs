//! Time to live by the movable clock.
//!
//! The database's own sweep goes by the system's time when it keeps a file, so this one uses its public operations.
//! The deletions reach a stream as ordinary REMOVE records, without the service's identity.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use dynoxide::actions::delete_item::DeleteItemRequest;
use dynoxide::actions::describe_table::DescribeTableRequest;
use dynoxide::actions::describe_time_to_live::DescribeTimeToLiveRequest;
use dynoxide::actions::list_tables::ListTablesRequest;
use dynoxide::actions::scan::ScanRequest;
use dynoxide::{AttributeValue, Database, Result};

use crate::clock::Clock;

const PERIOD: Duration = Duration::from_secs(1);

/// Rows read under one hold of the database's lock.
const PAGE: usize = 50;

/// Sweeps once a second; a sweep that takes long is followed by a longer pause, so that it never costs more than a
/// twentieth of one core.
pub(super) async fn sweep(database: Database, clock: Clock) {
    loop {
        let (database, now_s) = (database.clone(), clock.now_ms().div_euclid(1000));
        let started = Instant::now();
        let swept = tokio::task::spawn_blocking(move || sweep_once(&database, now_s)).await;
        if let Ok(Err(error)) = swept {
            tracing::warn!(%error, "expired items could not be deleted");
        }
        tokio::time::sleep(PERIOD.max(started.elapsed() * 20)).await;
    }
}

fn sweep_once(database: &Database, now_s: i64) -> Result<()> {
    for table in database.list_tables(ListTablesRequest::default())?.table_names {
        let described = database.describe_time_to_live(DescribeTimeToLiveRequest { table_name: table.clone() })?;
        if let Some(attribute) = described.time_to_live_description.attribute_name {
            sweep_table(database, &table, &attribute, now_s)?;
        }
    }
    Ok(())
}

fn sweep_table(database: &Database, table: &str, attribute: &str, now_s: i64) -> Result<()> {
    let description = database.describe_table(DescribeTableRequest { table_name: table.to_owned() })?.table;
    let key_names: Vec<String> = description.key_schema.into_iter().map(|key| key.attribute_name).collect();
    let names = HashMap::from([("#ttl".to_owned(), attribute.to_owned())]);
    let values = HashMap::from([(":now".to_owned(), AttributeValue::N(now_s.to_string()))]);
    let expired = "#ttl < :now".to_owned();
    let mut from = None;
    loop {
        let page = database.scan(ScanRequest {
            table_name: table.to_owned(),
            filter_expression: Some(expired.clone()),
            expression_attribute_names: Some(names.clone()),
            expression_attribute_values: Some(values.clone()),
            limit: Some(PAGE),
            exclusive_start_key: from,
            ..ScanRequest::default()
        })?;
        for mut item in page.items.unwrap_or_default() {
            let key = key_names.iter().filter_map(|name| item.remove_entry(name)).collect();
            let deleted = database.delete_item(DeleteItemRequest {
                table_name: table.to_owned(),
                key,
                condition_expression: Some(expired.clone()),
                expression_attribute_names: Some(names.clone()),
                expression_attribute_values: Some(values.clone()),
                ..DeleteItemRequest::default()
            });
            // Someone renewed it between the scan and the deletion.
            if let Err(error) = deleted
                && !matches!(error, dynoxide::DynoxideError::ConditionalCheckFailedException(..))
            {
                return Err(error);
            }
        }
        from = page.last_evaluated_key;
        if from.is_none() {
            return Ok(());
        }
    }
}
