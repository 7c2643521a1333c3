//! Idempotency keys: the same call is the same thing, and one key is one call.

use domain::{Order, OrderState};
use serde_json::json;

use super::town::{CLOSE, DELETE, ORDER_QUERY, REFUND};
use super::*;

#[tokio::test]
async fn a_termination_is_one_for_its_key_and_the_key_is_for_no_other() {
    let town = Town::new();
    let contract = town.signed().await;
    town.wechat.on(DELETE, Reply::Silence);
    let path = format!("/v1/10000100/contracts/{}/termination", contract.contract_code);
    let end = || town.post_with("k", &path, json!({}), at("09:00"));
    let (one, other) = tokio::join!(end(), end());
    assert_eq!((one.status, other.status), (202, 202), "{one:?} {other:?}");
    let reworded = town.post_with("k", &path, json!({ "remark": "别的原因" }), at("09:01")).await;
    assert_eq!((reworded.status, reworded.code()), (409, "idempotency_key_reused"));
    // What died before WeChat answered is gone on with.
    town.wechat.on(DELETE, fields(&[]));
    town.says_of_contract(&contract, "1", &[("contract_termination_mode", "3")]);
    let again = town.post_with("k", &path, json!({}), at("09:02")).await;
    assert_eq!((again.status, again.state()), (200, "terminated"));
    let calls = town.asked(DELETE);
    assert_eq!(town.post_with("k", &path, json!({}), at("09:03")).await.body, again.body);
    assert_eq!(town.asked(DELETE), calls, "ended is ended");
}

#[tokio::test]
async fn a_key_that_ended_one_contract_ends_no_other() {
    let town = Town::new();
    let contract = town.signed().await;
    town.wechat.on(DELETE, fields(&[]));
    let path = |code: &domain::ContractCode| format!("/v1/10000100/contracts/{code}/termination");
    assert!(town.post_with("k", &path(&contract.contract_code), json!({}), at("09:00")).await.status < 300);
    let other = town.another_signed(&contract).await;
    let told = town.post_with("k", &path(&other.contract_code), json!({}), at("09:00")).await;
    assert_eq!((told.status, told.code()), (409, "idempotency_key_reused"));
    assert_eq!(town.contract(&other).state, domain::ContractState::Signed);
}

#[tokio::test]
async fn a_closing_is_one_for_its_key_and_the_key_is_for_no_other() {
    let town = Town::new();
    let (_, order) = town.paid(1800).await;
    let unpaid = |number: &str| Order {
        out_trade_no: domain::OutTradeNo::parse(number).unwrap(),
        kind: domain::OrderKind::PayAndSign,
        state: OrderState::Requested,
        transaction_id: None,
        paid_at: None,
        contract_code: None,
        created_at: at("09:00"),
        ..order.clone()
    };
    let (first, second) = (unpaid("FIRST1"), unpaid("SECOND2"));
    town.put(None, Some(&first), None).await;
    town.put(None, Some(&second), None).await;
    let path = |order: &Order| format!("/v1/10000100/orders/{}/close", order.out_trade_no);
    let told = town.post_with("k", &path(&first), json!({}), at("09:01")).await;
    assert_eq!((told.status, told.state()), (202, "closing"));
    let other = town.post_with("k", &path(&second), json!({}), at("09:01")).await;
    assert_eq!((other.status, other.code()), (409, "idempotency_key_reused"));
    let state =
        |order: &Order| town.orders().into_iter().find(|row| row.out_trade_no == order.out_trade_no).unwrap().state;
    assert_eq!(state(&second), OrderState::Requested);
    town.wechat.on(CLOSE, fields(&[]));
    town.wechat.on(ORDER_QUERY, fields(&[("trade_state", "CLOSED")]));
    let again = town.post_with("k", &path(&first), json!({}), at("09:06")).await;
    assert_eq!((again.status, again.state()), (200, "closed"));
    assert_eq!(town.post_with("k", &path(&first), json!({}), at("09:07")).await.body, again.body);
    assert_eq!(town.asked(CLOSE), 1);
}

#[tokio::test]
async fn a_key_that_named_a_refund_again_is_that_refunds() {
    let town = Town::new();
    let (_, order) = town.paid(1800).await;
    let wanted = |number: &str| json!({ "out_trade_no": order.out_trade_no, "out_refund_no": number, "amount": 500 });
    let path = "/v1/10000100/refunds";
    let first = town.post_with("k1", path, wanted("R1"), at("09:00")).await;
    let met = town.post_with("k2", path, wanted("R1"), at("09:05")).await;
    assert_eq!((met.status, &met.body), (202, &first.body));
    for key in ["k1", "k2"] {
        let other = town.post_with(key, path, wanted("R2"), at("09:10")).await;
        assert_eq!((other.status, other.code()), (409, "idempotency_key_reused"), "{key}");
    }
    assert_eq!(town.asked(REFUND), 1);
}

