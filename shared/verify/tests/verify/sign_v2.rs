//! Signing V2: the values of the documentation and of SDK tests, and what must not be signed.

use verify::sign::Unsignable;
use verify::sign::v2::{Field, app, jsapi, render_xml, sign, signed_xml};
use verify::{ApiV2Key, SignAlgorithm, V2Fields};

use crate::support::{API_V2_KEY, OTHER_V2_KEY, text, v2_keys};

fn key() -> ApiV2Key {
    ApiV2Key::parse(API_V2_KEY).unwrap()
}

fn signature(fields: &[(&str, &str)], algorithm: SignAlgorithm) -> String {
    let fields: Vec<_> = fields.iter().map(|(name, value)| Field::text(name, value)).collect();
    sign(&fields, &key(), algorithm).unwrap()
}

/// `https://pay.weixin.qq.com/doc/v2/merchant/4011985891`.
#[test]
fn the_official_values_reproduce() {
    let fields = [
        ("nonce_str", "ibuaiVcKdpRxkhJA"),
        ("appid", "wxd930ea5d5a258f4f"),
        ("mch_id", "10000100"),
        ("device_info", "1000"),
        ("empty", ""),
        ("body", "test"),
    ];
    assert_eq!(signature(&fields, SignAlgorithm::Md5), "9A0A8659F005D6984697E2CA0A9CF3B7");
    assert_eq!(
        signature(&fields, SignAlgorithm::HmacSha256),
        "6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6"
    );
}

/// The mini program page of the official documentation.
#[test]
fn the_official_pay_sign_reproduces() {
    let key = ApiV2Key::parse(OTHER_V2_KEY).unwrap();
    let nonce = "5K8264ILTKCH16CQ2502SI8ZNMTM67VS";
    let prepay_id = "wx2017033010242291fcfe0db70013231072";
    let launch = jsapi("wxd678efh567hg6787", prepay_id, nonce, 1_490_840_662, &key, SignAlgorithm::Md5).unwrap();
    assert_eq!(launch.pay_sign, "22D9B4E54AB1950F51E0649E8810ACD6");
    assert_eq!(launch.package, "prepay_id=wx2017033010242291fcfe0db70013231072");
}

const MERCHANT: [(&str, &str); 2] = [("appid", "wx2421b1c4370ec43b"), ("mch_id", "10000100")];

/// Tests of open-source SDKs (shenghui0779/gochat, Wechat-Group/WxJava), recomputed.
#[test]
fn the_values_of_sdk_tests_reproduce() {
    let preentrustweb = [
        ("plan_id", "12535"),
        ("contract_code", "100000"),
        ("request_serial", "1000"),
        ("contract_display_account", "微信代扣"),
        ("notify_url", "https://weixin.qq.com"),
        ("version", "1.0"),
        ("timestamp", "1414488825"),
        ("return_app", "Y"),
    ];
    let entrustweb = [
        ("contract_code", "122"),
        ("contract_display_account", "name1"),
        ("notify_url", "www.qq.com/test/papay"),
        ("plan_id", "106"),
        ("request_serial", "123"),
        ("timestamp", "1414488825"),
        ("version", "1.0"),
    ];
    let h5 = [("clientip", "12.1.1.12"), ("return_appid", "wxcbda96de0b165542")];
    let mini_program = [
        ("plan_id", "106"),
        ("contract_code", "122"),
        ("request_serial", "123"),
        ("contract_display_account", "张三"),
        ("notify_url", "https://www.qq.com/test/papay"),
        ("timestamp", "1414488825"),
    ];
    let with = |parts: &[&[(&'static str, &'static str)]]| [&MERCHANT, parts.concat().as_slice()].concat();
    let (md5, hmac) = (SignAlgorithm::Md5, SignAlgorithm::HmacSha256);
    assert_eq!(signature(&with(&[&preentrustweb]), md5), "537B5AEA9A0644EF06ECFB2607A351AB");
    assert_eq!(signature(&with(&[&entrustweb]), md5), "EB82C3E01B0DB4639921AE07F5A1E68F");
    assert_eq!(
        signature(&with(&[&entrustweb, &h5]), hmac),
        "211AFAFF9BF4DE757BD281F3BEF39D06EC8BB710B1E2A07A3614CD63CEE08FCF"
    );
    assert_eq!(
        signature(&with(&[&entrustweb, &h5, &[("sign_type", "HMAC-SHA256")]]), hmac),
        "CE76472E3C209CB2B3F6FC6A649B6849D4BCC78F4A4A820EEF4D5A55EF3F2660"
    );
    assert_eq!(signature(&with(&[&mini_program]), md5), "1A90937A8F2FF340B42A4ADB806B7D00");
}

