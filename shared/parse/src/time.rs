//! Times. V2 writes Beijing time without zone, V3 writes RFC 3339.

use std::str::FromStr;

use domain::{InvalidValue, Timestamp};
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// China has had one zone, and no daylight saving time since 1991.
const BEIJING: Offset = jiff::tz::offset(8);

/// `time_end`: `yyyyMMddHHmmss`.
pub(crate) fn compact(text: &str) -> Result<Timestamp, InvalidValue> {
    const FORM: &str = "yyyyMMddHHmmss, Beijing time";
    let has_form = text.len() == 14;
    has_form.then(|| beijing(text, [0, 4, 6, 8, 10, 12])).flatten().ok_or_else(|| invalid(FORM))
}

/// `operate_time`, `contract_*_time`, `success_time`: `yyyy-MM-dd HH:mm:ss`. Older answers about contracts have Unix seconds.
pub(crate) fn spaced(text: &str) -> Result<Timestamp, InvalidValue> {
    const FORM: &str = "yyyy-MM-dd HH:mm:ss, Beijing time, or Unix seconds";
    let time = match text.len() {
        19 if has_separators(text) => beijing(text, [0, 5, 8, 11, 14, 17]),
        1..=10 => number(text).and_then(|seconds| Timestamp::from_second(seconds).ok()),
        _ => None,
    };
    time.ok_or_else(|| invalid(FORM))
}

/// Every time of V3.
pub(crate) fn rfc3339(text: &str) -> Result<Timestamp, InvalidValue> {
    text.parse().map_err(|_| invalid("an RFC 3339 time"))
}

/// The time whose year, month, day, hour, minute and second begin at these places. (A format string would do, at a tenth of the
/// cost of a whole V2 notice.)
fn beijing(text: &str, places: [usize; 6]) -> Option<Timestamp> {
    let [year, month, day, hour, minute, second] = places;
    let two = |place: usize| number(text.get(place..place.checked_add(2)?)?);
    let year = number(text.get(year..year.checked_add(4)?)?)?;
    let time = DateTime::new(year, two(month)?, two(day)?, two(hour)?, two(minute)?, two(second)?, 0).ok()?;
    BEIJING.to_timestamp(time).ok()
}

fn has_separators(text: &str) -> bool {
    let separators = [(4, b'-'), (7, b'-'), (10, b' '), (13, b':'), (16, b':')];
    separators.iter().all(|(place, separator)| text.as_bytes().get(*place) == Some(separator))
}

/// Digits alone: Rust would read a sign, too.
fn number<N: FromStr>(text: &str) -> Option<N> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn invalid(rule: &'static str) -> InvalidValue {
    InvalidValue { field: "time", rule }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v2_times_are_beijing_time() {
        assert_eq!(compact("20251201100000").unwrap().to_string(), "2025-12-01T02:00:00Z");
        assert_eq!(spaced("2025-12-01 07:59:59").unwrap().to_string(), "2025-11-30T23:59:59Z");
    }

    #[test]
    fn contract_times_may_be_unix_seconds() {
        assert_eq!(spaced("1438141845").unwrap().as_second(), 1_438_141_845);
    }

    #[test]
    fn v3_times_carry_their_offset() {
        assert_eq!(rfc3339("2018-06-08T10:34:56+08:00").unwrap().to_string(), "2018-06-08T02:34:56Z");
    }

    #[test]
    fn a_time_of_another_form_is_refused() {
        for bad in [
            "",
            "2025120110000",
            "202512011000000",
            "20251301100000",
            "2025120110000x",
            "20250230100000",
            "+0251201100000",
            "2025120110é000",
        ] {
            assert!(compact(bad).is_err(), "{bad}");
        }
        for bad in [
            "",
            "2025-12-01",
            "2025-12-01T10:00:00",
            "12345678901",
            "-1438141845",
            "2025-12-01 10:00:0x",
            "2025-12-01 +1:00:00",
            "2025/12/01 10:00:00",
            "2025-12-01 10:00:0é",
        ] {
            assert!(spaced(bad).is_err(), "{bad}");
        }
        for bad in ["", "2018-06-08T10:34:56", "2018-06-08", "1528425296"] {
            assert!(rfc3339(bad).is_err(), "{bad}");
        }
    }
}
