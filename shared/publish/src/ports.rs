//! The ports: what publishing needs of an outbox and of queues.

use std::future::Future;

use domain::{Consumer, OutboxEntry, Stream, Timestamp};

/// The outbox could not be read or marked; what is pending stays pending.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboxError {
    /// Throttled, timed out, or the table is gone.
    #[error("the outbox is not available: {0}")]
    Unavailable(String),
    /// An entry that we cannot read.
    #[error("outbox entry {key} cannot be read: {reason}")]
    Unreadable {
        /// Its key.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// A queue did not accept a message, or nobody knows whether it did: it is sent again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// Throttled, timed out, or down.
    #[error("the queue is not available: {0}")]
    Unavailable(String),
    /// The queue refused this one message.
    #[error("the queue refused the message: {0}")]
    Refused(String),
}

/// A message for one consumer's FIFO queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The message group: the stream.
    pub group: String,
    /// The deduplication id: the event's id, and for a replay the replay's id beside it.
    pub deduplication_id: String,
    /// A CloudEvent, structured JSON.
    pub body: String,
}

/// A stream that has waited, as the index of pending entries tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The stream.
    pub stream: Stream,
    /// When its oldest pending entry was recorded: the sweeper tries what has failed for long less often.
    pub since: Timestamp,
    /// How many of its entries are pending.
    pub entries: u64,
}

/// An outbox: DynamoDB, or a memory with the same rules.
pub trait Outbox: Send + Sync {
    /// The entries of a stream that a queue has not accepted yet, by rising sequence, read strongly: the index may lag.
    fn pending(&self, stream: &Stream) -> impl Future<Output = Result<Vec<OutboxEntry>, OutboxError>> + Send;

    /// Notes that these consumers' queues accepted an entry. Marking twice is harmless.
    fn mark(
        &self,
        entry: &OutboxEntry,
        accepted: &[Consumer],
        now: Timestamp,
    ) -> impl Future<Output = Result<(), OutboxError>> + Send;

    /// Streams with something pending since `before` or longer, each once, oldest first, at most `limit`; from the
    /// index, which lags behind.
    fn pending_streams(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Waiting>, OutboxError>> + Send;
}

/// The consumers' queues: SQS, or a memory with the same rules.
pub trait Queues: Send + Sync {
    /// Sends up to ten messages to one consumer's queue; one result for each message, in order.
    ///
    /// # Errors
    ///
    /// [`QueueError`] where the whole batch failed.
    fn send(
        &self,
        consumer: &Consumer,
        messages: &[Message],
    ) -> impl Future<Output = Result<Vec<Result<(), QueueError>>, QueueError>> + Send;
}
