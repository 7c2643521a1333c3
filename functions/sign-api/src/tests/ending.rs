//! Terminations.

use super::wechat::Fault;
use super::*;

const DELETE: &str = "/papay/deletecontract";

async fn end(stage: &Stage, user: &str, code: &str) -> Answer {
    stage.post(user, &format!("/v1/10000100/subscriptions/{code}/termination"), "end", json!({})).await
}

#[tokio::test]
async fn a_contract_is_ended_and_wechats_word_is_the_proof() {
    let stage = Stage::new();
    let code = stage.active("alice").await;
    let ended = end(&stage, "alice", &code).await;
    assert_eq!((ended.status, &ended.body["outcome"]), (200, &"terminated".into()), "{ended:?}");
    assert_eq!(ended.body["contract"]["termination_reason"], "merchant_api");
    assert!(stage.wechat.sent(DELETE)[0].contains("用户申请解约"));
    let again = end(&stage, "alice", &code).await;
    assert_eq!((again.status, stage.wechat.sent(DELETE).len()), (200, 1), "ending twice is ending once");
}

#[tokio::test]
async fn from_the_answer_on_it_is_being_ended_whatever_became_of_the_call() {
    let stage = Stage::new();
    let code = stage.active("alice").await;
    stage.wechat.fail(DELETE, Fault::Refuses("SYSTEMERROR"));
    stage.wechat.fail("/papay/querycontract", Fault::Refuses("SYSTEMERROR"));
    stage.wechat.fail("/papay/querycontract", Fault::Refuses("SYSTEMERROR"));
    let asked = end(&stage, "alice", &code).await;
    assert_eq!((asked.status, &asked.body["contract"]["state"]), (202, &"terminating".into()), "{asked:?}");
    assert!(asked.body["poll_after_ms"].is_u64());
    assert!(stage.contract(&code).check.is_some(), "the worker repeats it");
    let again = end(&stage, "alice", &code).await;
    assert_eq!((again.status, &again.body["outcome"]), (200, &"terminated".into()), "{again:?}");
}

#[tokio::test]
async fn what_is_not_signed_cannot_be_ended() {
    let stage = Stage::new();
    let code = stage.subscribe("alice", "k", "app").await.code();
    assert_eq!(end(&stage, "alice", &code).await.problem(), (409, "not_signed"));
    assert!(stage.wechat.sent(DELETE).is_empty());
}

#[tokio::test]
async fn a_signing_that_nobody_told_us_of_is_ended_all_the_same() {
    let stage = Stage::new();
    let code = stage.subscribe("alice", "k", "app").await.code();
    stage.wechat.pay(&format!("{code}F0"));
    stage.wechat.sign_contract(&code);
    assert_eq!(end(&stage, "alice", &code).await.status, 200);
}

#[tokio::test]
async fn a_remark_that_wechat_would_refuse_is_refused_here() {
    let stage = Stage::new();
    let code = stage.active("alice").await;
    let path = format!("/v1/10000100/subscriptions/{code}/termination");
    for wrong in ["a&b", "a=b", &"x".repeat(257), "🎉"] {
        let refused = stage.post("alice", &path, "end", json!({ "remark": wrong })).await;
        assert_eq!((refused.problem(), &refused.body["field"]), ((400, "invalid_field"), &"remark".into()), "{wrong}");
    }
    assert!(stage.wechat.sent(DELETE).is_empty());
}

#[tokio::test]
async fn one_key_ends_one_contract_for_one_reason() {
    let stage = Stage::new();
    let (code, bobs) = (stage.active("alice").await, stage.active("bob").await);
    let path = |code: &str| format!("/v1/10000100/subscriptions/{code}/termination");
    let body = json!({ "remark": "不再需要" });
    let call = async || stage.post("alice", &path(&code), "end", body.clone()).await;
    let (one, other) = tokio::join!(call(), call());
    assert!([200, 202].contains(&one.status) && [200, 202].contains(&other.status), "{one:?} {other:?}");
    let again = call().await;
    assert_eq!((again.status, &again.body["outcome"]), (200, &"terminated".into()));
    let reworded = stage.post("alice", &path(&code), "end", json!({})).await;
    assert_eq!(reworded.problem(), (409, "idempotency_key_reused"));
    let own = stage.post("bob", &path(&bobs), "end", json!({})).await;
    assert_eq!(own.status, 200, "another user's key is his own");
}

#[tokio::test]
async fn a_key_that_ended_one_contract_ends_no_other() {
    let stage = Stage::new();
    let first = stage.active("alice").await;
    assert_eq!(end(&stage, "alice", &first).await.status, 200);
    let second = stage.subscribe("alice", "another", "app").await.code();
    stage.wechat.pay(&format!("{second}F0"));
    stage.wechat.sign_contract(&second);
    assert_ne!(first, second);
    assert_eq!(end(&stage, "alice", &second).await.problem(), (409, "idempotency_key_reused"));
    assert_ne!(stage.contract(&second).state, domain::ContractState::Terminating);
}

#[tokio::test]
async fn a_refused_termination_leaves_its_key_free() {
    let stage = Stage::new();
    let code = stage.subscribe("alice", "k", "app").await.code();
    assert_eq!(end(&stage, "alice", &code).await.problem(), (409, "not_signed"));
    stage.wechat.pay(&format!("{code}F0"));
    stage.wechat.sign_contract(&code);
    assert_eq!(end(&stage, "alice", &code).await.status, 200);
}
