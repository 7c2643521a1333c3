//! Orders: made, made again, asked for, closed.

use domain::{Evidence, FactBody, OpenId, PaymentResult, SignatureAlgorithm};
use wechat::*;

use super::support::*;

#[tokio::test]
async fn the_stored_body_is_sent_again_after_two_hours_with_a_new_signature_and_brings_a_new_prepay_id() {
    let stored = prepared_order().to_text();
    let script = Script::new([
        signed(200, r#"{"prepay_id":"wx1"}"#),
        signed_by(&wechat(), 200, r#"{"prepay_id":"wx2"}"#, None, NOW + 7260),
    ]);
    let client = Client::over(Hosts::default(), &script);
    let offer = client.send(&prepared_order(), &keys(), now()).await.unwrap();
    let later = domain::Timestamp::from_second(NOW + 7260).unwrap();
    assert!(!offer.is_fresh(now(), later));
    let again = Prepared::<v3::Order>::from_text(&stored).unwrap();
    let fresh = client.send(&again, &keys(), later).await.unwrap();
    assert_eq!((offer.prepay_id(), fresh.prepay_id()), (Some("wx1"), Some("wx2")));
    let [first, second] = script.sent().try_into().unwrap();
    assert_eq!(first.body, second.body);
    assert!(first.headers["authorization"].contains(&format!("timestamp=\"{NOW}\"")));
    assert!(second.headers["authorization"].contains(&format!("timestamp=\"{}\"", NOW + 7260)));
}

#[tokio::test]
async fn each_way_of_paying_is_answered_with_what_it_is_opened_by() {
    let openid = OpenId::parse("onqOjjmM1tad-3ROpncN-yUfa6ua").unwrap();
    let all = r#"{"prepay_id":"wx1","code_url":"weixin://1","h5_url":"https://wx.tenpay.com/1"}"#;
    for (payment, path, expected) in [
        (v3::Payment::App, "app", Offer::V3App { prepay_id: "wx1".to_owned() }),
        (v3::Payment::Jsapi { openid }, "jsapi", Offer::V3Jsapi { prepay_id: "wx1".to_owned() }),
        (v3::Payment::Native, "native", Offer::V3Native { code_url: "weixin://1".to_owned() }),
        (v3::Payment::H5 { kind: v3::H5Kind::Wap }, "h5", Offer::V3H5 { h5_url: "https://wx.tenpay.com/1".to_owned() }),
    ] {
        let prepared = order(payment).prepare(&keys(), &at()).unwrap();
        assert_eq!(prepared.target(), format!("/v3/pay/transactions/{path}"));
        assert_eq!(told(&prepared, [signed(200, all)]).await.unwrap(), expected);
        let error = told(&prepared, [signed(200, r#"{"prepay_id":"","code_url":"","h5_url":""}"#)]).await.unwrap_err();
        assert_eq!((error.kind, error.next), (ErrorKind::Unreadable, Next::RepeatSame), "{path}");
        let again = told(&prepared, [signed(200, "[]")]).await.unwrap_err();
        assert_eq!(again.kind, ErrorKind::Unreadable);
    }
}

#[tokio::test]
async fn an_order_that_wechat_does_not_know_is_an_answer_and_proves_nothing_unsigned() {
    let body = error_body("ORDER_NOT_EXIST", "订单不存在");
    for (answer, evidence) in [
        (signed(404, &body), Evidence::Signed(SignatureAlgorithm::Rsa)),
        (status(404, body.clone().into_bytes()), Evidence::Unsigned),
    ] {
        let answer = told(&prepared_query(), [answer]).await.unwrap();
        assert!(answer.is_not_found());
        assert_eq!(answer.proven(), evidence != Evidence::Unsigned);
        assert_eq!(answer.body(), body.as_bytes());
        let fact = answer.fact(&mch_id(), &out_trade_no()).unwrap();
        assert_eq!(fact.evidence, evidence);
        assert!(matches!(fact.body, FactBody::Payment(payment) if payment.result == PaymentResult::NotFound));
    }
}

#[tokio::test]
async fn an_answer_about_another_order_or_merchant_is_not_believed() {
    let answer = |number: &str, mchid: &str| {
        format!(r#"{{"mchid":"{mchid}","out_trade_no":"{number}","trade_state":"NOTPAY"}}"#)
    };
    assert!(told(&prepared_query(), [signed(200, &answer("01JD3Q0VZC5W8K2M7N4PX1", "10000100"))]).await.is_ok());
    for (body, name) in [
        (answer("01JD3Q0VZC5W8K2M7N4PX2", "10000100"), "another out_trade_no"),
        (answer("01JD3Q0VZC5W8K2M7N4PX1", "10000200"), "another mchid"),
    ] {
        let error = told(&prepared_query(), [signed(200, &body)]).await.unwrap_err();
        assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Unbelievable, Some(name)));
    }
}

#[tokio::test]
async fn an_order_is_closed_by_an_empty_answer_that_is_signed() {
    let close = v3::CloseOrder { out_trade_no: out_trade_no() }.prepare(&keys(), &at()).unwrap();
    assert_eq!(told(&close, [signed(204, "")]).await, Ok(CloseAnswer::Closed));
    let unsigned = told(&close, [status(204, Vec::new())]).await.unwrap_err();
    assert_eq!((unsigned.kind, unsigned.next), (ErrorKind::Unbelievable, Next::RepeatSame));
    for (http, code, expected) in
        [(400, "ORDER_CLOSED", CloseAnswer::AlreadyClosed), (404, "ORDER_NOT_EXIST", CloseAnswer::NeverPlaced)]
    {
        let body = error_body(code, "");
        assert_eq!(told(&close, [signed(http, &body)]).await, Ok(expected));
        let unsigned = told(&close, [status(http, body.into_bytes())]).await.unwrap_err();
        assert_eq!(unsigned.next, Next::QueryFirst, "{code}: a hint is no proof");
    }
    let paid = told(&close, [signed(400, &error_body("INVALID_REQUEST", "订单已支付"))]).await.unwrap_err();
    assert_eq!((paid.meaning, paid.next), (Meaning::AlreadyPaid, Next::QueryFirst));
}
