//! Pollers and the schedule, through real function processes.

mod minute;
mod queue;
mod stream;

use std::path::PathBuf;
use std::time::Duration;

use host::lambda::{FunctionSpec, LogSink};
use host::pollers::Trigger;
use host::{Stack, StackConfig, Store};
use serde_json::Value;
use tempfile::TempDir;

use crate::function::spec;

/// A stack and a function that records its events and answers by script.
struct Fixture {
    stack: Stack,
    folder: TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { stack: Stack::start(StackConfig::default()).await.unwrap(), folder }
    }

    /// Starts the function; it answers with the lines of `script`, one per event, then with `{}`.
    async fn run(&mut self, trigger: Trigger, script: &str) {
        self.run_with(trigger, script, &[]).await;
    }

    async fn run_with(&mut self, trigger: Trigger, script: &str, env: &[(&str, &str)]) {
        let path = self.folder.path().join("script");
        std::fs::write(&path, script).unwrap();
        let base = spec("f", "scripted");
        let mut variables = base.env.clone();
        let own = [("RECORD", self.record().display().to_string()), ("SCRIPT", path.display().to_string())];
        variables.extend(own.map(|(name, value)| (name.to_owned(), value)));
        variables.extend(env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let function = FunctionSpec { env: variables, url_port: None, ..base };
        self.stack.run(vec![function], vec![("f".to_owned(), trigger)], LogSink::discard()).await.unwrap();
    }

    fn record(&self) -> PathBuf {
        self.folder.path().join("events")
    }

    /// What the function has seen so far.
    fn events(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.record()).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Waits until the function has seen this many events.
    async fn wait_for_events(&self, count: usize) -> Vec<Value> {
        for _ in 0..300 {
            let events = self.events();
            if events.len() >= count {
                return events;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("only {:#?}", self.events());
    }
}

/// One text per record, by a JSON pointer.
fn all<'a>(event: &'a Value, pointer: &str) -> Vec<&'a str> {
    let records = event["Records"].as_array().unwrap();
    records.iter().map(|record| record.pointer(pointer).unwrap().as_str().unwrap()).collect()
}

async fn a_moment() {
    tokio::time::sleep(Duration::from_millis(400)).await;
}

/// A stack that keeps its data in a folder.
async fn stack_in(folder: &TempDir) -> Stack {
    let store = Store::Folder(folder.path().join("data"));
    Stack::start(StackConfig { store, ..StackConfig::default() }).await.unwrap()
}
