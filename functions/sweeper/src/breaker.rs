//! Queues of which one that was down a moment ago is not asked again in the same sweep.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::Consumer;
use publish::{Message, QueueError, Queues};

/// Queues, and those of them that are down.
pub(crate) struct Breaker<'a, Q> {
    queues: &'a Q,
    down: Mutex<BTreeSet<Consumer>>,
}

impl<'a, Q> Breaker<'a, Q> {
    pub(crate) fn new(queues: &'a Q) -> Self {
        Self { queues, down: Mutex::default() }
    }

    /// Whether any queue was down.
    pub(crate) fn any_down(&self) -> bool {
        !self.down().is_empty()
    }

    fn down(&self) -> MutexGuard<'_, BTreeSet<Consumer>> {
        self.down.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Q: Queues> Queues for Breaker<'_, Q> {
    async fn send(&self, consumer: &Consumer, messages: &[Message]) -> Result<Vec<Result<(), QueueError>>, QueueError> {
        if self.down().contains(consumer) {
            return Err(QueueError::Unavailable("it was down a moment ago".to_owned()));
        }
        let answer = self.queues.send(consumer, messages).await;
        if matches!(answer, Err(QueueError::Unavailable(_))) {
            self.down().insert(consumer.clone());
        }
        answer
    }
}
