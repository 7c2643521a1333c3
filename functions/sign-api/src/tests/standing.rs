//! Users who have an attempt or a contract already.

use std::time::Duration;

use std::sync::atomic::Ordering;

use super::wechat::Fault;
use super::*;

const ORDER: &str = "/pay/contractorder";

#[tokio::test]
async fn a_user_with_a_live_contract_is_told_before_any_order_is_made() {
    let stage = Stage::new();
    let code = stage.active("alice").await;
    stage.wechat.forget_calls();
    let refused = stage.subscribe("alice", "k2", "h5").await;
    assert_eq!(refused.problem(), (409, "already_subscribed"));
    assert_eq!(refused.body["contract_code"], code);
    assert_eq!(stage.orders().len(), 1);
    assert!(stage.wechat.sent(ORDER).is_empty());
    let only = stage.sign("alice", "k3", "app").await;
    assert_eq!(only.problem(), (409, "already_subscribed"));
}

#[tokio::test]
async fn a_contract_that_the_user_left_meanwhile_stands_in_nobodys_way() {
    let stage = Stage::new();
    let code = stage.active("alice").await;
    stage.wechat.leave_contract(&code);
    stage.pass(60);
    let answer = stage.subscribe("alice", "k2", "app").await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_ne!(answer.code(), code);
    assert_eq!(stage.contract(&code).state, domain::ContractState::Terminated);
}

#[tokio::test]
async fn a_signing_that_nobody_told_us_of_is_found_before_an_order_is_made() {
    let stage = Stage::new();
    let code = stage.subscribe("alice", "k", "app").await.code();
    stage.wechat.pay(&format!("{code}F0"));
    stage.wechat.sign_contract(&code);
    stage.pass(60);
    let refused = stage.subscribe("alice", "k2", "app").await;
    assert_eq!((refused.problem(), refused.code()), ((409, "already_subscribed"), code));
    assert_eq!(stage.wechat.sent(ORDER).len(), 1);
}

#[tokio::test]
async fn a_second_click_gets_the_pending_attempt() {
    let stage = Stage::new();
    let first = stage.subscribe("alice", "k", "app").await;
    stage.pass(10);
    let second = stage.subscribe("alice", "another key", "app").await;
    assert_eq!((second.status, first.code()), (200, second.code()));
    let params = |answer: &Answer, name: &str| answer.body["launch"]["params"][name].clone();
    assert_eq!(params(&first, "prepayid"), params(&second, "prepayid"));
    assert_ne!(params(&first, "sign"), params(&second, "sign"));
    assert_eq!(stage.wechat.sent(ORDER).len(), 1);
}

#[tokio::test]
async fn two_clicks_at_once_with_two_keys_are_one_order() {
    let stage = Stage::new();
    let (first, second) = tokio::join!(stage.subscribe("alice", "k1", "app"), stage.subscribe("alice", "k2", "app"));
    assert_eq!(first.code(), second.code());
    assert_eq!(stage.orders().len(), 1);
}

#[tokio::test]
async fn another_channel_waits_until_the_first_order_can_be_closed() {
    let stage = Stage::new();
    let first = stage.subscribe("alice", "k", "h5").await.code();
    stage.pass(60);
    let early = stage.subscribe("alice", "k2", "app").await;
    assert_eq!((early.problem(), early.code()), ((409, "attempt_pending"), first.clone()));
    assert_eq!(early.headers["retry-after"], "241");
    stage.pass(241);
    let later = stage.subscribe("alice", "k2", "app").await;
    assert_eq!(later.status, 201, "{later:?}");
    assert_ne!(later.code(), first);
    assert_eq!(stage.wechat.sent("/pay/closeorder").len(), 1);
    let closed = stage.status("alice", &first).await;
    assert_eq!((&closed.body["outcome"], &closed.body["payment"]["status"]), (&"closed".into(), &"closed".into()));
}

#[tokio::test]
async fn an_order_that_wechat_never_heard_of_gives_way() {
    let stage = Stage::new();
    stage.wechat.fail(ORDER, Fault::Hangs);
    let died = tokio::time::timeout(Duration::from_millis(50), stage.subscribe("alice", "k", "h5")).await;
    assert!(died.is_err());
    stage.pass(400);
    let other = stage.subscribe("alice", "k2", "app").await;
    assert_eq!(other.status, 201, "{other:?}");
    assert_eq!(stage.orders().len(), 2);
}

#[tokio::test]
async fn another_channel_is_refused_where_the_first_order_was_paid() {
    let stage = Stage::new();
    let first = stage.subscribe("alice", "k", "h5").await.code();
    stage.wechat.pay(&format!("{first}F0"));
    stage.pass(400);
    let refused = stage.subscribe("alice", "k2", "app").await;
    assert_eq!((refused.problem(), refused.code()), ((409, "attempt_pending"), first));
    assert!(stage.wechat.sent("/pay/closeorder").is_empty());
}

