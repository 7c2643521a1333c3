//! Refunds and closing of one-off orders, which APIv3 made.

use domain::{Fen, Order, OrderState};
use serde_json::{Value, json};

use super::racing::{Lost, Racing};
use super::town::V3_REFUND;
use super::*;

const REFUNDS: &str = "/v1/10000100/refunds";

fn wanted(order: &Order, number: &str, amount: u64) -> Value {
    json!({ "out_trade_no": order.out_trade_no, "out_refund_no": number, "amount": amount })
}

fn row(town: &Town, order: &Order) -> Order {
    town.orders().into_iter().find(|row| row.out_trade_no == order.out_trade_no).unwrap()
}

#[tokio::test]
async fn a_refund_of_a_purchase_goes_through_v3_and_is_followed() {
    let town = Town::new();
    let order = town.bought(1800).await;
    let mut body = wanted(&order, "R1", 800);
    body["reason"] = json!("用户申请");
    let told = town.post(REFUNDS, body, at("09:00")).await;
    assert_eq!((told.status, told.state()), (202, "processing"), "{told:?}");
    let asked = town.wechat.asked();
    let [sent] = &asked[..] else { panic!("{asked:?}") };
    let sent: Value = serde_json::from_str(&sent.body).unwrap();
    assert_eq!(sent["amount"], json!({ "refund": 800, "total": 1800, "currency": "CNY" }));
    assert_eq!(
        (&sent["notify_url"], &sent["reason"]),
        (&"https://refund.example.com/v3/10000100".into(), &"用户申请".into())
    );
    let done = json!({
        "status": "SUCCESS", "success_time": "2026-01-01T09:05:00+08:00",
        "amount": { "total": 1800, "refund": 800, "payer_total": 1800, "payer_refund": 800, "currency": "CNY" },
    });
    town.says_of_refund(&format!("{V3_REFUND}/R1"), &order, done);
    let told = town.get(&format!("{REFUNDS}/R1"), at("09:10")).await;
    assert_eq!((told.status, told.state()), (200, "succeeded"), "{told:?}");
    let after = row(&town, &order);
    assert_eq!((after.state, after.refundable()), (OrderState::PartlyRefunded, Fen::new(1000)));
}

#[tokio::test]
async fn twenty_refunds_of_a_purchase_at_once_never_give_back_more_than_was_paid() {
    let lost = Lost::default();
    let town = Town::over(|memory| Racing::without_pauses(memory, &lost));
    let order = town.bought(1800).await;
    let told = town.twenty_refunds_at_once(&order, 500).await;
    let accepted = told.iter().filter(|told| told.status == 202).count();
    assert!(accepted >= 1 && told.iter().all(|told| [202, 409, 503].contains(&told.status)), "{told:?}");
    assert!(lost.count() >= 19, "all of them had read before the first wrote: {}", lost.count());
    assert_eq!(town.asked(V3_REFUND), accepted, "WeChat heard of no other");
    let later = town.twenty_refunds_in_turn(&order, 500).await;
    assert_eq!((accepted + later, row(&town, &order).reserved), (3, Fen::new(1500)));
}

#[tokio::test]
async fn an_order_has_fifty_refunds_a_minute_apart_within_a_year() {
    let town = Town::new();
    let order = town.bought(100).await;
    let pay = at("08:00");
    let after = |minutes: i64| pay + domain::SignedDuration::from_mins(minutes);
    for n in 1..=50 {
        let told = town.post(REFUNDS, wanted(&order, &format!("R{n}"), 1), after(n)).await;
        assert_eq!(told.status, 202, "{n}: {told:?}");
        if n == 1 {
            let soon = town.post(REFUNDS, wanted(&order, "SOON", 1), after(n)).await;
            assert_eq!((soon.status, soon.code()), (409, "refund_too_soon"));
        }
    }
    let more = town.post(REFUNDS, wanted(&order, "R51", 1), after(60)).await;
    assert_eq!((more.status, more.code()), (409, "too_many_refunds"));

    let town = Town::new();
    let order = town.bought(100).await;
    let year = 365 * 24 * 60;
    let late = town.post(REFUNDS, wanted(&order, "R1", 1), after(year + 1)).await;
    assert_eq!((late.status, late.code()), (409, "refund_too_late"));
    assert_eq!(town.post(REFUNDS, wanted(&order, "R2", 1), after(year)).await.status, 202);
}

