//! The store's outbox, and the index of what is pending in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{Consumer, OutboxEntry, Stream, Timestamp};
use publish::Waiting;

use super::Store;

impl Store {
    /// The entries of a stream that a queue has not accepted, by rising sequence.
    #[must_use]
    pub fn pending(&self, stream: &Stream) -> Vec<OutboxEntry> {
        self.of_stream(stream).filter(|entry| !entry.pending.is_empty()).cloned().collect()
    }

    /// The same, but only as far as the index shows them: what a drain must not trust.
    #[must_use]
    pub fn pending_by_index(&self, stream: &Stream) -> Vec<OutboxEntry> {
        let mut entries = self.pending(stream);
        entries.retain(|entry| self.index.contains(&(entry.stream.clone(), entry.sequence)));
        entries
    }

    /// Notes that these consumers' queues accepted an entry.
    pub fn mark(&mut self, entry: &OutboxEntry, accepted: &[Consumer], now: Timestamp) {
        let key = (entry.stream.clone(), entry.sequence);
        let Some(item) = self.outbox.get(&key) else { return };
        let mut outboxed = item.value().clone();
        outboxed.entry.pending.retain(|consumer| !accepted.contains(consumer));
        if outboxed.entry.pending.is_empty() && outboxed.published_at.is_none() {
            outboxed.published_at = Some(now);
        }
        self.outbox.insert(key.clone(), outboxed);
        self.follow(&key);
    }

    /// Streams with something pending since a time or longer, oldest first, as far as the index shows.
    #[must_use]
    pub fn pending_streams(&self, before: Timestamp, limit: usize) -> Vec<Waiting> {
        let mut streams: BTreeMap<&Stream, Waiting> = BTreeMap::new();
        for (stream, sequence) in self.index.iter() {
            let Some(item) = self.outbox.get(&(stream.clone(), *sequence)) else { continue };
            // The index key is in milliseconds.
            let time = item.value().entry.time.as_millisecond();
            let since = Timestamp::from_millisecond(time).unwrap_or_default();
            if time > before.as_millisecond() {
                continue;
            }
            let waiting =
                streams.entry(stream).or_insert_with(|| Waiting { stream: stream.clone(), since, entries: 0 });
            waiting.since = waiting.since.min(since);
            waiting.entries += 1;
        }
        let mut streams: Vec<_> = streams.into_values().collect();
        streams.sort_by(|a, b| (a.since, &a.stream).cmp(&(b.since, &b.stream)));
        streams.truncate(limit);
        streams
    }

    /// What the index does not show as it is.
    pub fn behind(&self) -> impl Iterator<Item = (Stream, u64)> + '_ {
        self.outbox
            .iter()
            .filter(|(key, item)| self.index.contains(key) == item.value().entry.pending.is_empty())
            .map(|(key, _)| key.clone())
    }

    /// The index shows one entry as it is.
    pub fn catch_up(&mut self, key: &(Stream, u64)) {
        let pending = self.outbox.get(key).is_some_and(|item| !item.value().entry.pending.is_empty());
        let index = Arc::make_mut(&mut self.index);
        if pending {
            index.insert(key.clone());
        } else {
            index.remove(key);
        }
    }

    /// The index shows everything as it is.
    pub fn catch_up_all(&mut self) {
        for key in self.behind().collect::<Vec<_>>() {
            self.catch_up(&key);
        }
    }

    pub(super) fn follow(&mut self, key: &(Stream, u64)) {
        if !self.lagging {
            self.catch_up(key);
        }
    }

    /// The events of a stream, by rising sequence.
    pub fn of_stream<'a>(&'a self, stream: &Stream) -> impl Iterator<Item = &'a OutboxEntry> {
        let range = (stream.clone(), 0)..=(stream.clone(), u64::MAX);
        self.outbox.range(range).map(|(_, item)| &item.value().entry)
    }
}
