//! Pollers and the schedule, through real function processes.

mod minute;
mod queue;
mod stream;

use host::clock::Clock;
use host::lambda::{FunctionSpec, LogSink};
use host::pollers::Trigger;
use host::{Stack, StackConfig, Store};
use serde_json::Value;
use std::path::PathBuf;
use tempfile::TempDir;

use crate::function::spec;
use crate::{MORNING, wait_until};

/// A stack, whose clock stands still until it is moved, and a function that records its events and answers by script.
struct Fixture {
    stack: Stack,
    folder: TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = StackConfig { clock: Some(Clock::standing_at(MORNING)), ..StackConfig::default() };
        Self { stack: Stack::start(config).await.unwrap(), folder }
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
        wait_until(&format!("there are {count} events"), async || self.events().len() >= count).await;
        self.events()
    }
}

/// One text per record, by a JSON pointer.
fn all<'a>(event: &'a Value, pointer: &str) -> Vec<&'a str> {
    let records = event["Records"].as_array().unwrap();
    records.iter().map(|record| record.pointer(pointer).unwrap().as_str().unwrap()).collect()
}

/// A stack that keeps its data in a folder.
async fn stack_in(folder: &TempDir) -> Stack {
    let store = Store::Folder(folder.path().join("data"));
    Stack::start(StackConfig { store, ..StackConfig::default() }).await.unwrap()
}
