//! FIFO queues as plain data, with SQS's rules.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{Consumer, Timestamp};
use publish::{Message, QueueError};

use super::sealed::Fold;

/// For how long SQS knows a deduplication id: 5 minutes from the first message that carried it.
pub const DEDUPLICATION_MS: i64 = 300_000;

/// SQS takes at most so many messages in a batch.
const BATCH: usize = 10;

/// The consumers' queues. A clone is cheap and does not see what happens to the original.
#[derive(Clone, Debug, Default)]
pub struct Fifo {
    queues: BTreeMap<Consumer, Queue>,
}

#[derive(Clone, Debug, Default)]
struct Queue {
    accepted: Arc<Vec<Arc<Message>>>,
    /// Milliseconds at which each deduplication id was first seen.
    seen: Arc<BTreeMap<String, i64>>,
    down: bool,
    /// Per group, what it accepted, in order and with its times; the digest is the sum over the groups.
    groups: Arc<BTreeMap<String, u128>>,
    digest: u128,
}

impl Fifo {
    /// Empty queues of these consumers.
    pub fn new(consumers: impl IntoIterator<Item = Consumer>) -> Self {
        Self { queues: consumers.into_iter().map(|consumer| (consumer, Queue::default())).collect() }
    }

    /// Takes a queue down, or up again.
    pub fn set_down(&mut self, consumer: &str, down: bool) {
        if let Some(queue) = self.queues.get_mut(consumer) {
            queue.down = down;
        }
    }

    /// Whether any queue is down.
    #[must_use]
    pub fn any_down(&self) -> bool {
        self.queues.values().any(|queue| queue.down)
    }

    /// Sends a batch, of which the messages at `failing` are refused.
    ///
    /// # Errors
    ///
    /// [`QueueError`] where the queue is down or missing, or the batch is empty or too long.
    pub fn send(
        &mut self,
        consumer: &str,
        messages: &[Message],
        failing: &[usize],
        now: Timestamp,
    ) -> Result<Vec<Result<(), QueueError>>, QueueError> {
        let Some(queue) = self.queues.get_mut(consumer).filter(|queue| !queue.down) else {
            return Err(QueueError::Unavailable(format!("{consumer} is down")));
        };
        if messages.is_empty() || messages.len() > BATCH {
            return Err(QueueError::Unavailable(format!("a batch of {}", messages.len())));
        }
        let results = messages.iter().enumerate().map(|(index, message)| {
            if failing.contains(&index) {
                return Err(QueueError::Refused("InternalError".to_owned()));
            }
            queue.accept(message, now.as_millisecond());
            Ok(())
        });
        Ok(results.collect())
    }

    /// What a queue accepted and did not drop as a duplicate, in order; a consumer reads each group in this order.
    pub fn accepted(&self, consumer: &str) -> impl Iterator<Item = &Message> {
        self.queues.get(consumer).into_iter().flat_map(|queue| queue.accepted.iter().map(|message| &**message))
    }

    /// Takes out what a queue accepted.
    pub fn receive(&mut self, consumer: &str) -> Vec<Message> {
        let Some(queue) = self.queues.get_mut(consumer) else { return Vec::new() };
        std::mem::take(Arc::make_mut(&mut queue.accepted)).into_iter().map(|message| (*message).clone()).collect()
    }

    /// A digest of everything: the order between groups of one queue does not count, since no consumer may rely on it.
    #[must_use]
    pub fn digest(&self) -> u128 {
        let mut fold = Fold::default();
        for (consumer, queue) in &self.queues {
            fold.add(&(consumer, queue.down, queue.digest));
        }
        fold.finish()
    }
}

impl Queue {
    fn accept(&mut self, message: &Message, now: i64) {
        let known = self.seen.get(&message.deduplication_id);
        if known.is_some_and(|first| now.saturating_sub(*first) < DEDUPLICATION_MS) {
            return;
        }
        Arc::make_mut(&mut self.seen).insert(message.deduplication_id.clone(), now);
        let group = Arc::make_mut(&mut self.groups).entry(message.group.clone()).or_default();
        let mut fold = Fold::default();
        fold.add(&(*group, &message.group, &message.deduplication_id, now));
        self.digest = self.digest.wrapping_sub(*group).wrapping_add(fold.finish());
        *group = fold.finish();
        Arc::make_mut(&mut self.accepted).push(Arc::new(message.clone()));
    }
}
