//! The queues and their messages in SQLite: one transaction per request.

mod moves;
mod queues;
mod receive;
mod send;
mod settle;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, Transaction, TransactionBehavior};

pub(crate) use receive::Received;
pub(crate) use send::Sent;

use super::error::{Kind, SqsError};
use crate::clock::{Clock, real_now_ms};

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS queues (
        name TEXT PRIMARY KEY,
        created_ms INTEGER NOT NULL,
        modified_ms INTEGER NOT NULL,
        attributes TEXT NOT NULL
    );
    -- AUTOINCREMENT: a sequence number is never given twice, not even after its message is gone.
    CREATE TABLE IF NOT EXISTS messages (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        queue TEXT NOT NULL,
        id TEXT NOT NULL,
        body TEXT NOT NULL,
        attributes TEXT NOT NULL,
        trace_header TEXT,
        group_id TEXT,
        deduplication_id TEXT,
        sent_ms INTEGER NOT NULL,
        expires_real_ms INTEGER NOT NULL,
        visible_ms INTEGER NOT NULL,
        receives INTEGER NOT NULL DEFAULT 0,
        first_received_ms INTEGER,
        receipt TEXT,
        came_from TEXT
    );
    CREATE INDEX IF NOT EXISTS messages_in_order ON messages (queue, sequence);
    CREATE INDEX IF NOT EXISTS messages_of_group ON messages (queue, group_id, visible_ms);
    CREATE TABLE IF NOT EXISTS deduplication (
        queue TEXT NOT NULL,
        scope TEXT NOT NULL,
        id TEXT NOT NULL,
        expires_ms INTEGER NOT NULL,
        message_id TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        PRIMARY KEY (queue, scope, id)
    );
    CREATE TABLE IF NOT EXISTS moves (
        handle TEXT PRIMARY KEY,
        source TEXT NOT NULL,
        destination TEXT,
        moved INTEGER NOT NULL,
        started_ms INTEGER NOT NULL
    );
";

/// The queues; clones share them.
#[derive(Clone)]
pub(crate) struct QueueStore {
    connection: Arc<Mutex<Connection>>,
    clock: Clock,
    /// Told whenever a message may have become receivable.
    changed: Arc<tokio::sync::Notify>,
}

/// Delays, visibility and deduplication go by the movable clock. Retention goes by real time: a clock that is moved by
/// a month gave no consumer a month to receive.
#[derive(Debug, Clone, Copy)]
struct Now {
    clock_ms: i64,
    real_ms: i64,
}

impl QueueStore {
    pub(crate) fn open(file: Option<&Path>, clock: Clock) -> rusqlite::Result<Self> {
        let connection = match file {
            None => Connection::open_in_memory()?,
            Some(path) => Connection::open(path)?,
        };
        connection.execute_batch(SCHEMA)?;
        // While it runs, what has expired is only passed over.
        connection.execute("DELETE FROM messages WHERE expires_real_ms <= ?1", [real_now_ms()])?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)), clock, changed: Arc::default() })
    }

    pub(crate) fn changed(&self) -> &tokio::sync::Notify {
        &self.changed
    }

    /// Runs `work` in one transaction on a blocking thread; an error rolls it back.
    async fn transaction<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>, Now) -> Result<T, SqsError> + Send + 'static,
    ) -> Result<T, SqsError> {
        let connection = self.connection.clone();
        let now = Now { clock_ms: self.clock.now_ms(), real_ms: real_now_ms() };
        let done = tokio::task::spawn_blocking(move || {
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let outcome = work(&transaction, now)?;
            transaction.commit()?;
            Ok(outcome)
        });
        done.await.unwrap_or_else(|error| Err(Kind::InternalError.because(error.to_string())))
    }
}
