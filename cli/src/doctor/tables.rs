//! Tables: there, in use, with the indexes and the stream that the functions work with.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{StreamViewType, TableDescription, TableStatus};
use record::Tables;

use super::aws::asked;
use super::{At, Finding};

const DEPLOY: &str = "deploy the template again";

/// Looks at the three tables. `deployed` says whether they are worth protecting.
pub(super) async fn check(client: &Client, tables: &Tables, deployed: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let wanted: [(&str, &[&str], bool); 3] = [
        (&tables.ledger, &["due", "by_contract", "by_day"], false),
        (&tables.inbox, &[], false),
        (&tables.outbox, &["pending"], true),
    ];
    for (name, indexes, streamed) in wanted {
        let at = At::new("table", name);
        findings.push(match asked("dynamodb:DescribeTable", client.describe_table().table_name(name).send().await) {
            Ok(answer) => match &answer.table {
                Some(table) => look(&at, table, indexes, streamed, deployed),
                None => at.unchecked("DynamoDB did not describe it", "try again"),
            },
            Err(refusal) => refusal.finding(&at, "the table holds the ledger: restore it (docs/disaster-recovery.md)"),
        });
    }
    findings
}

fn look(at: &At, table: &TableDescription, indexes: &[&str], streamed: bool, deployed: bool) -> Finding {
    if table.table_status() != Some(&TableStatus::Active) {
        let status = table.table_status().map_or("unknown", TableStatus::as_str);
        return at.failure(format_args!("its status is {status}"), "wait until it is ACTIVE");
    }
    let known =
        |wanted: &&&str| table.global_secondary_indexes().iter().any(|index| index.index_name() == Some(**wanted));
    if let Some(missing) = indexes.iter().find(|wanted| !known(wanted)) {
        return at.failure(format_args!("index {missing} is not there: nothing of it becomes due"), DEPLOY);
    }
    let stream = table.stream_specification();
    let keys_only = stream
        .is_some_and(|stream| stream.stream_enabled() && stream.stream_view_type() == Some(&StreamViewType::KeysOnly));
    if streamed && !keys_only {
        return at.failure("its stream is off: events wait for the sweeper", DEPLOY);
    }
    if deployed && table.deletion_protection_enabled() != Some(true) {
        return at.warning("is not protected from deletion", DEPLOY);
    }
    at.ok("active")
}
