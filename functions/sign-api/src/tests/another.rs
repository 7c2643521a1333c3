//! Another way of signing, or of paying, while an attempt can still come to something.

use super::wechat::Fault;
use super::*;

const ORDER: &str = "/pay/contractorder";

#[tokio::test]
async fn an_abandoned_signing_gives_way_to_a_purchase_once_its_launch_has_run_out() {
    for (channel, life) in [("app", 120), ("h5", 600), ("official_account", 300), ("mini_program", 300)] {
        let stage = Stage::new();
        let first = stage.sign("alice", "k", channel).await;
        assert_eq!(first.status, 201, "{first:?}");
        stage.pass(30);
        let early = stage.subscribe("alice", "k2", "app").await;
        assert_eq!((early.problem(), early.code()), ((409, "attempt_pending"), first.code()), "{channel}");
        let wait: i64 = early.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert_eq!(wait, life - 30 + 1, "{channel}");
        stage.pass(wait);
        let later = stage.subscribe("alice", "k2", "app").await;
        assert_eq!(later.status, 201, "{channel}: {later:?}");
        assert_ne!(later.code(), first.code());
        assert_eq!(stage.status("alice", &first.code()).await.body["outcome"], "closed", "{channel}");
    }
}

#[tokio::test]
async fn a_signing_that_was_offered_again_is_waited_for_again() {
    let stage = Stage::new();
    let first = stage.sign("alice", "k", "official_account").await;
    stage.pass(250);
    let again = stage.sign("alice", "k2", "official_account").await;
    assert_eq!((again.status, again.code()), (200, first.code()));
    let due_at = stage.contract(&first.code()).check.unwrap().due_at;
    assert!(due_at <= stage.now(), "a question that is due is not put off: {due_at}");
    stage.pass(60);
    let early = stage.subscribe("alice", "k3", "app").await;
    assert_eq!((early.problem(), early.headers["retry-after"].to_str().unwrap()), ((409, "attempt_pending"), "241"));
}

#[tokio::test]
async fn an_abandoned_signing_that_was_signed_after_all_is_told() {
    let stage = Stage::new();
    let first = stage.sign("alice", "k", "app").await.code();
    stage.wechat.sign_contract(&first);
    stage.pass(3);
    // Too young to be asked for by a look.
    assert_eq!(stage.subscribe("alice", "k2", "h5").await.problem(), (409, "attempt_pending"));
    stage.pass(120);
    let refused = stage.subscribe("alice", "k2", "h5").await;
    assert_eq!((refused.problem(), refused.code()), ((409, "already_subscribed"), first));
}

#[tokio::test]
async fn what_was_offered_before_stands_in_the_way_until_its_order_is_closed() {
    let stage = Stage::new();
    let first = stage.subscribe("alice", "k", "h5").await.code();
    stage.pass(301);
    stage.wechat.fail(ORDER, Fault::NoContract("SYSTEMERROR", "system error"));
    assert_eq!(stage.subscribe("alice", "k", "h5").await.problem(), (502, "presign_failed"));
    let contract = stage.contract(&first);
    assert!(contract.is_live(), "the first address can still be paid");
    assert_eq!(contract.not_signed_reason, Some(domain::NotSignedReason::PresignFailed));
    let second = stage.subscribe("alice", "k2", "h5").await;
    assert_eq!(second.status, 201, "{second:?}");
    assert_ne!(second.code(), first);
    assert_eq!(stage.wechat.sent("/pay/closeorder").len(), 1, "closed before another one is begun");
    assert!(!stage.contract(&first).is_live());
}

#[tokio::test]
async fn what_was_offered_before_and_paid_is_the_users_subscription() {
    let stage = Stage::new();
    let first = stage.subscribe("alice", "k", "h5").await.code();
    stage.pass(301);
    stage.wechat.fail(ORDER, Fault::NoContract("SYSTEMERROR", "system error"));
    assert_eq!(stage.subscribe("alice", "k", "h5").await.status, 502);
    stage.wechat.pay(&format!("{first}F0"));
    stage.wechat.sign_contract(&first);
    stage.pass(6);
    let second = stage.subscribe("alice", "k2", "h5").await;
    assert_eq!((second.problem(), second.code()), ((409, "already_subscribed"), first.clone()));
    assert_eq!(stage.status("alice", &first).await.body["outcome"], "active");
}

#[tokio::test]
async fn a_payer_who_had_the_contract_under_another_account_is_told_so_and_cannot_pay_again() {
    let stage = Stage::new();
    let hers = stage.active("alice").await;
    let his = stage.subscribe("bob", "k", "app").await.code();
    stage.wechat.pay(&format!("{his}F0"));
    stage.pass(6);
    let status = stage.status("bob", &his).await;
    assert_eq!(status.body["outcome"], "paid_not_signed", "{status:?}");
    assert_eq!(status.body["contract"]["not_signed_reason"], "already_signed");
    assert_eq!(stage.contract(&his).existing, Some(ContractCode::parse(&hers).unwrap()));
    assert!(!status.body.to_string().contains(&hers), "it is not his to know");

    stage.wechat.forget_calls();
    let refused = stage.subscribe("bob", "k2", "app").await;
    assert_eq!(refused.problem(), (409, "already_subscribed"));
    assert!(!refused.body.to_string().contains(&hers));
    assert!(stage.wechat.sent(ORDER).is_empty(), "WeChat would take the money a second time");
    stage.wechat.leave_contract(&hers);
    stage.pass(60);
    assert_eq!(stage.subscribe("bob", "k2", "app").await.status, 201);
}
