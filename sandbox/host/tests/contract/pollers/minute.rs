use super::*;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// When the schedule says that it is, in milliseconds after the beginning of these tests. One invocation follows the end of the other: what
/// the schedule does too much stands before the next one.
fn times(events: &[Value]) -> Vec<i64> {
    let time = |event: &Value| event["time"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    events.iter().map(|event| time(event).as_millisecond() - MORNING).collect()
}

#[tokio::test]
async fn the_schedule_invokes_once_a_minute_of_the_movable_clock() {
    let mut f = Fixture::new().await;
    f.stack.clock.advance_ms(10_000).unwrap();
    f.run(Trigger::EveryMinute, "").await;
    let events = f.wait_for_events(1).await;
    assert_eq!(events[0]["source"], "aws.scheduler");
    assert_eq!(events[0]["detail-type"], "Scheduled Event");
    some_looks().await;
    f.stack.clock.advance_ms(MINUTE).unwrap();
    f.wait_for_events(2).await;
    // A jump over many minutes is one invocation, as after a pause.
    f.stack.clock.advance_ms(DAY).unwrap();
    f.wait_for_events(3).await;
    some_looks().await;
    f.stack.clock.advance_ms(MINUTE).unwrap();
    let events = f.wait_for_events(4).await;
    assert_eq!(times(&events), [0, MINUTE, DAY + MINUTE, DAY + 2 * MINUTE]);
}

#[tokio::test]
async fn a_daily_schedule_invokes_when_the_movable_clock_passes_one_of_its_times_and_not_at_the_start() {
    let mut f = Fixture::new().await;
    // To 03:00 in UTC, between the two.
    f.stack.clock.advance_ms(HOUR).unwrap();
    f.run(Trigger::Daily(vec![(2, 30), (6, 30)]), "").await;
    // What was before it started is not made up for.
    some_looks().await;
    f.stack.clock.advance_ms(4 * HOUR).unwrap();
    let events = f.wait_for_events(1).await;
    assert_eq!(events[0]["source"], "aws.scheduler");
    // A jump over several is one invocation.
    f.stack.clock.advance_ms(3 * DAY).unwrap();
    f.wait_for_events(2).await;
    some_looks().await;
    f.stack.clock.advance_ms(DAY).unwrap();
    let events = f.wait_for_events(3).await;
    assert_eq!(times(&events), [5 * HOUR, 3 * DAY + 5 * HOUR, 4 * DAY + 5 * HOUR]);
}

#[tokio::test]
async fn a_trigger_without_its_function_is_refused() {
    let mut f = Fixture::new().await;
    let triggers = vec![("g".to_owned(), Trigger::EveryMinute)];
    let error = f.stack.run(vec![spec("f", "http")], triggers, LogSink::discard()).await.err().unwrap();
    assert_eq!(error.to_string(), "a trigger names the function \"g\", which does not exist");
}

/// Time for a wrong schedule to invoke once more: it looks at the clock every 200 ms.
async fn some_looks() {
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
}
