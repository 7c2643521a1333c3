//! The one-minute schedule.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Target;
use crate::clock::Clock;
use crate::{ACCOUNT, REGION};

const MINUTE_MS: i64 = 60_000;

/// How often the clock is looked at: it can be moved.
const LOOK: Duration = Duration::from_millis(200);

pub(super) async fn run(mut target: Target, clock: Clock) {
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
    fn the_event_names_the_beginning_of_its_minute() {
        let event = event("sweeper", 28_333_333);
        assert_eq!(event["time"], "2023-11-14T22:13:00Z");
        assert_eq!(event["resources"][0], "arn:aws:scheduler:us-east-1:000000000000:schedule/default/sweeper");
    }
}
