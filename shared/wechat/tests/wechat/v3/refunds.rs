//! Refunds: applied for, asked for, repaired.

use domain::{Evidence, FactBody, Fen, OutTradeNo, RefundResult, SignatureAlgorithm};
use wechat::*;

use super::support::*;

#[tokio::test]
async fn what_is_accepted_is_told_as_what_it_is() {
    for (state, expected) in [
        ("PROCESSING", RefundResult::Processing),
        ("ABNORMAL", RefundResult::Abnormal),
        ("CLOSED", RefundResult::Closed),
        ("SUCCESS", RefundResult::Succeeded { at: None }),
    ] {
        let answer = told(&prepared_refund(), [signed(200, &refund_told(state))]).await.unwrap();
        let fact = answer.fact(&mch_id(), &out_trade_no(), &out_refund_no()).unwrap();
        assert_eq!(fact.evidence, Evidence::Signed(SignatureAlgorithm::Rsa));
        let FactBody::Refund(refund) = fact.body else { panic!("a refund") };
        assert_eq!((refund.result, refund.refund, refund.total), (expected, Some(Fen::new(900)), Some(Fen::new(1800))));
        let other = OutTradeNo::parse("01JD3Q0VZC5W8K2M7N4PX2").unwrap();
        assert!(answer.fact(&mch_id(), &other, &out_refund_no()).is_err(), "a refund of another order");
    }
}

#[tokio::test]
async fn an_answer_about_another_refund_is_not_believed() {
    let other = refund_told("SUCCESS").replace("PX1R1", "PX1R2");
    for answer in [
        told(&prepared_refund(), [signed(200, &other)]).await,
        told(&prepared_refund_query(), [signed(200, &other)]).await,
    ] {
        assert_eq!(answer.unwrap_err().code.as_deref(), Some("another out_refund_no"));
    }
    let other = refund_told("SUCCESS").replace("50000000382019052709732678859", "50000000382019052709732678860");
    let repair = repair(v3::RepairTo::MerchantBankCard).prepare(&keys(), &at()).unwrap();
    let error = told(&repair, [signed(200, &other)]).await.unwrap_err();
    assert_eq!((error.code.as_deref(), error.next), (Some("another refund_id"), Next::QueryFirst));
}

#[tokio::test]
async fn a_refund_that_wechat_does_not_know_is_an_answer_of_the_query_alone() {
    let body = error_body("RESOURCE_NOT_EXISTS", "退款单不存在");
    let answer = told(&prepared_refund_query(), [signed(404, &body)]).await.unwrap();
    assert!(answer.is_not_found() && answer.proven());
    let fact = answer.fact(&mch_id(), &out_trade_no(), &out_refund_no()).unwrap();
    assert!(matches!(fact.body, FactBody::Refund(refund)
        if refund.result == RefundResult::NotFound && refund.out_trade_no == Some(out_trade_no())));
    let unsigned = told(&prepared_refund_query(), [status(404, body.clone().into_bytes())]).await.unwrap();
    assert!(unsigned.is_not_found() && !unsigned.proven());
    let applied = told(&prepared_refund(), [signed(404, &body)]).await.unwrap_err();
    assert_eq!((applied.meaning, applied.next), (Meaning::NotFound, Next::Stop), "the order is not there, or not paid");
}

#[tokio::test]
async fn too_many_calls_may_mean_that_the_refund_was_accepted() {
    for code in ["FREQUENCY_LIMITED", "RATELIMIT_EXCEEDED", "SOMETHING_NEW"] {
        let body = error_body(code, "频率限制，1个月之前的订单请降低申请频率再重试");
        for answer in [signed(429, &body), status(429, body.into_bytes())] {
            let error = told(&prepared_refund(), [answer]).await.unwrap_err();
            assert_eq!((error.meaning, error.next), (Meaning::TooFast, Next::QueryFirst), "{code}");
            assert!(error.retry_after.is_some());
        }
    }
    let order = told(&prepared_order(), [signed(429, &error_body("FREQUENCY_LIMITED", ""))]).await.unwrap_err();
    assert_eq!((order.meaning, order.next), (Meaning::TooFast, Next::RepeatSame));
}

#[tokio::test]
async fn a_repair_to_a_card_names_the_key_that_its_fields_are_encrypted_for() {
    let prepared = repair(card()).prepare(&keys(), &at()).unwrap();
    let body = json(&prepared);
    let wechat = wechat();
    let id = wechat.public_key_id().unwrap().to_owned();
    let open = |name: &str| wechat.open_sensitive(&id, body[name].as_str().unwrap()).unwrap();
    assert_eq!((open("bank_account").as_str(), open("real_name").as_str()), ("6222021001122337483", "张三"));
    assert!(!prepared.body().contains("6222021001122337483") && !prepared.body().contains("张三"));

    // Stored, and sent when WeChat's key has changed: the key that can open it is named all the same.
    let stored = Prepared::<v3::AbnormalRefund>::from_text(&prepared.to_text()).unwrap();
    assert_eq!(stored, prepared);
    let new = issued();
    let keys = keys_with(certificates([new.certificate_pem.as_str()]));
    let script = Script::new([Err(Failure::TimedOut)]);
    let error = Client::over(Hosts::default(), &script).send(&stored, &keys, now()).await.unwrap_err();
    assert_eq!((error.kind, error.next), (ErrorKind::NoAnswer, Next::QueryFirst), "asked for before it is repeated");
    assert_eq!(script.sent()[0].headers["wechatpay-serial"], id);
}

#[tokio::test]
async fn a_repair_to_the_merchant_has_no_secrets() {
    let prepared = repair(v3::RepairTo::MerchantBankCard).prepare(&keys(), &at()).unwrap();
    assert_eq!(prepared.body(), r#"{"out_refund_no":"01JD3Q0VZC5W8K2M7N4PX1R1","type":"MERCHANT_BANK_CARD"}"#);
    let answer = told(&prepared, [signed(200, &refund_told("SUCCESS"))]).await.unwrap();
    let fact = answer.fact(&mch_id(), &out_trade_no(), &out_refund_no()).unwrap();
    assert!(matches!(fact.body, FactBody::Refund(refund) if refund.result == RefundResult::Succeeded { at: None }));
}

#[test]
fn what_is_encrypted_is_not_shown() {
    assert_eq!(format!("{:?}", card()), "UserBankCard");
    assert!(!format!("{:?}", repair(card())).contains("6222"));
    assert_eq!(
        format!("{:?}", repair(card()).prepare(&keys(), &at()).unwrap()),
        "Prepared { call: \"v3-abnormal-refund\", .. }"
    );
}

#[test]
fn without_a_key_of_wechats_nothing_is_encrypted() {
    let error = repair(card()).prepare(&keys_with(verify::WechatpayKeys::default()), &at()).unwrap_err();
    assert_eq!(error.field, "key");
}
