//! Orders: placing, paying, asking, closing.

use serde_json::json;

use crate::bench::{APPID, Bench, Fields, HOUR, MCH_ID, MINUTE};

#[tokio::test]
async fn a_pay_and_sign_order_is_placed_paid_and_signed_and_both_notices_and_both_queries_say_so() {
    let bench = Bench::start().await;
    let placed = bench.call("/pay/contractorder", &bench.order("A1")).await;
    assert_eq!(placed.get("contract_result_code"), Some("SUCCESS"));
    assert!(placed.get("prepay_id").unwrap().starts_with("wx20260302"), "{:?}", placed.get("prepay_id"));
    assert_eq!(bench.trade_state("/pay/orderquery", "A1F000").await, "NOTPAY");
    assert_eq!(bench.contract_state("A1", "12535").await, "-25");

    let paid = bench.act("/orders/A1F000/pay", json!({ "user": "alice" })).await;
    let payment = bench.sink.wait("/payment", 1).await.remove(0);
    assert_eq!(payment.get("total_fee"), Some("1800"));
    assert_eq!(payment.get("attach"), Some("支付测试"));
    assert_eq!(payment.get("transaction_id"), paid["transaction_id"].as_str());
    let signing = bench.sink.wait("/signing", 1).await.remove(0);
    assert_eq!(signing.get("change_type"), Some("ADD"));
    assert_eq!(signing.get("contract_id"), paid["contract_id"].as_str());
    assert_eq!(signing.get("openid"), payment.get("openid"));
    assert_eq!(bench.trade_state("/pay/orderquery", "A1F000").await, "SUCCESS");
    assert_eq!(bench.contract_state("A1", "12535").await, "0");
    let notices = bench.row("/notices?number=A1F000").await;
    assert!(notices.as_array().unwrap().iter().all(|notice| notice["state"] == "accepted"), "{notices}");
}

#[tokio::test]
async fn each_documented_reason_pays_and_signs_nothing() {
    let bench = Bench::start().await;
    bench.control.post("/users/busy", json!({ "items": 201 })).await.unwrap();
    let signed = bench.subscribe("B0", "12535").await;
    assert!(signed.is_some());
    for (number, plan_id, how, why) in [
        ("B1", "12535", json!({ "user": "bob", "sign": false }), "user_unticked"),
        ("B2", "12535", json!({ "user": "bob", "reason": "account_abnormal" }), "account_abnormal"),
        ("B3", "12535", json!({ "user": "busy" }), "too_many_items"),
        ("B4", "12535", json!({ "user": "alice" }), "already_signed"),
        ("B5", "99999", json!({ "user": "bob" }), "presign_failed"),
        ("B6", "12538", json!({ "user": "bob" }), "presign_failed"),
    ] {
        let placed = bench.call("/pay/contractorder", &bench.order(number).with("plan_id", plan_id)).await;
        let presigned = if why == "presign_failed" { "FAIL" } else { "SUCCESS" };
        assert_eq!(placed.get("contract_result_code"), Some(presigned), "{number}");
        let paid = bench.act(&format!("/orders/{number}F000/pay"), how).await;
        assert_eq!(paid["not_signed"], why, "{number}");
        assert_eq!(bench.trade_state("/pay/orderquery", &format!("{number}F000")).await, "SUCCESS", "{number}");
        assert_eq!(bench.contract_state(number, plan_id).await, "-25", "{number}");
    }
    bench.sink.wait("/payment", 7).await;
    bench.sink.wait("/signing", 1).await;
}

#[tokio::test]
async fn a_user_who_has_ended_a_contract_signs_the_next_one_and_another_user_his_own() {
    let bench = Bench::start().await;
    let first = bench.subscribe("C1", "12535").await.unwrap();
    bench.act("/contracts/C1/terminate", json!({ "by": "user" })).await;
    let second = bench.subscribe("C2", "12535").await.unwrap();
    assert_ne!(first, second);
    bench.call("/pay/contractorder", &bench.order("C3")).await;
    let other = bench.act("/orders/C3F000/pay", json!({ "user": "bob" })).await;
    assert!(other["contract_id"].is_string());
    assert_eq!(bench.contract_state("C1", "12535").await, "1");
    assert_eq!(bench.contract_state("C2", "12535").await, "0");
}

