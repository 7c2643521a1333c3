//! Schedules: every minute, and at times of the day.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Target;
use crate::clock::Clock;
use crate::{ACCOUNT, REGION};

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// How often the clock is looked at: it can be moved.
const LOOK: Duration = Duration::from_millis(200);

pub(super) async fn every_minute(mut target: Target, clock: Clock) {
    let mut last_minute = None;
    while !target.is_stopped() {
        let minute = clock.now_ms().div_euclid(MINUTE_MS);
        if last_minute != Some(minute) {
            last_minute = Some(minute);
            // The next minute comes anyway; what an error says is in the function's log.
            let _ = target.invoke(&event(&target.function, minute)).await;
        }
        target.sleep(LOOK).await;
    }
}

/// The first time is the next one: a stack that starts in the afternoon does not make up for the morning.
pub(super) async fn daily(mut target: Target, clock: Clock, times: Vec<(u8, u8)>) {
    let mut passed = times_passed(clock.now_ms(), &times);
    while !target.is_stopped() {
        let now = clock.now_ms();
        if times_passed(now, &times) > passed {
            let _ = target.invoke(&event(&target.function, now.div_euclid(MINUTE_MS))).await;
        }
        passed = times_passed(now, &times);
        target.sleep(LOOK).await;
    }
}

/// How many of these times there have been since the epoch.
fn times_passed(now_ms: i64, times: &[(u8, u8)]) -> i64 {
    let of_day = |(hour, minute): &(u8, u8)| (i64::from(*hour) * 60 + i64::from(*minute)) * MINUTE_MS;
    times.iter().map(|time| (now_ms - of_day(time)).div_euclid(DAY_MS)).sum()
}

/// What EventBridge Scheduler sends when a schedule has no input of its own.
fn event(function: &str, minute: i64) -> Value {
    let time = Timestamp::from_second(minute.saturating_mul(60)).unwrap_or_default();
    json!({
        "version": "0",
        "id": Uuid::new_v4().to_string(),
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": ACCOUNT,
        "time": time.to_string(),
        "region": REGION,
        "resources": [format!("arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/{function}")],
        "detail": "{}",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_the_day_is_passed_once_a_day() {
        let times = [(2, 30), (6, 30)];
        let passed = |minutes: i64| times_passed(minutes * MINUTE_MS, &times) - times_passed(0, &times);
        let day = 24 * 60;
        let expected = [(149, 0), (150, 1), (389, 1), (390, 2), (day + 149, 2), (day + 150, 3), (10 * day, 20)];
        for (minutes, count) in expected {
            assert_eq!(passed(minutes), count, "{minutes}");
        }
    }

    #[test]
    fn the_event_names_the_beginning_of_its_minute() {
        let event = event("sweeper", 28_333_333);
        assert_eq!(event["time"], "2023-11-14T22:13:00Z");
        assert_eq!(event["resources"][0], "arn:aws:scheduler:us-east-1:000000000000:schedule/default/sweeper");
    }
}
