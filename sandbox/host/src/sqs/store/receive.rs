//! Receiving: the group lock of FIFO queues, the receive count and the way to the dead-letter queue.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::{Row, Transaction, params};
use uuid::Uuid;

use super::queues::find;
use super::{Now, QueueStore};
use crate::sqs::error::{Kind, SqsError};
use crate::sqs::message::Attributes;
use crate::sqs::queue::{Queue, Redrive};

/// A message as a consumer gets it.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) sequence: i64,
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) attributes: Attributes,
    pub(crate) trace_header: Option<String>,
    pub(crate) group_id: Option<String>,
    pub(crate) deduplication_id: Option<String>,
    pub(crate) sent_ms: i64,
    /// This receive included.
    pub(crate) receives: i64,
    pub(crate) first_received_ms: i64,
    pub(crate) receipt_handle: String,
    /// The queue it was moved here from.
    pub(crate) came_from: Option<String>,
    /// Whether it came from a FIFO queue.
    pub(crate) is_fifo: bool,
}

impl QueueStore {
    /// Takes up to `limit` receivable messages for `visibility_s` seconds (by default the queue's own).
    pub(crate) async fn receive(
        &self,
        queue: String,
        limit: usize,
        visibility_s: Option<i64>,
    ) -> Result<Vec<Received>, SqsError> {
        let (received, moved) = self
            .transaction(move |tx, now| {
                let queue = find(tx, &queue)?;
                let visibility_s = visibility_s.unwrap_or_else(|| queue.number("VisibilityTimeout"));
                receive(tx, &queue, limit, now.clock_ms + visibility_s * 1000, now)
            })
            .await?;
        if moved {
            self.changed.notify_waiters();
        }
        Ok(received)
    }
}

/// The messages, and whether any went to the dead-letter queue instead.
fn receive(
    tx: &Transaction<'_>,
    queue: &Queue,
    limit: usize,
    visible_ms: i64,
    now: Now,
) -> Result<(Vec<Received>, bool), SqsError> {
    let redrive = queue.redrive();
    let mut received = Vec::new();
    let mut any_moved = false;
    loop {
        let mut moved = false;
        for candidate in candidates(tx, queue, limit - received.len(), now)? {
            match &redrive {
                Some(redrive) if candidate.receives >= redrive.max_receives => {
                    move_to_dead_letters(tx, queue, redrive, &candidate, now)?;
                    moved = true;
                }
                _ => received.push(take(tx, queue, candidate, visible_ms, now)?),
            }
        }
        any_moved |= moved;
        // Messages that went away may have hidden others.
        if !moved || received.len() >= limit {
            return Ok((received, any_moved));
        }
    }
}

fn candidates(tx: &Transaction<'_>, queue: &Queue, limit: usize, now: Now) -> Result<Vec<Received>, SqsError> {
    // A FIFO group waits while one of its messages is in flight, and behind one that is still delayed.
    let mut select = tx.prepare_cached(
        "SELECT sequence, id, body, attributes, trace_header, group_id, deduplication_id, sent_ms, receives,
                first_received_ms, came_from
         FROM messages m
         WHERE queue = ?1 AND visible_ms <= ?2 AND expires_real_ms > ?3
           AND (NOT ?4 OR NOT EXISTS (
                SELECT 1 FROM messages other
                WHERE other.queue = ?1 AND other.group_id = m.group_id AND other.visible_ms > ?2
                  AND (other.receives > 0 OR other.sequence < m.sequence)))
         ORDER BY sequence LIMIT ?5",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = select.query_map(params![queue.name, now.clock_ms, now.real_ms, queue.is_fifo(), limit], |row| {
        from_row(row, queue)
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn from_row(row: &Row<'_>, queue: &Queue) -> rusqlite::Result<Received> {
    let attributes: String = row.get(3)?;
    Ok(Received {
        sequence: row.get(0)?,
        id: row.get(1)?,
        body: row.get(2)?,
        attributes: serde_json::from_str(&attributes).unwrap_or_default(),
        trace_header: row.get(4)?,
        group_id: row.get(5)?,
        deduplication_id: row.get(6)?,
        sent_ms: row.get(7)?,
        receives: row.get(8)?,
        first_received_ms: row.get::<_, Option<i64>>(9)?.unwrap_or_default(),
        receipt_handle: String::new(),
        came_from: row.get(10)?,
        is_fifo: queue.is_fifo(),
    })
}

fn take(
    tx: &Transaction<'_>,
    queue: &Queue,
    candidate: Received,
    visible_ms: i64,
    now: Now,
) -> Result<Received, SqsError> {
    let receipt = Uuid::new_v4().simple().to_string();
    let first_received_ms = if candidate.receives == 0 { now.clock_ms } else { candidate.first_received_ms };
    let receives = candidate.receives + 1;
    tx.prepare_cached(
        "UPDATE messages SET visible_ms = ?2, receives = ?3, first_received_ms = ?4, receipt = ?5 WHERE sequence = ?1",
    )?
    .execute(params![candidate.sequence, visible_ms, receives, first_received_ms, receipt])?;
    let receipt_handle = ReceiptHandle::write(&queue.name, candidate.sequence, &receipt);
    Ok(Received { receives, first_received_ms, receipt_handle, ..candidate })
}

/// Id, body, attributes, group, time of sending and receive count stay; the sequence number is the new queue's.
fn move_to_dead_letters(
    tx: &Transaction<'_>,
    queue: &Queue,
    redrive: &Redrive,
    message: &Received,
    now: Now,
) -> Result<(), SqsError> {
    tx.prepare_cached(
        "INSERT INTO messages (queue, id, body, attributes, trace_header, group_id, deduplication_id, sent_ms,
                               expires_real_ms, visible_ms, receives, first_received_ms, came_from)
         SELECT ?2, id, body, attributes, trace_header, group_id, deduplication_id, sent_ms,
                expires_real_ms, ?3, receives, first_received_ms, ?4
         FROM messages WHERE sequence = ?1",
    )?
    .execute(params![message.sequence, redrive.dead_letter_queue, now.clock_ms, queue.name])?;
    tx.execute("DELETE FROM messages WHERE sequence = ?1", [message.sequence])?;
    Ok(())
}

/// Names one receive of one message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ReceiptHandle {
    pub(super) sequence: i64,
    pub(super) receipt: String,
}

impl ReceiptHandle {
    fn write(queue: &str, sequence: i64, receipt: &str) -> String {
        URL_SAFE_NO_PAD.encode(format!("{queue} {sequence} {receipt}"))
    }

    /// Reads a handle that this queue gave out.
    pub(super) fn read(handle: &str, queue: &str) -> Result<Self, SqsError> {
        let invalid = || {
            Kind::ReceiptHandleIsInvalid
                .because(format!("The input receipt handle \"{handle}\" is not a valid receipt handle."))
        };
        let decoded = URL_SAFE_NO_PAD.decode(handle).map_err(|_| invalid())?;
        let text = String::from_utf8(decoded).map_err(|_| invalid())?;
        let mut parts = text.split(' ');
        match (parts.next(), parts.next().map(str::parse), parts.next(), parts.next()) {
            (Some(of), Some(Ok(sequence)), Some(receipt), None) if of == queue => {
                Ok(Self { sequence, receipt: receipt.to_owned() })
            }
            _ => Err(invalid()),
        }
    }
}
