//! Standard queues, and what both kinds share: delay, visibility, long polls, attributes, limits.

use std::time::{Duration, Instant};

use aws_sdk_sqs::operation::change_message_visibility::ChangeMessageVisibilityError;
use aws_sdk_sqs::operation::delete_message::DeleteMessageError;
use aws_sdk_sqs::operation::send_message::SendMessageError;
use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName};

use super::*;
use crate::takes_less_than;

#[tokio::test]
async fn a_received_message_is_invisible_until_its_time_is_over_and_gone_once_deleted() {
    let f = Fixture::standard().await;
    f.send("1").await;
    assert_eq!(bodies(&f.receive().await), ["1"]);
    assert!(f.receive().await.is_empty());
    f.pass_seconds(31);
    let again = f.receive().await;
    assert_eq!(bodies(&again), ["1"]);
    f.delete(&again[0]).await;
    f.delete(&again[0]).await;
    f.pass_seconds(31);
    assert!(f.receive().await.is_empty());
}

#[tokio::test]
async fn an_outdated_receipt_deletes_nothing_that_somebody_else_holds() {
    let f = Fixture::standard().await;
    f.send("1").await;
    let outdated = f.receive().await;
    f.pass_seconds(31);
    assert_eq!(f.receive().await.len(), 1);
    f.delete(&outdated[0]).await;
    f.pass_seconds(31);
    assert_eq!(f.receive().await.len(), 1);
}

#[tokio::test]
async fn a_delayed_message_appears_when_its_delay_is_over() {
    let f = Fixture::standard().await;
    f.client.send_message().queue_url(&f.url).message_body("later").delay_seconds(60).send().await.unwrap();
    f.send("now").await;
    assert_eq!(bodies(&f.receive().await), ["now"]);
    f.pass_seconds(61);
    assert!(bodies(&f.receive().await).contains(&"later"));
}

#[tokio::test]
async fn visibility_can_be_ended_and_prolonged() {
    let f = Fixture::standard().await;
    f.send("1").await;
    let change = |message: &Message, seconds| {
        let change = f.client.change_message_visibility().queue_url(&f.url);
        change.receipt_handle(message.receipt_handle().unwrap()).visibility_timeout(seconds).send()
    };
    let held = f.receive().await;
    change(&held[0], 0).await.unwrap();
    let held = f.receive().await;
    assert_eq!(bodies(&held), ["1"]);
    change(&held[0], 120).await.unwrap();
    f.pass_seconds(60);
    assert!(f.receive().await.is_empty());
    f.pass_seconds(61);
    let error = change(&held[0], 10).await.unwrap_err().into_service_error();
    assert!(matches!(error, ChangeMessageVisibilityError::MessageNotInflight(_)), "{error:?}");
}

#[tokio::test]
async fn a_long_poll_answers_as_soon_as_a_message_is_sent() {
    let f = Fixture::standard().await;
    takes_less_than(Duration::from_secs(2), async || {
        let started = Instant::now();
        let poll = f.client.receive_message().queue_url(&f.url).wait_time_seconds(20).send();
        let (received, ()) = tokio::join!(poll, async {
            tokio::time::sleep(Duration::from_millis(150)).await;
            f.send("1").await;
        });
        let took = started.elapsed();
        let received = received.unwrap();
        assert_eq!(bodies(received.messages()), ["1"]);
        f.delete(&received.messages()[0]).await;
        took
    })
    .await;
}

#[tokio::test]
async fn a_long_poll_sees_a_message_become_visible_by_the_passing_of_time_and_gives_up_in_time() {
    let f = Fixture::standard().await;
    f.client.send_message().queue_url(&f.url).message_body("later").delay_seconds(900).send().await.unwrap();
    let poll = |seconds| f.client.receive_message().queue_url(&f.url).wait_time_seconds(seconds).send();
    takes_less_than(Duration::from_secs(2), async || {
        let started = Instant::now();
        assert!(poll(1).await.unwrap().messages().is_empty());
        let took = started.elapsed();
        assert!(took >= Duration::from_secs(1), "{took:?}");
        took
    })
    .await;
    let (poll, ()) = tokio::join!(poll(20), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        f.pass_seconds(901);
    });
    assert_eq!(bodies(poll.unwrap().messages()), ["later"]);
}

