//! One-off purchases.

use counterparty::{MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM, MerchantKey};

use super::wechat::Fault;
use super::*;

const APP: &str = "/v3/pay/transactions/app";

fn sent(stage: &Stage, path: &str) -> Vec<Value> {
    stage.wechat.sent(path).iter().map(|body| serde_json::from_str(body).unwrap()).collect()
}

fn has_signed(lines: [&str; 4], signature: &Value) -> bool {
    let key = MerchantKey::of_private_key(MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM).unwrap();
    key.has_signed_launch(lines, signature.as_str().unwrap())
}

#[tokio::test]
async fn the_app_opens_the_cashier_with_what_the_merchants_key_signed() {
    let stage = Stage::new();
    let bought = stage.buy("alice", "k", "album", "app").await;
    assert_eq!((bought.status, &bought.body["status"]), (201, &"unpaid".into()), "{bought:?}");
    assert_eq!(bought.body["launch"]["type"], "App");
    let params = &bought.body["launch"]["params"];
    let text = |name: &str| params[name].as_str().unwrap_or_else(|| panic!("{name}: {params}"));
    assert_eq!((text("appId"), text("partnerId")), ("wxapp", "10000100"));
    assert!(has_signed([text("appId"), text("timeStamp"), text("nonceStr"), text("prepayId")], &params["sign"]));
    let [asked] = &sent(&stage, APP)[..] else { panic!("one order") };
    assert_eq!((&asked["description"], &asked["amount"]["total"]), (&"专辑".into(), &500.into()));
    assert_eq!(asked["notify_url"], "https://buy.example.com/v3/10000100");
    assert_eq!(asked["out_trade_no"], bought.number().as_str());
    assert_eq!(asked["scene_info"]["payer_client_ip"], "203.0.113.9");
}

#[tokio::test]
async fn each_channel_has_its_call_and_its_launch() {
    for (channel, way, kind) in [
        ("official_account", "jsapi", "Jsapi"),
        ("mini_program", "jsapi", "Jsapi"),
        ("native", "native", "Native"),
        ("h5", "h5", "Mweb"),
    ] {
        let stage = Stage::new();
        let bought = stage.buy("alice", "k", "coffee", channel).await;
        assert_eq!((bought.status, &bought.body["launch"]["type"]), (201, &kind.into()), "{bought:?}");
        let asked = sent(&stage, &format!("/v3/pay/transactions/{way}")).remove(0);
        let params = &bought.body["launch"]["params"];
        match channel {
            "native" => assert!(params["code_url"].as_str().unwrap().starts_with("weixin://")),
            "h5" => {
                assert!(params["mweb_url"].as_str().unwrap().starts_with("https://wx.tenpay.com/"));
                assert_eq!(asked["scene_info"]["h5_info"]["type"], "Wap");
                assert_eq!(asked["scene_info"]["payer_client_ip"], "203.0.113.9");
            }
            _ => {
                let text = |name: &str| params[name].as_str().unwrap();
                assert_eq!(text("signType"), "RSA");
                let lines = [text("appId"), text("timeStamp"), text("nonceStr"), text("package")];
                assert!(has_signed(lines, &params["paySign"]), "{params}");
                let openid = if channel == "mini_program" { "oMinialice" } else { "oOffalice" };
                assert_eq!(asked["payer"]["openid"], openid);
            }
        }
    }
}

#[tokio::test]
async fn the_same_call_is_one_order_and_another_key_is_another() {
    let stage = Stage::new();
    let click = |key| stage.buy("alice", key, "album", "app");
    let (one, other) = tokio::join!(click("k"), click("k"));
    assert_eq!(one.number(), other.number());
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 201]);
    let orders = sent(&stage, APP);
    assert!(orders.iter().all(|order| *order == orders[0]), "WeChat heard of one order");
    let reused = stage.buy("alice", "k", "coffee", "app").await;
    assert_eq!(reused.problem(), (409, "idempotency_key_reused"));
    let again = click("k2").await;
    assert_eq!((again.status, again.number() == one.number()), (201, false), "one buys an album twice");
    assert_eq!(stage.orders().len(), 2);
}

