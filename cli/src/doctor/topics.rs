//! Topics: whoever an alarm tells must have agreed to be told.

use aws_sdk_sns::Client;

use super::aws::{Refusal, asked};
use super::{At, Finding};

const SUBSCRIBE: &str = "confirm the subscription by the link in AWS's mail, or subscribe somebody: docs/deploy.md";

/// Looks for somebody who is told.
pub(super) async fn check(client: &Client, topic: &str) -> Finding {
    let at = At::new("alarm topic", topic.rsplit(':').next().unwrap_or(topic));
    match subscriptions(client, topic).await {
        Ok(Subscriptions { confirmed: 0, unconfirmed: 0 }) => {
            at.failure("nobody is subscribed: its alarms tell nobody", SUBSCRIBE)
        }
        Ok(Subscriptions { confirmed: 0, unconfirmed }) => at.failure(
            format_args!("none of {unconfirmed} subscriptions is confirmed: its alarms tell nobody"),
            SUBSCRIBE,
        ),
        Ok(Subscriptions { confirmed, unconfirmed }) => {
            at.ok(format_args!("{confirmed} subscriptions are confirmed, {unconfirmed} are not"))
        }
        Err(refusal) => refusal.finding(&at, "deploy the template again"),
    }
}

#[derive(Default)]
struct Subscriptions {
    confirmed: usize,
    unconfirmed: usize,
}

async fn subscriptions(client: &Client, topic: &str) -> Result<Subscriptions, Refusal> {
    let mut counted = Subscriptions::default();
    let mut next = None;
    loop {
        let page = client.list_subscriptions_by_topic().topic_arn(topic).set_next_token(next);
        let page = asked("sns:ListSubscriptionsByTopic", page.send().await)?;
        for subscription in page.subscriptions() {
            // In the place of an ARN stands `PendingConfirmation`, or `Deleted`.
            if subscription.subscription_arn().is_some_and(|arn| arn.starts_with("arn:")) {
                counted.confirmed += 1;
            } else {
                counted.unconfirmed += 1;
            }
        }
        next = page.next_token;
        if next.is_none() {
            return Ok(counted);
        }
    }
}
