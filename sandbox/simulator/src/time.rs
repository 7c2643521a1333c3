//! Beijing time, in which WeChat Pay thinks and writes. Moments are milliseconds since the Unix epoch.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};

/// Milliseconds since the Unix epoch, or a length of time.
pub(crate) type Ms = i64;

pub(crate) const SECOND: Ms = 1_000;
pub(crate) const MINUTE: Ms = 60 * SECOND;
pub(crate) const HOUR: Ms = 60 * MINUTE;
pub(crate) const DAY: Ms = 24 * HOUR;

/// China has had no daylight saving time since 1991.
const BEIJING: Offset = jiff::tz::offset(8);
const AHEAD: Ms = 8 * HOUR;

/// `yyyyMMddHHmmss`.
pub(crate) fn compact(at: Ms) -> String {
    written(at, "%Y%m%d%H%M%S")
}

/// `yyyy-MM-dd HH:mm:ss`.
pub(crate) fn spaced(at: Ms) -> String {
    written(at, "%Y-%m-%d %H:%M:%S")
}

/// `yyyyMMdd`.
pub(crate) fn date(at: Ms) -> String {
    written(at, "%Y%m%d")
}

/// RFC 3339 with `+08:00`: every time of V3.
pub(crate) fn rfc3339(at: Ms) -> String {
    written(at, "%Y-%m-%dT%H:%M:%S%:z")
}

/// Reads RFC 3339 with an offset.
pub(crate) fn from_rfc3339(text: &str) -> Option<Ms> {
    let has_seconds = text.get(10..11) == Some("T") && text.len() >= "2015-05-20T13:29:35Z".len();
    has_seconds.then(|| text.parse::<Timestamp>().ok()).flatten().map(Timestamp::as_millisecond)
}

/// Reads `yyyyMMddHHmmss`.
pub(crate) fn from_compact(text: &str) -> Option<Ms> {
    let time = DateTime::strptime("%Y%m%d%H%M%S", text).ok()?;
    Some(time.to_zoned(TimeZone::fixed(BEIJING)).ok()?.timestamp().as_millisecond())
}

/// Reads `yyyy-MM-dd`: the beginning of that day.
pub(crate) fn from_date(text: &str) -> Option<Ms> {
    let date: Date = (text.len() == 10).then(|| text.parse().ok()).flatten()?;
    Some(date.at(0, 0, 0, 0).to_zoned(TimeZone::fixed(BEIJING)).ok()?.timestamp().as_millisecond())
}

/// The number of the natural day in Beijing.
pub(crate) fn day(at: Ms) -> i64 {
    at.saturating_add(AHEAD).div_euclid(DAY)
}

/// 07:00 to 22:00 Beijing time, when deductions and their notices are allowed.
pub(crate) fn is_daytime(at: Ms) -> bool {
    let of_day = at.saturating_add(AHEAD).rem_euclid(DAY);
    (7 * HOUR..22 * HOUR).contains(&of_day)
}

pub(crate) fn seconds(at: Ms) -> i64 {
    at.div_euclid(SECOND)
}

fn written(at: Ms, format: &str) -> String {
    let time = Timestamp::from_millisecond(at).unwrap_or_default().to_zoned(TimeZone::fixed(BEIJING));
    time.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-01 00:30:00 in Beijing, still 2025 in London.
    const NEW_YEAR: Ms = 1_767_198_600_000;

    #[test]
    fn times_are_written_and_read_in_beijing_time() {
        assert_eq!(compact(NEW_YEAR), "20260101003000");
        assert_eq!(spaced(NEW_YEAR), "2026-01-01 00:30:00");
        assert_eq!(from_compact("20260101003000"), Some(NEW_YEAR));
        assert_eq!(from_compact("20261301003000"), None);
        assert_eq!(rfc3339(NEW_YEAR), "2026-01-01T00:30:00+08:00");
        assert_eq!(from_rfc3339("2026-01-01T00:30:00+08:00"), Some(NEW_YEAR));
        assert_eq!(from_rfc3339("2025-12-31T16:30:00Z"), Some(NEW_YEAR));
        for wrong in ["2026-01-01 00:30:00", "2026-01-01T00:30:00", "2026-01-01", ""] {
            assert_eq!(from_rfc3339(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_day_begins_at_midnight_in_beijing() {
        assert_eq!(day(NEW_YEAR) - day(NEW_YEAR - HOUR), 1);
        assert_eq!(day(NEW_YEAR), day(NEW_YEAR + 23 * HOUR));
    }

    #[test]
    fn daytime_is_from_seven_to_twenty_two() {
        let midnight = NEW_YEAR - 30 * MINUTE;
        for (at, expected) in [(7 * HOUR - 1, false), (7 * HOUR, true), (22 * HOUR - 1, true), (22 * HOUR, false)] {
            assert_eq!(is_daytime(midnight + at), expected, "{at}");
        }
    }
}
