use verify::{ApiV3Key, Generations, MerchantKeys, PlatformCertificate, Refusal, WechatpayKeys};

use crate::support::{Message, NOW, OTHER_V3_KEY, json_file, notice, string, text, v3_keys};

fn java_answer() -> (String, String) {
    let file = json_file("certificates_java.json");
    (string(&file, "response_body").to_owned(), string(&file, "decrypted_pem").to_owned())
}

fn opened(keys: &MerchantKeys, message: &Message) -> Result<Vec<PlatformCertificate>, Refusal> {
    keys.open_certificates(&message.headers(), &message.body, NOW)
}

#[test]
fn the_certificates_answer_of_wechatpay_java_opens() {
    let (body, pem) = java_answer();
    let message = Message::signed(body, &NOW.to_string());
    let certificates = opened(&v3_keys(), &message).unwrap();
    let [certificate] = certificates.as_slice() else { panic!("not one certificate") };
    assert_eq!(certificate.serial, "5DEA10EF55877E3CF6C33255C2E7DEFFF7E427EC");
    assert_eq!(certificate.pem.trim(), pem.trim());
    assert_eq!(certificate.effective_time, "2023-09-19T23:15:58+08:00");
    let mut keys = WechatpayKeys::default();
    assert_eq!(keys.insert_certificate(&certificate.pem).as_deref(), Ok(certificate.serial.as_str()));
}

#[test]
fn an_altered_or_unsigned_certificates_answer_is_refused() {
    let (body, _) = java_answer();
    let message = Message::signed(body.clone(), &NOW.to_string());
    let altered = Message { body: format!("{body} ").into_bytes(), ..message.clone() };
    assert_eq!(opened(&v3_keys(), &altered).unwrap_err(), Refusal::WrongSignature);
    let unknown = Message { serial: "00".into(), ..message.clone() };
    assert_eq!(opened(&v3_keys(), &unknown).unwrap_err(), Refusal::UnknownSerial);
    let v3 = Generations::only(ApiV3Key::parse(OTHER_V3_KEY).unwrap());
    let other_key = MerchantKeys::new("1", None, Some(v3), WechatpayKeys::default()).unwrap();
    assert_eq!(opened(&other_key, &message).unwrap_err(), Refusal::Undecryptable);
}

#[test]
fn the_first_fetch_is_verified_by_a_certificate_inside_the_answer() {
    // A certificates answer that holds the very certificate whose key signed it, and a client that knows none yet.
    let sealed = notice(&text("java_wechat_pay_certificate.pem"), OTHER_V3_KEY, |_| {});
    let sealed: serde_json::Value = serde_json::from_str(&sealed).unwrap();
    let serial = crate::support::CERTIFICATE_SERIAL;
    let entry = |serial: &str| {
        let entry = serde_json::json!({ "serial_no": serial, "encrypt_certificate": sealed["resource"].clone() });
        let mut message = Message::signed(serde_json::json!({ "data": [entry] }).to_string(), &NOW.to_string());
        message.serial = crate::support::CERTIFICATE_SERIAL.to_owned();
        message
    };
    let v3 = Generations::only(ApiV3Key::parse(OTHER_V3_KEY).unwrap());
    let nothing_known = MerchantKeys::new("1", None, Some(v3), WechatpayKeys::default()).unwrap();
    assert_eq!(opened(&nothing_known, &entry(serial)).unwrap()[0].serial, serial);
    // A serial beside the certificate that is not the certificate's own.
    assert_eq!(opened(&nothing_known, &entry("5DEA10EF")).unwrap_err(), Refusal::MalformedEnvelope);
}

#[test]
fn the_decrypted_certificate_of_wechatpay_go_has_its_serial() {
    let file = json_file("certificates_go.json");
    let mut keys = WechatpayKeys::default();
    let serial = keys.insert_certificate(&text(string(&file, "decrypted_pem_file"))).unwrap();
    let answer: serde_json::Value = serde_json::from_str(string(&file, "response_body")).unwrap();
    assert_eq!(serial, string(&answer["data"][0], "serial_no"));
}
