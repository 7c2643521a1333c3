//! Orders: placed, placed again, paid, asked for, closed.

use serde_json::{Value, json};

use crate::bench::{APPID, Bench, DAY, HOUR, MCH_ID, MINUTE};

const APP: &str = "/v3/pay/transactions/app";

fn with(mut order: Value, name: &str, value: Value) -> Value {
    order[name] = value;
    order
}

#[tokio::test]
async fn an_order_is_placed_paid_told_and_found_by_both_numbers() {
    let bench = Bench::start().await;
    let transaction_id = bench.buy("A10001").await;
    let told = bench.sink.wait_any("/v3/payment", 1).await.remove(0);
    let (event_type, told) = bench.opened(&told);
    assert_eq!((event_type.as_str(), &told["trade_state"]), ("TRANSACTION.SUCCESS", &json!("SUCCESS")));
    let by_number = bench.v3_query("A10001").await.json();
    let by_id = bench.v3_get(&format!("/v3/pay/transactions/id/{transaction_id}?mchid={MCH_ID}")).await.json();
    assert_eq!(by_number, by_id);
    for answer in [&told, &by_number] {
        assert_eq!(answer["transaction_id"], transaction_id.as_str());
        assert_eq!((&answer["out_trade_no"], &answer["trade_type"]), (&json!("A10001"), &json!("APP")));
        assert_eq!((&answer["appid"], &answer["mchid"]), (&json!(APPID), &json!(MCH_ID)));
        assert_eq!((&answer["attach"], &answer["trade_state"]), (&json!("支付测试"), &json!("SUCCESS")));
        assert_eq!(answer["success_time"], "2026-03-02T10:00:00+08:00");
        let amount = json!({ "total": 990, "payer_total": 990, "currency": "CNY", "payer_currency": "CNY" });
        assert_eq!(answer["amount"], amount);
        assert!(answer["payer"]["openid"].as_str().unwrap().starts_with('o'));
    }
    let foreign = bench.v3_get(&format!("/v3/pay/transactions/id/{transaction_id}?mchid=10000200")).await;
    assert_eq!(foreign.error(), (400, "PARAM_ERROR".to_owned()));
}

#[tokio::test]
async fn an_unpaid_order_shows_what_is_known_of_it_and_an_unknown_one_is_404() {
    let bench = Bench::start().await;
    bench.v3_post(APP, &bench.v3_order("B10001")).await;
    let answer = bench.v3_query("B10001").await.json();
    assert_eq!((&answer["trade_state"], &answer["amount"]["total"]), (&json!("NOTPAY"), &json!(990)));
    for absent in ["transaction_id", "payer", "trade_type", "success_time"] {
        assert!(answer.get(absent).is_none(), "{absent}");
    }
    let unknown = bench.v3_query("NOBODYS1").await;
    assert_eq!((unknown.error(), unknown.number()), ((404, "ORDER_NOT_EXIST".to_owned()), 268_512_771));
}

#[tokio::test]
async fn the_same_order_again_gets_another_prepay_id_and_another_order_of_that_number_is_refused() {
    let bench = Bench::start().await;
    let order = bench.v3_order("C10001");
    let first = bench.v3_post(APP, &order).await.json();
    bench.pass(3 * HOUR);
    let second = bench.v3_post(APP, &order).await.json();
    assert_ne!(first["prepay_id"], second["prepay_id"]);
    let other = bench.v3_post(APP, &with(order.clone(), "attach", json!("anders"))).await;
    assert_eq!((other.error(), other.number()), ((403, "OUT_TRADE_NO_USED".to_owned()), 268_498_688));
    let native = bench.v3_post("/v3/pay/transactions/native", &order).await;
    assert_eq!(native.error().1, "OUT_TRADE_NO_USED", "another trade type is another order");
    bench.act("/orders/C10001/pay", json!({})).await;
    let paid = bench.v3_post(APP, &order).await;
    assert_eq!((paid.error(), paid.number()), ((400, "INVALID_REQUEST".to_owned()), 268_498_689));
}

#[tokio::test]
async fn each_trade_type_answers_what_its_client_needs() {
    let bench = Bench::start().await;
    let jsapi = with(bench.v3_order("D10001"), "payer", json!({ "openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o" }));
    let jsapi = bench.v3_post("/v3/pay/transactions/jsapi", &jsapi).await.json();
    assert!(jsapi["prepay_id"].as_str().unwrap().starts_with("wx20260302"));
    let paid = bench.act("/orders/D10001/pay", json!({})).await;
    assert!(paid["transaction_id"].is_string());
    assert_eq!(bench.v3_query("D10001").await.json()["payer"]["openid"], "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o");
    let native = bench.v3_post("/v3/pay/transactions/native", &bench.v3_order("D10002")).await.json();
    assert!(native["code_url"].as_str().unwrap().starts_with("weixin://wxpay/bizpayurl?pr="));
    let scene = json!({ "payer_client_ip": "14.23.150.211", "h5_info": { "type": "Wap" } });
    let h5 = bench.v3_post("/v3/pay/transactions/h5", &with(bench.v3_order("D10003"), "scene_info", scene)).await;
    assert!(h5.json()["h5_url"].as_str().unwrap().contains("prepay_id=wx"));
    let missing = bench.v3_post("/v3/pay/transactions/h5", &bench.v3_order("D10004")).await;
    assert_eq!(missing.json()["detail"]["field"], "/scene_info");
    let missing = bench.v3_post("/v3/pay/transactions/jsapi", &bench.v3_order("D10005")).await;
    assert_eq!(missing.json()["detail"]["field"], "/payer");
}

