//! Alarms: all there, all able to tell somebody, and none going off.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{MetricAlarm, StateValue};

use super::aws::{Refusal, asked};
use super::{At, Finding};

/// The alarms of the template, after the stack's name and a hyphen.
pub const ALARMS: [&str; 32] = [
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
    "outbox-age",
    "outbox-age-critical",
    "presign-failed",
    "quarantine",
    "relay-iterator-age",
    "signatures-refused",
    "silence",
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

/// Looks at the alarms of a stack.
pub(super) async fn check(client: &Client, stack: &str) -> Vec<Finding> {
    match known(client, stack).await {
        Ok(known) => ALARMS.iter().map(|alarm| look(alarm, known.get(&format!("{stack}-{alarm}")))).collect(),
        Err(refusal) => vec![refusal.finding(&At::new("alarm", stack), DEPLOY)],
    }
}

async fn known(client: &Client, stack: &str) -> Result<BTreeMap<String, MetricAlarm>, Refusal> {
    let mut known = BTreeMap::new();
    let mut next = None;
    loop {
        let page = client.describe_alarms().alarm_name_prefix(format!("{stack}-")).set_next_token(next);
        let page = asked(page.send().await)?;
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
    match alarm.state_value() {
        Some(StateValue::Alarm) => {
            let page = alarm.alarm_description().unwrap_or("docs/runbook");
            at.warning("goes off", page)
        }
        Some(state) => at.ok(state.as_str()),
        None => at.unchecked("its state is unknown", "try again"),
    }
}
