//! The functions of a deployment: started, allowed to run, and where they are.

use std::collections::HashMap;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::types::{EventSourceMappingConfiguration, FunctionUrlAuthType, LastUpdateStatus, State};

use super::aws::{Refusal, asked};
use super::{At, Finding, versions};

/// Every URL and every event source belongs to this alias.
pub(super) const ALIAS: &str = "live";

const DEPLOY: &str = "deploy the template again";

/// How something gets to a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A URL that is open to the world.
    PublicUrl,
    /// A URL that AWS guards.
    GuardedUrl,
    /// An event source mapping.
    Mapping,
    /// A schedule, and the alarm that goes off where it does not wake the function.
    Schedule(&'static str),
}

/// The functions of the template, after the stack's name and a hyphen.
pub const FUNCTIONS: [(&str, Entry); 10] = [
    ("deduction-callback", Entry::PublicUrl),
    ("contract-callback", Entry::PublicUrl),
    ("payment-callback", Entry::PublicUrl),
    ("refund-callback", Entry::PublicUrl),
    ("sign-api", Entry::PublicUrl),
    ("merchant-api", Entry::GuardedUrl),
    ("outbox-relay", Entry::Mapping),
    ("worker", Entry::Mapping),
    ("sweeper", Entry::Schedule("sweeper-dead")),
    ("bill-reconciler", Entry::Schedule("bills-uncompared")),
];

/// The variables of a function.
pub(super) type Variables = HashMap<String, String>;

/// Whether a function can run; its variables, if AWS tells them.
pub(super) async fn look(client: &Client, function: &str) -> (Vec<Finding>, Option<Variables>) {
    let at = At::new("function", function);
    let sent = client.get_function_configuration().function_name(function).qualifier(ALIAS).send().await;
    let configured = match asked("lambda:GetFunctionConfiguration", sent) {
        Ok(configured) => configured,
        Err(refusal) => return (vec![refusal.finding(&at, DEPLOY)], None),
    };
    let state = match (configured.state(), configured.last_update_status()) {
        (Some(State::Failed), _) | (_, Some(LastUpdateStatus::Failed)) => {
            let reason = configured.state_reason_code().map_or("no reason", |reason| reason.as_str());
            at.failure(format_args!("is in state Failed: {reason}"), DEPLOY)
        }
        (Some(State::Pending), _) | (_, Some(LastUpdateStatus::InProgress)) => {
            at.warning("a change is still going on", "ask again in a minute")
        }
        _ => at.ok("can run"),
    };
    let variables = configured.environment().and_then(|environment| environment.variables()).cloned();
    (vec![state, versions::served(client, function, &configured).await, concurrency(client, function).await], variables)
}

async fn concurrency(client: &Client, function: &str) -> Finding {
    let at = At::new("concurrency", function);
    let sent = client.get_function_concurrency().function_name(function).send().await;
    match asked("lambda:GetFunctionConcurrency", sent) {
        Ok(answer) => match answer.reserved_concurrent_executions {
            Some(0) => at.failure("0: the door is shut", "deploy with a CallbackConcurrency above 0"),
            Some(reserved) => at.ok(reserved),
            None => at.warning("none is reserved: others can take all of the account's", DEPLOY),
        },
        Err(refusal) => refusal.finding(&at, DEPLOY),
    }
}

/// The address of a function, and whether AWS guards it as it should.
pub(super) async fn url(client: &Client, function: &str, entry: Entry) -> (Finding, Option<String>) {
    let at = At::new("URL", function);
    let sent = client.get_function_url_config().function_name(function).qualifier(ALIAS).send().await;
    let configured = match asked("lambda:GetFunctionUrlConfig", sent) {
        Ok(configured) => configured,
        Err(refusal) => return (refusal.finding(&at, DEPLOY), None),
    };
    let wanted = if entry == Entry::GuardedUrl { FunctionUrlAuthType::AwsIam } else { FunctionUrlAuthType::None };
    let url = configured.function_url().to_owned();
    let auth = configured.auth_type();
    if *auth != wanted {
        return (
            at.failure(format_args!("AuthType is {} instead of {}", auth.as_str(), wanted.as_str()), DEPLOY),
            Some(url),
        );
    }
    (at.ok(format_args!("{url}, AuthType {}", auth.as_str())), Some(url))
}

/// Whether what shall wake a function does.
pub(super) async fn mappings(client: &Client, function: &str) -> Vec<Finding> {
    let at = At::new("event source mapping", function);
    let sent = client.list_event_source_mappings().function_name(format!("{function}:{ALIAS}")).send().await;
    match asked("lambda:ListEventSourceMappings", sent) {
        Ok(answer) if answer.event_source_mappings().is_empty() => {
            vec![at.failure("there is none: nothing wakes it", DEPLOY)]
        }
        Ok(answer) => answer.event_source_mappings().iter().map(|mapping| awake(&at, mapping)).collect(),
        Err(Refusal::Missing) => vec![at.failure("there is none: nothing wakes it", DEPLOY)],
        Err(refusal) => vec![refusal.finding(&at, DEPLOY)],
    }
}

fn awake(at: &At, mapping: &EventSourceMappingConfiguration) -> Finding {
    let source = mapping.event_source_arn().unwrap_or("an unknown source");
    let state = mapping.state().unwrap_or("unknown");
    if state != "Enabled" {
        return at.failure(format_args!("{source} is {state}"), "enable it, and find out who switched it off");
    }
    if !mapping.function_response_types().iter().any(|kind| kind.as_str() == "ReportBatchItemFailures") {
        return at.failure(format_args!("{source}: one failure takes its whole batch with it"), DEPLOY);
    }
    match mapping.last_processing_result() {
        Some(result) if result.starts_with("PROBLEM") => {
            at.warning(format_args!("{source}: {result}"), "look at the function's log: docs/runbook/errors.md")
        }
        _ => at.ok(format_args!("{source} is enabled")),
    }
}
