//! What goes on the wire, where to, and how often.

use counterparty::{MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM, MerchantKey, TEST_MERCHANT, V3Call};
use verify::WechatpayKeys;
use wechat::*;

use super::support::*;
use crate::support::Sent;

const PROBE: &str = "WECHATPAY/SIGNTEST/aGVsbG8=";

fn merchant_key() -> MerchantKey {
    MerchantKey::of_private_key(MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM).unwrap()
}

fn path(sent: &Sent) -> &str {
    sent.url
        .strip_prefix("https://api.mch.weixin.qq.com")
        .or(sent.url.strip_prefix("https://api2.mch.weixin.qq.com"))
        .unwrap()
}

/// Whether WeChat takes it for the merchant's, over exactly these bytes.
fn is_taken(sent: &Sent, method: &str) -> bool {
    let authorization = &sent.headers["authorization"];
    let call = V3Call { method, target: path(sent), body: sent.body.as_bytes(), authorization };
    merchant_key().has_signed(call, TEST_MERCHANT.mch_id, NOW)
}

async fn sent<C: Call>(prepared: &Prepared<C>, keys: &Keys) -> Sent {
    let script = Script::new([Err(Failure::Certificate)]);
    let _ = Client::over(Hosts::default(), &script).send(prepared, keys, now()).await;
    script.sent().remove(0)
}

#[tokio::test]
async fn every_call_is_signed_over_its_bytes_and_names_the_key_of_the_answer() {
    let (keys, at) = (keys(), at());
    let code = domain::ContractCode::parse("C1").unwrap();
    let posts = [
        sent(&prepared_order(), &keys).await,
        sent(&v3::CloseOrder { out_trade_no: out_trade_no() }.prepare(&keys, &at).unwrap(), &keys).await,
        sent(&prepared_refund(), &keys).await,
        sent(&repair(card()).prepare(&keys, &at).unwrap(), &keys).await,
        sent(&v3::SecurityEcho { message: "hello".to_owned(), notify_url: None }.prepare(&keys, &at).unwrap(), &keys)
            .await,
        sent(&crate::support::notice().prepare(&keys, &at).unwrap(), &keys).await,
    ];
    let gets = [
        sent(&prepared_query(), &keys).await,
        sent(&prepared_refund_query(), &keys).await,
        sent(&v3::Certificates.prepare(&keys, &at).unwrap(), &keys).await,
        sent(&v3::ExemptQuery { service_id: 1, out_contract_code: code }.prepare(&keys, &at).unwrap(), &keys).await,
    ];
    for (method, sent) in posts.iter().map(|sent| ("POST", sent)).chain(gets.iter().map(|sent| ("GET", sent))) {
        assert!(is_taken(sent, method), "{}", sent.url);
        assert_eq!(sent.headers["wechatpay-serial"], TEST_MERCHANT.public_key_id, "{}", sent.url);
        assert_eq!(sent.headers["accept"], "application/json");
        assert!(sent.headers["user-agent"].starts_with("papay/"));
        assert_eq!(
            sent.headers.get("content-type").map(String::as_str),
            (method == "POST").then_some("application/json")
        );
        let altered = Sent { body: format!("{} ", sent.body), ..sent.clone() };
        assert!(!is_taken(&altered, method), "{}", sent.url);
        let elsewhere = Sent { url: format!("{}0", sent.url), ..sent.clone() };
        assert!(!is_taken(&elsewhere, method), "{}", sent.url);
    }
    assert!(gets.iter().all(|sent| sent.body.is_empty()));
}

#[tokio::test]
async fn the_newest_valid_certificate_is_named_where_there_is_no_public_key_and_none_where_there_is_no_key() {
    let issue = |from: i64, to: i64| counterparty::PlatformCertificate::issue(NOW + from, NOW + to).unwrap();
    let (old, new) = (issue(-40_000_000, 20_000_000), issue(-10_000_000, 60_000_000));
    let (future, past) = (issue(1_000_000, 90_000_000), issue(-90_000_000, -1_000_000));
    let pems = [&old, &new, &future, &past].map(|certificate| certificate.certificate_pem.as_str());
    let named = sent(&prepared_query(), &keys_with(certificates(pems))).await;
    assert_eq!(named.headers["wechatpay-serial"], new.serial);
    let grey = {
        let mut keys = certificates(pems);
        keys.insert_public_key(TEST_MERCHANT.public_key_id, TEST_MERCHANT.public_key_pem).unwrap();
        keys_with(keys)
    };
    assert_eq!(sent(&prepared_query(), &grey).await.headers["wechatpay-serial"], TEST_MERCHANT.public_key_id);
    let none = sent(&prepared_query(), &keys_with(WechatpayKeys::default())).await;
    assert!(!none.headers.contains_key("wechatpay-serial"));
}

