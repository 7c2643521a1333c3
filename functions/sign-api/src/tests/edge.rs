//! What is refused at the edge, and the document.

use super::*;

const SUBSCRIPTIONS: &str = "/v1/10000100/subscriptions";

#[tokio::test]
async fn bad_input_is_told_by_field_and_rule() {
    let stage = Stage::new();
    let cases = [
        (json!({ "product": "nothing", "channel": "app" }), "product", "a subscription of the catalogue"),
        (json!({ "product": "a b", "channel": "app" }), "product", "a subscription of the catalogue"),
        (json!({ "product": "album", "channel": "app" }), "product", "a subscription of the catalogue"),
        (json!({ "product": "other-monthly", "channel": "app" }), "product", "a subscription of the catalogue"),
        (json!({ "product": "vip-gold", "channel": "h5" }), "channel", "one that the product is offered in"),
        (json!({ "product": "vip-monthly" }), "channel", "must be there"),
        (json!({ "channel": "app" }), "product", "must be there"),
    ];
    for (body, field, rule) in cases {
        let refused = stage.post("alice", SUBSCRIPTIONS, "k", body.clone()).await;
        assert_eq!(refused.problem(), (400, "invalid_field"), "{body}");
        assert_eq!((&refused.body["field"], &refused.body["detail"]), (&field.into(), &rule.into()), "{body}");
    }
    let channel = stage.post("alice", SUBSCRIPTIONS, "k", json!({ "product": "vip-monthly", "channel": "fax" })).await;
    assert_eq!(channel.body["field"], "channel");
    assert!(channel.body["detail"].as_str().unwrap().contains("official_account"), "{channel:?}");
    for wrong in ["a&b", "a=b", &"x".repeat(128), "🎉", " a"] {
        let body = json!({ "product": "vip-monthly", "channel": "app", "metadata": wrong });
        let refused = stage.post("bob", SUBSCRIPTIONS, "k", body).await;
        assert_eq!(refused.body["field"], "metadata", "{wrong}");
    }
    assert!(stage.orders().is_empty());
    assert!(stage.wechat.calls().is_empty());
}

#[tokio::test]
async fn no_price_and_no_plan_comes_from_the_app() {
    let stage = Stage::new();
    for extra in ["price", "amount", "total_fee", "plan_id", "openid"] {
        let mut body = json!({ "product": "vip-monthly", "channel": "app" });
        body[extra] = 1.into();
        let refused = stage.post("alice", SUBSCRIPTIONS, "k", body).await;
        assert_eq!(refused.problem(), (400, "invalid_field"), "{extra}");
    }
}

#[tokio::test]
async fn every_post_needs_an_idempotency_key_and_json() {
    let stage = Stage::new();
    let token = token("alice", stage.now());
    let body = r#"{"product": "vip-monthly", "channel": "app"}"#;
    let json = ("Content-Type", "application/json");
    for path in [SUBSCRIPTIONS, "/v1/10000100/contracts", "/v1/10000100/subscriptions/A/termination"] {
        let refused = stage.send(request(Method::POST, path, &token, &[json], body)).await;
        assert_eq!(refused.problem(), (400, "idempotency_key_missing"), "{path}");
    }
    let key = ("Idempotency-Key", "k");
    let refused = stage.send(request(Method::POST, SUBSCRIPTIONS, &token, &[key], body)).await;
    assert_eq!(refused.problem(), (415, "not_json"));
    let refused = stage.send(request(Method::POST, SUBSCRIPTIONS, &token, &[key, json], &"x".repeat(16_385))).await;
    assert_eq!(refused.problem(), (413, "too_large"));
}

#[tokio::test]
async fn nobody_gets_in_without_a_token_and_with_another_merchants() {
    let stage = Stage::new();
    let headers = [("Idempotency-Key", "k"), ("Content-Type", "application/json")];
    let body = r#"{"product": "vip-monthly", "channel": "app"}"#;
    let none = stage.send(request(Method::POST, SUBSCRIPTIONS, "", &headers, body)).await;
    assert_eq!(none.problem(), (401, "token_missing"));
    assert_eq!(none.headers["www-authenticate"], "Bearer");
    let other = stage.post("alice", "/v1/10000200/subscriptions", "k", json!({})).await;
    assert_eq!(other.problem(), (403, "other_merchant"));
    assert_eq!(stage.get("alice", "/v1/10000100/nothing").await.problem(), (404, "not_found"));
    let delete = request(Method::DELETE, SUBSCRIPTIONS, "", &[], "");
    assert_eq!(stage.send(delete).await.problem(), (405, "method_not_allowed"));
}

