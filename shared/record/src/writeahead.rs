//! The port of write-ahead: what opening rows needs of a ledger beside reading and committing.

use std::future::Future;

use domain::{ContractCode, InvalidValue, MchId, SignedDuration, Timestamp};

use crate::{DueItem, IdempotencyRecord, JournalKey, Ledger, LedgerError};

/// How long a caller's key is known: longer than anyone repeats a call that he had no answer to, in seconds.
pub(crate) const KEY_KEPT_S: i64 = 7 * 86_400;

/// How long a minute's count is kept, in seconds.
pub(crate) const COUNT_KEPT_S: i64 = 3_600;

/// The longest principal, route or key.
const LONGEST: usize = 256;

/// A caller's `Idempotency-Key`, in the scope in which it is his own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    principal: String,
    route: String,
    key: String,
    /// SHA-256 of the request's body: the same key with another body is a mistake.
    pub body_hash: [u8; 32],
}

impl Idempotency {
    /// The key of a principal for a route.
    ///
    /// # Errors
    ///
    /// [`InvalidValue`] unless each is 1 to 256 visible ASCII characters, `#` excepted in principal and route: it separates the
    /// parts of our keys.
    pub fn new(principal: &str, route: &str, key: &str, body_hash: [u8; 32]) -> Result<Self, InvalidValue> {
        let visible = |text: &str| {
            (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
        };
        for (field, text) in [("principal", principal), ("route", route)] {
            if !visible(text) || text.contains('#') {
                return Err(InvalidValue { field, rule: "1 to 256 visible ASCII characters, # excepted" });
            }
        }
        if !visible(key) {
            return Err(InvalidValue { field: "Idempotency-Key", rule: "1 to 256 visible ASCII characters" });
        }
        let (principal, route, key) = (principal.to_owned(), route.to_owned(), key.to_owned());
        Ok(Self { principal, route, key, body_hash })
    }

    /// Where its record stands: `<mch_id>#K#<principal>`, `<route>#<key>`, so no merchant and no principal meets another's.
    #[must_use]
    pub fn key(&self, mch_id: &MchId) -> JournalKey {
        JournalKey { subject: format!("{mch_id}#K#{}", self.principal), entry: format!("{}#{}", self.route, self.key) }
    }

    /// What is kept of it: it was used for this number.
    pub(crate) fn record(&self, mch_id: &MchId, resource: &str, at: Timestamp) -> IdempotencyRecord {
        IdempotencyRecord { key: self.key(mch_id), body_hash: self.body_hash, resource: resource.to_owned(), at }
    }
}

/// `<mch_id>#L#<principal>` and the minute.
pub(crate) fn count_key(mch_id: &MchId, principal: &str, now: Timestamp) -> JournalKey {
    let minute = now.as_second().div_euclid(60);
    JournalKey { subject: format!("{mch_id}#L#{principal}"), entry: minute.to_string() }
}

/// What came of a call with this key before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// SHA-256 of that call's body.
    pub body_hash: [u8; 32],
    /// The number of what it made.
    pub resource: String,
}

/// What a guard points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer {
    /// The contract of the last attempt.
    pub contract_code: ContractCode,
    /// Rises with every attempt.
    pub version: u64,
}

/// What stands in the way of an opening.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// What came of a call with its key.
    pub done: Option<Done>,
    /// What each of its guards points at, in their order.
    pub guards: Vec<Option<Pointer>>,
}

/// A ledger that keeps idempotency records, guards, counts, and when somebody asked.
pub trait Writeahead: Ledger {
    /// Reads an idempotency record and guards by their keys ([`crate::guard_key`]), consistently, in one request.
    fn standing(
        &self,
        mch_id: &MchId,
        idempotency: Option<&JournalKey>,
        guards: &[String],
    ) -> impl Future<Output = Result<Standing, LedgerError>> + Send;

    /// Counts a call of a principal in the minute of `now`, and answers how many there are, this one included.
    fn count(
        &self,
        mch_id: &MchId,
        principal: &str,
        now: Timestamp,
    ) -> impl Future<Output = Result<u64, LedgerError>> + Send;

    /// Notes on an item that WeChat is asked about it now, and answers whether it may be: not where somebody asked less than `pause` ago,
    /// nor where there is no such item. State and version stay as they are.
    fn may_ask(
        &self,
        mch_id: &MchId,
        item: &DueItem,
        pause: SignedDuration,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, LedgerError>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_cannot_reach_another_principals_record() {
        let mch_id = MchId::parse("10000100").unwrap();
        let key = Idempotency::new("alice", "POST /v1/subscriptions", "a#b", [0; 32]).unwrap().key(&mch_id);
        assert_eq!((key.subject.as_str(), key.entry.as_str()), ("10000100#K#alice", "POST /v1/subscriptions#a#b"));
        for (principal, route, key, field) in [
            ("alice#x", "r", "k", "principal"),
            ("", "r", "k", "principal"),
            ("alice", "r#s", "k", "route"),
            ("alice", "r", "", "Idempotency-Key"),
            ("alice", "r", "k\n", "Idempotency-Key"),
        ] {
            assert_eq!(Idempotency::new(principal, route, key, [0; 32]).unwrap_err().field, field);
        }
        let long = "k".repeat(257);
        assert_eq!(Idempotency::new("alice", "r", &long, [0; 32]).unwrap_err().field, "Idempotency-Key");
    }

    #[test]
    fn counts_begin_anew_with_each_minute() {
        let mch_id = MchId::parse("10000100").unwrap();
        let at = |second| count_key(&mch_id, "alice", Timestamp::from_second(second).unwrap());
        assert_eq!((at(59).entry, at(60).entry), ("0".to_owned(), "1".to_owned()));
        assert_eq!(at(59).subject, "10000100#L#alice");
    }
}
