//! What the user's client gets, and how long it is good for.

use domain::Timestamp;
use serde_json::json;
use wechat::*;

use crate::support::*;

fn launched(offer: &Offer) -> serde_json::Value {
    serde_json::to_value(offer.launch(&appid(), &keys(), &at(), None).unwrap()).unwrap()
}

fn pre_entrust_offer(mini_program: bool) -> Offer {
    let text = |text: &str| mini_program.then(|| text.to_owned());
    Offer::PreEntrust {
        pre_entrustweb_id: "5778aadY9nltAsZzXixCkFIGYnV2V".to_owned(),
        miniprogram_username: text("gh_e2d9fd4e8f14"),
        miniprogram_path: text("pages/open?id=1"),
    }
}

#[test]
fn an_app_opens_an_order_with_wechats_names() {
    let launch = launched(&Offer::App { prepay_id: "wx1".to_owned() });
    let mut params = launch["params"].clone();
    assert!(params.as_object_mut().unwrap().remove("sign").is_some());
    let expected = json!({
        "appid": "wx2421b1c4370ec43b", "partnerid": "10000100", "prepayid": "wx1", "package": "Sign=WXPay",
        "noncestr": "5K8264ILTKCH16CQ2502SI8ZNMTM67VS", "timestamp": NOW.to_string(),
    });
    assert_eq!((launch["type"].as_str(), params), (Some("App"), expected));
}

#[test]
fn a_page_opens_an_order_with_wechats_names() {
    let launch = launched(&Offer::Jsapi { prepay_id: "wx1".to_owned() });
    let mut params = launch["params"].clone();
    assert!(params.as_object_mut().unwrap().remove("paySign").is_some());
    let expected = json!({
        "appId": "wx2421b1c4370ec43b", "timeStamp": NOW.to_string(), "nonceStr": "5K8264ILTKCH16CQ2502SI8ZNMTM67VS",
        "package": "prepay_id=wx1", "signType": "MD5",
    });
    assert_eq!((launch["type"].as_str(), params), (Some("Jsapi"), expected));
}

#[test]
fn a_browser_comes_back_to_an_address_that_is_escaped_once() {
    let offer = Offer::Mweb {
        mweb_url: "https://wx.tenpay.com/a?prepay_id=wx1&package=1".to_owned(),
        prepay_id: "wx1".to_owned(),
    };
    let back = Some("https://shop.example.com/done?order=1&x=支付");
    let Launch::Mweb { mweb_url } = offer.launch(&appid(), &keys(), &at(), back).unwrap() else { panic!() };
    assert_eq!(
        mweb_url,
        "https://wx.tenpay.com/a?prepay_id=wx1&package=1\
         &redirect_url=https%3A%2F%2Fshop.example.com%2Fdone%3Forder%3D1%26x%3D%E6%94%AF%E4%BB%98"
    );
    assert_eq!(launched(&offer)["params"]["mweb_url"], "https://wx.tenpay.com/a?prepay_id=wx1&package=1");
}

#[test]
fn a_contract_is_signed_in_wechats_mini_program_or_else_the_old_way() {
    let new = json!({"type": "WXLaunchMiniProgram",
        "params": {"userName": "gh_e2d9fd4e8f14", "path": "pages/open?id=1", "miniprogramType": 0}});
    assert_eq!(launched(&pre_entrust_offer(true)), new);
    let old = json!({"type": "WXOpenBusinessWebview",
        "params": {"businessType": 12, "queryInfo": {"pre_entrustweb_id": "5778aadY9nltAsZzXixCkFIGYnV2V"}}});
    assert_eq!(launched(&pre_entrust_offer(false)), old);
}

#[test]
fn the_other_offers_are_handed_out_as_they_are() {
    let native = Offer::Native { code_url: "weixin://wxpay/bizpayurl?pr=a".to_owned(), prepay_id: "wx1".to_owned() };
    assert_eq!(launched(&native), json!({"type": "Native", "params": {"code_url": "weixin://wxpay/bizpayurl?pr=a"}}));
    let h5 = Offer::H5 { redirect_url: "https://payapp.weixin.qq.com/1".to_owned() };
    assert_eq!(launched(&h5), json!({"type": "Page", "params": {"url": "https://payapp.weixin.qq.com/1"}}));
    let signing = MiniProgramSigning {
        appid: appid(),
        signing: signing(),
        notify_url: "https://sign.example.com/v2/10000100".to_owned(),
    };
    let launch = launched(&signing.offer(&keys(), &at()).unwrap());
    assert_eq!(launch["type"], "NavigateToMiniProgram");
    assert_eq!(launch["params"]["appId"], "wxbd687630cd02ce1d");
    assert_eq!(launch["params"]["path"], "pages/index/index");
    assert_eq!(launch["params"]["extraData"]["contract_display_account"], "会员张三");
}

#[test]
fn an_offer_is_good_for_as_long_as_the_page_says() {
    let prepay_id = || "wx1".to_owned();
    for (offer, life_s) in [
        (Offer::App { prepay_id: prepay_id() }, 7200),
        (Offer::Jsapi { prepay_id: prepay_id() }, 7200),
        (Offer::Native { code_url: String::new(), prepay_id: prepay_id() }, 7200),
        (Offer::Mweb { mweb_url: String::new(), prepay_id: prepay_id() }, 300),
        (Offer::H5 { redirect_url: String::new() }, 600),
        (pre_entrust_offer(true), 120),
        (Offer::MiniProgram { extra_data: Default::default() }, 300),
    ] {
        let after = |seconds| offer.is_fresh(now(), Timestamp::from_second(NOW + seconds).unwrap());
        assert!(after(0) && after(life_s - 1), "{offer:?}");
        assert!(!after(life_s) && !after(-1), "{offer:?}");
    }
}

#[test]
fn a_stored_offer_is_the_offer_and_shows_nothing() {
    for offer in [Offer::App { prepay_id: "wx1".to_owned() }, pre_entrust_offer(true), pre_entrust_offer(false)] {
        let text = serde_json::to_string(&offer).unwrap();
        assert_eq!(serde_json::from_str::<Offer>(&text).unwrap(), offer);
        let launch = offer.launch(&appid(), &keys(), &at(), None).unwrap();
        let shown = format!("{offer:?} {launch:?}");
        assert!(!shown.contains("wx1") && !shown.contains("5778aad"), "{shown}");
    }
}

#[test]
fn a_prepay_id_with_a_separator_is_not_signed() {
    let offer = Offer::Jsapi { prepay_id: "wx1&signType=RSA".to_owned() };
    assert_eq!(offer.launch(&appid(), &keys(), &at(), None).unwrap_err().field, "prepay_id");
}
