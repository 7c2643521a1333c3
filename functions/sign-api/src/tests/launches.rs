//! The exact parameters that each channel opens WeChat with.

use verify::sign::v2::{Field, sign};
use verify::{ApiV2Key, SignAlgorithm, V2Fields};

use super::*;

fn signature(fields: &[(&str, &str)]) -> String {
    let fields: Vec<_> = fields.iter().map(|(name, value)| Field::configured_url(name, value)).collect();
    sign(&fields, &ApiV2Key::parse(KEY).unwrap(), SignAlgorithm::Md5).unwrap()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} of {value}"))
}

fn names(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn the_app_pays_by_its_sdk() {
    let stage = Stage::new();
    let answer = stage.subscribe("alice", "k", "app").await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let launch = &answer.body["launch"];
    assert_eq!(launch["type"], "App");
    let params = &launch["params"];
    assert_eq!(names(params), ["appid", "noncestr", "package", "partnerid", "prepayid", "sign", "timestamp"]);
    let value = |name| text(params, name);
    assert_eq!((value("appid"), value("partnerid"), value("package")), ("wxapp", "10000100", "Sign=WXPay"));
    assert_eq!(value("prepayid"), format!("wx{}F01", answer.code()));
    assert_eq!(value("timestamp"), START.to_string());
    let signed = ["appid", "noncestr", "package", "partnerid", "prepayid", "timestamp"].map(|name| (name, value(name)));
    assert_eq!(value("sign"), signature(&signed));
}

#[tokio::test]
async fn official_account_and_mini_program_pay_as_their_own_user() {
    let stage = Stage::new();
    for (user, channel, appid, openid) in
        [("alice", "official_account", "wxoff", "oOffalice"), ("bob", "mini_program", "wxmini", "oMinibob")]
    {
        let answer = stage.subscribe(user, "k", channel).await;
        let launch = &answer.body["launch"];
        assert_eq!(launch["type"], "Jsapi", "{answer:?}");
        let params = &launch["params"];
        let value = |name| text(params, name);
        assert_eq!((value("appId"), value("signType")), (appid, "MD5"));
        assert_eq!(value("package"), format!("prepay_id=wx{}F01", answer.code()));
        let signed = ["appId", "nonceStr", "package", "signType", "timeStamp"].map(|name| (name, value(name)));
        assert_eq!(value("paySign"), signature(&signed));
        let sent = stage.wechat.sent("/pay/contractorder").pop().unwrap();
        let sent = V2Fields::parse_unverified(sent.as_bytes()).unwrap();
        let order = |name| sent.trimmed(name).unwrap_or_default();
        assert_eq!((order("openid"), order("trade_type"), order("appid")), (openid, "JSAPI", appid));
    }
}

#[tokio::test]
async fn a_qr_code_and_a_browser_get_what_wechat_gave() {
    let stage = Stage::new();
    let native = stage.subscribe("alice", "k", "native").await;
    let expected = json!({ "type": "Native", "params": { "code_url": "weixin://wxpay/bizpayurl?pr=1" } });
    assert_eq!(native.body["launch"], expected);
    let h5 = stage.subscribe("bob", "k", "h5").await;
    let url = "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx1&package=2";
    let back = "&redirect_url=https%3A%2F%2Fshop.example.com%2Fpaid%3Ffrom%3Dwechat";
    assert_eq!(h5.body["launch"], json!({ "type": "Mweb", "params": { "mweb_url": format!("{url}{back}") } }));
    let until: Timestamp = text(&h5.body, "launch_valid_until").parse().unwrap();
    assert_eq!(until.as_second(), START + 300, "five minutes");
}

#[tokio::test]
async fn the_order_is_the_catalogues_and_the_callers() {
    let stage = Stage::new();
    let body = json!({ "product": "vip-monthly", "channel": "app", "metadata": "campaign:42" });
    let answer = stage.post("alice", "/v1/10000100/subscriptions", "k", body).await;
    let sent = stage.wechat.sent("/pay/contractorder").pop().unwrap();
    let sent = V2Fields::parse_unverified(sent.as_bytes()).unwrap();
    let code = answer.code();
    let expected = [
        ("appid", "wxapp"),
        ("contract_appid", "wxapp"),
        ("contract_mchid", "10000100"),
        ("body", "月度会员"),
        ("total_fee", "1800"),
        ("attach", "campaign:42"),
        ("spbill_create_ip", "203.0.113.9"),
        ("notify_url", "https://pay.example.com/v2/10000100"),
        ("contract_notify_url", "https://sign.example.com/v2/10000100"),
        ("plan_id", "12535"),
        ("contract_code", code.as_str()),
        ("contract_display_account", "alice"),
        ("trade_type", "APP"),
    ];
    for (name, value) in expected {
        assert_eq!(sent.trimmed(name), Some(value), "{name}");
    }
    assert!(sent.trimmed("request_serial").unwrap().len() <= 12);
    assert_eq!(answer.body["metadata"], "campaign:42");
    assert_eq!(answer.body["payment"]["amount"], 1800);
    assert_eq!((&answer.body["outcome"], &answer.body["poll_after_ms"]), (&"pending".into(), &2_000.into()));
}

#[tokio::test]
async fn serials_are_never_the_same() {
    let stage = Stage::new();
    for user in ["alice", "bob", "carol"] {
        assert_eq!(stage.subscribe(user, "k", "app").await.status, 201);
    }
    let mut serials: Vec<u64> = stage.memory.store().contracts().filter_map(|row| row.value.request_serial).collect();
    serials.sort_unstable();
    serials.dedup();
    assert_eq!(serials.len(), 3);
}

#[tokio::test]
async fn signing_only_opens_wechats_signing_page_in_each_channel() {
    let stage = Stage::new();
    let app = stage.sign("alice", "k", "app").await;
    let mini =
        json!({ "type": "WXLaunchMiniProgram", "params": { "userName": "gh_1", "path": "p", "miniprogramType": 0 } });
    assert_eq!((app.status, &app.body["launch"]), (201, &mini));
    assert!(app.body.get("payment").is_none());

    let h5 = stage.sign("bob", "k", "h5").await;
    assert_eq!(h5.body["launch"]["type"], "Page");
    assert!(text(&h5.body["launch"]["params"], "url").starts_with("https://payapp.weixin.qq.com/sign/"));

    let page = stage.sign("carol", "k", "official_account").await;
    let url = text(&page.body["launch"]["params"], "url").to_owned();
    assert!(url.starts_with("https://api.mch.weixin.qq.com/papay/entrustweb?appid=wxoff&"), "{url}");
    assert!(url.contains("notify_url=https%3A%2F%2Fsign.example.com%2Fv2%2F10000100"), "{url}");

    let mini = stage.sign("dave", "k", "mini_program").await;
    let launch = &mini.body["launch"];
    assert_eq!(
        (&launch["type"], &launch["params"]["appId"]),
        (&"NavigateToMiniProgram".into(), &"wxbd687630cd02ce1d".into())
    );
    let extra = &launch["params"]["extraData"];
    let fields: Vec<_> =
        names(extra).into_iter().filter(|name| *name != "sign").map(|name| (name, text(extra, name))).collect();
    assert_eq!(text(extra, "sign"), signature(&fields));
    assert!(fields.iter().all(|(name, _)| !["version", "nonce_str"].contains(name)));

    let native = stage.sign("erin", "k", "native").await;
    assert_eq!((native.problem(), &native.body["field"]), ((400, "invalid_field"), &"channel".into()));
}
