//! Vectors from files, and a WeChat Pay of our own that signs with the test key of wechatpay-java.

use std::path::PathBuf;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};
use verify::{ApiV2Key, ApiV3Key, Generations, MerchantKeys, V3Headers, WechatpayKeys};

pub(crate) const API_V2_KEY: &str = "192006250b4c09247ec02edce69f6a2d";
pub(crate) const OTHER_V2_KEY: &str = "qazwsxedcrfvtgbyhnujmikolp111111";
pub(crate) const API_V3_KEY: &str = "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb";
pub(crate) const OTHER_V3_KEY: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const PUBLIC_KEY_ID: &str = "PUB_KEY_ID_0116571234562024052000123400000000";
pub(crate) const CERTIFICATE_SERIAL: &str = "440024045C4A427599D09BB4E3DE0279F2E813FD";
pub(crate) const NOW: i64 = 1_722_850_421;

pub(crate) fn vectors() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors"))
}

pub(crate) fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(vectors().join("wechat").join(name)).unwrap()
}

pub(crate) fn text(name: &str) -> String {
    String::from_utf8(bytes(name)).unwrap()
}

pub(crate) fn json_file(name: &str) -> Value {
    serde_json::from_str(&text(name)).unwrap()
}

/// A member that must be a string.
pub(crate) fn string<'v>(value: &'v Value, member: &str) -> &'v str {
    value[member].as_str().unwrap_or_else(|| panic!("no string {member}"))
}

pub(crate) fn v2_keys() -> MerchantKeys {
    let v2 = Generations::only(ApiV2Key::parse(API_V2_KEY).unwrap());
    MerchantKeys::new("10000100", Some(v2), None, WechatpayKeys::default()).unwrap()
}

/// The Java test key, once as a certificate and once as a public key.
pub(crate) fn wechatpay_keys() -> WechatpayKeys {
    let mut keys = WechatpayKeys::default();
    keys.insert_certificate(&text("java_wechat_pay_certificate.pem")).unwrap();
    keys.insert_public_key(PUBLIC_KEY_ID, &text("java_wechat_pay_public_key.pem")).unwrap();
    keys
}

pub(crate) fn v3_keys() -> MerchantKeys {
    let v3 = Generations::only(ApiV3Key::parse(API_V3_KEY).unwrap());
    MerchantKeys::new("1230000109", None, Some(v3), wechatpay_keys()).unwrap()
}

/// Reads headers by their names in a JSON object.
pub(crate) fn headers(object: &Value) -> V3Headers<'_> {
    V3Headers {
        timestamp: object["Wechatpay-Timestamp"].as_str(),
        nonce: object["Wechatpay-Nonce"].as_str(),
        serial: object["Wechatpay-Serial"].as_str(),
        signature: object["Wechatpay-Signature"].as_str(),
        signature_type: object["Wechatpay-Signature-Type"].as_str(),
    }
}

/// A V3 message as it is on the wire.
#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) timestamp: String,
    pub(crate) nonce: String,
    pub(crate) serial: String,
    pub(crate) signature: String,
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// Signs a body with the test key, at `timestamp`.
    pub(crate) fn signed(body: impl Into<Vec<u8>>, timestamp: &str) -> Self {
        Message::signed_as(body, timestamp, "d824f2e086d3c1df967785d13fcd22ef")
    }

    pub(crate) fn signed_as(body: impl Into<Vec<u8>>, timestamp: &str, nonce: &str) -> Self {
        let body = body.into();
        let message = [timestamp.as_bytes(), b"\n", nonce.as_bytes(), b"\n", &body, b"\n"].concat();
        Message {
            timestamp: timestamp.to_owned(),
            nonce: nonce.to_owned(),
            serial: PUBLIC_KEY_ID.to_owned(),
            signature: rsa_sign(&text("java_wechat_pay_private_key.pem"), &message),
            body,
        }
    }

    pub(crate) fn headers(&self) -> V3Headers<'_> {
        V3Headers {
            timestamp: Some(&self.timestamp),
            nonce: Some(&self.nonce),
            serial: Some(&self.serial),
            signature: Some(&self.signature),
            signature_type: Some("WECHATPAY2-SHA256-RSA2048"),
        }
    }
}

/// A payment notice around `resource`, encrypted with `key`.
pub(crate) fn notice(resource: &str, key: &str, change: impl FnOnce(&mut Value)) -> String {
    let cipher = Aes256Gcm::new_from_slice(key.as_bytes()).unwrap();
    let payload = Payload { msg: resource.as_bytes(), aad: b"transaction" };
    let sealed = cipher.encrypt(&(*b"fdasfjihihihi").first_chunk::<12>().copied().unwrap().into(), payload).unwrap();
    let mut notice = json!({
        "id": "EV-2018022511223320873",
        "create_time": "2015-05-20T13:29:35+08:00",
        "resource_type": "encrypt-resource",
        "event_type": "TRANSACTION.SUCCESS",
        "summary": "支付成功",
        "resource": {
            "original_type": "transaction",
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": STANDARD.encode(sealed),
            "associated_data": "transaction",
            "nonce": "fdasfjihihih",
        },
    });
    change(&mut notice);
    notice.to_string()
}

pub(crate) fn rsa_sign(private_key_pem: &str, message: &[u8]) -> String {
    let der = PrivatePkcs8KeyDer::from_pem_slice(private_key_pem.as_bytes()).unwrap();
    let key = KeyPair::from_pkcs8(der.secret_pkcs8_der()).unwrap();
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
    STANDARD.encode(signature)
}
