//! Whether what was deployed last is what is served: everything calls the alias, and a deployment changes `$LATEST` first.

use std::collections::BTreeSet;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::operation::get_function_configuration::GetFunctionConfigurationOutput;

use super::aws::asked;
use super::functions::ALIAS;
use super::{At, Finding};

const FIX: &str =
    "wait if a deployment is under way; find out why if one was rolled back; otherwise deploy with another Revision";

/// Compares the version that the alias serves with what was deployed last.
pub(super) async fn served(client: &Client, function: &str, live: &GetFunctionConfigurationOutput) -> Finding {
    let at = At::new("version", function);
    let sent = client.get_function_configuration().function_name(function).send().await;
    let latest = match asked("lambda:GetFunctionConfiguration", sent) {
        Ok(latest) => latest,
        Err(refusal) => return refusal.finding(&at, FIX),
    };
    let different = differences(live, &latest);
    if different.is_empty() {
        return at.ok(format_args!("{ALIAS} serves what was deployed last"));
    }
    at.failure(format_args!("{ALIAS} does not serve what was deployed last; different: {}", different.join(", ")), FIX)
}

/// What differs, by name: values can be secrets.
fn differences(live: &GetFunctionConfigurationOutput, latest: &GetFunctionConfigurationOutput) -> Vec<String> {
    let layers = |of: &GetFunctionConfigurationOutput| -> Vec<String> {
        of.layers().iter().filter_map(|layer| layer.arn()).map(str::to_owned).collect()
    };
    let parts = [
        ("code", live.code_sha256() != latest.code_sha256()),
        ("layers", layers(live) != layers(latest)),
        ("architecture", live.architectures() != latest.architectures()),
        ("memory", live.memory_size() != latest.memory_size()),
        ("timeout", live.timeout() != latest.timeout()),
        // A version is described by the fingerprint of all parameters, `Revision` among them, and the function's description has it.
        ("parameters", live.description().is_some_and(|of| !latest.description().unwrap_or_default().contains(of))),
    ];
    let parts = parts.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name.to_owned());
    parts.chain(variables(live, latest)).collect()
}

fn variables(live: &GetFunctionConfigurationOutput, latest: &GetFunctionConfigurationOutput) -> BTreeSet<String> {
    let of = |configured: &GetFunctionConfigurationOutput| {
        configured.environment().and_then(|environment| environment.variables()).cloned().unwrap_or_default()
    };
    let (live, latest) = (of(live), of(latest));
    let names = live.keys().chain(latest.keys());
    names.filter(|name| live.get(*name) != latest.get(*name)).cloned().collect()
}
