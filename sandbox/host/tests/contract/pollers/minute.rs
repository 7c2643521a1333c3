use super::*;

#[tokio::test]
async fn the_schedule_invokes_once_a_minute_of_the_movable_clock() {
    let mut f = Fixture::new().await;
    // Away from the end of a minute, so that none passes by itself meanwhile.
    let into_minute = f.stack.clock.now_ms().rem_euclid(60_000);
    f.stack.clock.advance_ms(10_000 - into_minute).unwrap();
    f.run(Trigger::EveryMinute, "").await;
    let events = f.wait_for_events(1).await;
    assert_eq!(events[0]["source"], "aws.scheduler");
    assert_eq!(events[0]["detail-type"], "Scheduled Event");
    a_moment().await;
    assert_eq!(f.events().len(), 1);
    f.stack.clock.advance_ms(60_000).unwrap();
    let events = f.wait_for_events(2).await;
    assert!(events[0]["time"].as_str() < events[1]["time"].as_str());
    // A jump over many minutes is one invocation, as after a pause.
    f.stack.clock.advance_ms(86_400_000).unwrap();
    f.wait_for_events(3).await;
    a_moment().await;
    assert_eq!(f.events().len(), 3);
}

#[tokio::test]
async fn a_daily_schedule_invokes_when_the_movable_clock_passes_one_of_its_times_and_not_at_the_start() {
    let mut f = Fixture::new().await;
    // To 03:00 in UTC, between the two.
    let into_day = f.stack.clock.now_ms().rem_euclid(86_400_000);
    f.stack.clock.advance_ms(86_400_000 - into_day + 3 * 3_600_000).unwrap();
    f.run(Trigger::Daily(vec![(2, 30), (6, 30)]), "").await;
    a_moment().await;
    assert_eq!(f.events().len(), 0, "what was before it started is not made up for");
    f.stack.clock.advance_ms(4 * 3_600_000).unwrap();
    let events = f.wait_for_events(1).await;
    assert_eq!(events[0]["source"], "aws.scheduler");
    // A jump over several is one invocation.
    f.stack.clock.advance_ms(3 * 86_400_000).unwrap();
    f.wait_for_events(2).await;
    a_moment().await;
    assert_eq!(f.events().len(), 2);
}

#[tokio::test]
async fn a_trigger_without_its_function_is_refused() {
    let mut f = Fixture::new().await;
    let triggers = vec![("g".to_owned(), Trigger::EveryMinute)];
    let error = f.stack.run(vec![spec("f", "http")], triggers, LogSink::discard()).await.err().unwrap();
    assert_eq!(error.to_string(), "a trigger names the function \"g\", which does not exist");
}
