//! The tables as an earlier release left them, for this one to go on with.

use counterparty::Numbers;
use domain::Timestamp;
use papay::story::Story;
use publish::DynamoOutbox;
use record::pending_shards;

use super::recording::Recording;
use super::wire::from_json;
use crate::harness::{Ground, MCH_ID};

/// Later than anything that is recorded.
const NOW: i64 = 2_000_000_000;

pub(super) fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

pub(super) fn numbers(story: Story, code: &str) -> Numbers {
    story.numbers(MCH_ID, code, NOW)
}

/// The tables as an earlier release left them.
pub(super) async fn ground(recording: &Recording) -> Ground {
    let ground = Ground::start().await;
    let table = |name| match name {
        "ledger" => &ground.tables.ledger,
        "inbox" => &ground.tables.inbox,
        _ => &ground.tables.outbox,
    };
    for (name, item) in recording.items() {
        let put = ground.clients.dynamodb.put_item().table_name(table(name)).set_item(Some(from_json(item)));
        put.send().await.unwrap();
    }
    ground
}

pub(super) fn outbox(ground: &Ground) -> DynamoOutbox {
    DynamoOutbox::new(ground.clients.dynamodb.clone(), ground.tables.outbox.clone(), pending_shards())
}
