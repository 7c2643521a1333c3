//! Who may call a function: a URL that is open to the world needs two permissions since October 2025.

use aws_sdk_lambda::Client;
use serde_json::Value;

use super::aws::{Refusal, asked};
use super::functions::{ALIAS, Entry};
use super::{At, Finding};

const DEPLOY: &str = "deploy the template again: SAM makes the permissions of a literal AuthType";

/// Looks at the policy of a function's alias.
pub(super) async fn check(client: &Client, function: &str, entry: Entry) -> Finding {
    let at = At::new("permissions", function);
    let sent = client.get_policy().function_name(function).qualifier(ALIAS).send().await;
    match asked("lambda:GetPolicy", sent).map(|answer| answer.policy.unwrap_or_default()) {
        Ok(policy) => judged(&at, &policy, entry),
        Err(Refusal::Missing) => judged(&at, "{}", entry),
        Err(refusal) => refusal.finding(&at, DEPLOY),
    }
}

fn judged(at: &At, policy: &str, entry: Entry) -> Finding {
    let Ok(policy) = serde_json::from_str::<Value>(policy) else {
        return at.unchecked("its policy is no JSON", "try again");
    };
    let statements = policy["Statement"].as_array().map_or(&[][..], Vec::as_slice);
    let allows = |action: &'static str| statements.iter().filter(move |statement| allows(statement, action));
    match entry {
        Entry::PublicUrl => {
            let url =
                allows("lambda:InvokeFunctionUrl").any(|statement| is_public(statement) && auth(statement) == "NONE");
            let invoke = allows("lambda:InvokeFunction").filter(|statement| is_public(statement));
            let (by_url, open): (Vec<_>, Vec<_>) = invoke.partition(|statement| via_url(statement));
            match (url, by_url.is_empty(), open.is_empty()) {
                (true, false, true) => at.ok("both permissions of a public URL"),
                (false, ..) => at.failure(
                    "lambda:InvokeFunctionUrl is not granted to everybody: strangers and WeChat get 403",
                    DEPLOY,
                ),
                (true, true, _) => {
                    at.failure("lambda:InvokeFunction through the URL is not granted: WeChat gets 403", DEPLOY)
                }
                (true, false, false) => at.failure("everybody may invoke it past its URL", DEPLOY),
            }
        }
        Entry::GuardedUrl if statements.iter().any(is_public) => {
            at.failure("everybody may call it: it moves money", DEPLOY)
        }
        Entry::GuardedUrl => at.ok("nobody but whom IAM allows"),
        Entry::Mapping if statements.iter().any(is_public) => at.failure("everybody may invoke it", DEPLOY),
        Entry::Mapping => at.ok("nobody from outside"),
        Entry::Schedule(alarm) => {
            let mut scheduled = allows("lambda:InvokeFunction");
            if scheduled.any(|statement| statement["Principal"]["Service"] == "events.amazonaws.com") {
                at.ok(format_args!("the schedule may; whether it does is what the alarm {alarm} watches"))
            } else {
                at.failure("the schedule may not invoke it", "deploy the template again")
            }
        }
    }
}

fn allows(statement: &Value, action: &str) -> bool {
    let named = |value: &Value| value == action || value == "lambda:*";
    let granted = match &statement["Action"] {
        Value::Array(actions) => actions.iter().any(named),
        one => named(one),
    };
    statement["Effect"] == "Allow" && granted
}

fn is_public(statement: &Value) -> bool {
    statement["Effect"] == "Allow" && (statement["Principal"] == "*" || statement["Principal"]["AWS"] == "*")
}

fn auth(statement: &Value) -> &str {
    statement["Condition"]["StringEquals"]["lambda:FunctionUrlAuthType"].as_str().unwrap_or_default()
}

/// The condition without which everybody could call past the URL.
fn via_url(statement: &Value) -> bool {
    let condition = &statement["Condition"]["Bool"]["lambda:InvokedViaFunctionUrl"];
    condition == "true" || *condition == Value::Bool(true)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::Level;

    fn url() -> Value {
        json!({ "Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunctionUrl",
            "Condition": { "StringEquals": { "lambda:FunctionUrlAuthType": "NONE" } } })
    }

    fn invoke() -> Value {
        json!({ "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": "lambda:InvokeFunction",
            "Condition": { "Bool": { "lambda:InvokedViaFunctionUrl": "true" } } })
    }

    fn level(statements: &[Value], entry: Entry) -> Level {
        let policy = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
        judged(&At::new("permissions", "f"), &policy, entry).level
    }

    #[test]
    fn a_public_url_needs_both_permissions_and_opens_no_other_way() {
        assert_eq!(level(&[url(), invoke()], Entry::PublicUrl), Level::Ok);
        assert_eq!(level(&[url()], Entry::PublicUrl), Level::Failure);
        assert_eq!(level(&[invoke()], Entry::PublicUrl), Level::Failure);
        let mut open = invoke();
        open["Condition"] = Value::Null;
        assert_eq!(level(&[url(), open.clone()], Entry::PublicUrl), Level::Failure);
        assert_eq!(level(&[url(), invoke(), open], Entry::PublicUrl), Level::Failure, "past the URL");
    }

    #[test]
    fn what_moves_money_is_open_to_nobody() {
        assert_eq!(level(&[], Entry::GuardedUrl), Level::Ok);
        assert_eq!(level(&[url()], Entry::GuardedUrl), Level::Failure);
        assert_eq!(level(&[invoke()], Entry::Mapping), Level::Failure);
    }

    #[test]
    fn the_schedule_must_be_let_in() {
        let events = json!({ "Effect": "Allow", "Principal": { "Service": "events.amazonaws.com" }, "Action": "lambda:InvokeFunction" });
        assert_eq!(level(&[events], Entry::Schedule("sweeper-dead")), Level::Ok);
        assert_eq!(level(&[], Entry::Schedule("sweeper-dead")), Level::Failure);
    }
}
