//! Queues: made, described, changed, emptied, deleted.

use rusqlite::{OptionalExtension, Transaction, params};

use super::{Now, QueueStore};
use crate::sqs::error::{Kind, SqsError};
use crate::sqs::queue::{self, Queue, QueueAttributes, is_fifo_name};

/// How many messages a queue holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) visible: i64,
    pub(crate) in_flight: i64,
    pub(crate) delayed: i64,
}

impl QueueStore {
    /// Makes a queue; one with the same attributes may exist already.
    pub(crate) async fn create_queue(&self, name: String, attributes: QueueAttributes) -> Result<(), SqsError> {
        queue::check_name(&name, &attributes)?;
        queue::check_attributes(&name, &attributes)?;
        self.transaction(move |tx, now| match find(tx, &name) {
            Ok(existing) => check_same(&existing, &attributes),
            Err(_) => insert(tx, &name, attributes, now),
        })
        .await
    }

    pub(crate) async fn queue(&self, name: String) -> Result<Queue, SqsError> {
        self.transaction(move |tx, _| find(tx, &name)).await
    }

    pub(crate) async fn queue_names(&self, prefix: String) -> Result<Vec<String>, SqsError> {
        self.transaction(move |tx, _| {
            let mut names = tx.prepare_cached("SELECT name FROM queues ORDER BY name")?;
            let names = names.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
            Ok(names.into_iter().filter(|name| name.starts_with(&prefix)).collect())
        })
        .await
    }

    pub(crate) async fn queue_with_counts(&self, name: String) -> Result<(Queue, Counts), SqsError> {
        self.transaction(move |tx, now| Ok((find(tx, &name)?, count(tx, &name, now)?))).await
    }

    pub(crate) async fn set_attributes(&self, name: String, changes: QueueAttributes) -> Result<(), SqsError> {
        self.transaction(move |tx, now| {
            let mut queue = find(tx, &name)?;
            queue::check_attributes(&name, &changes)?;
            queue.attributes.extend(changes);
            queue.attributes.retain(|name, value| name != "RedrivePolicy" || !value.is_empty());
            check_whole(tx, &name, &queue.attributes)?;
            tx.execute(
                "UPDATE queues SET attributes = ?2, modified_ms = ?3 WHERE name = ?1",
                params![name, to_json(&queue.attributes)?, now.clock_ms],
            )?;
            Ok(())
        })
        .await
    }

    pub(crate) async fn purge(&self, name: String) -> Result<(), SqsError> {
        self.transaction(move |tx, _| {
            find(tx, &name)?;
            tx.execute("DELETE FROM messages WHERE queue = ?1", [&name])?;
            Ok(())
        })
        .await
    }

    pub(crate) async fn delete_queue(&self, name: String) -> Result<(), SqsError> {
        self.transaction(move |tx, _| {
            find(tx, &name)?;
            tx.execute("DELETE FROM messages WHERE queue = ?1", [&name])?;
            tx.execute("DELETE FROM deduplication WHERE queue = ?1", [&name])?;
            tx.execute("DELETE FROM queues WHERE name = ?1", [&name])?;
            Ok(())
        })
        .await
    }
}

pub(super) fn find(tx: &Transaction<'_>, name: &str) -> Result<Queue, SqsError> {
    let mut select = tx.prepare_cached("SELECT created_ms, modified_ms, attributes FROM queues WHERE name = ?1")?;
    let row = select.query_row([name], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?))).optional()?;
    let (created_ms, modified_ms, attributes) = row.ok_or_else(SqsError::no_such_queue)?;
    let attributes =
        serde_json::from_str(&attributes).map_err(|error| Kind::InternalError.because(error.to_string()))?;
    Ok(Queue { name: name.to_owned(), created_ms, modified_ms, attributes })
}

fn insert(tx: &Transaction<'_>, name: &str, attributes: QueueAttributes, now: Now) -> Result<(), SqsError> {
    let mut whole = queue::defaults(is_fifo_name(name));
    whole.extend(attributes);
    whole.retain(|name, value| name != "RedrivePolicy" || !value.is_empty());
    check_whole(tx, name, &whole)?;
    tx.execute(
        "INSERT INTO queues (name, created_ms, modified_ms, attributes) VALUES (?1, ?2, ?2, ?3)",
        params![name, now.clock_ms, to_json(&whole)?],
    )?;
    Ok(())
}

fn check_same(existing: &Queue, attributes: &QueueAttributes) -> Result<(), SqsError> {
    match attributes.iter().find(|(name, value)| existing.attributes.get(*name) != Some(value)) {
        None => Ok(()),
        Some((name, _)) => Err(Kind::QueueNameExists
            .because(format!("A queue already exists with the same name and a different value for attribute {name}"))),
    }
}

/// What can only be checked with all attributes, and other queues, in sight.
fn check_whole(tx: &Transaction<'_>, name: &str, attributes: &QueueAttributes) -> Result<(), SqsError> {
    queue::check_throughput(attributes)?;
    let queue = Queue { name: name.to_owned(), created_ms: 0, modified_ms: 0, attributes: attributes.clone() };
    let Some(redrive) = queue.redrive() else { return Ok(()) };
    let refused = |reason| SqsError::invalid("RedrivePolicy", &redrive.dead_letter_queue, reason);
    find(tx, &redrive.dead_letter_queue).map_err(|_| refused("Dead letter target does not exist."))?;
    if is_fifo_name(&redrive.dead_letter_queue) != queue.is_fifo() {
        return Err(refused("Dead-letter queue must be same type of queue as the source."));
    }
    Ok(())
}

fn count(tx: &Transaction<'_>, name: &str, now: Now) -> Result<Counts, SqsError> {
    let mut select = tx.prepare_cached(
        "SELECT count(*) FILTER (WHERE visible_ms <= ?2),
                count(*) FILTER (WHERE visible_ms > ?2 AND receives > 0),
                count(*) FILTER (WHERE visible_ms > ?2 AND receives = 0)
         FROM messages WHERE queue = ?1 AND expires_real_ms > ?3",
    )?;
    let counts = select.query_row(params![name, now.clock_ms, now.real_ms], |row| {
        Ok(Counts { visible: row.get(0)?, in_flight: row.get(1)?, delayed: row.get(2)? })
    })?;
    Ok(counts)
}

fn to_json(attributes: &QueueAttributes) -> Result<String, SqsError> {
    serde_json::to_string(attributes).map_err(|error| Kind::InternalError.because(error.to_string()))
}