#[tokio::test]
async fn what_died_before_wechat_answered_is_sent_again_byte_for_byte() {
    let stage = Stage::new();
    stage.wechat.fail(APP, Fault::Hangs);
    let pause = std::time::Duration::from_millis(50);
    assert!(tokio::time::timeout(pause, stage.buy("alice", "k", "album", "app")).await.is_err());
    let number = stage.orders()[0].out_trade_no.clone();
    stage.wechat.fail(APP, Fault::AnswerLost);
    stage.wechat.fail(APP, Fault::AnswerLost);
    stage.pass(60);
    let lost = stage.buy("alice", "k", "album", "app").await;
    assert_eq!(lost.problem(), (503, "unavailable"));
    let again = stage.buy("alice", "k", "album", "app").await;
    assert_eq!((again.status, again.number()), (200, number.to_string()), "{again:?}");
    let bodies = stage.wechat.sent(APP);
    assert!(bodies.len() >= 3 && bodies.iter().all(|body| *body == bodies[0]));
    assert_eq!(stage.orders().len(), 1);
}

#[tokio::test]
async fn an_order_of_two_hours_gets_a_fresh_prepay_id_by_the_stored_request() {
    let stage = Stage::new();
    let first = stage.buy("alice", "k", "coffee", "app").await;
    stage.pass(7_199);
    let old = stage.buy("alice", "k", "coffee", "app").await;
    assert_eq!(stage.wechat.sent(APP).len(), 1, "still good");
    stage.pass(1);
    let fresh = stage.buy("alice", "k", "coffee", "app").await;
    assert_eq!((old.number(), fresh.number()), (first.number(), first.number()));
    let bodies = stage.wechat.sent(APP);
    assert!(bodies.len() == 2 && bodies[0] == bodies[1], "time_expire and all");
    let prepay_id = |answer: &Answer| answer.body["launch"]["params"]["prepayId"].clone();
    assert_eq!(prepay_id(&first), prepay_id(&old));
    assert_ne!(prepay_id(&first), prepay_id(&fresh));
    let until: Timestamp = fresh.body["launch_valid_until"].as_str().unwrap().parse().unwrap();
    assert_eq!(until.as_second(), START + 2 * 7_200);
}

#[tokio::test]
async fn an_order_can_be_paid_as_long_as_its_product_says_and_seven_days_at_most() {
    let stage = Stage::new();
    let expiries = async |product: &str| {
        let bought = stage.buy("alice", product, product, "app").await;
        let asked: Timestamp = sent(&stage, APP).pop().unwrap()["time_expire"].as_str().unwrap().parse().unwrap();
        let told: Timestamp = bought.body["expires_at"].as_str().unwrap().parse().unwrap();
        assert_eq!(asked, told);
        asked.as_second() - START
    };
    assert_eq!(expiries("album").await, 30 * 60);
    assert_eq!(expiries("coffee").await, 7 * 24 * 3_600);
    stage.pass(30 * 60);
    let over = stage.buy("alice", "album", "album", "app").await;
    assert_eq!((over.status, over.body.get("launch")), (200, None), "nobody is sent to a cashier that refuses him");
}

