//! The V3 notice before a deduction.

use counterparty::{Occasion, WechatPay};
use wechat::Meaning::*;
use wechat::Next::*;
use wechat::*;

use crate::support::*;

/// An answer as WeChat signs it.
fn signed_v3(status: u16, body: &str) -> Result<Incoming, Failure> {
    let wechat = WechatPay::test_merchant().unwrap();
    let answer = wechat.v3_answer(status, body.as_bytes().to_vec(), None, &Occasion::derived(NOW, body)).unwrap();
    Ok(Incoming { status: answer.status, headers: answer.headers, body: answer.body })
}

async fn told(answers: impl IntoIterator<Item = Result<Incoming, Failure>>) -> Result<NoticeSent, CallError> {
    let script = Script::new(answers);
    let prepared = notice().prepare(&keys(), &at()).unwrap();
    Client::over(Hosts::default(), &script).send(&prepared, &keys(), now()).await
}

#[tokio::test]
async fn the_notice_is_sent_with_the_merchants_signature() {
    let script = Script::new([signed_v3(204, "")]);
    let prepared = notice().prepare(&keys(), &at()).unwrap();
    assert_eq!(
        prepared.body(),
        r#"{"mchid":"10000100","appid":"wx2421b1c4370ec43b","estimated_amount":{"amount":1800,"currency":"CNY"}}"#
    );
    let sent = Client::over(Hosts::default(), &script).send(&prepared, &keys(), now()).await;
    assert_eq!(sent, Ok(NoticeSent { already: false }));
    let sent = script.sent().remove(0);
    assert_eq!(sent.url, "https://api.mch.weixin.qq.com/v3/papay/contracts/202611210000000001/notify");
    assert_eq!(
        (sent.headers["accept"].as_str(), sent.headers["content-type"].as_str()),
        ("application/json", "application/json")
    );
    assert!(sent.headers["user-agent"].starts_with("papay/"));
    let authorization = &sent.headers["authorization"];
    let part = |name: &str| {
        let (_, rest) = authorization.split_once(&format!("{name}=\"")).unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    assert!(authorization.starts_with("WECHATPAY2-SHA256-RSA2048 mchid=\"10000100\""));
    assert_eq!(part("timestamp"), NOW.to_string());
    // RSA of PKCS#1 draws no random bytes: the header can be made again.
    let target = "/v3/papay/contracts/202611210000000001/notify";
    let again = keys().signer.unwrap();
    let again = again.authorization("POST", target, NOW, &part("nonce_str"), prepared.body().as_bytes()).unwrap();
    assert_eq!(*authorization, again);
    assert_eq!(sent.body, prepared.body());
}

#[tokio::test]
async fn an_identical_notice_before_is_as_good() {
    let body = r#"{"code":"RESOURCE_ALREADY_EXISTS","message":"通知已发送"}"#;
    assert_eq!(told([signed_v3(400, body)]).await, Ok(NoticeSent { already: true }));
    let error = told([status(400, body.as_bytes().to_vec())]).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unbelievable, "that it was sent must be signed");
}

#[tokio::test]
async fn a_success_without_signature_is_not_believed() {
    let error = told([status(204, Vec::new())]).await.unwrap_err();
    assert_eq!((error.kind, error.next), (ErrorKind::Unbelievable, RepeatSame));
    assert_eq!(error.code.as_deref(), Some("missing_header"));
}

#[tokio::test]
async fn the_errors_of_section_7_4() {
    for (http, code, text, meaning, next) in [
        (400, "INVALID_REQUEST", "当前签约的模板不是周期扣费类型，不能下发扣费前通知", NotPeriodic, Stop),
        (400, "INVALID_REQUEST", "与已下发的通知参数不一致", AmountMismatch, Stop),
        (404, "CONTRACT_NOT_EXIST", "", ContractGone, Stop),
        (403, "RULELIMIT", "", Limited, Stop),
        (401, "SIGN_ERROR", "", Misconfigured, Stop),
        (400, "PARAM_ERROR", "", Misconfigured, Stop),
        (403, "NO_AUTH", "", NotPermitted, Stop),
        (429, "FREQUENCY_LIMITED", "", TooFast, RepeatSame),
        (429, "FREQUENCY_LIMIT_EXCEED", "", TooFast, RepeatSame),
        (429, "RATELIMIT_EXCEEDED", "", TooFast, RepeatSame),
        (500, "SYSTEM_ERROR", "", Busy, RepeatSame),
        (400, "SOMETHING_NEW", "", Other, QueryFirst),
    ] {
        let body = serde_json::json!({"code": code, "message": text, "detail": {"field": "x"}}).to_string();
        let error = told([signed_v3(http, &body), signed_v3(http, &body)]).await.unwrap_err();
        assert_eq!((error.meaning, error.next), (meaning, next), "{code} {text}");
        assert_eq!(error.kind, ErrorKind::Refused { proven: true });
        let unsigned =
            told([status(http, body.clone().into_bytes()), status(http, body.into_bytes())]).await.unwrap_err();
        assert_eq!(unsigned.kind, ErrorKind::Refused { proven: false });
    }
    let error = told([status(502, b"<html>".to_vec()), status(502, b"<html>".to_vec())]).await.unwrap_err();
    assert_eq!((error.kind, error.next), (ErrorKind::Http(502), RepeatSame));
}

#[tokio::test]
async fn a_repeated_notice_has_the_same_body_and_another_signature() {
    let script = Script::new([Err(Failure::TimedOut), signed_v3(204, "")]);
    let prepared = notice().prepare(&keys(), &at()).unwrap();
    let sent = Client::over(Hosts::default(), &script).send(&prepared, &keys(), now()).await;
    assert_eq!(sent, Ok(NoticeSent { already: false }));
    let [first, second] = script.sent().try_into().unwrap();
    assert_eq!(first.body, second.body);
    assert_ne!(first.headers["authorization"], second.headers["authorization"]);
}