#[tokio::test]
async fn a_notice_is_one_for_its_key_and_the_key_is_for_no_other() {
    let town = Town::new();
    let contract = town.signed().await;
    let path = "/v1/10000100/pre-deduction-notices";
    let told = format!("/v3/papay/contracts/{}/notify", contract.contract_id.as_ref().unwrap());
    town.wechat.on(&told, Reply::Json(204, serde_json::Value::Null));
    let wanted = |amount: u64| json!({ "contract_code": contract.contract_code, "amount": amount });
    let first = town.post_with("k", path, wanted(1800), at("09:00")).await;
    let other = town.post_with("k", path, wanted(1700), at("09:00")).await;
    assert_eq!((other.status, other.code()), (409, "idempotency_key_reused"), "{first:?}");
}

#[tokio::test]
async fn a_key_is_for_the_notice_of_its_cycle_and_sends_no_later_one() {
    let town = Town::new();
    let contract = town.signed().await;
    let path = "/v1/10000100/pre-deduction-notices";
    let wechat = format!("/v3/papay/contracts/{}/notify", contract.contract_id.as_ref().unwrap());
    let wanted = |amount: u64| json!({ "contract_code": contract.contract_code, "amount": amount });
    let lost = async |key: &str, amount: u64, time: &str| {
        town.wechat.on(&wechat, Reply::Silence);
        let told = town.post_with(key, path, wanted(amount), time.parse().unwrap()).await;
        assert_eq!((told.status, told.code()), (503, "unavailable"), "{told:?}");
        town.wechat.on(&wechat, Reply::Json(204, serde_json::Value::Null));
        town.asked(&wechat)
    };
    let again = async |key: &str, amount: u64, time: &str| {
        town.post_with(key, path, wanted(amount), time.parse().unwrap()).await
    };
    lost("first", 1800, "2026-01-01T09:00:00+08:00").await;
    // The last day of each is the eighth after it.
    let asked = lost("second", 1700, "2026-01-12T09:00:00+08:00").await;
    let told = again("first", 1800, "2026-01-12T09:01:00+08:00").await;
    assert_eq!((told.status, told.code()), (409, "notice_over"), "{told:?}");
    assert_eq!(town.asked(&wechat), asked);
    let asked = lost("third", 1800, "2026-01-25T09:00:00+08:00").await;
    for (key, amount) in [("first", 1800), ("second", 1700)] {
        let told = again(key, amount, "2026-01-25T09:01:00+08:00").await;
        assert_eq!((told.status, told.code()), (409, "notice_over"), "{key}: {told:?}");
    }
    assert_eq!(town.asked(&wechat), asked);
    let third = again("third", 1800, "2026-01-25T09:02:00+08:00").await;
    assert_eq!((third.status, third.body["amount"].as_u64()), (200, Some(1800)), "{third:?}");
    assert_eq!(town.asked(&wechat), asked + 1);
}

#[tokio::test]
async fn a_notice_that_was_never_confirmed_is_not_sent_after_its_cycle() {
    let town = Town::new();
    let contract = town.signed().await;
    let path = "/v1/10000100/pre-deduction-notices";
    let wechat = format!("/v3/papay/contracts/{}/notify", contract.contract_id.as_ref().unwrap());
    let wanted = json!({ "contract_code": contract.contract_code, "amount": 1800 });
    town.wechat.on(&wechat, Reply::Silence);
    assert_eq!(town.post_with("k", path, wanted.clone(), at("09:00")).await.status, 503);
    town.wechat.on(&wechat, Reply::Json(204, serde_json::Value::Null));
    let asked = town.asked(&wechat);
    let told = town.post_with("k", path, wanted, "2026-01-10T09:00:00+08:00".parse().unwrap()).await;
    assert_eq!((told.status, told.code()), (409, "notice_over"), "{told:?}");
    assert_eq!(town.asked(&wechat), asked);
}

#[tokio::test]
async fn two_keys_of_one_cycle_are_for_one_notice() {
    let town = Town::new();
    let contract = town.signed().await;
    let path = "/v1/10000100/pre-deduction-notices";
    let wechat = format!("/v3/papay/contracts/{}/notify", contract.contract_id.as_ref().unwrap());
    town.wechat.on(&wechat, Reply::Json(204, serde_json::Value::Null));
    let wanted = || json!({ "contract_code": contract.contract_code, "amount": 1800 });
    let first = town.post_with("first", path, wanted(), at("09:00")).await;
    let next_day = || "2026-01-02T09:00:00+08:00".parse().unwrap();
    for key in ["second", "second", "first"] {
        let told = town.post_with(key, path, wanted(), next_day()).await;
        assert_eq!((told.status, &told.body), (200, &first.body), "{key}: {told:?}");
    }
    assert_eq!(town.asked(&wechat), 1);
}
