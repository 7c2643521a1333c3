//! What a consumer does with a received message: delete it, or change how long it stays invisible.

use rusqlite::{OptionalExtension, Transaction, params};

use super::queues::find;
use super::receive::ReceiptHandle;
use super::{Now, QueueStore};
use crate::sqs::error::{Kind, SqsError};
use crate::sqs::queue::Queue;

type Each = Vec<Result<(), SqsError>>;

/// A message as its receipt handle finds it.
struct Held {
    is_latest_receipt: bool,
    is_in_flight: bool,
}

impl QueueStore {
    /// Deletes messages by receipt handle; each one succeeds or fails alone.
    pub(crate) async fn delete(&self, queue: String, handles: Vec<String>) -> Result<Each, SqsError> {
        let deleted = self
            .transaction(move |tx, now| {
                let queue = find(tx, &queue)?;
                handles.iter().map(|handle| flatten(delete_one(tx, &queue, handle, now))).collect()
            })
            .await?;
        // A group may have waited for it.
        self.changed.notify_waiters();
        Ok(deleted)
    }

    /// Makes messages visible again in so many seconds; each one succeeds or fails alone.
    pub(crate) async fn change_visibility(&self, queue: String, changes: Vec<(String, i64)>) -> Result<Each, SqsError> {
        let changed = self
            .transaction(move |tx, now| {
                let queue = find(tx, &queue)?;
                changes.iter().map(|(handle, s)| flatten(change_one(tx, &queue, handle, *s, now))).collect()
            })
            .await?;
        self.changed.notify_waiters();
        Ok(changed)
    }
}

/// A database error undoes the whole request; any other is the entry's own.
fn flatten(outcome: Result<(), SqsError>) -> Result<Result<(), SqsError>, SqsError> {
    match outcome {
        Err(error) if error.kind == Kind::InternalError => Err(error),
        other => Ok(other),
    }
}

fn delete_one(tx: &Transaction<'_>, queue: &Queue, handle: &str, now: Now) -> Result<(), SqsError> {
    let handle_text = handle;
    let handle = ReceiptHandle::read(handle, &queue.name)?;
    let Some(held) = find_held(tx, queue, &handle, now)? else { return Ok(()) };
    if queue.is_fifo() && !(held.is_latest_receipt && held.is_in_flight) {
        return Err(SqsError::invalid("ReceiptHandle", handle_text, "The receipt handle has expired."));
    }
    // A standard queue takes an outdated handle without deleting what somebody else holds by now.
    if held.is_latest_receipt {
        tx.prepare_cached("DELETE FROM messages WHERE sequence = ?1")?.execute([handle.sequence])?;
    }
    Ok(())
}

fn change_one(tx: &Transaction<'_>, queue: &Queue, handle: &str, seconds: i64, now: Now) -> Result<(), SqsError> {
    if !(0..=43_200).contains(&seconds) {
        return Err(SqsError::invalid("VisibilityTimeout", seconds, "Must be between 0 and 43200, if provided."));
    }
    let handle_text = handle;
    let handle = ReceiptHandle::read(handle, &queue.name)?;
    match find_held(tx, queue, &handle, now)? {
        Some(Held { is_latest_receipt: true, is_in_flight: true }) => {
            tx.prepare_cached("UPDATE messages SET visible_ms = ?2 WHERE sequence = ?1")?
                .execute(params![handle.sequence, now.clock_ms + seconds * 1000])?;
            Ok(())
        }
        Some(_) => {
            let message = format!(
                "Value {handle_text} for parameter ReceiptHandle is invalid. Reason: Message is not available for visibility timeout change."
            );
            Err(Kind::MessageNotInflight.because(message))
        }
        None => Err(SqsError::invalid(
            "ReceiptHandle",
            handle_text,
            "Message does not exist or is not available for visibility timeout change.",
        )),
    }
}

fn find_held(tx: &Transaction<'_>, queue: &Queue, handle: &ReceiptHandle, now: Now) -> Result<Option<Held>, SqsError> {
    let mut select =
        tx.prepare_cached("SELECT receipt = ?3, visible_ms > ?4 FROM messages WHERE sequence = ?1 AND queue = ?2")?;
    let held = select.query_row(params![handle.sequence, queue.name, handle.receipt, now.clock_ms], |row| {
        Ok(Held { is_latest_receipt: row.get::<_, Option<bool>>(0)?.unwrap_or_default(), is_in_flight: row.get(1)? })
    });
    Ok(held.optional()?)
}