#[test]
fn the_launch_parameters_of_sdk_tests_reproduce() {
    let app_sign = |algorithm| {
        let nonce = "5K8264ILTKCH16CQ2502SI8ZNMTM67VS";
        let prepay_id = "WX1217752501201407033233368018";
        app("wx2421b1c4370ec43b", "10000100", prepay_id, nonce, 1_414_561_699, &key(), algorithm).unwrap()
    };
    assert_eq!(app_sign(SignAlgorithm::Md5).sign, "C9612FA7A6BA5F51E195D5F9337CA288");
    assert_eq!(
        app_sign(SignAlgorithm::HmacSha256).sign,
        "A4A9764D18C3087D12514D8A984F41AFB8805CD147D12195A7B151DCD5A5BB7F"
    );
    let jsapi_sign = |algorithm| {
        let nonce = "e61463f8efa94090b1f366cccfbbb444";
        jsapi("wx2421b1c4370ec43b", "u802345jgfjsdfgsdg888", nonce, 1_414_561_699, &key(), algorithm).unwrap()
    };
    assert_eq!(jsapi_sign(SignAlgorithm::Md5).pay_sign, "A62A01211E36F5D2173A9EE93EBAC56C");
    assert_eq!(
        jsapi_sign(SignAlgorithm::HmacSha256).pay_sign,
        "311C3B8F50AAA11ACBCC756E871203F9F00606B4BCCA1BDCFAFD005BCF7646DE"
    );
}

#[test]
fn launch_parameters_have_the_names_that_the_clients_expect() {
    let app = app("wx2421b1c4370ec43b", "10000100", "WX12", "5K82", 1_414_561_699, &key(), SignAlgorithm::Md5).unwrap();
    let expected = serde_json::json!({
        "appid": "wx2421b1c4370ec43b", "partnerid": "10000100", "prepayid": "WX12", "package": "Sign=WXPay",
        "noncestr": "5K82", "timestamp": "1414561699", "sign": app.sign,
    });
    assert_eq!(serde_json::to_value(&app).unwrap(), expected);
    let jsapi = jsapi("wx2421b1c4370ec43b", "u80", "e614", 1_414_561_699, &key(), SignAlgorithm::HmacSha256).unwrap();
    let expected = serde_json::json!({
        "appId": "wx2421b1c4370ec43b", "timeStamp": "1414561699", "nonceStr": "e614", "package": "prepay_id=u80",
        "signType": "HMAC-SHA256", "paySign": jsapi.pay_sign,
    });
    assert_eq!(serde_json::to_value(&jsapi).unwrap(), expected);
}

#[test]
fn a_signed_request_of_an_sdk_test_is_what_we_sign() {
    let request = text("samples/v2/signed-contractorder-request.xml");
    let fields = V2Fields::parse_unverified(request.as_bytes()).unwrap();
    let ours: Vec<_> =
        fields.iter().filter(|(name, _)| *name != "sign").map(|(name, value)| Field::text(name, value)).collect();
    assert_eq!(sign(&ours, &key(), SignAlgorithm::Md5).unwrap(), fields.get("sign").unwrap());
}

#[test]
fn values_that_v2_signing_cannot_carry_are_refused() {
    let signed = |field| sign(&[Field::text("mch_id", "1"), field], &key(), SignAlgorithm::Md5).map(|_| ());
    let separator = Err(Unsignable::Separator("attach".into()));
    for value in ["a=b", "&", "x&total_fee=1", "="] {
        assert_eq!(signed(Field::text("attach", value)), separator, "{value}");
    }
    let character = Err(Unsignable::Character("attach".into()));
    for value in ["\u{1f600}", "a\0", "a\rb", "\u{7f}", "\u{85}", "\u{1b}[0m"] {
        assert_eq!(signed(Field::text("attach", value)), character, "{value:?}");
        assert_eq!(signed(Field::configured_url("attach", value)), character, "{value:?}");
    }
    assert_eq!(signed(Field::text("attach", "一行\n二行")), Ok(()));
    assert_eq!(signed(Field::configured_url("notify_url", "https://a.example/?b=c&d=e")), Ok(()));
    for name in ["", "sign", "a=b", "a b", "a&b", "\u{5fae}", "<a>"] {
        assert_eq!(signed(Field::text(name, "1")), Err(Unsignable::Name(name.into())));
    }
    assert_eq!(signed(Field::text("mch_id", "1")), Err(Unsignable::Repeated("mch_id".into())));
    let launch = jsapi("wx1", "x&signType=MD5", "n", 1, &key(), SignAlgorithm::Md5).unwrap_err();
    assert_eq!(launch, Unsignable::Separator("prepay_id".into()));
    let launch = app("wx1", "1", "x=y", "n", 1, &key(), SignAlgorithm::Md5).unwrap_err();
    assert_eq!(launch, Unsignable::Separator("prepayid".into()));
}

#[test]
fn a_rendered_request_keeps_order_leaves_out_empty_fields_and_verifies() {
    let fields = [Field::text("b", "<&lt;]]>]]>"), Field::text("a", "微信"), Field::text("c", "")];
    assert_eq!(
        render_xml(&fields),
        "<xml><b><![CDATA[<&lt;]]]]><![CDATA[>]]]]><![CDATA[>]]></b><a><![CDATA[微信]]></a></xml>"
    );
    for algorithm in [SignAlgorithm::Md5, SignAlgorithm::HmacSha256] {
        let fields = [Field::text("b", "<lt;]]>]]>"), Field::text("a", "微信"), Field::text("c", "")];
        let xml = signed_xml(&fields, &key(), algorithm).unwrap();
        assert!(v2_keys().verify_v2(xml.as_bytes()).is_ok());
    }
}