#[tokio::test]
async fn a_claim_that_wechat_needs_must_be_in_the_token() {
    let stage = Stage::new();
    let headers = [("Idempotency-Key", "k"), ("Content-Type", "application/json")];
    let mut claims =
        json!({ "iss": "app", "aud": "papay", "sub": "alice", "exp": START + 600, "display_account": "alice" });
    let body = r#"{"product": "vip-monthly", "channel": "mini_program"}"#;
    let refused = stage.send(request(Method::POST, SUBSCRIPTIONS, &token_of(&claims), &headers, body)).await;
    assert_eq!((refused.problem(), &refused.body["field"]), ((403, "claim_needed"), &"openid".into()));
    claims.as_object_mut().unwrap().remove("display_account");
    let body = r#"{"product": "vip-monthly", "channel": "app"}"#;
    let refused = stage.send(request(Method::POST, SUBSCRIPTIONS, &token_of(&claims), &headers, body)).await;
    assert_eq!((refused.problem(), &refused.body["field"]), ((403, "claim_needed"), &"display_account".into()));
}

#[tokio::test]
async fn a_user_who_calls_too_often_waits_for_the_next_minute() {
    let stage = Stage::new();
    for _ in 0..20 {
        assert_eq!(stage.status("alice", "01JD8K6M2QZ4XW7RTNBV").await.status, 404);
    }
    let refused = stage.status("alice", "01JD8K6M2QZ4XW7RTNBV").await;
    assert_eq!(refused.problem(), (429, "too_many_requests"));
    let wait: i64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert_eq!(stage.status("bob", "01JD8K6M2QZ4XW7RTNBV").await.status, 404);
    stage.pass(wait);
    assert_eq!(stage.status("alice", "01JD8K6M2QZ4XW7RTNBV").await.status, 404);
}

#[tokio::test]
async fn listed_pages_may_call_and_others_may_not() {
    let stage = Stage::new();
    let preflight = async |origin: &str| {
        let headers = [
            ("Origin", origin),
            ("Access-Control-Request-Method", "POST"),
            ("Access-Control-Request-Headers", "authorization,content-type,idempotency-key"),
        ];
        stage.send(request(Method::OPTIONS, SUBSCRIPTIONS, "", &headers, "")).await
    };
    let listed = preflight("https://shop.example.com").await;
    assert_eq!(
        (listed.status, &listed.headers["access-control-allow-origin"]),
        (200, &"https://shop.example.com".parse().unwrap())
    );
    let headers = listed.headers["access-control-allow-headers"].to_str().unwrap().to_owned();
    assert!(headers.contains("idempotency-key") && headers.contains("authorization"), "{headers}");
    let other = preflight("https://evil.example.com").await;
    assert!(!other.headers.contains_key("access-control-allow-origin"), "{other:?}");
}

#[tokio::test]
async fn answers_are_for_this_moment_only() {
    let stage = Stage::new();
    let answer = stage.subscribe("alice", "k", "app").await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
}

#[tokio::test]
async fn a_ledger_that_is_down_is_told_as_such_and_wechat_is_not_asked() {
    let stage = Stage::new();
    stage.memory.set_ledger_down(true);
    let refused = stage.subscribe("alice", "k", "app").await;
    assert_eq!(refused.problem(), (503, "unavailable"));
    assert!(stage.wechat.calls().is_empty());
}

#[test]
fn the_committed_document_is_what_the_handlers_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi/sign-api.json");
    let document = crate::document().to_pretty_json().unwrap() + "\n";
    if std::env::var_os("PAPAY_WRITE_OPENAPI").is_some() {
        std::fs::create_dir_all(std::path::Path::new(path).parent().unwrap()).unwrap();
        std::fs::write(path, &document).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == document, "docs/openapi/sign-api.json is old: run this test with PAPAY_WRITE_OPENAPI=1");
    assert!(document.contains("\"openapi\": \"3.1.0\""));
}

#[test]
fn the_catalogue_that_is_deployed_and_its_example_can_be_read() {
    let deployed = include_str!("../../../../catalogue/catalogue.toml");
    assert_eq!(Catalogue::parse(deployed).unwrap().products().count(), 0);
    let lines = deployed.lines().skip_while(|line| *line != "# [[products]]");
    let example: String = lines.map(|line| format!("{}\n", line.strip_prefix("# ").unwrap_or_default())).collect();
    assert_eq!(Catalogue::parse(&example).unwrap().products().count(), 1);
}
