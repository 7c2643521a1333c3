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