#[tokio::test]
async fn what_got_no_answer_goes_to_the_other_host_signed_anew() {
    for failure in [Failure::NotConnected, Failure::TimedOut, Failure::Lost] {
        let script = Script::new([Err(failure), signed(200, r#"{"prepay_id":"wx1"}"#)]);
        let offer = Client::over(Hosts::default(), &script).send(&prepared_order(), &keys(), now()).await;
        assert!(offer.is_ok(), "{failure:?}");
        let [first, second] = script.sent().try_into().unwrap();
        assert_eq!(first.url, "https://api.mch.weixin.qq.com/v3/pay/transactions/app");
        assert_eq!(second.url, "https://api2.mch.weixin.qq.com/v3/pay/transactions/app");
        assert_eq!(first.body, second.body);
        assert_ne!(first.headers["authorization"], second.headers["authorization"], "a nonce is used once");
        assert!(is_taken(&first, "POST") && is_taken(&second, "POST"));
    }
}

#[tokio::test]
async fn a_fault_of_wechats_is_no_reason_to_change_the_host() {
    for fault in [signed(500, &error_body("SYSTEM_ERROR", "系统异常，请稍后重试")), status(502, Vec::new())] {
        let script = Script::new([fault, signed(200, r#"{"prepay_id":"wx1"}"#)]);
        assert!(Client::over(Hosts::default(), &script).send(&prepared_order(), &keys(), now()).await.is_ok());
        let [first, second] = script.sent().try_into().unwrap();
        assert_eq!(first.url, second.url);
    }
}

#[tokio::test]
async fn a_probe_is_discarded_and_the_call_repeated_once_even_where_calls_are_not_repeated() {
    let probed = |answer| with_header(answer, "Wechatpay-Signature", Some(PROBE));
    let good = || signed(200, &refund_told("SUCCESS"));
    let repair = repair(v3::RepairTo::MerchantBankCard).prepare(&keys(), &at()).unwrap();
    let script = Script::new([probed(good()), good()]);
    assert!(Client::over(Hosts::default(), &script).send(&repair, &keys(), now()).await.is_ok());
    let [first, second] = script.sent().try_into().unwrap();
    assert_eq!((&first.url, &first.body), (&second.url, &second.body));
    assert_ne!(first.headers["authorization"], second.headers["authorization"]);

    let error = told(&prepared_refund(), [probed(good()), probed(good())]).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Unbelievable, Some("probe")));
    assert_eq!(error.next, Next::RepeatSame, "the same number, never another");
    // The first may have done what the second is then refused for.
    let refused = signed(400, &error_body("INVALID_REQUEST", "退款状态不正确"));
    let error = told(&repair, [probed(good()), refused]).await.unwrap_err();
    assert_eq!(error.next, Next::QueryFirst);
    // A wrong signature that is no probe would be wrong again.
    let wrong = with_header(good(), "Wechatpay-Signature", Some("aGVsbG8="));
    let error = told(&prepared_refund(), [wrong]).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("wrong_signature"));
}

#[test]
fn without_the_merchants_key_nothing_is_prepared() {
    let merchant = verify::MerchantKeys::new(TEST_MERCHANT.mch_id, None, None, public_key()).unwrap();
    let keys = Keys::new(std::sync::Arc::new(merchant));
    assert_eq!(order(v3::Payment::App).prepare(&keys, &at()).unwrap_err().field, "key");
    assert_eq!(v3::Certificates.prepare(&keys, &at()).unwrap_err().field, "key");
}

#[test]
fn a_stored_request_of_another_call_or_another_path_is_refused() {
    let text = prepared_refund().to_text();
    assert!(Prepared::<v3::Refund>::from_text(&text).is_ok());
    assert!(Prepared::<v3::Order>::from_text(&text).is_err());
    assert!(Prepared::<Refund>::from_text(&text).is_err());
    assert!(Prepared::<v3::Refund>::from_text(&text.replace("/v3/refund", "/v3/refunds")).is_err());
}