#[tokio::test]
async fn a_number_is_used_once_and_an_identical_repetition_gets_a_new_prepay_id() {
    let bench = Bench::start().await;
    let bench = &bench;
    let place = |fields: Fields| async move { bench.call("/pay/contractorder", &fields).await };
    let order = bench.order("D1");
    let first = place(order.clone()).await;
    let second = place(order.clone().with("nonce_str", "another")).await;
    assert_eq!(second.get("result_code"), Some("SUCCESS"));
    assert_ne!(first.get("prepay_id"), second.get("prepay_id"));
    let code = |answer: counterparty::V2Fields| answer.get("err_code").unwrap().to_owned();
    assert_eq!(code(place(order.clone().with("total_fee", "1")).await), "OUT_TRADE_NO_USED");
    assert_eq!(code(place(bench.order("D2").with("contract_code", "D1")).await), "PARAM_ERROR");
    assert_eq!(
        code(place(bench.order("D3").with("request_serial", order.0.get("request_serial").unwrap())).await),
        "PARAM_ERROR"
    );
    bench.act("/orders/D1F000/pay", json!({})).await;
    assert_eq!(code(place(order).await), "ORDERPAID");
    let closed = bench.order("D4");
    place(closed.clone()).await;
    bench.pass(5 * MINUTE);
    bench.call("/pay/closeorder", &bench.query("out_trade_no", "D4F000")).await;
    assert_eq!(code(place(closed).await), "ORDERCLOSED");
}

#[tokio::test]
async fn a_prepay_id_lives_two_hours_and_a_mweb_url_five_minutes() {
    let bench = Bench::start().await;
    let mweb = bench.order("E1").with("trade_type", "MWEB");
    let url = bench.call("/pay/contractorder", &mweb).await.get("mweb_url").unwrap().to_owned();
    let opened = bench.control.post("/open", json!({ "mweb_url": url })).await.unwrap();
    assert_eq!(opened["out_trade_no"], "E1F000");
    bench.pass(5 * MINUTE + 1);
    assert_eq!(bench.control.post("/open", json!({ "mweb_url": url })).await.unwrap_err().status, 409);
    bench.pass(2 * HOUR);
    assert!(bench.refused("/orders/E1F000/pay", json!({})).await.contains("prepay_id has expired"));
    bench.call("/pay/contractorder", &mweb).await;
    bench.act("/orders/E1F000/pay", json!({})).await;
}

#[tokio::test]
async fn time_expire_stops_payment_and_does_not_close_the_order() {
    let bench = Bench::start().await;
    let order = bench.order("F1").with("time_expire", "20260302103000");
    bench.call("/pay/contractorder", &order).await;
    bench.pass(30 * MINUTE + 1);
    assert!(bench.refused("/orders/F1F000/pay", json!({})).await.contains("time_expire"));
    assert_eq!(bench.trade_state("/pay/orderquery", "F1F000").await, "NOTPAY");
    let short = bench.order("F2").with("time_expire", "20260302103030");
    assert_eq!(bench.call("/pay/contractorder", &short).await.get("err_code"), Some("PARAM_ERROR"));
}

