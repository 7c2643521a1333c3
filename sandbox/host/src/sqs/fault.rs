//! Faults for tests: what a queue can do to whoever sends to it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What happens to `SendMessage` and `SendMessageBatch` on a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is stored; HTTP 503.
    RefuseSends,
    /// Of a batch, the entries at these positions (from 0) fail with `InternalError`, not by the sender's fault; the
    /// others are stored, and the answer is HTTP 200. A single message counts as position 0 of a batch that fails.
    FailPositions(Vec<usize>),
    /// The same for every entry of these message groups.
    FailGroups(Vec<String>),
    /// Nothing is stored, and the connection closes without an answer.
    CloseBeforeCommit,
    /// Everything is stored, and the connection closes without an answer.
    CloseAfterCommit,
    /// Everything is stored and answered, this much later.
    Delay(Duration),
}

#[derive(Debug, Default)]
pub(super) struct Faults {
    by_queue: Mutex<HashMap<String, Active>>,
}

#[derive(Debug)]
struct Active {
    fault: Fault,
    /// How many more requests it meets; none: all.
    left: Option<u32>,
}

impl Faults {
    pub(super) fn set(&self, queue: &str, fault: Fault, times: Option<u32>) {
        self.lock().insert(queue.to_owned(), Active { fault, left: times });
    }

    pub(super) fn clear(&self, queue: &str) {
        self.lock().remove(queue);
    }

    /// The fault that the next request to send meets.
    pub(super) fn meet(&self, queue: &str) -> Option<Fault> {
        let mut by_queue = self.lock();
        let active = by_queue.get_mut(queue)?;
        match &mut active.left {
            None => {}
            Some(0) => return None,
            Some(left) => *left -= 1,
        }
        Some(active.fault.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Active>> {
        self.by_queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fault {
    /// Whether this entry of a batch fails alone.
    pub(super) fn fails_entry(&self, position: usize, group: Option<&str>) -> bool {
        match self {
            Self::FailPositions(positions) => positions.contains(&position),
            Self::FailGroups(groups) => group.is_some_and(|group| groups.iter().any(|failing| failing == group)),
            Self::RefuseSends | Self::CloseBeforeCommit | Self::CloseAfterCommit | Self::Delay(_) => false,
        }
    }
}
