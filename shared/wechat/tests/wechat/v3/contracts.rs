//! Password-exempt contracts.

use domain::{ContractCode, OpenId};
use wechat::*;

use super::support::*;

fn code() -> ContractCode {
    ContractCode::parse("wxwtdk20200910100000").unwrap()
}

fn pre_sign(after: v3::PreSignAfter) -> v3::PreSign {
    let user = v3::User { openid: Some(OpenId::parse("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o").unwrap()), sub_openid: None };
    let appid = app("wxd678efh567hg6787");
    v3::PreSign {
        caller: v3::PreSignCaller::Qs { sub_appid: appid.clone(), appid, sub_mchid: merchant("1900000109"), user },
        service_id: 12535,
        out_contract_code: code(),
        notify_url: NOTIFY_URL.to_owned(),
        display_account: "微信代扣用户A".to_owned(),
        after,
    }
}

fn after_payment() -> v3::PreSignAfter {
    v3::PreSignAfter::Payment { prepay_id: "wx201410272009395522657a690389285100".to_owned() }
}

/// The samples are of another merchant.
fn keys() -> Keys {
    keys_of("1900000109", public_key())
}

async fn told<C: Call>(prepared: &Prepared<C>, answer: Result<Incoming, Failure>) -> Result<C::Answer, CallError> {
    let script = Script::new([answer]);
    Client::over(Hosts::default(), &script).send(prepared, &keys(), now()).await
}

fn query() -> Prepared<v3::ExemptQuery> {
    v3::ExemptQuery { service_id: 12535, out_contract_code: code() }.prepare(&keys(), &at()).unwrap()
}

#[tokio::test]
async fn a_pre_signing_is_answered_as_in_the_samples() {
    let prepared = pre_sign(after_payment()).prepare(&keys(), &at()).unwrap();
    let body = sample("password_exempt_qs_pay_redirect_sign.response").to_string();
    assert_eq!(told(&prepared, signed(200, &body)).await, Ok(v3::PreSigned { mini_program: None }));
    let other = told(&prepared, signed(200, &body.replace("12535", "12536"))).await.unwrap_err();
    assert_eq!(other.code.as_deref(), Some("another service_id"));
    let other = told(&prepared, signed(200, &body.replace("wxwtdk2020", "wxwtdk2021"))).await.unwrap_err();
    assert_eq!(other.code.as_deref(), Some("another out_contract_code"));

    let prepared = pre_sign(v3::PreSignAfter::MiniProgram).prepare(&keys(), &at()).unwrap();
    let session = told(&prepared, signed(200, &sample("password_exempt_qs_mini_program.response").to_string())).await;
    let session = session.unwrap().mini_program.unwrap();
    assert_eq!(session.pre_entrustweb_id, "5778aadY9nltAsZzXixCkFIGYnV2V");
    assert_eq!(
        (session.appid.as_str(), session.path.as_str()),
        ("wxbd687630cd02ce1d", "pages/PwdExemptContract/index")
    );
    let error = told(&prepared, signed(200, &body)).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Unreadable, Some("pre_entrustweb_id")));
}

#[tokio::test]
async fn a_merchant_that_may_not_pre_sign_is_told_so() {
    let prepared = pre_sign(after_payment()).prepare(&keys(), &at()).unwrap();
    let error = told(&prepared, signed(403, &sample("error_no_auth").to_string())).await.unwrap_err();
    assert_eq!((error.meaning, error.next), (Meaning::NotPermitted, Next::Stop));
}

#[tokio::test]
async fn the_query_tells_what_became_of_the_contract() {
    let body = sample("password_exempt_contract_query.response");
    let answer = told(&query(), signed(200, &body.to_string())).await.unwrap();
    let contract = answer.contract().unwrap();
    assert_eq!(contract.state, v3::ExemptState::Signed, "the state decides, not the termination beside it");
    assert_eq!(contract.contract_id.as_ref().unwrap().as_str(), "123124412412423431");
    assert_eq!(contract.signed_at, Some("2020-09-10T13:29:35+08:00".parse().unwrap()));
    assert_eq!(contract.termination_mode.as_deref(), Some("USER_TERMINATE"));
    assert!(answer.proven() && answer.body() == body.to_string().as_bytes());
    for (word, state) in
        [("TERMINATED", v3::ExemptState::Terminated), ("FROZEN", v3::ExemptState::Other("FROZEN".to_owned()))]
    {
        let mut other = body.clone();
        other["contract_state"] = word.into();
        let answer = told(&query(), signed(200, &other.to_string())).await.unwrap();
        assert_eq!(answer.contract().unwrap().state, state);
    }
    for (member, value) in [("contract_state", ""), ("contract_signed_time", "yesterday"), ("openid", "a b")] {
        let mut other = body.clone();
        other[member] = value.into();
        let error = told(&query(), signed(200, &other.to_string())).await.unwrap_err();
        assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Unreadable, Some(member)));
    }
}

#[tokio::test]
async fn a_contract_that_was_not_signed_is_no_error() {
    let body = error_body("RESOURCE_NOT_EXISTS", "协议不存在");
    for (answer, proven) in [(signed(404, &body), true), (status(404, body.clone().into_bytes()), false)] {
        let answer = told(&query(), answer).await.unwrap();
        assert_eq!((answer.contract(), answer.proven()), (None, proven));
    }
}

#[tokio::test]
async fn a_termination_is_asked_for_and_the_query_decides() {
    let remark = "用户解约".to_owned();
    let end = v3::ExemptTermination { service_id: 12535, out_contract_code: code(), remark };
    let end = end.prepare(&keys(), &at()).unwrap();
    let body = sample("password_exempt_contract_terminate.response").to_string();
    assert_eq!(told(&end, signed(200, &body)).await, Ok(v3::ExemptTerminationAsked));
    let silent = told(&end, Err(Failure::TimedOut)).await.unwrap_err();
    assert_eq!((silent.kind, silent.next), (ErrorKind::NoAnswer, Next::QueryFirst));
    let ended = told(&end, signed(400, &error_body("INVALID_REQUEST", "协议已解约"))).await.unwrap_err();
    assert_eq!(ended.next, Next::QueryFirst);
}
