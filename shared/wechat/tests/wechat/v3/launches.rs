//! What the user's client opens WeChat with.

use counterparty::{MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM, MerchantKey};
use serde_json::{Value, json};
use std::sync::Arc;
use verify::MerchantKeys;
use verify::sign::v3::MerchantSigner;
use wechat::*;

use super::support::*;

const PREPAY_ID: &str = "wx201410272009395522657a690389285100";

fn launched(offer: &Offer, keys: &Keys, at: &Moment, redirect_url: Option<&str>) -> Value {
    serde_json::to_value(offer.launch(&appid(), keys, at, redirect_url).unwrap()).unwrap()
}

#[test]
fn the_documented_launches_reproduce() {
    let file = vector("request_signing_docs.json");
    let text = |name: &str| file[name].as_str().unwrap();
    let key = vector_text(text("private_key_file"));
    let signer = MerchantSigner::new(text("mchid"), text("serial_no"), &key).unwrap();
    let merchant = MerchantKeys::new(text("mchid"), None, None, public_key()).unwrap();
    let keys = Keys::new(Arc::new(merchant)).with_signer(Arc::new(signer));
    let time = domain::Timestamp::from_second(1_554_208_460).unwrap();
    let at = Moment::with_nonce(time, "593BEC0C930BF1AFEB40B4A08C8FB242").unwrap();
    let printed = |id: &str| {
        let case = file["cases"].as_array().unwrap().iter().find(|case| case["id"] == id).unwrap();
        case["signature_printed_in_doc"].as_str().unwrap().to_owned()
    };
    let app = launched(&Offer::V3App { prepay_id: PREPAY_ID.to_owned() }, &keys, &at, None);
    assert_eq!(
        app,
        json!({"type": "App", "params": {
            "appId": "wx2421b1c4370ec43b", "partnerId": "1900007291", "prepayId": PREPAY_ID,
            "packageValue": "Sign=WXPay", "nonceStr": "593BEC0C930BF1AFEB40B4A08C8FB242",
            "timeStamp": "1554208460", "sign": printed("app"),
        }})
    );
    let jsapi = launched(&Offer::V3Jsapi { prepay_id: PREPAY_ID.to_owned() }, &keys, &at, None);
    assert_eq!(
        jsapi,
        json!({"type": "Jsapi", "params": {
            "appId": "wx2421b1c4370ec43b", "timeStamp": "1554208460", "nonceStr": "593BEC0C930BF1AFEB40B4A08C8FB242",
            "package": format!("prepay_id={PREPAY_ID}"), "signType": "RSA", "paySign": printed("jsapi"),
        }})
    );
}

#[test]
fn launch_parameters_have_the_members_of_the_samples() {
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for (offer, name) in [
        (Offer::V3App { prepay_id: PREPAY_ID.to_owned() }, "app_launch.params"),
        (Offer::V3Jsapi { prepay_id: PREPAY_ID.to_owned() }, "jsapi_launch.params"),
    ] {
        assert_eq!(names(&launched(&offer, &keys(), &at(), None)["params"]), names(&sample(name)), "{name}");
    }
}

#[test]
fn each_launch_is_signed_anew_as_wechat_checks_it() {
    let merchant = MerchantKey::of_private_key(MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM).unwrap();
    let offer = Offer::V3App { prepay_id: PREPAY_ID.to_owned() };
    let [first, second] = [0, 1].map(|_| launched(&offer, &keys(), &Moment::new(now()), None)["params"].clone());
    for launch in [&first, &second] {
        let text = |name: &str| launch[name].as_str().unwrap();
        let lines = [text("appId"), text("timeStamp"), text("nonceStr"), text("prepayId")];
        assert!(merchant.has_signed_launch(lines, text("sign")));
        assert!(!merchant.has_signed_launch(["wx0", lines[1], lines[2], lines[3]], text("sign")));
    }
    assert_ne!(first["sign"], second["sign"]);
}

#[test]
fn pages_and_codes_are_handed_on() {
    let native = Offer::V3Native { code_url: "weixin://wxpay/1".to_owned() };
    assert_eq!(
        launched(&native, &keys(), &at(), None),
        json!({"type": "Native", "params": {"code_url": "weixin://wxpay/1"}})
    );
    let h5 = Offer::V3H5 { h5_url: "https://wx.tenpay.com/x?prepay_id=1".to_owned() };
    let back = launched(&h5, &keys(), &at(), Some("https://shop.example.com/?a=b"));
    let url = "https://wx.tenpay.com/x?prepay_id=1&redirect_url=https%3A%2F%2Fshop.example.com%2F%3Fa%3Db";
    assert_eq!(back, json!({"type": "Mweb", "params": {"mweb_url": url}}));
}

#[test]
fn an_offer_is_stored_and_is_good_for_its_time() {
    for (offer, seconds) in [
        (Offer::V3App { prepay_id: PREPAY_ID.to_owned() }, 7200),
        (Offer::V3Jsapi { prepay_id: PREPAY_ID.to_owned() }, 7200),
        (Offer::V3Native { code_url: "weixin://1".to_owned() }, 7200),
        (Offer::V3H5 { h5_url: "https://wx.tenpay.com/1".to_owned() }, 300),
    ] {
        let stored = serde_json::to_string(&offer).unwrap();
        assert_eq!(serde_json::from_str::<Offer>(&stored).unwrap(), offer);
        let at = |second: i64| domain::Timestamp::from_second(NOW + second).unwrap();
        assert!(offer.is_fresh(at(0), at(seconds - 1)) && !offer.is_fresh(at(0), at(seconds)));
        assert!(!format!("{offer:?}").contains("wx2014"));
    }
}