#[tokio::test]
async fn metadata_is_the_attach_of_the_order_and_comes_back() {
    let stage = Stage::new();
    let buy = async |key: &str, metadata: &str| {
        let body = json!({ "product": "album", "channel": "app", "metadata": metadata });
        stage.post("alice", "/v1/10000100/orders", key, body).await
    };
    let longest = "活".repeat(128);
    for (key, metadata) in [("k", r#"{"cart":"7&8=9"}"#), ("k2", &longest)] {
        let bought = buy(key, metadata).await;
        assert_eq!((bought.status, &bought.body["metadata"]), (201, &metadata.into()), "{bought:?}");
        assert_eq!(sent(&stage, APP).pop().unwrap()["attach"], metadata);
        assert_eq!(stage.bought("alice", &bought.number()).await.body["metadata"], metadata);
    }
    for wrong in ["活".repeat(129), "🎉".to_owned(), "a\nb".to_owned()] {
        let refused = buy("k3", &wrong).await;
        assert_eq!((refused.problem(), &refused.body["field"]), ((400, "invalid_field"), &"metadata".into()));
    }
}

#[tokio::test]
async fn what_is_not_sold_so_is_refused_and_no_price_comes_from_the_app() {
    let stage = Stage::new();
    let cases = [
        (json!({ "product": "vip-monthly", "channel": "app" }), "product"),
        (json!({ "product": "other-monthly", "channel": "app" }), "product"),
        (json!({ "product": "album", "channel": "h5" }), "channel"),
        (json!({ "product": "album", "channel": "app", "price": 1 }), "price"),
    ];
    for (body, field) in cases {
        let refused = stage.post("alice", "/v1/10000100/orders", "k", body.clone()).await;
        assert_eq!((refused.status, &refused.body["field"]), (400, &field.into()), "{body}: {refused:?}");
    }
    assert!(stage.orders().is_empty() && stage.wechat.calls().is_empty());
}

#[tokio::test]
async fn the_status_asks_wechat_and_is_the_users_own() {
    let stage = Stage::new();
    let number = stage.buy("alice", "k", "album", "app").await.number();
    stage.wechat.forget_calls();
    let new = stage.bought("alice", &number).await;
    assert_eq!((&new.body["status"], &new.body["poll_after_ms"]), (&"unpaid".into(), &2_000.into()), "{new:?}");
    assert!(stage.wechat.calls().is_empty(), "made a moment ago");
    stage.wechat.pay(&number);
    stage.pass(6);
    let paid = stage.bought("alice", &number).await;
    assert_eq!((&paid.body["status"], paid.body.get("poll_after_ms")), (&"paid".into(), None), "{paid:?}");
    assert!(paid.body["paid_at"].is_string());
    assert_eq!(stage.wechat.calls().len(), 1);
    stage.bought("alice", &number).await;
    assert_eq!(stage.wechat.calls().len(), 1, "paid is paid");
    assert_eq!(stage.bought("bob", &number).await.problem(), (404, "not_found"));
    assert_eq!(stage.close("bob", "k", &number).await.problem(), (404, "not_found"));
    let again = stage.buy("alice", "k", "album", "app").await;
    assert_eq!((&again.body["status"], again.body.get("launch")), (&"paid".into(), None));
}

#[tokio::test]
async fn a_subscriptions_order_is_no_purchase() {
    let stage = Stage::new();
    let code = stage.subscribe("alice", "k", "app").await.code();
    let number = format!("{code}F0");
    assert_eq!(stage.bought("alice", &number).await.problem(), (404, "not_found"));
    assert_eq!(stage.close("alice", "k", &number).await.problem(), (404, "not_found"));
}

#[tokio::test]
async fn an_order_is_closed_at_once_and_opens_no_cashier_any_more() {
    let stage = Stage::new();
    let number = stage.buy("alice", "k", "album", "app").await.number();
    let closed = stage.close("alice", "c", &number).await;
    assert_eq!((closed.status, &closed.body["status"]), (200, &"closed".into()), "{closed:?}");
    let calls = stage.wechat.calls().len();
    assert_eq!(stage.close("alice", "c", &number).await.body, closed.body);
    assert_eq!(stage.wechat.calls().len(), calls, "closed is closed");
    let again = stage.buy("alice", "k", "album", "app").await;
    assert_eq!((&again.body["status"], again.body.get("launch")), (&"closed".into(), None));
    let other = stage.buy("alice", "k2", "album", "app").await.number();
    assert_eq!(stage.close("alice", "c", &other).await.problem(), (409, "idempotency_key_reused"));
}

#[tokio::test]
async fn a_payment_that_is_faster_than_the_closing_counts() {
    let stage = Stage::new();
    let number = stage.buy("alice", "k", "album", "app").await.number();
    stage.wechat.pay(&number);
    assert_eq!(stage.close("alice", "c", &number).await.problem(), (409, "order_paid"));
    assert_eq!(stage.bought("alice", &number).await.body["status"], "paid");
}

#[tokio::test]
async fn a_closing_that_wechat_does_not_answer_goes_on_by_itself() {
    let stage = Stage::new();
    let number = stage.buy("alice", "k", "album", "app").await.number();
    stage.wechat.fail("/close", Fault::AnswerLost);
    stage.wechat.fail("/close", Fault::AnswerLost);
    let asked = stage.close("alice", "c", &number).await;
    assert_eq!((asked.status, &asked.body["status"]), (202, &"closing".into()), "{asked:?}");
    assert!(stage.orders()[0].check.is_some(), "the worker looks after it");
    let again = stage.close("alice", "c", &number).await;
    assert_eq!((again.status, &again.body["status"]), (200, &"closed".into()), "{again:?}");
}
