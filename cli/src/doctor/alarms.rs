//! Alarms: all there, all able to tell somebody, and none going off.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{MetricAlarm, StateValue};

use super::aws::{Refusal, asked};
use super::{At, Finding, topics};

/// The alarms of the template, after the stack's name and a hyphen.
pub const ALARMS: [&str; 39] = [
    "api-errors",
    "api-faults",
    "api-latency",
    "background-errors",
    "bill-differences",
    "bill-errors",
    "bills-uncompared",
    "callback-errors",
    "callback-faults",
    "callback-latency",
    "certificate-expiry",
    "dead-letters",
    "due-lag",
    "given-up",
    "key-faults",
    "ledger-queue-age",
    "membership-queue-age",
    "not-taken",
    "outbox-age",
    "outbox-age-critical",
    "presign-failed",
    "quarantine",
    "relay-iterator-age",
    "signatures-refused",
    "silence",
    "silence-deduction",
    "silence-payment",
    "silence-refund",
    "silence-refund-by-hand",
    "silence-signing",
    "silence-termination",
    "streams-undrained",
    "sweeper-dead",
    "tables-conflicts",
    "tables-throttled",
    "throttles",
    "wechat-refuses",
    "wechat-unanswered",
    "work-queue-age",
];

const DEPLOY: &str = "deploy the template again";

/// Looks at the alarms of a stack, and at whom they tell.
pub(super) async fn check(client: &Client, sns: &aws_sdk_sns::Client, stack: &str) -> Vec<Finding> {
    let known = match known(client, stack).await {
        Ok(known) => known,
        Err(refusal) => return vec![refusal.finding(&At::new("alarm", stack), DEPLOY)],
    };
    let alarms = ALARMS.map(|name| (name, known.get(&format!("{stack}-{name}"))));
    let mut findings: Vec<Finding> = alarms.iter().map(|(name, alarm)| look(name, *alarm)).collect();
    let told: BTreeSet<&str> = alarms.iter().filter_map(|(_, alarm)| *alarm).flat_map(topics_of).collect();
    for topic in told {
        findings.push(topics::check(sns, topic).await);
    }
    findings
}

async fn known(client: &Client, stack: &str) -> Result<BTreeMap<String, MetricAlarm>, Refusal> {
    let mut known = BTreeMap::new();
    let mut next = None;
    loop {
        let page = client.describe_alarms().alarm_name_prefix(format!("{stack}-")).set_next_token(next);
        let page = asked("cloudwatch:DescribeAlarms", page.send().await)?;
        for alarm in page.metric_alarms.unwrap_or_default() {
            known.insert(alarm.alarm_name.clone().unwrap_or_default(), alarm);
        }
        next = page.next_token;
        if next.is_none() {
            return Ok(known);
        }
    }
}

fn look(name: &str, alarm: Option<&MetricAlarm>) -> Finding {
    let at = At::new("alarm", name);
    let Some(alarm) = alarm else { return at.failure("is not there", DEPLOY) };
    if !alarm.actions_enabled().unwrap_or_default() || alarm.alarm_actions().is_empty() {
        return at.failure("tells nobody", "enable its actions; deploy the template again");
    }
    if topics_of(alarm).next().is_none() {
        return at.unchecked("it tells something else than a topic", "look at its actions: do they reach a person?");
    }
    let page = alarm.alarm_description().unwrap_or("docs/runbook");
    match alarm.state_value() {
        Some(StateValue::Ok) => at.ok("OK"),
        Some(StateValue::Alarm) => at.failure("goes off", page),
        // Each alarm of the template says what a missing datum means, so that CloudWatch comes to OK or ALARM the first time that
        // it looks, whether data come or not. What has come to neither was not looked at yet, or cannot be worked out: it is not
        // known to be well, even where missing data breach nothing.
        Some(StateValue::InsufficientData) => at.unchecked(
            "INSUFFICIENT_DATA: CloudWatch has not judged it",
            format_args!("ask again in five minutes; if it stays so, look at its metric: {page}"),
        ),
        _ => at.unchecked("its state is unknown", "try again"),
    }
}

fn topics_of(alarm: &MetricAlarm) -> impl Iterator<Item = &str> {
    alarm.alarm_actions().iter().map(String::as_str).filter(|action| action.split(':').nth(2) == Some("sns"))
}
