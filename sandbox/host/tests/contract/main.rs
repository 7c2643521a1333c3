//! What the rest of the project relies on of the local stack, over the real AWS SDK and the real Lambda runtime.
//! One binary, a module per subject; it also is the function processes that its own tests start.

#![allow(clippy::unwrap_used, reason = "what is not as expected fails the test")]

mod clients;
mod dynamodb;
mod function;
mod lambda;
mod pollers;
mod secrets;
mod sqs;
mod stacks;

use std::time::{Duration, Instant};

/// 2026-03-02 02:00:00 in UTC: where the clocks of these tests stand until they are moved.
const MORNING: i64 = 1_772_416_800_000;

/// How long a test waits for what must come. No test is about it.
const DEADLINE: Duration = Duration::from_secs(60);

/// Waits until something is so.
async fn wait_until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !is_so().await {
        assert!(started.elapsed() < DEADLINE, "in {DEADLINE:?} it did not happen that {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Tries until something took less than its limit. What is late by itself is late each time; a busy machine is not.
async fn takes_less_than(limit: Duration, mut one: impl AsyncFnMut() -> Duration) {
    let mut times = Vec::new();
    while times.len() < 10 {
        let time = one().await;
        if time < limit {
            return;
        }
        times.push(time);
    }
    panic!("not once in {limit:?}: {times:?}");
}
