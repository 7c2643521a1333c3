//! What the user's WeChat does with what the merchant hands out.

use serde_json::{Value, json};

use super::desk::merchant_key;
use crate::bench::{APPID, Bench, HOUR, MCH_ID, MINUTE};

impl Bench {
    fn app_launch(&self, prepay_id: &str) -> Value {
        let timestamp = self.timestamp();
        let sign = merchant_key().launch_signature([APPID, &timestamp, "nonce", prepay_id]).unwrap();
        json!({
            "appId": APPID, "partnerId": MCH_ID, "prepayId": prepay_id, "packageValue": "Sign=WXPay",
            "nonceStr": "nonce", "timeStamp": timestamp, "sign": sign,
        })
    }

    fn jsapi_launch(&self, prepay_id: &str) -> Value {
        let (timestamp, package) = (self.timestamp(), format!("prepay_id={prepay_id}"));
        let sign = merchant_key().launch_signature([APPID, &timestamp, "nonce", &package]).unwrap();
        json!({
            "appId": APPID, "timeStamp": timestamp, "nonceStr": "nonce", "package": package, "signType": "RSA",
            "paySign": sign,
        })
    }

    async fn opens(&self, opening: Value) -> Result<Value, String> {
        let opened = self.control.post("/open", opening).await;
        opened.map_err(|error| error.body["refused"].as_str().unwrap_or_default().to_owned())
    }
}

#[tokio::test]
async fn an_app_opens_the_cashier_with_parameters_that_the_merchant_has_signed() {
    let bench = Bench::start().await;
    let order = bench.v3_order("A10001");
    let placed = bench.v3_post("/v3/pay/transactions/app", &order).await.json();
    let prepay_id = placed["prepay_id"].as_str().unwrap();
    let launch = bench.app_launch(prepay_id);
    let opened = bench.opens(json!({ "app": launch })).await.unwrap();
    assert_eq!(opened["out_trade_no"], "A10001");
    for (name, value) in [
        ("timeStamp", json!("1554208460")),
        ("nonceStr", json!("other")),
        ("appId", json!("wxd930ea5d5a258f4f")),
        ("packageValue", json!("prepay_id")),
        ("partnerId", json!("10000200")),
        ("sign", json!("AAAA")),
    ] {
        let mut wrong = launch.clone();
        wrong[name] = value;
        assert!(bench.opens(json!({ "app": wrong })).await.is_err(), "{name}");
    }
}

#[tokio::test]
async fn a_page_opens_the_cashier_with_an_rsa_signature_and_an_md5_one_is_not_enough() {
    let bench = Bench::start().await;
    let mut order = bench.v3_order("B10001");
    order["payer"] = json!({ "openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o" });
    let placed = bench.v3_post("/v3/pay/transactions/jsapi", &order).await.json();
    let prepay_id = placed["prepay_id"].as_str().unwrap();
    let launch = bench.jsapi_launch(prepay_id);
    assert_eq!(bench.opens(json!({ "jsapi": launch })).await.unwrap()["out_trade_no"], "B10001");
    let mut md5 = launch.clone();
    md5["signType"] = json!("MD5");
    assert!(bench.opens(json!({ "jsapi": md5 })).await.unwrap_err().contains("signType"));
    let v2 = bench.call("/pay/contractorder", &bench.order("B2")).await;
    let v2_launch = bench.app_launch(v2.get("prepay_id").unwrap());
    assert!(bench.opens(json!({ "app": v2_launch })).await.is_err(), "a V2 prepay_id under a V3 signature");
}

#[tokio::test]
async fn a_prepay_id_lives_two_hours_and_an_older_one_lives_on_beside_a_newer_one() {
    let bench = Bench::start().await;
    let order = bench.v3_order("C10001");
    let placed = async || {
        let placed = bench.v3_post("/v3/pay/transactions/app", &order).await.json();
        placed["prepay_id"].as_str().unwrap().to_owned()
    };
    let first = placed().await;
    bench.pass(HOUR);
    let second = placed().await;
    for prepay_id in [&first, &second] {
        assert!(bench.opens(json!({ "app": bench.app_launch(prepay_id) })).await.is_ok());
    }
    bench.pass(HOUR + MINUTE);
    assert!(bench.opens(json!({ "app": bench.app_launch(&first) })).await.unwrap_err().contains("订单已过期"));
    assert!(bench.opens(json!({ "app": bench.app_launch(&second) })).await.is_ok());
    bench.pass(HOUR);
    assert!(bench.opens(json!({ "app": bench.app_launch(&second) })).await.is_err());
    let third = placed().await;
    assert!(bench.opens(json!({ "app": bench.app_launch(&third) })).await.is_ok());
}

#[tokio::test]
async fn an_h5_url_lives_five_minutes_and_a_code_two_hours() {
    let bench = Bench::start().await;
    let mut order = bench.v3_order("D10001");
    order["scene_info"] = json!({ "payer_client_ip": "14.23.150.211", "h5_info": { "type": "Wap" } });
    let h5 = bench.v3_post("/v3/pay/transactions/h5", &order).await.json();
    let native = bench.v3_post("/v3/pay/transactions/native", &bench.v3_order("D10002")).await.json();
    let h5 = json!({ "mweb_url": h5["h5_url"] });
    let native = json!({ "code_url": native["code_url"] });
    bench.pass(4 * MINUTE);
    assert_eq!(bench.opens(h5.clone()).await.unwrap()["out_trade_no"], "D10001");
    bench.pass(2 * MINUTE);
    assert!(bench.opens(h5).await.unwrap_err().contains("支付链接已过期"));
    assert_eq!(bench.opens(native.clone()).await.unwrap()["out_trade_no"], "D10002");
    bench.pass(2 * HOUR);
    assert!(bench.opens(native).await.is_err());
}
