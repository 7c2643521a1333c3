//! A key of before is in use longer than whoever has changed it may think.

use domain::Timestamp;
use papay::keys::{STILL_COMES, Wait, wait};
use setup::Misconfigured;

use crate::failure::Failure;

/// Who may still use a key of before.
#[derive(Clone, Copy)]
pub(super) enum Sender {
    Wechat,
    Issuer,
}

/// Refuses to take a key away that may still be in use; where that must be, says what it means.
pub(super) fn be_patient(
    since: Result<Option<Timestamp>, Misconfigured>,
    now: Timestamp,
    sender: Sender,
    at_once: bool,
) -> Result<(), Failure> {
    let since = match since {
        Ok(since) => since,
        Err(_) if at_once => None,
        Err(wrong) => return Err(Failure::new(wrong)),
    };
    let (uses, lost) = sender.words();
    let hours = STILL_COMES.as_hours();
    match wait(since, now) {
        Wait::Over => {
            println!("{} must have changed over {hours} hours ago, too, which no store tells.", sender.name())
        }
        Wait::Until(until) if at_once => println!("Until {until:.0} {uses}: {lost}."),
        Wait::Until(until) => {
            let problem = format_args!("too early: until {until:.0} {uses}").to_string();
            return Err(Failure::new(problem).next(format_args!("wait; or, after a leak, --now: {lost}")));
        }
        Wait::Unknown => {
            println!("The store does not tell since when the new one is in force. For {hours} hours {uses}: {lost}.");
        }
    }
    Ok(())
}

impl Sender {
    fn name(self) -> &'static str {
        match self {
            Self::Wechat => "WeChat",
            Self::Issuer => "The issuer",
        }
    }

    /// What it does, and what becomes of that.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Wechat => (
                "WeChat may send notices that need what was there before",
                "they are refused from now on, and what they tell is found by asking",
            ),
            Self::Issuer => (
                "the issuer's tokens of before may be in use",
                "they are refused from now on, and their users need new ones",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_store_does_not_tell_stops_nobody_but_what_it_cannot_does() {
        let now = Timestamp::from_second(1_795_000_000).unwrap();
        let down = || Err(Misconfigured::new("papay/10000100/verify", "not reachable"));
        for sender in [Sender::Wechat, Sender::Issuer] {
            assert!(be_patient(Ok(None), now, sender, false).is_ok(), "with a warning");
            assert!(be_patient(Ok(Some(now)), now, sender, false).is_err());
            assert!(be_patient(down(), now, sender, false).is_err(), "it may be too early");
            for since in [Ok(None), Ok(Some(now)), down()] {
                assert!(be_patient(since, now, sender, true).is_ok(), "a leak does not wait");
            }
        }
    }
}
