//! A table's stream as an event source: in order, at least once, from where it was left.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use dynoxide::Database;
use dynoxide::actions::describe_stream::DescribeStreamRequest;
use dynoxide::actions::describe_table::DescribeTableRequest;
use dynoxide::actions::get_records::{GetRecordsRequest, Record};
use dynoxide::actions::get_shard_iterator::GetShardIteratorRequest;
use serde_json::{Value, json};

use super::{StreamTrigger, Target, failed_items};
use crate::Store;

/// How often an empty stream is looked at. AWS looks four times a second; a developer waits less gladly.
const LOOK: Duration = Duration::from_millis(50);

/// The pause after a failure: the first, doubled up to the last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

pub(super) async fn run(mut target: Target, trigger: StreamTrigger, database: Database, store: Store) {
    let checkpoint = Checkpoint::of(&store, &target.function, &trigger.table);
    let mut reader = Reader { checkpoint: checkpoint.read(), file: checkpoint, size: trigger.batch, failures: 0 };
    while !target.is_stopped() {
        let pause = match read(&database, &trigger, reader.checkpoint.clone(), reader.size).await {
            Ok(batch) if batch.last.is_some() => reader.deliver(&target, &trigger, batch).await,
            Ok(_) => Some(LOOK),
            // The table does not exist yet, or has no stream.
            Err(_) => Some(LOOK * 4),
        };
        if let Some(pause) = pause {
            target.sleep(pause).await;
        }
    }
}

/// Records from the stream, filtered; `last` is the sequence number up to which they reach.
struct Batch {
    records: Vec<Value>,
    last: Option<String>,
}

struct Reader {
    /// The last sequence number that is done with.
    checkpoint: Option<String>,
    file: Checkpoint,
    /// How many records are read at once: halved while they fail.
    size: usize,
    /// Of the record at the head, alone.
    failures: u32,
}

impl Reader {
    /// Invokes the function once, and moves on as far as it got. A pause follows a failure.
    async fn deliver(&mut self, target: &Target, trigger: &StreamTrigger, batch: Batch) -> Option<Duration> {
        if batch.records.is_empty() {
            self.advance(target, batch.last);
            return None;
        }
        let answer = target.invoke(&json!({ "Records": batch.records })).await;
        let failed = answer.and_then(|answer| failed_items(&answer));
        let first_failed = match failed {
            Some(failed) if failed.is_empty() => {
                self.succeeded(target, trigger, batch.last);
                return None;
            }
            Some(failed) => batch.records.iter().position(|record| {
                let sequence = sequence(record);
                failed.iter().any(|failed| failed == sequence)
            }),
            None => None,
        };
        // An unknown identifier, like an error, fails the whole batch.
        match first_failed.unwrap_or(0) {
            0 => self.failed(target, trigger, &batch.records),
            at => {
                let done = batch.records.get(at - 1).map(|record| sequence(record).to_owned());
                self.advance(target, done);
                self.failures = 0;
                Some(PAUSES.0)
            }
        }
    }

    fn succeeded(&mut self, target: &Target, trigger: &StreamTrigger, last: Option<String>) {
        self.advance(target, last);
        self.failures = 0;
        self.size = trigger.batch;
    }

    /// Bisects a batch; a record that fails alone is tried again, and given up after so many attempts.
    fn failed(&mut self, target: &Target, trigger: &StreamTrigger, records: &[Value]) -> Option<Duration> {
        if records.len() > 1 {
            self.size = (records.len() / 2).max(1);
            return Some(PAUSES.0);
        }
        self.size = 1;
        self.failures = self.failures.saturating_add(1);
        if trigger.attempts.is_some_and(|attempts| self.failures >= attempts) {
            let given_up = records.first().map(|record| sequence(record).to_owned());
            let name = given_up.as_deref().unwrap_or_default();
            target.log(&format!("gave up stream record {name} of {} after {} attempts", trigger.table, self.failures));
            self.succeeded(target, trigger, given_up);
            return None;
        }
        let doublings = self.failures.saturating_sub(1).min(10);
        Some((PAUSES.0 * 2_u32.pow(doublings)).min(PAUSES.1))
    }

    fn advance(&mut self, target: &Target, to: Option<String>) {
        if let Some(to) = to {
            if let Err(error) = self.file.write(&to) {
                target.log(&format!("the stream's checkpoint could not be written: {error}"));
            }
            self.checkpoint = Some(to);
        }
    }
}

async fn read(
    database: &Database,
    trigger: &StreamTrigger,
    after: Option<String>,
    limit: usize,
) -> dynoxide::Result<Batch> {
    let (database, trigger) = (database.clone(), trigger.clone());
    let reading = tokio::task::spawn_blocking(move || read_blocking(&database, &trigger, after, limit));
    reading.await.unwrap_or_else(|error| Err(dynoxide::DynoxideError::InternalServerError(error.to_string())))
}

fn read_blocking(
    database: &Database,
    trigger: &StreamTrigger,
    after: Option<String>,
    limit: usize,
) -> dynoxide::Result<Batch> {
    let table = database.describe_table(DescribeTableRequest { table_name: trigger.table.clone() })?.table;
    let Some(stream_arn) = table.latest_stream_arn else { return Ok(Batch { records: Vec::new(), last: None }) };
    let request = DescribeStreamRequest { stream_arn: stream_arn.clone(), ..DescribeStreamRequest::default() };
    let shards = database.describe_stream(request)?.stream_description.shards;
    let Some(shard) = shards.into_iter().next() else { return Ok(Batch { records: Vec::new(), last: None }) };
    let from = if after.is_some() { "AFTER_SEQUENCE_NUMBER" } else { "TRIM_HORIZON" };
    let iterator = database.get_shard_iterator(GetShardIteratorRequest {
        stream_arn: stream_arn.clone(),
        shard_id: shard.shard_id,
        shard_iterator_type: from.to_owned(),
        sequence_number: after,
    })?;
    let shard_iterator = iterator.shard_iterator.unwrap_or_default();
    let records = database.get_records(GetRecordsRequest { shard_iterator, limit: Some(limit) })?.records;
    let last = records.last().map(|record| record.dynamodb.sequence_number.clone());
    let wanted = records.iter().filter(|record| !trigger.inserts_only || record.event_name == "INSERT");
    Ok(Batch { records: wanted.filter_map(|record| to_event(record, &stream_arn)).collect(), last })
}

fn to_event(record: &Record, stream_arn: &str) -> Option<Value> {
    let mut event = serde_json::to_value(record).ok()?;
    event["eventSourceARN"] = json!(stream_arn);
    Some(event)
}

fn sequence(record: &Value) -> &str {
    record["dynamodb"]["SequenceNumber"].as_str().unwrap_or_default()
}

/// How far one function has read one stream: a file with a sequence number, or nothing in memory.
struct Checkpoint {
    path: Option<PathBuf>,
}

impl Checkpoint {
    fn of(store: &Store, function: &str, table: &str) -> Self {
        let folder = store.folder().map(|folder| folder.join("streams"));
        Self { path: folder.map(|folder| folder.join(format!("{table}.{function}"))) }
    }

    fn read(&self) -> Option<String> {
        let text = fs::read_to_string(self.path.as_ref()?).ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn write(&self, sequence: &str) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        let unfinished = path.with_extension("new");
        fs::write(&unfinished, sequence)?;
        fs::rename(&unfinished, path)
    }
}
