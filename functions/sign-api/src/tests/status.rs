//! What became of it, asked through.

use super::*;

#[tokio::test]
async fn the_status_asks_wechat_where_the_last_question_is_over_five_seconds_old() {
    let stage = Stage::new();
    let code = stage.subscribe("alice", "k", "app").await.code();
    stage.wechat.forget_calls();
    stage.pass(5);
    let fresh = stage.status("alice", &code).await;
    assert_eq!((fresh.status, &fresh.body["outcome"]), (200, &"pending".into()));
    assert!(stage.wechat.calls().is_empty(), "the order is five seconds old");
    stage.wechat.pay(&format!("{code}F0"));
    stage.pass(1);
    let paid = stage.status("alice", &code).await;
    assert_eq!((&paid.body["outcome"], &paid.body["payment"]["status"]), (&"paid_signing".into(), &"paid".into()));
    assert_eq!(stage.wechat.calls(), ["/pay/orderquery", "/papay/querycontract"]);
    stage.pass(4);
    stage.status("alice", &code).await;
    assert_eq!(stage.wechat.calls().len(), 2, "asked four seconds ago");
    stage.wechat.sign_contract(&code);
    stage.pass(2);
    let active = stage.status("alice", &code).await;
    assert_eq!((&active.body["outcome"], &active.body["contract"]["state"]), (&"active".into(), &"signed".into()));
    assert_eq!(stage.wechat.calls().len(), 3, "the order is paid: only the contract is asked for");
    assert!(active.body.get("poll_after_ms").is_none());
}

#[tokio::test]
async fn a_wechat_that_is_silent_leaves_what_is_on_record() {
    let stage = Stage::new();
    let code = stage.subscribe("alice", "k", "app").await.code();
    stage.pass(10);
    stage.wechat.fail("/pay/orderquery", wechat::Fault::AnswerLost);
    stage.wechat.fail("/pay/orderquery", wechat::Fault::AnswerLost);
    let answer = stage.status("alice", &code).await;
    assert_eq!((answer.status, &answer.body["outcome"]), (200, &"pending".into()));
}

#[tokio::test]
async fn another_users_subscription_is_not_there() {
    let stage = Stage::new();
    let code = stage.subscribe("alice", "k", "app").await.code();
    stage.wechat.forget_calls();
    stage.pass(60);
    assert_eq!(stage.status("bob", &code).await.problem(), (404, "not_found"));
    let path = format!("/v1/10000100/subscriptions/{code}/termination");
    assert_eq!(stage.post("bob", &path, "k", json!({})).await.problem(), (404, "not_found"));
    assert_eq!(stage.status("bob", "01JD8K6M2QZ4XW7RTNBV").await.problem(), (404, "not_found"));
    assert!(stage.wechat.calls().is_empty());
}

#[tokio::test]
async fn one_click_polls_slower_as_time_goes_by() {
    let stage = Stage::new();
    let code = stage.subscribe("alice", "k", "app").await.code();
    let mut told = Vec::new();
    for pause in [0, 60, 600] {
        stage.pass(pause);
        told.push(stage.status("alice", &code).await.body["poll_after_ms"].as_u64().unwrap());
    }
    assert_eq!(told, [2_000, 5_000, 30_000]);
}

#[tokio::test]
async fn a_signing_without_payment_is_followed_too() {
    let stage = Stage::new();
    let code = stage.sign("alice", "k", "official_account").await.code();
    stage.wechat.sign_contract(&code);
    stage.pass(6);
    let signed = stage.status("alice", &code).await;
    assert_eq!((&signed.body["outcome"], signed.body.get("payment")), (&"signed".into(), None));
}

#[tokio::test]
async fn of_two_processes_one_asks_wechat_in_five_seconds() {
    let stage = Stage::new();
    let code = stage.subscribe("alice", "k", "app").await.code();
    stage.pass(10);
    stage.wechat.forget_calls();
    let other = stage.beside();
    for process in [&stage, &other, &stage, &other] {
        assert_eq!(process.status("alice", &code).await.status, 200);
    }
    assert_eq!(stage.wechat.calls(), ["/pay/orderquery"]);
    other.pass(5);
    assert_eq!(other.status("alice", &code).await.status, 200);
    assert_eq!(stage.wechat.calls().len(), 2, "five seconds later");
}