#[tokio::test]
async fn the_launch_parameters_of_an_app_and_of_a_page_are_checked_as_wechat_does() {
    let bench = Bench::start().await;
    let prepay_id = bench.call("/pay/contractorder", &bench.order("G1")).await.get("prepay_id").unwrap().to_owned();
    let launch = Fields::default()
        .with("appid", APPID)
        .with("noncestr", "5K8264ILTKCH16CQ2502SI8ZNMTM67VS")
        .with("package", "Sign=WXPay")
        .with("partnerid", MCH_ID)
        .with("prepayid", &prepay_id)
        .with("timestamp", &bench.timestamp());
    let signed = bench.signed(&launch, counterparty::SignType::Md5);
    let launch: serde_json::Map<_, _> = signed.iter().map(|(k, v)| (k.to_owned(), v.into())).collect();
    let opened = bench.control.post("/open", json!({ "app": launch })).await.unwrap();
    assert_eq!(opened["out_trade_no"], "G1F000");
    let mut forged = launch;
    forged.insert("timestamp".to_owned(), "1".into());
    assert_eq!(bench.control.post("/open", json!({ "app": forged })).await.unwrap_err().status, 409);

    let openid = bench.control.get(&format!("/openids/{APPID}/alice")).await.unwrap()["openid"].clone();
    let jsapi = bench.order("G2").with("trade_type", "JSAPI").with("openid", openid.as_str().unwrap());
    let prepay_id = bench.call("/pay/contractorder", &jsapi).await.get("prepay_id").unwrap().to_owned();
    let launch = Fields::default()
        .with("appId", APPID)
        .with("nonceStr", "n")
        .with("package", &format!("prepay_id={prepay_id}"))
        .with("signType", "MD5")
        .with("timeStamp", &bench.timestamp());
    let sign = bench.signed(&launch, counterparty::SignType::Md5).get("sign").unwrap().to_owned();
    let mut launch: serde_json::Map<_, _> = launch.0.iter().map(|(k, v)| (k.to_owned(), v.into())).collect();
    launch.insert("paySign".to_owned(), sign.into());
    bench.control.post("/open", json!({ "jsapi": launch })).await.unwrap();
    bench.act("/orders/G2F000/pay", json!({})).await;
    assert_eq!(bench.row("/orders/G2F000").await["paid"]["user"], "alice");
    let native = bench.order("G3").with("trade_type", "NATIVE").with("product_id", "monthly");
    let code_url = bench.call("/pay/contractorder", &native).await.get("code_url").unwrap().to_owned();
    let opened = bench.control.post("/open", json!({ "code_url": code_url })).await.unwrap();
    assert_eq!(opened["out_trade_no"], "G3F000");
}

#[tokio::test]
async fn what_the_user_does_without_paying_shows_in_the_query() {
    let bench = Bench::start().await;
    bench.call("/pay/contractorder", &bench.order("H1")).await;
    for (what, state) in [("wrong-password", "USERPAYING"), ("cancel", "NOTPAY"), ("fail", "PAYERROR")] {
        bench.act(&format!("/orders/H1F000/{what}"), json!({})).await;
        assert_eq!(bench.trade_state("/pay/orderquery", "H1F000").await, state);
    }
    assert_eq!(bench.trade_state("/pay/orderquery", "NOBODYS1").await, "ORDERNOTEXIST");
    assert_eq!(bench.trade_state("/pay/paporderquery", "H1F000").await, "INVALID_REQUEST");
}

#[tokio::test]
async fn an_order_is_closed_after_five_minutes_and_only_unpaid() {
    let bench = Bench::start().await;
    let close = |number: &'static str| {
        let bench = &bench;
        async move {
            let answer = bench.call("/pay/closeorder", &bench.query("out_trade_no", number)).await;
            answer.get("err_code").or(answer.get("result_code")).unwrap().to_owned()
        }
    };
    bench.call("/pay/contractorder", &bench.order("I1")).await;
    bench.subscribe("I2", "12535").await;
    assert_eq!(close("I1F000").await, "TRADE_STATE_ERROR");
    bench.pass(5 * MINUTE);
    assert_eq!(close("I1F000").await, "SUCCESS");
    assert_eq!(close("I1F000").await, "ORDERCLOSED");
    assert_eq!(close("I2F000").await, "ORDERPAID");
    assert_eq!(close("I9F0XX").await, "ORDERNOTEXIST");
    assert_eq!(bench.trade_state("/pay/orderquery", "I1F000").await, "CLOSED");
    assert!(bench.refused("/orders/I1F000/pay", json!({})).await.contains("closed"));
}

