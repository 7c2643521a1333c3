use serde_json::{Value, json};

use super::town::{BILLING, SUPPORT};
use super::*;

#[tokio::test]
async fn a_principal_does_what_its_grant_says_and_nothing_else() {
    let town = Town::new();
    let (contract, order) = town.paid(1800).await;
    let code = &contract.contract_code;
    let posts = [
        ("/v1/10000100/deductions".to_owned(), json!({ "contract_code": code, "period": 1 })),
        ("/v1/10000100/pre-deduction-notices".to_owned(), json!({ "contract_code": code })),
        (format!("/v1/10000100/contracts/{code}/termination"), json!({})),
        (format!("/v1/10000100/orders/{}/close", order.out_trade_no), json!({})),
        (
            "/v1/10000100/refunds".to_owned(),
            json!({ "out_trade_no": order.out_trade_no, "out_refund_no": "R1", "amount": 1 }),
        ),
    ];
    for (path, body) in posts {
        let told = town.call(SUPPORT, "POST", &path, Some("k"), Some(body), at("09:00")).await;
        assert_eq!((told.status, told.code()), (403, "not_allowed"), "{path}");
    }
    let path = format!("/v1/10000100/contracts/{code}");
    assert_eq!(town.call(SUPPORT, "GET", &path, None, None, at("09:00")).await.status, 200);
    assert!(town.wechat.asked().is_empty());
}

#[tokio::test]
async fn a_principal_without_grant_and_another_merchant_find_nothing() {
    let town = Town::new();
    let contract = town.signed().await;
    let path = format!("/v1/10000100/contracts/{}", contract.contract_code);
    let nobody = town.call("arn:aws:iam::999999999999:user/mallory", "GET", &path, None, None, at("09:00")).await;
    assert_eq!(nobody.status, 404);
    let elsewhere = town.call(BILLING, "GET", &path.replace("10000100", "10000200"), None, None, at("09:00")).await;
    assert_eq!(elsewhere.status, 404);
}

#[tokio::test]
async fn every_post_needs_an_idempotency_key() {
    let town = Town::new();
    let contract = town.signed().await;
    for path in [
        "/v1/10000100/deductions".to_owned(),
        "/v1/10000100/refunds".to_owned(),
        "/v1/10000100/pre-deduction-notices".to_owned(),
        format!("/v1/10000100/contracts/{}/termination", contract.contract_code),
    ] {
        let told = town.call(BILLING, "POST", &path, None, Some(json!({})), at("09:00")).await;
        assert_eq!((told.status, told.code()), (400, "idempotency_key_missing"), "{path}");
    }
}

/// The event of the AWS Lambda developer guide ("Invoking Lambda function URLs", request payload format), with this route and this caller.
fn signed_event(method: &str, path: &str, iam: Value) -> Value {
    let mut event: Value = serde_json::from_str(include_str!("events/function_url_aws_iam.json")).unwrap();
    // The guide has placeholders in their places.
    event["requestContext"]["apiId"] = json!("a1b2c3d4e5f6");
    event["requestContext"]["domainPrefix"] = json!("a1b2c3d4e5f6");
    event["requestContext"]["domainName"] = json!("a1b2c3d4e5f6.lambda-url.us-west-2.on.aws");
    event["rawPath"] = json!(path);
    event["headers"]["content-type"] = json!("application/json");
    event["headers"]["idempotency-key"] = json!("k");
    event["requestContext"]["http"]["method"] = json!(method);
    event["requestContext"]["http"]["path"] = json!(path);
    event["requestContext"]["authorizer"]["iam"] = iam;
    event["body"] = json!("{}");
    event
}

fn caller(account: &str, arn: &str) -> Value {
    json!({
        "accessKey": "AKIAIOSFODNN7EXAMPLE", "accountId": account, "callerId": "AIDAEXAMPLE", "cognitoIdentity": null,
        "principalOrgId": null, "userArn": arn, "userId": "AIDAEXAMPLE",
    })
}

#[tokio::test]
async fn the_caller_whom_aws_recognised_in_a_function_url_event_is_the_principal() {
    let town = Town::new();
    let contract = town.signed().await;
    let path = format!("/v1/10000100/contracts/{}", contract.contract_code);
    let termination = format!("{path}/termination");
    let role = "arn:aws:sts::123456789012:assumed-role/Reports/nightly";
    for (iam, method, path, expected) in [
        (caller("123456789012", BILLING), "GET", &path, (200, "none")),
        (caller("123456789012", role), "GET", &path, (200, "none")),
        // Another action than the grant's.
        (caller("123456789012", SUPPORT), "POST", &termination, (403, "not_allowed")),
        (caller("123456789012", role), "POST", &termination, (403, "not_allowed")),
        // The same name in another account, another role, and the role itself instead of a session of it.
        (caller("999999999999", "arn:aws:iam::999999999999:user/billing"), "GET", &path, (404, "not_found")),
        (caller("999999999999", &role.replace("123456789012", "999999999999")), "GET", &path, (404, "not_found")),
        (caller("123456789012", &role.replace("Reports", "ReportsOfOthers")), "GET", &path, (404, "not_found")),
        (caller("123456789012", "arn:aws:iam::123456789012:role/Reports"), "GET", &path, (404, "not_found")),
        // The example's own user, who has no grant.
        (caller("111122223333", "arn:aws:iam::111122223333:user/example-user"), "GET", &path, (404, "not_found")),
        // Nobody whom AWS recognised.
        (json!({ "accountId": "123456789012", "userArn": null }), "GET", &path, (403, "unknown_principal")),
        (Value::Null, "GET", &path, (403, "unknown_principal")),
    ] {
        let told = town.event(&signed_event(method, path, iam.clone()), at("09:00")).await;
        assert_eq!((told.status, told.code()), expected, "{method} {path} by {iam}");
    }
    for missing in ["iam", "authorizer"] {
        let mut event = signed_event("GET", &path, caller("123456789012", BILLING));
        // A header is nobody's word.
        event["headers"]["x-amz-user-arn"] = json!(BILLING);
        match missing {
            "iam" => event["requestContext"]["authorizer"] = json!({}),
            _ => drop(event["requestContext"].as_object_mut().unwrap().remove("authorizer")),
        }
        let told = town.event(&event, at("09:00")).await;
        assert_eq!((told.status, told.code()), (403, "unknown_principal"), "without {missing}");
    }
    assert!(town.wechat.asked().is_empty(), "nothing was ended");
    assert_eq!(town.contract(&contract).state, domain::ContractState::Signed);
}
