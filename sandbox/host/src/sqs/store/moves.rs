//! Dead-letter redrive: a whole dead-letter queue goes back to where its messages came from.

use rusqlite::{Transaction, params};
use uuid::Uuid;

use super::queues::find;
use super::{Now, QueueStore};
use crate::sqs::error::{Kind, SqsError};
use crate::sqs::queue::Queue;

/// A finished redrive: here it is over before it is answered.
#[derive(Debug, Clone)]
pub(crate) struct Move {
    pub(crate) handle: String,
    pub(crate) source: String,
    pub(crate) destination: Option<String>,
    pub(crate) moved: i64,
    pub(crate) started_ms: i64,
}

impl QueueStore {
    /// Moves every message of a dead-letter queue that nobody holds, in order; without a destination each one goes
    /// back to its source queue. A moved message is new: it has a new id, a full retention and no receives.
    pub(crate) async fn start_move(&self, source: String, destination: Option<String>) -> Result<Move, SqsError> {
        let moved = self
            .transaction(move |tx, now| {
                let queue = find(tx, &source).map_err(|_| no_such_resource(&source))?;
                if !is_dead_letter_queue(tx, &queue)? {
                    let reason = "Source queue must be configured as a Dead Letter Queue.";
                    return Err(SqsError::invalid("SourceArn", queue.arn(), reason));
                }
                if let Some(destination) = &destination {
                    find(tx, destination).map_err(|_| no_such_resource(destination))?;
                }
                let moved = move_messages(tx, &queue, destination.as_deref(), now)?;
                record(tx, source, destination, moved, now)
            })
            .await?;
        self.changed.notify_waiters();
        Ok(moved)
    }

    /// The redrives of a queue, the latest first.
    pub(crate) async fn moves(&self, source: String, limit: i64) -> Result<Vec<Move>, SqsError> {
        self.transaction(move |tx, _| {
            find(tx, &source).map_err(|_| no_such_resource(&source))?;
            let mut select = tx.prepare_cached(
                "SELECT handle, source, destination, moved, started_ms FROM moves
                 WHERE source = ?1 ORDER BY started_ms DESC, rowid DESC LIMIT ?2",
            )?;
            let rows = select.query_map(params![source, limit], |row| {
                Ok(Move {
                    handle: row.get(0)?,
                    source: row.get(1)?,
                    destination: row.get(2)?,
                    moved: row.get(3)?,
                    started_ms: row.get(4)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

fn no_such_resource(name: &str) -> SqsError {
    Kind::ResourceNotFound.because(format!("The queue {name} doesn't exist."))
}

fn is_dead_letter_queue(tx: &Transaction<'_>, queue: &Queue) -> Result<bool, SqsError> {
    let mut select = tx.prepare_cached("SELECT name FROM queues")?;
    let names = select.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    for name in names {
        let redrive = find(tx, &name)?.redrive();
        if redrive.is_some_and(|redrive| redrive.dead_letter_queue == queue.name) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn move_messages(tx: &Transaction<'_>, queue: &Queue, destination: Option<&str>, now: Now) -> Result<i64, SqsError> {
    let mut select = tx.prepare_cached(
        "SELECT sequence, coalesce(?3, came_from) FROM messages
         WHERE queue = ?1 AND visible_ms <= ?2 AND coalesce(?3, came_from) IN (SELECT name FROM queues)
         ORDER BY sequence",
    )?;
    let rows =
        select.query_map(params![queue.name, now.clock_ms, destination], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let rows: Vec<(i64, String)> = rows.collect::<Result<_, _>>()?;
    for (sequence, to) in &rows {
        let retention_ms = find(tx, to)?.number("MessageRetentionPeriod") * 1000;
        tx.prepare_cached(
            "INSERT INTO messages (queue, id, body, attributes, trace_header, group_id, deduplication_id, sent_ms,
                                   expires_real_ms, visible_ms)
             SELECT ?2, ?3, body, attributes, trace_header, group_id, deduplication_id, ?4, ?5, ?4
             FROM messages WHERE sequence = ?1",
        )?
        .execute(params![
            sequence,
            to,
            Uuid::new_v4().to_string(),
            now.clock_ms,
            now.real_ms + retention_ms
        ])?;
        tx.execute("DELETE FROM messages WHERE sequence = ?1", [sequence])?;
    }
    Ok(i64::try_from(rows.len()).unwrap_or(i64::MAX))
}

fn record(
    tx: &Transaction<'_>,
    source: String,
    destination: Option<String>,
    moved: i64,
    now: Now,
) -> Result<Move, SqsError> {
    let done = Move { handle: Uuid::new_v4().to_string(), source, destination, moved, started_ms: now.clock_ms };
    tx.execute(
        "INSERT INTO moves (handle, source, destination, moved, started_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![done.handle, done.source, done.destination, done.moved, done.started_ms],
    )?;
    Ok(done)
}
