//! What a release wrote: its tables and its events after a day.
//!
//! `PAPAY_RELEASE=<commit> PAPAY_RELEASE_PROGRAM=<its papay> cargo test -p papay --test it -- --ignored records_a_release`
//! records one; `.ci/long releases` shows how its program is made.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::day::play;
use super::wire::to_json;
use crate::harness::{Dev, Item};

/// Items in DynamoDB's JSON, and events as they stood in the queues.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Recording {
    pub(super) commit: String,
    pub(super) ledger: Vec<Value>,
    pub(super) inbox: Vec<Value>,
    pub(super) outbox: Vec<Value>,
    /// By consumer, in the order in which they came.
    pub(super) events: BTreeMap<String, Vec<Value>>,
}

impl Recording {
    /// Every recording that is kept.
    pub(super) fn all() -> Vec<Self> {
        let mut paths: Vec<_> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort();
        assert!(!paths.is_empty(), "nothing is recorded");
        paths.iter().map(|path| serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()).collect()
    }

    /// Plays a day with a release's program.
    pub(super) async fn of(commit: &str, program: &Path) -> Self {
        let data = tempfile::tempdir().unwrap();
        let dev = Dev::start_program(program, data.path());
        let events = play(&dev).await;
        let dump = dev.dump().await;
        dev.kill();
        let items = |items: BTreeMap<String, Item>| items.values().map(to_json).collect();
        let (ledger, inbox, outbox) = (items(dump.ledger), items(dump.inbox), items(dump.outbox));
        Self { commit: commit.to_owned(), ledger, inbox, outbox, events }
    }

    /// Every item, with its table's name.
    pub(super) fn items(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        let tables = [("ledger", &self.ledger), ("inbox", &self.inbox), ("outbox", &self.outbox)];
        tables.into_iter().flat_map(|(table, items)| items.iter().map(move |item| (table, item)))
    }
}

/// An item's text or number.
pub(super) fn said<'a>(item: &'a Value, name: &str) -> &'a str {
    let value = &item[name];
    value["S"].as_str().or_else(|| value["N"].as_str()).unwrap_or_default()
}

/// What an item is: what the same code reads.
pub(super) fn kind(table: &str, item: &Value) -> String {
    match table {
        "ledger" => format!("ledger {}", said(item, "item")),
        "inbox" => {
            let (subject, entry) = (said(item, "subject"), said(item, "entry"));
            let what = match subject.split('#').nth(1) {
                Some("K") => "idempotency",
                Some("L") => "count",
                _ if entry.starts_with("held#") => "held",
                _ => "fact",
            };
            format!("inbox {what}")
        }
        _ => "outbox".to_owned(),
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/releases")
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "records the release that PAPAY_RELEASE and PAPAY_RELEASE_PROGRAM name"]
async fn records_a_release() {
    let commit = std::env::var("PAPAY_RELEASE").unwrap();
    let program = std::env::var_os("PAPAY_RELEASE_PROGRAM").unwrap();
    let recording = Recording::of(&commit, Path::new(&program)).await;
    let kinds = recording.items().fold(BTreeMap::<_, usize>::new(), |mut kinds, (table, item)| {
        *kinds.entry(kind(table, item)).or_default() += 1;
        kinds
    });
    println!("{kinds:#?}");
    std::fs::write(folder().join(format!("{commit}.json")), serde_json::to_string_pretty(&recording).unwrap() + "\n")
        .unwrap();
}
