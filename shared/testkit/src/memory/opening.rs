//! Callers' keys, guards, counts, and who asked when, with DynamoDB's conditions.

use domain::{MchId, SignedDuration, Timestamp};
use record::{Commit, Done, DueItem, Expected, JournalKey, Pointer, Standing};

use super::Store;

impl Store {
    /// What stands in the way of an opening.
    #[must_use]
    pub fn standing(&self, idempotency: Option<&JournalKey>, guards: &[String]) -> Standing {
        Standing {
            done: idempotency.and_then(|key| self.done.get(key)).map(|item| item.value().clone()),
            guards: guards.iter().map(|key| self.guards.get(key).map(|item| item.value().clone())).collect(),
        }
    }

    /// Counts a call in the minute of `now`.
    pub fn count(&mut self, mch_id: &MchId, principal: &str, now: Timestamp) -> u64 {
        let entry = now.as_second().div_euclid(60).to_string();
        let key = JournalKey { subject: format!("{mch_id}#L#{principal}"), entry };
        let calls = self.counts.get(&key).map_or(0, |item| *item.value()) + 1;
        self.counts.insert(key, calls);
        calls
    }

    /// Notes that WeChat is asked about an item, unless somebody asked less than `pause` ago.
    pub fn may_ask(&mut self, mch_id: &MchId, item: &DueItem, pause: SignedDuration, now: Timestamp) -> bool {
        let rows = self.load(mch_id, &item.keys());
        let exists = match item {
            DueItem::Order(_) => rows.order.is_some(),
            DueItem::Contract(_) => rows.contract.is_some(),
            DueItem::Refund(_) => rows.refund.is_some(),
            DueItem::Exempt(_) => rows.exempt.is_some(),
            DueItem::Certificates => false,
        };
        let key = item.key(mch_id);
        let since = self.asked.get(&key).map(|at| now.duration_since(*at.value()));
        let free = since.is_none_or(|since| since >= pause || since < -pause);
        if exists && free {
            self.asked.insert(key, now);
        }
        exists && free
    }

    /// Every guard, and the contract that it points at.
    pub fn guards(&self) -> impl Iterator<Item = (&String, &Pointer)> {
        self.guards.iter().map(|(key, item)| (key, item.value()))
    }

    pub(super) fn allows_opening(&self, commit: &Commit) -> bool {
        let version = |key: &String| self.guards.get(key).map(|item| item.value().version);
        let new = commit.idempotency.as_ref().is_none_or(|record| !self.done.contains_key(&record.key));
        let guards_as_read = commit.guards.iter().all(|guard| match guard.expected {
            None => true,
            Some(Expected::Absent) => version(&guard.key).is_none(),
            Some(Expected::Version(read)) => version(&guard.key) == Some(read),
        });
        let unchanged = commit.unchanged.iter().all(|contract| {
            let row = self.contracts.get(&(commit.mch_id.clone(), contract.contract_code.clone()));
            row.is_some_and(|row| row.value().version == contract.version)
        });
        new && guards_as_read && unchanged
    }

    pub(super) fn write_opening(&mut self, commit: &Commit) {
        if let Some(record) = &commit.idempotency {
            let done = Done { body_hash: record.body_hash, resource: record.resource.clone() };
            self.done.insert(record.key.clone(), done);
        }
        for guard in &commit.guards {
            let version = self.guards.get(&guard.key).map_or(0, |item| item.value().version) + 1;
            let pointer = Pointer { contract_code: guard.contract_code.clone(), version };
            self.guards.insert(guard.key.clone(), pointer);
        }
    }
}
