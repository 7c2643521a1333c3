//! Queues: attributes that keep order, dead-letter queues that are there and empty, and nobody without TLS.

use std::collections::HashMap;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::Value;

use super::aws::{Refusal, asked};
use super::{At, Finding};

const DEPLOY: &str = "deploy the template again";

const GET_URL: &str = "sqs:GetQueueUrl";

/// What a queue is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The events of a consumer.
    Events,
    /// What is to be asked of WeChat.
    Work,
}

/// Looks at a queue and the dead letters behind it. `policies` says whether there can be any: on a laptop there are none.
pub(super) async fn check(client: &Client, name: &str, url: &str, kind: Kind, policies: bool) -> Vec<Finding> {
    let at = At::new("queue", name);
    let attributes = match attributes(client, url).await {
        Ok(attributes) => attributes,
        Err(refusal) => return vec![refusal.finding(&at, DEPLOY)],
    };
    let mut findings = vec![order(&at, &attributes, kind)];
    if policies {
        findings.push(transport(&At::new("queue policy", name), &attributes));
    }
    findings.push(dead_letters(client, &At::new("dead letters", name), &attributes).await);
    findings
}

/// The same, by the queue's name alone.
pub(super) async fn check_named(client: &Client, name: &str, kind: Kind, policies: bool) -> Vec<Finding> {
    match asked(GET_URL, client.get_queue_url().queue_name(name).send().await) {
        Ok(answer) => check(client, name, &answer.queue_url.unwrap_or_default(), kind, policies).await,
        Err(refusal) => vec![refusal.finding(&At::new("queue", name), DEPLOY)],
    }
}

async fn attributes(client: &Client, url: &str) -> Result<HashMap<String, String>, Refusal> {
    let sent = client.get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::All).send().await;
    let attributes = asked("sqs:GetQueueAttributes", sent)?.attributes.unwrap_or_default();
    Ok(attributes.into_iter().map(|(name, value)| (name.as_str().to_owned(), value)).collect())
}

fn order(at: &At, attributes: &HashMap<String, String>, kind: Kind) -> Finding {
    let wanted: &[(&str, &str)] = match kind {
        Kind::Events => &[
            ("FifoQueue", "true"),
            ("DeduplicationScope", "messageGroup"),
            ("FifoThroughputLimit", "perMessageGroupId"),
        ],
        Kind::Work => &[],
    };
    let value = |name: &str| attributes.get(name).map_or("nothing", String::as_str);
    if let Some((name, wanted)) = wanted.iter().find(|(name, wanted)| value(name) != *wanted) {
        return at.failure(format_args!("{name} is {} instead of {wanted}", value(name)), DEPLOY);
    }
    at.ok(format_args!("{} messages wait", value("ApproximateNumberOfMessages")))
}

fn transport(at: &At, attributes: &HashMap<String, String>) -> Finding {
    let policy: Option<Value> = attributes.get("Policy").and_then(|text| serde_json::from_str(text).ok());
    let statements = policy.as_ref().and_then(|policy| policy["Statement"].as_array()).map_or(&[][..], Vec::as_slice);
    let denies = |statement: &Value| {
        let insecure = &statement["Condition"]["Bool"]["aws:SecureTransport"];
        statement["Effect"] == "Deny" && (insecure == "false" || *insecure == Value::Bool(false))
    };
    if statements.iter().any(denies) {
        at.ok("nobody without TLS")
    } else {
        at.failure("does not deny requests without TLS", DEPLOY)
    }
}

async fn dead_letters(client: &Client, at: &At, attributes: &HashMap<String, String>) -> Finding {
    let redrive: Option<Value> = attributes.get("RedrivePolicy").and_then(|text| serde_json::from_str(text).ok());
    let target = redrive.as_ref().and_then(|redrive| redrive["deadLetterTargetArn"].as_str());
    let Some(target) = target else {
        return at.failure("there is no dead-letter queue: what cannot be handled comes for ever", DEPLOY);
    };
    let name = target.rsplit(':').next().unwrap_or_default();
    let url = match asked(GET_URL, client.get_queue_url().queue_name(name).send().await) {
        Ok(answer) => answer.queue_url.unwrap_or_default(),
        Err(refusal) => return refusal.finding(at, DEPLOY),
    };
    match self::attributes(client, &url).await {
        Ok(letters) => match letters.get("ApproximateNumberOfMessages").map(String::as_str) {
            Some("0") => at.ok(format_args!("{name} is empty")),
            waiting => at.warning(
                format_args!("{} messages in {name}", waiting.unwrap_or("unknown")),
                "somebody must look at them: docs/runbook/dead-letters.md",
            ),
        },
        Err(refusal) => refusal.finding(at, DEPLOY),
    }
}