#[tokio::test]
async fn an_answer_that_may_mean_accepted_is_followed_and_never_another_number() {
    let town = Town::new();
    let order = town.bought(1800).await;
    let limited = json!({ "code": "FREQUENCY_LIMITED", "message": "频率限制" });
    town.wechat.on(V3_REFUND, Reply::Json(429, limited));
    let told = town.post_with("k", REFUNDS, wanted(&order, "R1", 500), at("09:00")).await;
    assert_eq!((told.status, told.state()), (202, "created"), "{told:?}");
    assert_eq!(row(&town, &order).reserved, Fen::new(500), "reserved until WeChat says what it was");
    let again = town.post_with("k", REFUNDS, wanted(&order, "R1", 500), at("09:01")).await;
    assert_eq!((again.status, &again.body), (202, &told.body));
}

#[tokio::test]
async fn a_refund_that_wechat_refuses_for_good_gives_its_amount_free() {
    let town = Town::new();
    let order = town.bought(1800).await;
    town.wechat.on(V3_REFUND, Reply::Json(403, json!({ "code": "USER_ACCOUNT_ABNORMAL", "message": "注销" })));
    let unknown = json!({ "code": "RESOURCE_NOT_EXISTS", "message": "退款单不存在" });
    town.wechat.on(&format!("{V3_REFUND}/R1"), Reply::Json(404, unknown));
    let told = town.post(REFUNDS, wanted(&order, "R1", 1800), at("09:00")).await;
    assert_eq!((told.status, told.state(), &told.body["failure"]), (200, "rejected", &"USER_ACCOUNT_ABNORMAL".into()));
    assert_eq!(row(&town, &order).refundable(), order.amount);
}

#[tokio::test]
async fn a_refused_refund_whose_query_is_not_answered_keeps_its_amount_and_is_followed() {
    let town = Town::new();
    let order = town.bought(1800).await;
    town.wechat.on(V3_REFUND, Reply::Json(400, json!({ "code": "INVALID_REQUEST", "message": "订单已全额退款" })));
    town.wechat.on(&format!("{V3_REFUND}/R1"), Reply::Silence);
    let told = town.post(REFUNDS, wanted(&order, "R1", 1800), at("09:00")).await;
    assert_eq!((told.status, told.state()), (202, "created"), "{told:?}");
    assert_eq!(row(&town, &order).refundable(), Fen::ZERO);
}

#[tokio::test]
async fn a_purchase_that_nobody_paid_is_closed_at_once() {
    let town = Town::new();
    let paid = town.bought(1800).await;
    let order = Order {
        out_trade_no: domain::OutTradeNo::parse("01JD8K6M2QZ4XW7RTNBVS0").unwrap(),
        state: OrderState::Requested,
        transaction_id: None,
        paid_at: None,
        ..paid.clone()
    };
    town.put(None, Some(&order), None).await;
    let path = format!("/v3/pay/transactions/out-trade-no/{}", order.out_trade_no);
    town.wechat.on(&format!("{path}/close"), Reply::Json(204, Value::Null));
    let closed = json!({
        "appid": order.appid, "mchid": "10000100", "out_trade_no": order.out_trade_no, "trade_state": "CLOSED",
        "trade_state_desc": "已关闭", "amount": { "total": 1800 },
    });
    town.wechat.on(&path, Reply::Json(200, closed));
    let close = |order: &Order| format!("/v1/10000100/orders/{}/close", order.out_trade_no);
    let told = town.post(&close(&order), json!({}), at("08:01")).await;
    assert_eq!((told.status, told.state()), (200, "closed"), "{told:?}");
    let told = town.post(&close(&paid), json!({}), at("08:01")).await;
    assert_eq!((told.status, told.code()), (409, "order_paid"));
}