#[tokio::test]
async fn a_wrong_form_is_refused_before_anything_is_done() {
    let bench = Bench::start().await;
    let order = bench.order("J1");
    for (why, fields, expected) in [
        ("a field that is missing", order.clone().without("body"), "LACK_PARAMS"),
        ("an emoji", order.clone().with("body", "会员😀"), "PARAM_ERROR"),
        ("a query string", order.clone().with("notify_url", "https://a.example/n?x=1"), "PARAM_ERROR"),
        ("another appid", order.clone().with("contract_appid", "wx0"), "PARAM_ERROR"),
        ("no openid", order.clone().with("trade_type", "JSAPI"), "LACK_PARAMS"),
        ("no product_id", order.clone().with("trade_type", "NATIVE"), "LACK_PARAMS"),
        ("no such trade_type", order.clone().with("trade_type", "MICROPAY"), "PARAM_ERROR"),
        ("nothing to pay", order.clone().with("total_fee", "0"), "PARAM_ERROR"),
    ] {
        let answer = bench.call("/pay/contractorder", &fields).await;
        assert_eq!(answer.get("err_code"), Some(expected), "{why}");
    }
    for (why, fields) in [
        ("sign_type is not a field of it", order.clone().with("sign_type", "MD5")),
        ("nobody knows it", order.clone().with("mch_id", "19999999")),
    ] {
        let answer = bench.call("/pay/contractorder", &fields).await;
        assert_eq!(answer.get("return_code"), Some("FAIL"), "{why}");
    }
    let forged = bench.post("/pay/contractorder", &order.0.render("xml").unwrap()).await;
    assert_eq!((forged.get("return_code"), forged.get("sign")), (Some("FAIL"), None));
    let got = bench.client.get(bench.url("/pay/orderquery")).send().await.unwrap().text().await.unwrap();
    assert!(got.contains("请使用post方法"), "{got}");
    assert_eq!(bench.trade_state("/pay/orderquery", "J1F000").await, "ORDERNOTEXIST");
}

#[tokio::test]
async fn a_nonce_in_a_papay_call_is_refused() {
    let bench = Bench::start().await;
    bench.subscribe("K1", "12535").await;
    let query = bench.query("contract_code", "K1").with("plan_id", "12535").with("version", "1.0");
    assert_eq!(bench.call("/papay/querycontract", &query).await.get("return_msg"), Some("参数构造错误"));
    let answer = bench.call("/papay/querycontract", &query.without("nonce_str")).await;
    assert_eq!(answer.get("contract_state"), Some("0"));
}

#[tokio::test]
async fn the_order_query_also_knows_hmac_and_the_answer_is_signed_as_the_question() {
    let bench = Bench::start().await;
    bench.subscribe("L1", "12535").await;
    let query = bench.query("out_trade_no", "L1F000").with("sign_type", "HMAC-SHA256");
    let answer = bench.call_as("/pay/orderquery", &query, counterparty::SignType::HmacSha256).await;
    assert_eq!((answer.get("trade_state"), answer.get("sign").map(str::len)), (Some("SUCCESS"), Some(64)));
    let transaction_id = answer.get("transaction_id").unwrap();
    let answer = bench.call("/pay/orderquery", &bench.query("transaction_id", transaction_id)).await;
    assert_eq!(answer.get("out_trade_no"), Some("L1F000"));
}

#[tokio::test]
async fn another_merchant_sees_nothing_of_it() {
    let bench = Bench::start().await;
    bench.subscribe("M1", "12535").await;
    let second = counterparty::WechatPay::second_merchant().unwrap();
    let mut fields = bench.query("out_trade_no", "M1F000").with("mch_id", "10000200").0;
    let sign = second.v2_sign(&fields, counterparty::SignType::Md5);
    fields.set("sign", &sign);
    let answer = bench.post("/pay/orderquery", &fields.render("xml").unwrap()).await;
    assert_eq!(answer.get("err_code"), Some("ORDERNOTEXIST"));
}
