use domain::{Date, Timestamp};
use jiff::ToSpan;
use jiff::tz::{Offset, TimeZone};
use serde::Deserialize;

/// From this hour in Beijing it is the last run of the day.
const LAST_RUN: i8 = 12;

/// WeChat keeps bills for so long.
const KEPT_MONTHS: i32 = 3;

const BEIJING: Offset = jiff::tz::offset(8);

/// What the function is called with: the schedule's event, or `{"day": "2026-11-20"}` from a person who has the bill of a day compared
/// on which every run failed.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    day: Option<String>,
}

/// A bill to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The day in Beijing.
    pub(crate) day: Date,
    /// Whether what WeChat was asked in vain is told, too: no run follows that would ask again.
    pub(crate) is_last: bool,
}

impl Asked {
    /// Yesterday's bill, or that of the day that was named.
    ///
    /// # Errors
    ///
    /// A sentence that names the rule which `day` breaks.
    pub(crate) fn wanted(&self, now: Timestamp) -> Result<Wanted, String> {
        let today = domain::bill_day(now);
        let Some(named) = &self.day else {
            let day = today.yesterday().map_err(|error| error.to_string())?;
            return Ok(Wanted { day, is_last: now.to_zoned(TimeZone::fixed(BEIJING)).hour() >= LAST_RUN });
        };
        let day: Date =
            named.parse().map_err(|_| format!("day: a date such as 2026-11-20 is wanted, not {named:?}"))?;
        if day >= today {
            return Err(format!("day: the bill of {day} is made on the day after it, and it is {today} in Beijing"));
        }
        if day < today.saturating_sub(KEPT_MONTHS.months()) {
            return Err(format!("day: WeChat keeps bills for {KEPT_MONTHS} months, and {day} was before"));
        }
        Ok(Wanted { day, is_last: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a call with this payload wants at 2026-11-22T00:30:00 in Beijing.
    fn wanted(payload: &str) -> Result<(String, bool), String> {
        let asked: Asked = serde_json::from_str(payload).unwrap();
        let now = "2026-11-21T16:30:00Z".parse().unwrap();
        asked.wanted(now).map(|wanted| (wanted.day.to_string(), wanted.is_last))
    }

    #[test]
    fn the_schedule_wants_the_bill_of_yesterday_in_beijing() {
        let event = r#"{"version":"0","detail-type":"Scheduled Event","time":"2026-11-21T16:30:00Z","detail":{}}"#;
        assert_eq!(wanted(event), Ok(("2026-11-21".to_owned(), false)));
        assert_eq!(wanted("{}"), Ok(("2026-11-21".to_owned(), false)));
    }

    #[test]
    fn a_day_on_which_every_run_failed_can_be_named() {
        assert_eq!(wanted(r#"{"day":"2026-11-18"}"#), Ok(("2026-11-18".to_owned(), true)));
        assert_eq!(wanted(r#"{"day":"2026-08-22"}"#), Ok(("2026-08-22".to_owned(), true)));
    }

    #[test]
    fn a_day_without_a_bill_is_refused_with_the_rule() {
        for (day, rule) in [
            ("2026-11-22", "on the day after it"),
            ("2027-01-01", "on the day after it"),
            ("2026-08-21", "3 months"),
            ("20.11.2026", "a date such as"),
            ("2026-02-30", "a date such as"),
        ] {
            let refused = wanted(&format!(r#"{{"day":"{day}"}}"#)).unwrap_err();
            assert!(refused.starts_with("day: ") && refused.contains(rule), "{day}: {refused}");
        }
    }
}
