//! The self-test.

use counterparty::{MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM, MerchantKey};
use serde_json::json;
use wechat::*;

use super::support::*;

fn echo() -> Prepared<v3::SecurityEcho> {
    let notify_url = Some(NOTIFY_URL.to_owned());
    v3::SecurityEcho { message: "你好".to_owned(), notify_url }.prepare(&keys(), &at()).unwrap()
}

#[tokio::test]
async fn the_message_goes_out_plain_and_encrypted_and_comes_back_both_ways() {
    let prepared = echo();
    let sealed = json(&prepared)["encrypted_echo_message"].as_str().unwrap().to_owned();
    let wechat = wechat();
    assert_eq!(wechat.open_sensitive(wechat.public_key_id().unwrap(), &sealed).unwrap(), "你好");
    let merchant = MerchantKey::of_private_key(MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM).unwrap();
    let answer = |plain: &str, secret: &str| {
        let sealed = merchant.seal_sensitive(secret).unwrap();
        signed(200, &json!({"echo_message": plain, "encrypted_echo_message": sealed}).to_string())
    };
    assert_eq!(told(&prepared, [answer("你好", "你好")]).await, Ok(v3::Echoed { decrypted: true }));
    assert_eq!(told(&prepared, [signed(200, r#"{"echo_message":"你好"}"#)]).await, Ok(v3::Echoed { decrypted: false }));
    for (plain, secret, code) in
        [("hello", "你好", "another echo_message"), ("你好", "hello", "another encrypted_echo_message")]
    {
        let error = told(&prepared, [answer(plain, secret)]).await.unwrap_err();
        assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Unbelievable, Some(code)));
    }
    let foreign = json!({"echo_message": "你好", "encrypted_echo_message": sealed}).to_string();
    assert!(told(&prepared, [signed(200, &foreign)]).await.is_err(), "encrypted for WeChat, not for us");
}

#[tokio::test]
async fn the_answer_of_the_sample_reads_as_far_as_its_key_is_known() {
    let prepared = v3::SecurityEcho { message: "hello".to_owned(), notify_url: None }.prepare(&keys(), &at()).unwrap();
    let error = told(&prepared, [signed(200, &sample("security_echo.response").to_string())]).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("another encrypted_echo_message"), "it is encrypted for another merchant");
}
