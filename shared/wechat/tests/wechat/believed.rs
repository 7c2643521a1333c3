//! Which answers are believed, and which are not.

use counterparty::SignType;
use domain::MchId;
use wechat::*;

use crate::support::*;

#[tokio::test]
async fn unknown_and_chinese_fields_are_part_of_what_is_verified() {
    let fields = [
        ("out_trade_no", "123456"),
        ("trade_state", "NOTPAY"),
        ("some_future_field", "未知的值"),
        ("Upper", "A"),
        ("empty", ""),
        ("attach", "会员 & <年卡> ]]> \"引号\""),
    ];
    for sign_type in [SignType::Md5, SignType::HmacSha256] {
        let answer = answered(&query("123456"), signed_by(&fields, sign_type)).await.unwrap();
        assert_eq!(answer.text("some_future_field"), Some("未知的值"));
    }
}

#[tokio::test]
async fn an_altered_answer_is_not_believed() {
    let genuine = String::from_utf8(sample("signed-orderquery-response-success.xml")).unwrap();
    for (from, to) in [
        ("<total_fee>1<", "<total_fee>2<"),
        ("<trade_state>SUCCESS<", "<trade_state>NOTPAY<"),
        ("<device_info>1000</device_info>", ""),
        ("</xml>", "<new_field>1</new_field></xml>"),
        ("<return_msg>OK<", "<return_msg>ok<"),
        ("<sign>07EACC03", "<sign>17EACC03"),
        ("<sign>07EACC03ED8DD7F1BAB6BBE1853EF998</sign>", ""),
        ("<total_fee>1</total_fee>", "<total_fee>1</total_fee><total_fee>1</total_fee>"),
    ] {
        let altered = genuine.replace(from, to);
        assert_ne!(altered, genuine, "{from}");
        let error = answered(&query("1415757673"), altered.into_bytes()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unbelievable, "{to}");
        assert_eq!(error.next, Next::RepeatSame, "a question is asked again");
    }
}

#[tokio::test]
async fn an_unsigned_error_is_believed_only_where_the_page_says_that_it_comes_unsigned() {
    let business = [("return_code", "SUCCESS"), ("result_code", "FAIL"), ("err_code", "ORDERNOTEXIST")];
    let error = answered(&query("123456"), unsigned(&business)).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Unbelievable, Some("missing_sign")));

    let prepared = deduction().prepare(&keys(), &at()).unwrap();
    let gone = [("return_code", "SUCCESS"), ("result_code", "FAIL"), ("err_code", "CONTRACT_NOT_EXIST")];
    let error = answered(&prepared, unsigned(&gone)).await.unwrap_err();
    assert_eq!((error.kind, error.next), (ErrorKind::Unbelievable, Next::QueryFirst));

    let contract = contract_query().prepare(&keys(), &at()).unwrap();
    let other = [("return_code", "SUCCESS"), ("result_code", "FAIL"), ("err_code", "-7")];
    assert_eq!(answered(&contract, unsigned(&other)).await.unwrap_err().kind, ErrorKind::Unbelievable);
    let no_authority = [("return_code", "SUCCESS"), ("result_code", "FAIL"), ("err_code", "-48")];
    let error = answered(&contract, unsigned(&no_authority)).await.unwrap_err();
    assert_eq!((error.kind, error.next), (ErrorKind::Refused { proven: false }, Next::Stop));

    let communication = [("return_code", "FAIL"), ("return_msg", "签名错误")];
    let error = answered(&prepared, unsigned(&communication)).await.unwrap_err();
    assert_eq!((error.kind, error.meaning), (ErrorKind::Refused { proven: false }, Meaning::Misconfigured));
    let pretended = [("return_code", "FAIL"), ("err_code", "ORDERNOTEXIST")];
    let error = answered(&query("123456"), unsigned(&pretended)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused { proven: false }, "that there is no order must be signed");
}

#[tokio::test]
async fn an_answer_about_something_else_is_not_believed() {
    for (name, value) in [("out_trade_no", "654321"), ("mch_id", "10000200")] {
        let mut fields = vec![("out_trade_no", "123456"), ("trade_state", "SUCCESS")];
        fields.retain(|(known, _)| *known != name);
        fields.push((name, value));
        let error = answered(&query("123456"), signed(&fields)).await.unwrap_err();
        assert_eq!((error.kind, error.code), (ErrorKind::Unbelievable, Some(format!("another {name}"))));
    }
    let other = signed(&[("prepay_id", "wx1"), ("trade_type", "APP"), ("contract_code", "OTHER")]);
    assert_eq!(answered(&prepared_order(), other).await.unwrap_err().kind, ErrorKind::Unbelievable);
    let merchant = MchId::parse("10000200").unwrap();
    let answer = answered(&query("123456"), sample("synthetic-orderquery-response-notpay.xml")).await.unwrap();
    assert!(answer.fact(&merchant, &number("123456")).is_err());
}

#[tokio::test]
async fn what_is_no_answer_is_not_believed() {
    for body in ["", "<html>502</html>", "<xml><return_code>SUCCESS</return_code></xml>", "{}", "<xml></xml>"] {
        let error = answered(&query("123456"), body.as_bytes().to_vec()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unbelievable, "{body}");
    }
    let half = signed(&[("result_code", ""), ("out_trade_no", "123456")]);
    assert_eq!(answered(&query("123456"), half).await.unwrap_err().kind, ErrorKind::Unreadable);
}

#[tokio::test]
async fn an_answer_under_the_previous_key_is_believed() {
    let previous = verify::ApiV2Key::parse(counterparty::TEST_MERCHANT.api_v2_key).unwrap();
    let current = verify::ApiV2Key::parse("0123456789abcdef0123456789abcdef").unwrap();
    let v2 = verify::Generations { current, previous: Some(previous) };
    let merchant = verify::MerchantKeys::new("10000100", Some(v2), None, verify::WechatpayKeys::default()).unwrap();
    let keys = Keys::new(std::sync::Arc::new(merchant));
    let prepared = order_query().prepare(&keys, &at()).unwrap();
    let body = signed(&[("out_trade_no", out_trade_no().as_str()), ("trade_state", "NOTPAY")]);
    let script = Script::new([ok(body)]);
    assert!(Client::over(Hosts::default(), &script).send(&prepared, &keys, now()).await.is_ok());
}
