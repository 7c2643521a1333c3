use aws_sdk_dynamodb::Client;
use host::pollers::StreamTrigger;

use super::*;
use crate::clients;
use crate::dynamodb::{create_table, key, s, with};

const TABLE: &str = "outbox";

async fn table(stack: &Stack) -> Client {
    let client = clients::dynamodb(&stack.dynamodb.endpoint());
    create_table(&client).await;
    client
}

async fn put(client: &Client, stream: &str, seq: i64) {
    client.put_item().table_name(TABLE).set_item(Some(key(stream, seq))).send().await.unwrap();
}

fn inserts() -> StreamTrigger {
    StreamTrigger::inserts(TABLE)
}

const KEY: &str = "/dynamodb/Keys/stream/S";

/// Every key that the function has seen, in order.
fn keys(events: &[Value]) -> Vec<String> {
    events.iter().flat_map(|event| all(event, KEY)).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_function_gets_stream_records_of_inserts_in_order() {
    let mut f = Fixture::new().await;
    let client = table(&f.stack).await;
    for stream in ["a", "b"] {
        put(&client, stream, 1).await;
        let change = client.put_item().table_name(TABLE).set_item(Some(with(key(stream, 1), "body", s("x"))));
        change.send().await.unwrap();
    }
    f.run(Trigger::Stream(inserts()), "").await;
    let events = f.wait_for_events(1).await;
    assert_eq!(all(&events[0], KEY), ["a", "b"]);
    let record = &events[0]["Records"][0];
    assert_eq!(record["eventName"], "INSERT");
    assert_eq!(record["eventSource"], "aws:dynamodb");
    assert_eq!(record["eventVersion"], "1.1");
    assert!(record["eventID"].is_string());
    assert_eq!(record["dynamodb"]["Keys"]["seq"]["N"], "1");
    assert_eq!(record["dynamodb"]["StreamViewType"], "KEYS_ONLY");
    assert!(record["dynamodb"]["ApproximateCreationDateTime"].is_number());
    assert!(record["dynamodb"].get("NewImage").is_none());
    let arn = record["eventSourceARN"].as_str().unwrap();
    assert!(arn.contains(":table/outbox/stream/"), "{arn}");
    put(&client, "c", 1).await;
    let events = f.wait_for_events(2).await;
    assert_eq!(keys(&events), ["a", "b", "c"]);
}

#[tokio::test]
async fn an_error_halves_the_batch_until_all_but_the_poisoned_record_are_through_and_it_is_given_up() {
    let mut f = Fixture::new().await;
    let client = table(&f.stack).await;
    for stream in ["a", "b", "bad", "c", "d"] {
        put(&client, stream, 1).await;
    }
    let trigger = Trigger::Stream(StreamTrigger { attempts: Some(2), ..inserts() });
    f.run_with(trigger, "", &[("POISON", "\"bad\"")]).await;
    let is_poisoned = |event: &Value| event.to_string().contains("\"bad\"");
    let events = || f.events().into_iter().partition::<Vec<_>, _>(is_poisoned);
    wait_until("the last one is through", async || keys(&events().1).contains(&"d".to_owned())).await;
    let (refused, handled) = events();
    assert_eq!(keys(&handled), ["a", "b", "c", "d"]);
    assert_eq!(refused.iter().filter(|event| all(event, KEY) == ["bad"]).count(), 2);
}

#[tokio::test]
async fn a_partial_batch_response_goes_on_at_the_first_failure() {
    let mut f = Fixture::new().await;
    let client = table(&f.stack).await;
    for stream in ["a", "b", "c"] {
        put(&client, stream, 1).await;
    }
    // The sequence numbers are only known from a first reading.
    f.run(Trigger::Stream(inserts()), "error").await;
    let second = f.wait_for_events(1).await[0]["Records"][1]["dynamodb"]["SequenceNumber"].clone();
    f.stack.stop_functions().await;
    std::fs::remove_file(f.record()).unwrap();
    let failures = serde_json::json!({ "batchItemFailures": [{ "itemIdentifier": second }] });
    f.run(Trigger::Stream(inserts()), &failures.to_string()).await;
    let events = f.wait_for_events(2).await;
    assert_eq!((all(&events[0], KEY), all(&events[1], KEY)), (vec!["a", "b", "c"], vec!["b", "c"]));
}

#[tokio::test]
async fn a_failing_function_gets_the_same_records_again_until_it_succeeds() {
    let mut f = Fixture::new().await;
    let client = table(&f.stack).await;
    put(&client, "a", 1).await;
    f.run(Trigger::Stream(inserts()), "error\nerror\n{}").await;
    let events = f.wait_for_events(3).await;
    assert_eq!(keys(&events), ["a", "a", "a"]);
    put(&client, "b", 1).await;
    let events = f.wait_for_events(4).await;
    assert_eq!(keys(&events), ["a", "a", "a", "b"]);
}

#[tokio::test]
async fn after_a_restart_the_stream_goes_on_where_it_was_left() {
    let mut f = Fixture::new().await;
    f.stack = stack_in(&f.folder).await;
    let client = table(&f.stack).await;
    put(&client, "a", 1).await;
    f.run(Trigger::Stream(inserts()), "").await;
    f.wait_for_events(1).await;
    let checkpoint = f.folder.path().join("data/streams/outbox.f");
    wait_until("it is written down how far the stream was read", async || checkpoint.exists()).await;
    let stack = std::mem::replace(&mut f.stack, Stack::start(StackConfig::default()).await.unwrap());
    stack.shutdown().await;
    f.stack = stack_in(&f.folder).await;
    let client = clients::dynamodb(&f.stack.dynamodb.endpoint());
    put(&client, "b", 1).await;
    f.run(Trigger::Stream(inserts()), "").await;
    let events = f.wait_for_events(2).await;
    assert_eq!(keys(&events), ["a", "b"]);
}

#[tokio::test]
async fn a_table_may_come_into_being_after_its_poller() {
    let mut f = Fixture::new().await;
    f.run(Trigger::Stream(inserts()), "").await;
    let client = table(&f.stack).await;
    put(&client, "a", 1).await;
    assert_eq!(keys(&f.wait_for_events(1).await), ["a"]);
}
