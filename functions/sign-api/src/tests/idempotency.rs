//! The same key and body is the same attempt, whatever happens in between.

use std::time::Duration;

use super::wechat::Fault;
use super::*;

const ORDER: &str = "/pay/contractorder";

fn all_equal(bodies: &[String]) -> bool {
    bodies.iter().all(|body| *body == bodies[0])
}

#[tokio::test]
async fn the_same_call_twice_is_one_order_with_fresh_parameters() {
    let stage = Stage::new();
    let first = stage.subscribe("alice", "k", "app").await;
    stage.pass(3);
    let second = stage.subscribe("alice", "k", "app").await;
    assert_eq!((first.status, second.status), (201, 200));
    assert_eq!(first.code(), second.code());
    let params = |answer: &Answer, name: &str| answer.body["launch"]["params"][name].clone();
    assert_eq!(params(&first, "prepayid"), params(&second, "prepayid"));
    assert_ne!(params(&first, "noncestr"), params(&second, "noncestr"), "signed anew");
    assert_eq!(params(&second, "timestamp"), (START + 3).to_string());
    assert_eq!(stage.wechat.sent(ORDER).len(), 1);
    assert_eq!(stage.orders().len(), 1);
}

#[tokio::test]
async fn two_at_once_are_one_order_sent_with_the_same_bytes() {
    let stage = Stage::new();
    let (first, second) = tokio::join!(stage.subscribe("alice", "k", "app"), stage.subscribe("alice", "k", "app"));
    assert_eq!(first.code(), second.code());
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 201]);
    assert_eq!(stage.orders().len(), 1);
    assert!(all_equal(&stage.wechat.sent(ORDER)), "WeChat heard of one order");
}

#[tokio::test]
async fn another_body_under_the_same_key_is_refused() {
    let stage = Stage::new();
    stage.subscribe("alice", "k", "app").await;
    let other = stage.subscribe("alice", "k", "h5").await;
    assert_eq!(other.problem(), (409, "idempotency_key_reused"));
    assert_eq!(stage.orders().len(), 1);
    assert_eq!(stage.subscribe("bob", "k", "app").await.status, 201, "another user's key is his own");
}

#[tokio::test]
async fn after_a_death_between_ledger_and_wechat_the_stored_request_is_sent() {
    let stage = Stage::new();
    stage.wechat.fail(ORDER, Fault::Hangs);
    let died = tokio::time::timeout(Duration::from_millis(50), stage.subscribe("alice", "k", "app")).await;
    assert!(died.is_err(), "the function died while WeChat was silent");
    let [order] = &stage.orders()[..] else { panic!("one order is on record") };
    let (number, stored) = (order.out_trade_no.clone(), order.request.clone().unwrap());
    stage.pass(60);
    let again = stage.subscribe("alice", "k", "app").await;
    assert_eq!((again.status, again.body["payment"]["out_trade_no"].as_str().unwrap()), (200, number.as_str()));
    assert_eq!(again.body["launch"]["type"], "App");
    let sent = stage.wechat.sent(ORDER);
    assert!(sent.len() == 2 && all_equal(&sent), "byte for byte");
    let stored: Value = serde_json::from_str(stored.as_str()).unwrap();
    assert_eq!(stored["body"], sent[0], "as it was stored");
}

#[tokio::test]
async fn an_answer_that_is_lost_leaves_an_order_that_the_next_call_finds() {
    let stage = Stage::new();
    stage.wechat.fail(ORDER, Fault::AnswerLost);
    stage.wechat.fail(ORDER, Fault::AnswerLost);
    let lost = stage.subscribe("alice", "k", "app").await;
    assert_eq!(lost.problem(), (503, "unavailable"));
    assert!(lost.headers.contains_key("retry-after"));
    let again = stage.subscribe("alice", "k", "app").await;
    assert_eq!((again.status, &again.body["launch"]["type"]), (200, &"App".into()), "{again:?}");
    assert!(all_equal(&stage.wechat.sent(ORDER)));
    assert_eq!(stage.orders().len(), 1);
}

