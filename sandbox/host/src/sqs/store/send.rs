//! Sending: deduplication, then a row.

use rusqlite::{OptionalExtension, Transaction, params};
use uuid::Uuid;

use super::queues::find;
use super::{Now, QueueStore};
use crate::sqs::error::{Kind, SqsError};
use crate::sqs::message::NewMessage;
use crate::sqs::queue::Queue;

/// How long a FIFO queue remembers a deduplication id: five minutes, in milliseconds.
const DEDUPLICATION_MS: i64 = 5 * 60 * 1000;

/// What became of a message: itself, or the earlier one that it duplicates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) message_id: String,
    /// Of a FIFO queue's message.
    pub(crate) sequence: Option<i64>,
}

impl QueueStore {
    /// Sends messages in order; each one succeeds or fails alone.
    pub(crate) async fn send(
        &self,
        queue: String,
        messages: Vec<NewMessage>,
    ) -> Result<Vec<Result<Sent, SqsError>>, SqsError> {
        let sent = self
            .transaction(move |tx, now| {
                let queue = find(tx, &queue)?;
                messages.into_iter().map(|message| send_one(tx, &queue, message, now)).collect()
            })
            .await?;
        self.changed.notify_waiters();
        Ok(sent)
    }
}

/// The outer error is the database's and undoes the whole request.
fn send_one(
    tx: &Transaction<'_>,
    queue: &Queue,
    message: NewMessage,
    now: Now,
) -> Result<Result<Sent, SqsError>, SqsError> {
    if let Err(refused) = message.check(queue) {
        return Ok(Err(refused));
    }
    if !queue.is_fifo() {
        let sent = insert(tx, queue, message, None, now)?;
        return Ok(Ok(Sent { sequence: None, ..sent }));
    }
    let id = message.deduplication_id();
    let scope = match &message.message_group_id {
        Some(group) if queue.deduplicates_per_group() => group.clone(),
        _ => String::new(),
    };
    if let Some(earlier) = earlier(tx, queue, &scope, &id, now)? {
        return Ok(Ok(earlier));
    }
    let sent = insert(tx, queue, message, Some(id.clone()), now)?;
    remember(tx, queue, &scope, &id, &sent, now)?;
    Ok(Ok(sent))
}

fn earlier(tx: &Transaction<'_>, queue: &Queue, scope: &str, id: &str, now: Now) -> Result<Option<Sent>, SqsError> {
    let mut select = tx.prepare_cached(
        "SELECT message_id, sequence FROM deduplication
         WHERE queue = ?1 AND scope = ?2 AND id = ?3 AND expires_ms > ?4",
    )?;
    let found = select.query_row(params![queue.name, scope, id, now.clock_ms], |row| {
        Ok(Sent { message_id: row.get(0)?, sequence: row.get(1)? })
    });
    Ok(found.optional()?)
}

fn remember(tx: &Transaction<'_>, queue: &Queue, scope: &str, id: &str, sent: &Sent, now: Now) -> Result<(), SqsError> {
    tx.execute("DELETE FROM deduplication WHERE queue = ?1 AND expires_ms <= ?2", params![queue.name, now.clock_ms])?;
    tx.prepare_cached(
        "INSERT OR REPLACE INTO deduplication (queue, scope, id, expires_ms, message_id, sequence)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![queue.name, scope, id, now.clock_ms + DEDUPLICATION_MS, sent.message_id, sent.sequence])?;
    Ok(())
}

fn insert(
    tx: &Transaction<'_>,
    queue: &Queue,
    message: NewMessage,
    deduplication_id: Option<String>,
    now: Now,
) -> Result<Sent, SqsError> {
    let delay_s = message.delay_seconds.unwrap_or_else(|| queue.number("DelaySeconds"));
    let trace_header = message.message_system_attributes.unwrap_or_default().remove("AWSTraceHeader");
    let attributes = serde_json::to_string(&message.message_attributes.unwrap_or_default())
        .map_err(|error| Kind::InternalError.because(error.to_string()))?;
    let message_id = Uuid::new_v4().to_string();
    tx.prepare_cached(
        "INSERT INTO messages (queue, id, body, attributes, trace_header, group_id, deduplication_id, sent_ms,
                               expires_real_ms, visible_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        queue.name,
        message_id,
        message.message_body,
        attributes,
        trace_header.and_then(|header| header.string_value),
        message.message_group_id,
        deduplication_id,
        now.clock_ms,
        now.real_ms + queue.number("MessageRetentionPeriod") * 1000,
        now.clock_ms + delay_s * 1000,
    ])?;
    Ok(Sent { message_id, sequence: Some(tx.last_insert_rowid()) })
}