#[tokio::test]
async fn body_attributes_and_their_digests_arrive_as_they_were_sent() {
    let f = Fixture::standard().await;
    let text = MessageAttributeValue::builder().data_type("String").string_value("中").build().unwrap();
    let bytes =
        MessageAttributeValue::builder().data_type("Binary.x").binary_value(Blob::new([0, 255])).build().unwrap();
    let send = f.client.send_message().queue_url(&f.url).message_body("héllo");
    let sent = send.message_attributes("traceparent", text.clone()).message_attributes("bytes", bytes.clone());
    let sent = sent.send().await.unwrap();
    // By another implementation: hashlib over the same layout.
    assert_eq!(sent.md5_of_message_body(), Some("be50e8478cf24ff3595bc7307fb91b50"));
    assert_eq!(sent.md5_of_message_attributes(), Some("4fe1cda943f05f7818a90fa9095f1752"));
    let received = f.receive().await;
    let attributes = received[0].message_attributes.as_ref().unwrap();
    assert_eq!((&attributes["traceparent"], &attributes["bytes"]), (&text, &bytes));
    assert_eq!(received[0].md5_of_body, sent.md5_of_message_body);
    assert_eq!(received[0].md5_of_message_attributes, sent.md5_of_message_attributes);
    assert_eq!(received[0].message_id, sent.message_id);
    for name in [
        MessageSystemAttributeName::SentTimestamp,
        MessageSystemAttributeName::SenderId,
        MessageSystemAttributeName::ApproximateFirstReceiveTimestamp,
    ] {
        assert!(attribute(&received[0], name.clone()).is_some(), "{name}");
    }
}

#[tokio::test]
async fn attributes_come_only_when_asked_for() {
    let f = Fixture::standard().await;
    let value = MessageAttributeValue::builder().data_type("Number").string_value("1").build().unwrap();
    let send = f.client.send_message().queue_url(&f.url).message_body("x");
    send.message_attributes("n.one", value.clone()).message_attributes("other", value).send().await.unwrap();
    let none = f.client.receive_message().queue_url(&f.url).visibility_timeout(0).send().await.unwrap();
    assert!(none.messages()[0].message_attributes.is_none() && none.messages()[0].attributes.is_none());
    let some = f.client.receive_message().queue_url(&f.url).message_attribute_names("n.*").send().await.unwrap();
    let names: Vec<_> = some.messages()[0].message_attributes.as_ref().unwrap().keys().collect();
    assert_eq!(names, ["n.one"]);
}

#[tokio::test]
async fn what_is_empty_too_long_or_not_text_is_refused_by_type() {
    let f = Fixture::standard().await;
    let send = |body: String| f.client.send_message().queue_url(&f.url).message_body(body).send();
    let mib = 1024 * 1024;
    send("x".repeat(mib)).await.unwrap();
    let long = send("x".repeat(mib + 1)).await.unwrap_err().into_service_error();
    assert_eq!(long.meta().code(), Some("InvalidParameterValue"));
    let empty = send(String::new()).await.unwrap_err().into_service_error();
    assert_eq!(empty.meta().code(), Some("MissingParameter"));
    let control = send("a\u{0}b".to_owned()).await.unwrap_err().into_service_error();
    assert!(matches!(control, SendMessageError::InvalidMessageContents(_)), "{control:?}");
}

#[tokio::test]
async fn a_receipt_of_nothing_or_of_another_queue_is_refused_by_type() {
    let f = Fixture::standard().await;
    let other = create(&f.client, "other", &[]).await;
    f.client.send_message().queue_url(&other).message_body("x").send().await.unwrap();
    let theirs = receive(&f.client, &other).await;
    for handle in ["nonsense", "", theirs[0].receipt_handle().unwrap()] {
        let delete = f.client.delete_message().queue_url(&f.url).receipt_handle(handle);
        let error = delete.send().await.unwrap_err().into_service_error();
        assert!(matches!(error, DeleteMessageError::ReceiptHandleIsInvalid(_)), "{handle:?}: {error:?}");
    }
}

#[tokio::test]
async fn numbers_out_of_range_are_refused() {
    let f = Fixture::standard().await;
    let receive = || f.client.receive_message().queue_url(&f.url);
    for receive in [
        receive().max_number_of_messages(11),
        receive().max_number_of_messages(0),
        receive().wait_time_seconds(21),
        receive().visibility_timeout(43_201),
    ] {
        assert_eq!(receive.send().await.unwrap_err().into_service_error().meta().code(), Some("InvalidParameterValue"));
    }
}

#[tokio::test]
async fn a_moved_clock_does_not_age_messages_out_of_a_queue() {
    let f = Fixture::new("short", &[(QueueAttributeName::MessageRetentionPeriod, "60")]).await;
    f.send("1").await;
    f.pass_seconds(86_400);
    assert_eq!(bodies(&f.receive().await), ["1"]);
}