#[tokio::test]
async fn a_prepay_id_of_two_hours_is_renewed_by_the_stored_request() {
    let stage = Stage::new();
    let click = async |key: &str| {
        let body = json!({ "product": "vip-slow", "channel": "app" });
        stage.post("alice", "/v1/10000100/subscriptions", key, body).await
    };
    let first = click("k").await;
    stage.pass(7_199);
    let old = click("k").await;
    assert_eq!(stage.wechat.sent(ORDER).len(), 1, "still good");
    stage.pass(1);
    // Another key, since a second click is not the same call.
    let renewed = click("k2").await;
    assert_eq!((first.code(), old.code()), (renewed.code(), renewed.code()));
    let sent = stage.wechat.sent(ORDER);
    assert!(sent.len() == 2 && all_equal(&sent), "byte for byte");
    let prepay_id = |answer: &Answer| answer.body["launch"]["params"]["prepayid"].clone();
    assert_eq!(prepay_id(&first), prepay_id(&old));
    assert_ne!(prepay_id(&first), prepay_id(&renewed));
    assert_eq!(stage.orders().len(), 1);
}

#[tokio::test]
async fn a_browsers_address_is_renewed_after_five_minutes() {
    let stage = Stage::new();
    let first = stage.subscribe("alice", "k", "h5").await;
    stage.pass(301);
    let second = stage.subscribe("alice", "k", "h5").await;
    assert_eq!(first.code(), second.code());
    let sent = stage.wechat.sent(ORDER);
    assert!(sent.len() == 2 && all_equal(&sent));
    let until: Timestamp = second.body["launch_valid_until"].as_str().unwrap().parse().unwrap();
    assert_eq!(until.as_second(), START + 601);
}

#[tokio::test]
async fn after_the_order_was_paid_the_same_call_has_nothing_to_launch() {
    let stage = Stage::new();
    let code = stage.subscribe("alice", "k", "app").await.code();
    stage.wechat.pay(&format!("{code}F0"));
    stage.wechat.sign_contract(&code);
    stage.pass(6);
    let again = stage.subscribe("alice", "k", "app").await;
    assert_eq!((again.status, &again.body["outcome"]), (200, &"active".into()));
    assert!(again.body.get("launch").is_none());
}

#[tokio::test]
async fn an_app_that_signs_only_repeats_its_request_and_a_browser_gets_a_new_address() {
    let stage = Stage::new();
    let app = stage.sign("alice", "k", "app").await;
    stage.pass(121);
    let again = stage.sign("alice", "k", "app").await;
    assert_eq!(app.code(), again.code());
    let sent = stage.wechat.sent("/papay/preentrustweb");
    assert!(sent.len() == 2 && all_equal(&sent));

    let first = stage.sign("bob", "k", "h5").await;
    stage.pass(2);
    let second = stage.sign("bob", "k", "h5").await;
    assert_eq!(first.code(), second.code());
    let url = |answer: &Answer| answer.body["launch"]["params"]["url"].clone();
    assert_ne!(url(&first), url(&second), "one visit each");
}

#[tokio::test]
async fn a_key_that_got_a_pending_attempt_never_begins_another() {
    for (route, channel) in [("subscriptions", "h5"), ("contracts", "app")] {
        let stage = Stage::new();
        let path = format!("/v1/10000100/{route}");
        let body = json!({ "product": "vip-monthly", "channel": channel });
        let click = async |key: &str, body: &Value| stage.post("alice", &path, key, body.clone()).await;
        let first = click("k", &body).await;
        let (one, other) = tokio::join!(click("k2", &body), click("k2", &body));
        assert_eq!((one.status, one.code(), other.status, other.code()), (200, first.code(), 200, first.code()));
        let reused = click("k2", &json!({ "product": "vip-gold", "channel": "app" })).await;
        assert_eq!(reused.problem(), (409, "idempotency_key_reused"), "{route}");
        // The attempt ends, and the user is free to begin another: with another key.
        stage.memory.with_store(|store| {
            let row = store.contracts().find(|row| row.value.contract_code.as_str() == first.code()).unwrap().clone();
            let ended = Contract { state: domain::ContractState::NotSigned, check: None, ..row.value };
            let expected = record::Expected::Version(row.version);
            let write = record::Write { value: ended, expected, version: row.version + 1, routed: row.routed };
            let commit = record::Commit { contract: Some(write), ..record::Commit::empty(mch_id()) };
            store.commit(&commit).unwrap();
        });
        let again = click("k2", &body).await;
        assert_eq!((again.status, again.code()), (200, first.code()), "{route}: {again:?}");
        assert_eq!(stage.memory.store().contracts().count(), 1, "{route}");
        assert_eq!(click("k3", &body).await.status, 201, "{route}");
    }
}