#[tokio::test]
async fn an_attempt_that_expired_is_closed_and_a_new_one_begins() {
    let stage = Stage::new();
    let first = stage.subscribe("alice", "k", "app").await.code();
    stage.pass(1_800);
    let second = stage.subscribe("alice", "k2", "app").await;
    assert_eq!(second.status, 201, "{second:?}");
    assert_ne!(second.code(), first);
    let again = stage.subscribe("alice", "k", "app").await;
    assert_eq!((again.code(), &again.body["outcome"]), (first, &"closed".into()), "the old key is the old attempt");
    assert!(again.body.get("launch").is_none());
}

#[tokio::test]
async fn the_same_wechat_user_under_another_account_is_refused_without_a_number() {
    let stage = Stage::new();
    let code = stage.subscribe("alice", "k", "official_account").await.code();
    let claims = json!({
        "iss": "app", "aud": "papay", "sub": "mallory", "exp": START + 600, "display_account": "mallory",
        "openids": { "wxoff": "oOffalice" },
    });
    let body = json!({ "product": "vip-monthly", "channel": "official_account" }).to_string();
    let headers = [("Idempotency-Key", "k"), ("Content-Type", "application/json")];
    let path = "/v1/10000100/subscriptions";
    let refused = stage.send(request(Method::POST, path, &token_of(&claims), &headers, &body)).await;
    assert_eq!(refused.problem(), (409, "already_subscribed"));
    assert!(!refused.body.to_string().contains(&code));
}

#[tokio::test]
async fn an_order_that_would_sign_nothing_is_closed_and_reported() {
    let stage = Stage::new();
    stage.wechat.fail(ORDER, Fault::NoContract("SYSTEMERROR", "system error"));
    let refused = stage.subscribe("alice", "k", "app").await;
    assert_eq!(refused.problem(), (502, "presign_failed"));
    let [order] = &stage.orders()[..] else { panic!("one order") };
    assert_eq!(order.state, domain::OrderState::Closing);
    assert!(order.check.is_some(), "it is closed in time");
    let code = order.contract_code.clone().unwrap();
    assert_eq!(stage.contract(code.as_str()).not_signed_reason, Some(domain::NotSignedReason::PresignFailed));
}

#[tokio::test]
async fn what_wechat_knows_as_signed_is_told_as_such() {
    let stage = Stage::new();
    stage.wechat.fail(ORDER, Fault::NoContract("CONTRACT_EXISTED", "已签约"));
    assert_eq!(stage.subscribe("alice", "k", "app").await.problem(), (409, "already_subscribed"));
}

#[tokio::test]
async fn a_refusal_for_good_ends_the_attempt() {
    let stage = Stage::new();
    stage.wechat.fail(ORDER, Fault::Refuses("APPID_MCHID_NOT_MATCH"));
    let refused = stage.subscribe("alice", "k", "app").await;
    assert_eq!(
        (refused.problem(), &refused.body["wechat_code"]),
        ((502, "wechat_refused"), &"APPID_MCHID_NOT_MATCH".into())
    );
    let again = stage.subscribe("alice", "k", "app").await;
    assert_eq!((again.status, &again.body["outcome"]), (200, &"closed".into()), "the same key is the same attempt");
    assert_eq!(stage.subscribe("alice", "k2", "app").await.status, 201);
}

#[tokio::test]
async fn an_order_that_somebody_paid_while_nobody_looked_is_found() {
    let stage = Stage::new();
    for _ in 0..2 {
        stage.wechat.fail(ORDER, Fault::AnswerLost);
    }
    assert_eq!(stage.subscribe("alice", "k", "h5").await.status, 503);
    stage.wechat.pay(stage.orders()[0].out_trade_no.as_str());
    stage.pass(2);
    stage.wechat.fail(ORDER, Fault::Refuses("ORDERPAID"));
    let again = stage.subscribe("alice", "k2", "h5").await;
    assert_eq!((again.status, &again.body["outcome"]), (200, &"paid_signing".into()));
    assert!(again.body.get("launch").is_none());
}

#[tokio::test]
async fn after_a_signature_that_did_not_fit_the_next_call_looks_at_the_keys_again() {
    let stage = Stage::new();
    stage.wechat.fail(ORDER, Fault::Refuses("SIGNERROR"));
    assert_eq!(stage.subscribe("alice", "k", "app").await.status, 502);
    assert_eq!(stage.looks.load(Ordering::Relaxed), 0);
    assert_eq!(stage.subscribe("bob", "k", "app").await.status, 201);
    assert_eq!(stage.looks.load(Ordering::Relaxed), 1);
    assert_eq!(stage.subscribe("carol", "k", "app").await.status, 201);
    assert_eq!(stage.looks.load(Ordering::Relaxed), 1, "once for each fault");
}
