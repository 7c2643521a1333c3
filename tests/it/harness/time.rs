//! The town's one clock.

use std::time::{Duration, Instant};

use domain::Timestamp;

use super::{Town, poll};

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// Beijing is so far ahead.
const AHEAD_MS: i64 = 8 * 60 * MINUTE_MS;

/// A function that works for longer does not hold up the clock: its calls to WeChat end sooner.
const LONGEST_CALL: Duration = Duration::from_secs(6);

impl Town {
    /// The stack's time.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.stack.host.clock.now_ms()).unwrap()
    }

    /// Lets time pass at once, between two notices of WeChat's and never under one, nor under a call of ours whose answer would be minutes
    /// old when it is read.
    pub(crate) async fn move_clock(&self, by: Duration) {
        let started = Instant::now();
        while !self.stack.lambda.is_idle() && started.elapsed() < LONGEST_CALL {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.move_clock_under_load(by).await;
    }

    /// The same while functions never rest. No longer than a proof is good for, where proofs have a time.
    pub(crate) async fn move_clock_under_load(&self, by: Duration) {
        self.stack.simulator.move_clock(by.as_millis().try_into().unwrap()).await.unwrap();
    }

    /// The sweeper runs, beside the runs of its schedule.
    pub(crate) async fn sweep(&self) {
        poll("the sweeper has run", async || self.stack.lambda.invoke("sweeper", "{}").await.is_ok()).await;
    }

    /// Moves the clock to the next time that it is so late in Beijing: hour and minute.
    pub(crate) async fn wait_for_beijing(&self, (hour, minute): (i64, i64)) {
        let of_day = (self.now().as_millisecond() + AHEAD_MS).rem_euclid(DAY_MS);
        let wanted = (hour * 60 + minute) * MINUTE_MS;
        let wait = (wanted - of_day).rem_euclid(DAY_MS);
        self.move_clock(Duration::from_millis(u64::try_from(wait).unwrap())).await;
    }

    /// Moves the clock to that time of the next day in Beijing.
    pub(crate) async fn wait_for_tomorrow(&self, time: (i64, i64)) {
        self.wait_for_beijing((0, 0)).await;
        self.wait_for_beijing(time).await;
    }

    /// Ten in the morning in Beijing, when deductions are made.
    pub(crate) async fn wait_for_the_morning(&self) {
        self.wait_for_beijing((10, 0)).await;
    }
}
