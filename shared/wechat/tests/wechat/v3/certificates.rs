//! Platform certificates: the first fetch, and every later one.

use counterparty::{Occasion, PlatformCertificate, TEST_MERCHANT, WechatPay};
use serde_json::{Value, json};
use verify::WechatpayKeys;
use wechat::*;

use super::support::*;

type Fetched = Result<Vec<verify::PlatformCertificate>, CallError>;

async fn fetched(host: &str, wechatpay: WechatpayKeys, answer: Result<Incoming, Failure>) -> Fetched {
    let keys = keys_with(wechatpay);
    let prepared = v3::Certificates.prepare(&keys, &at()).unwrap();
    let script = Script::new([answer]);
    let told = Client::over(Hosts::parse(host).unwrap(), &script).send(&prepared, &keys, now()).await?;
    assert_eq!(told.dropped, [""; 0]);
    Ok(told.certificates)
}

/// In the local stack, whose certificates are of nobody's authority.
async fn locally(wechatpay: WechatpayKeys, answer: Result<Incoming, Failure>) -> Fetched {
    fetched("http://127.0.0.1:1", wechatpay, answer).await
}

fn with(certificate: &PlatformCertificate) -> WechatPay {
    wechat().with_platform_certificate(certificate.clone()).unwrap()
}

fn listed(wechat: &WechatPay, signed_with: &str) -> Result<Incoming, Failure> {
    let body = wechat.v3_certificates(&Occasion::derived(NOW, "list")).unwrap().to_string();
    signed_by(wechat, 200, &body, Some(signed_with), NOW)
}

#[tokio::test]
async fn the_first_fetch_is_verified_by_a_certificate_that_came_in_it() {
    let new = issued();
    let wechat = with(&new);
    let certificates = locally(WechatpayKeys::default(), listed(&wechat, &new.serial)).await.unwrap();
    let serials: Vec<_> = certificates.iter().map(|certificate| certificate.serial.as_str()).collect();
    assert_eq!(serials, [TEST_MERCHANT.certificate_serial, new.serial.as_str()]);
    let stored = &certificates[1];
    assert_eq!(stored.pem.trim(), new.certificate_pem.trim());
    assert_eq!(WechatpayKeys::default().insert_certificate(&stored.pem).unwrap(), new.serial);
    assert!(!stored.effective_time.is_empty() && !stored.expire_time.is_empty());
}

#[tokio::test]
async fn a_later_fetch_that_the_new_certificate_signed_already_locks_nobody_out() {
    let new = issued();
    let old = || certificates([TEST_MERCHANT.certificate_pem]);
    assert_eq!(locally(old(), listed(&with(&new), &new.serial)).await.unwrap().len(), 2);
    assert_eq!(locally(old(), listed(&with(&new), TEST_MERCHANT.certificate_serial)).await.unwrap().len(), 2);
    // A merchant with a public key names it, and WeChat signs by it.
    assert_eq!(locally(public_key(), listed(&with(&new), TEST_MERCHANT.public_key_id)).await.unwrap().len(), 2);
}

#[tokio::test]
async fn certificates_that_nobody_vouches_for_are_not_believed() {
    let new = issued();
    let wechat = with(&new);
    let none = WechatpayKeys::default;
    let reason = |fetched: Fetched| {
        let error = fetched.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unbelievable);
        error.code.unwrap()
    };
    // Signed by a key that is neither known nor in the answer, not signed, altered, or encrypted by another APIv3 key.
    assert_eq!(reason(locally(none(), listed(&wechat, TEST_MERCHANT.public_key_id)).await), "unknown_serial");
    let good = || listed(&wechat, &new.serial);
    assert_eq!(reason(locally(none(), with_header(good(), "Wechatpay-Signature", None)).await), "missing_header");
    assert_eq!(
        reason(locally(none(), with_header(good(), "Wechatpay-Signature", Some("aGVsbG8="))).await),
        "wrong_signature"
    );
    let other = with(&new).with_api_v3_key("00000000000000000000000000000000").unwrap();
    assert_eq!(reason(locally(none(), listed(&other, &new.serial)).await), "undecryptable");
    let sample = sample("certificates.response").to_string();
    assert_eq!(
        reason(locally(public_key(), signed(200, &sample)).await),
        "undecryptable",
        "its ciphertexts are dummies"
    );
}

#[tokio::test]
async fn over_tls_only_certificates_of_tenpays_authority_are_believed() {
    let new = issued();
    let own = listed(&with(&new), &new.serial);
    let tls = "https://api.mch.weixin.qq.com";
    let error = fetched(tls, WechatpayKeys::default(), own).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Unbelievable, Some("untrusted_certificate")));
    // WeChat's own certificate, which wechatpay-java keeps encrypted among its tests.
    let java = vector("certificates_java.json");
    assert_eq!(java["api_v3_key"], TEST_MERCHANT.api_v3_key);
    let genuine = || signed(200, java["response_body"].as_str().unwrap());
    let [genuine] = fetched(tls, public_key(), genuine()).await.unwrap().try_into().unwrap();
    assert_eq!(genuine.serial, "5DEA10EF55877E3CF6C33255C2E7DEFFF7E427EC");
}

/// The genuine certificate, and beside it another one of nobody's authority.
fn mixed() -> (String, PlatformCertificate) {
    let own = another_issued();
    let others = with(&own).v3_certificates(&Occasion::derived(NOW, "list")).unwrap();
    let genuine: Value =
        serde_json::from_str(vector("certificates_java.json")["response_body"].as_str().unwrap()).unwrap();
    let entry = others["data"].as_array().unwrap().iter().find(|entry| entry["serial_no"] == own.serial.as_str());
    let data = json!([genuine["data"][0], entry.unwrap()]);
    (json!({ "data": data }).to_string(), own)
}

#[tokio::test]
async fn one_certificate_that_cannot_be_believed_takes_no_other_away() {
    let (body, own) = mixed();
    let keys = keys_with(public_key());
    let prepared = v3::Certificates.prepare(&keys, &at()).unwrap();
    let script = Script::new([signed(200, &body)]);
    let client = Client::over(Hosts::parse("https://api.mch.weixin.qq.com").unwrap(), &script);
    let told = client.send(&prepared, &keys, now()).await.unwrap();
    let [genuine] = told.certificates.as_slice() else { panic!("{told:?}") };
    assert_eq!(genuine.serial, "5DEA10EF55877E3CF6C33255C2E7DEFFF7E427EC");
    assert_eq!(told.dropped, [own.serial]);
}

#[tokio::test]
async fn the_certificate_that_signed_the_answer_must_be_believed_itself() {
    let (body, own) = mixed();
    let answer = || signed_by(&with(&own), 200, &body, Some(&own.serial), NOW);
    for known in [WechatpayKeys::default(), certificates([own.certificate_pem.as_str()])] {
        let error = fetched("https://api.mch.weixin.qq.com", known, answer()).await.unwrap_err();
        assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Unbelievable, Some("untrusted_certificate")));
    }
}

#[tokio::test]
async fn a_merchant_with_public_keys_alone_has_no_certificates() {
    let body = sample("error_no_platform_certificate").to_string();
    for answer in [signed(404, &body), status(404, body.clone().into_bytes())] {
        let error = locally(public_key(), answer).await.unwrap_err();
        assert_eq!((error.meaning, error.next), (Meaning::NotFound, Next::Stop));
    }
}
