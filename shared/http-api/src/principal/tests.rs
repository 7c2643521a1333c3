use std::collections::BTreeMap;

use lambda_http::http::Request;
use serde_json::json;

use super::*;

const BILLING: &str = "arn:aws:sts::123456789012:assumed-role/Billing/*";

fn principals(grants: serde_json::Value, local: Option<&str>) -> Result<Arc<Principals>, String> {
    let mut variables = BTreeMap::from([(GRANTS.to_owned(), grants.to_string())]);
    variables.extend(local.map(|name| (LOCAL.to_owned(), name.to_owned())));
    Principals::read(&Env::of(variables, Arc::new(setup::SystemClock))).map_err(|error| error.to_string())
}

fn granted() -> Arc<Principals> {
    let grants = json!([
        { "principal": BILLING, "merchants": ["10000100"], "actions": ["read", "deduct"] },
        { "principal": "arn:aws:iam::123456789012:user/ops", "merchants": ["10000100"], "actions": ["refund"] },
        { "principal": "local", "merchants": ["10000100"], "actions": ["read"] },
    ]);
    principals(grants, Some("local")).unwrap()
}

/// A function-URL request from `ip`, signed by `arn` where there is one.
fn parts(path: &str, arn: Option<&str>, ip: &str, headers: &[(&str, &str)]) -> Parts {
    let authorizer = arn.map(|arn| json!({ "iam": { "userArn": arn } }));
    let context = json!({
        "timeEpoch": 0, "http": { "method": "POST", "sourceIp": ip }, "authorizer": authorizer,
    });
    let mut request = Request::builder().uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let context = RequestContext::ApiGatewayV2(serde_json::from_value(context).unwrap());
    request.body(()).unwrap().with_request_context(context).into_parts().0
}

fn signed(arn: &str, path: &str) -> Result<Backend, &'static str> {
    granted().admit(&parts(path, Some(arn), "203.0.113.9", &[])).map_err(|problem| problem.code())
}

#[test]
fn a_role_is_granted_for_each_of_its_sessions_and_for_its_actions_only() {
    let backend = signed("arn:aws:sts::123456789012:assumed-role/Billing/nightly", "/v1/10000100/deductions").unwrap();
    assert_eq!((backend.mch_id.as_str(), backend.principal.as_str()), ("10000100", BILLING));
    assert!(backend.may(Action::Deduct).is_ok());
    assert_eq!(backend.may(Action::Refund).unwrap_err().code(), "not_allowed");
}

#[test]
fn another_role_another_merchant_and_nobody_are_refused() {
    let path = "/v1/10000100/deductions";
    for other in [
        "arn:aws:sts::123456789012:assumed-role/BillingX/nightly",
        "arn:aws:sts::999999999999:assumed-role/Billing/nightly",
        "arn:aws:sts::123456789012:assumed-role/Billing/",
        "arn:aws:sts::123456789012:assumed-role/Billing/a/b",
        "local",
    ] {
        let told = signed(other, path);
        // The local name is a grant like any other, and no ARN has it: only a test can send it.
        assert!(other == "local" || told == Err("not_found"), "{other}: {told:?}");
    }
    let other_merchant = signed("arn:aws:iam::123456789012:user/ops", "/v1/10000200/refunds");
    assert_eq!(other_merchant, Err("not_found"));
    let nobody = granted().admit(&parts(path, None, "203.0.113.9", &[("host", "127.0.0.1:9716")]));
    assert_eq!(nobody.unwrap_err().code(), "unknown_principal");
}

#[test]
fn the_local_caller_is_on_this_machine_and_not_a_page_from_elsewhere() {
    let path = "/v1/10000100/contracts/A";
    let admitted = |ip: &str, headers: &[(&str, &str)]| granted().admit(&parts(path, None, ip, headers)).is_ok();
    assert!(admitted("127.0.0.1", &[("host", "127.0.0.1:9716")]));
    assert!(admitted("::1", &[("host", "localhost:9716"), ("origin", "http://localhost:5173")]));
    assert!(!admitted("203.0.113.9", &[("host", "127.0.0.1:9716")]), "from another machine");
    assert!(!admitted("127.0.0.1", &[("host", "attacker.example:9716")]), "a name that was pointed here");
    assert!(!admitted("127.0.0.1", &[("host", "127.0.0.1:9716"), ("origin", "https://attacker.example")]));
    assert!(!admitted("127.0.0.1", &[]));
    let without = principals(json!([{ "principal": "local", "merchants": ["10000100"], "actions": ["read"] }]), None);
    let local = parts(path, None, "127.0.0.1", &[("host", "127.0.0.1:9716")]);
    assert_eq!(without.unwrap().admit(&local).unwrap_err().code(), "unknown_principal");
}

#[test]
fn a_wrong_grant_stops_the_function() {
    let grant = |principal: &str| json!([{ "principal": principal, "merchants": ["1"], "actions": ["read"] }]);
    for wrong in ["*", "", "a*b", "arn:aws:iam::1:user/*", "arn:aws:sts::1:assumed-role/*", "a#b"] {
        assert!(principals(grant(wrong), None).unwrap_err().starts_with("PAPAY_PRINCIPALS[0].principal"), "{wrong}");
    }
    let action = json!([{ "principal": "a", "merchants": ["1"], "actions": ["everything"] }]);
    assert!(principals(action, None).unwrap_err().contains("everything"));
    assert_eq!(principals(json!([]), None).unwrap().grants, []);
}
