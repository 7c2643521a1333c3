//! When WeChat may be asked to charge: 07:00 to 22:00 in Beijing (protocol, 7.3).

use domain::Timestamp;
use http_api::Problem;
use jiff::ToSpan;
use jiff::civil::{Date, Time};
use jiff::tz::{Offset, TimeZone};

/// China has one zone, without daylight saving time.
const BEIJING: TimeZone = TimeZone::fixed(Offset::constant(8));
const OPENS: Time = Time::constant(7, 0, 0, 0);
/// A minute early: the call must arrive before WeChat's own clock says ten.
const SHUTS: Time = Time::constant(21, 59, 0, 0);

/// Refuses what would come outside the window, and says when it opens again.
pub(crate) fn check(now: Timestamp) -> Result<(), Problem> {
    match next_window(now) {
        None => Ok(()),
        Some(opens) => Err(Problem::conflict(
            "outside_window",
            "Deductions and their notices are made from 07:00 to 22:00 in Beijing",
        )
        .with("next_window", opens.to_string())),
    }
}

/// The day in Beijing.
pub(crate) fn day(now: Timestamp) -> Date {
    now.to_zoned(BEIJING).date()
}

/// When it opens, if it is shut.
fn next_window(now: Timestamp) -> Option<Timestamp> {
    let beijing = now.to_zoned(BEIJING);
    let time = beijing.time();
    if (OPENS..SHUTS).contains(&time) {
        return None;
    }
    let day = if time < OPENS { beijing.date() } else { beijing.date().checked_add(1.day()).ok()? };
    Some(day.to_datetime(OPENS).to_zoned(BEIJING).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_open_from_seven_to_ten_in_beijing() {
        let next = |text: &str| next_window(text.parse().unwrap()).map(|opens| opens.to_string());
        assert_eq!(next("2026-01-01T07:00:00+08:00"), None);
        assert_eq!(next("2026-01-01T21:58:59+08:00"), None);
        assert_eq!(next("2026-01-01T06:59:59+08:00").as_deref(), Some("2025-12-31T23:00:00Z"));
        assert_eq!(next("2026-01-01T22:00:00+08:00").as_deref(), Some("2026-01-01T23:00:00Z"));
        assert_eq!(next("2026-12-31T23:30:00+08:00").as_deref(), Some("2026-12-31T23:00:00Z"));
    }
}