#[tokio::test]
async fn time_expire_ends_payment_and_not_the_order_and_is_raised_and_cut_silently() {
    let bench = Bench::start().await;
    for (number, time, payable, too_late) in [
        ("E10001", "2026-03-02T10:30:00+08:00", 29 * MINUTE, 31 * MINUTE),
        ("E10002", "2026-03-02T09:00:00+08:00", MINUTE / 2, 2 * MINUTE),
        ("E10003", "2027-03-02T10:00:00+08:00", 15 * DAY - MINUTE, 15 * DAY + MINUTE),
    ] {
        let start = bench.clock.now_ms();
        let order = with(bench.v3_order(number), "time_expire", json!(time));
        assert_eq!(bench.v3_post(APP, &order).await.status, 200);
        bench.pass(payable);
        assert_eq!(bench.v3_post(APP, &order).await.status, 200, "{number}");
        assert_eq!(bench.v3_state(number).await, "NOTPAY", "{number}");
        bench.pass(too_late - payable);
        let refused = bench.refused(&format!("/orders/{number}/pay"), json!({})).await;
        assert!(refused.contains("订单已"), "{number} {refused}");
        assert_eq!(bench.v3_post(APP, &order).await.error().1, "ORDER_CLOSED", "{number}: a new number is needed");
        bench.clock.advance_ms(start - bench.clock.now_ms()).unwrap();
    }
}

#[tokio::test]
async fn an_order_that_nobody_pays_is_closed_after_seven_days() {
    let bench = Bench::start().await;
    bench.v3_post(APP, &bench.v3_order("F10001")).await;
    bench.pass(7 * DAY - MINUTE);
    assert_eq!(bench.v3_state("F10001").await, "NOTPAY");
    bench.pass(2 * MINUTE);
    assert_eq!(bench.v3_state("F10001").await, "CLOSED");
    assert_eq!(bench.v3_post(APP, &bench.v3_order("F10001")).await.error().1, "ORDER_CLOSED");
    bench.buy("F10002").await;
    bench.pass(8 * DAY);
    assert_eq!(bench.v3_state("F10002").await, "SUCCESS", "a paid one is not");
}

#[tokio::test]
async fn an_unpaid_order_is_closed_with_204_again_and_again_and_a_paid_one_is_not() {
    let bench = Bench::start().await;
    bench.v3_post(APP, &bench.v3_order("G10001")).await;
    for _ in 0..2 {
        let closed = bench.v3_close("G10001").await;
        assert_eq!((closed.status, closed.text.as_str()), (204, ""));
        assert_eq!(closed.header("Content-Type"), None);
    }
    assert_eq!(bench.v3_state("G10001").await, "CLOSED");
    assert!(bench.refused("/orders/G10001/pay", json!({})).await.contains("该订单已关闭"));
    assert_eq!(bench.v3_post(APP, &bench.v3_order("G10001")).await.error(), (400, "ORDER_CLOSED".to_owned()));
    bench.buy("G10002").await;
    let paid = bench.v3_close("G10002").await;
    assert_eq!((paid.error(), paid.number()), ((400, "INVALID_REQUEST".to_owned()), 268_449_538));
    assert_eq!(bench.v3_close("NOBODYS1").await.error(), (404, "ORDER_NOT_EXIST".to_owned()));
}

#[tokio::test]
async fn a_coupon_lowers_what_the_payer_pays_and_not_the_total() {
    let bench = Bench::start().await;
    bench.v3_post(APP, &bench.v3_order("H10001")).await;
    bench.act("/orders/H10001/pay", json!({ "coupon": 90 })).await;
    let told = bench.sink.wait_any("/v3/payment", 1).await.remove(0);
    for answer in [bench.opened(&told).1, bench.v3_query("H10001").await.json()] {
        assert_eq!((&answer["amount"]["total"], &answer["amount"]["payer_total"]), (&json!(990), &json!(900)));
        assert_eq!(answer["promotion_detail"][0]["amount"], 90);
    }
}

#[tokio::test]
async fn an_order_that_the_user_leaves_or_mistypes_stays_unpaid_and_its_page_says_so_in_chinese() {
    let bench = Bench::start().await;
    bench.v3_post(APP, &bench.v3_order("I10001")).await;
    let page = |path: String| {
        let request = bench.client.get(bench.url(&path));
        async move { request.send().await.unwrap().text().await.unwrap() }
    };
    let shown = page("/cashier/10000100/I10001".to_owned()).await;
    assert!(["电子书", "¥9.90", "支付", "取消"].iter().all(|text| shown.contains(text)), "{shown}");
    assert!(!shown.contains("type=\"checkbox\""), "{shown}");
    for act in ["cancel", "wrong-password", "fail"] {
        bench.act(&format!("/orders/I10001/{act}"), json!({})).await;
        assert_eq!(bench.v3_state("I10001").await, "NOTPAY", "{act}");
    }
    let request = bench.client.post(bench.url("/cashier/10000100/I10001")).body("act=pay&user=alice");
    let request = request.header("Content-Type", "application/x-www-form-urlencoded");
    let shown = request.send().await.unwrap().text().await.unwrap();
    assert!(shown.contains("支付成功") && shown.contains("alice"), "{shown}");
    assert_eq!(bench.v3_state("I10001").await, "SUCCESS");
}
