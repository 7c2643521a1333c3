//! What one consumer is still to be sent: a queue of streams, each of which offers its next event only.

use std::collections::VecDeque;

use domain::{Consumer, OutboxEntry, Stream};

use crate::{Message, OutboxError, QueueError, Queues, envelope};

/// The most messages in one `SendMessageBatch`.
const BATCH_MESSAGES: usize = 10;

/// The most bytes in one `SendMessageBatch`, all bodies together: 1 MiB.
const BATCH_BYTES: usize = 1024 * 1024;

/// The events of one stream that a consumer waits for, in order.
pub(crate) type Events = VecDeque<Event>;

/// One event for one consumer.
#[derive(Debug)]
pub(crate) struct Event {
    /// Whatever its owner finds the entry by.
    pub(crate) entry: usize,
    pub(crate) message: Message,
}

/// The streams that a consumer waits for, those longest in the queue first.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) consumer: Consumer,
    streams: VecDeque<Events>,
}

/// Events of as many streams, to be sent in one request.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) messages: Vec<Message>,
    /// For each message its entry, and the events of its stream that come after it.
    pub(crate) sent: Vec<(usize, Events)>,
}

impl Lane {
    pub(crate) fn new(consumer: Consumer) -> Self {
        Self { consumer, streams: VecDeque::new() }
    }

    /// Lines a stream up, or lines it up again once its last event was accepted.
    pub(crate) fn push(&mut self, events: Events) {
        if !events.is_empty() {
            self.streams.push_back(events);
        }
    }

    /// The next event of each of the first streams, as many as fit: never two of one stream, since a queue may accept
    /// the second alone.
    pub(crate) fn batch(&mut self) -> Batch {
        let mut batch = Batch::default();
        let mut bytes = 0;
        while batch.messages.len() < BATCH_MESSAGES {
            let Some(next) = self.streams.front().and_then(VecDeque::front) else { break };
            bytes += next.message.body.len();
            if bytes > BATCH_BYTES && !batch.messages.is_empty() {
                break;
            }
            let Some(mut events) = self.streams.pop_front() else { break };
            if let Some(Event { entry, message }) = events.pop_front() {
                batch.messages.push(message);
                batch.sent.push((entry, events));
            }
        }
        batch
    }

    /// Drops the streams for which this is not so.
    pub(crate) fn keep(&mut self, wanted: impl Fn(&Event) -> bool) {
        self.streams.retain(|events| events.front().is_some_and(&wanted));
    }
}

/// The message for one consumer of an entry.
pub(crate) fn message(entry: &OutboxEntry, consumer: &Consumer) -> Result<Message, OutboxError> {
    let unreadable = |reason: String| OutboxError::Unreadable { key: entry.id(), reason };
    let previous = entry.destinations.get(consumer);
    let previous = previous.ok_or_else(|| unreadable(format!("{consumer} is not among its destinations")))?;
    // The parser's own words may quote the data.
    let body = envelope::body(entry, *previous).map_err(|_| unreadable("its data is not JSON".to_owned()))?;
    Ok(Message { group: group(&entry.stream), deduplication_id: entry.id(), body })
}

fn group(stream: &Stream) -> String {
    stream.as_str().to_owned()
}

/// Sends a batch; one result for each message.
///
/// A batch that is refused as a whole is sent message by message, so that one which no queue will ever accept holds up
/// its own stream only.
///
/// # Errors
///
/// The queue is not available: there is no sense in sending more now.
pub(crate) async fn send<Q: Queues>(
    queues: &Q,
    consumer: &Consumer,
    messages: &[Message],
) -> Result<Vec<Result<(), QueueError>>, QueueError> {
    match queues.send(consumer, messages).await {
        Err(QueueError::Refused(reason)) if messages.len() < 2 => Ok(vec![Err(QueueError::Refused(reason))]),
        Err(QueueError::Refused(_)) => one_by_one(queues, consumer, messages).await,
        answer => answer,
    }
}

async fn one_by_one<Q: Queues>(
    queues: &Q,
    consumer: &Consumer,
    messages: &[Message],
) -> Result<Vec<Result<(), QueueError>>, QueueError> {
    let mut results = Vec::with_capacity(messages.len());
    for message in messages {
        match queues.send(consumer, std::slice::from_ref(message)).await {
            Ok(answer) => results.extend(answer.into_iter().take(1)),
            Err(QueueError::Refused(reason)) => results.push(Err(QueueError::Refused(reason))),
            // What was accepted so far must be told; the rest counts as not sent.
            Err(QueueError::Unavailable(reason)) => {
                results.resize(messages.len(), Err(QueueError::Unavailable(reason)));
                break;
            }
        }
    }
    Ok(results)
}
