//! How long what was sent under a key of before still comes.

use domain::{SignedDuration, Timestamp};

/// WeChat sends a notice again for 24 h 04 min, and may do so under the key that it had at first; the rest is for clocks that differ.
pub const STILL_COMES: SignedDuration = SignedDuration::from_hours(25);

/// Whether the key of before may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Nothing comes under it any more.
    Over,
    /// It is in use until then.
    Until(Timestamp),
    /// Nobody knows since when the new one is in force.
    Unknown,
}

/// Whether the key of before may go, when another one is in force `since`.
#[must_use]
pub fn wait(since: Option<Timestamp>, now: Timestamp) -> Wait {
    match since.map(|since| since.checked_add(STILL_COMES)) {
        Some(Ok(until)) if now < until => Wait::Until(until),
        Some(Ok(_)) => Wait::Over,
        Some(Err(_)) | None => Wait::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_before_may_go_when_wechat_sends_nothing_again_under_it() {
        let at = |hours: i64| Timestamp::from_second(1_795_000_000 + hours * 3_600).unwrap();
        assert_eq!(wait(Some(at(0)), at(0)), Wait::Until(at(25)));
        assert_eq!(wait(Some(at(0)), at(24)), Wait::Until(at(25)), "WeChat's last try comes after 24 h 04 min");
        assert_eq!(wait(Some(at(0)), at(25)), Wait::Over);
        assert_eq!(wait(Some(at(1)), at(0)), Wait::Until(at(26)), "another clock");
        assert_eq!(wait(None, at(0)), Wait::Unknown);
        assert_eq!(wait(Some(Timestamp::MAX), at(0)), Wait::Unknown);
    }
}
