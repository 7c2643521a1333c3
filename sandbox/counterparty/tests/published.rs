//! The signer against what others published: WeChat's pages, SDK tests, and whole messages with their signatures.

#![allow(clippy::unwrap_used, reason = "a test may unwrap, and so may its helpers")]

use std::fs;
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use counterparty::{Occasion, SignType, TEST_MERCHANT, V2Fields, WechatPay};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::Value;

const KEY: &str = TEST_MERCHANT.api_v2_key;

#[test]
fn the_documented_example_has_the_documented_signatures() {
    // https://pay.weixin.qq.com/doc/v2/merchant/4011985891
    let fields = fields(&[
        ("appid", "wxd930ea5d5a258f4f"),
        ("mch_id", "10000100"),
        ("device_info", "1000"),
        ("body", "test"),
        ("nonce_str", "ibuaiVcKdpRxkhJA"),
    ]);
    assert_eq!(fields.signature(KEY, SignType::Md5), "9A0A8659F005D6984697E2CA0A9CF3B7");
    assert_eq!(
        fields.signature(KEY, SignType::HmacSha256),
        "6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6"
    );
}

#[test]
fn the_documented_launch_parameters_have_the_documented_signature() {
    // The mini-program page, https://pay.weixin.qq.com/doc/v2/merchant/4011939566
    let fields = fields(&[
        ("appId", "wxd678efh567hg6787"),
        ("nonceStr", "5K8264ILTKCH16CQ2502SI8ZNMTM67VS"),
        ("package", "prepay_id=wx2017033010242291fcfe0db70013231072"),
        ("signType", "MD5"),
        ("timeStamp", "1490840662"),
    ]);
    let sign = fields.signature("qazwsxedcrfvtgbyhnujmikolp111111", SignType::Md5);
    assert_eq!(sign, "22D9B4E54AB1950F51E0649E8810ACD6");
}

#[test]
fn open_source_sdk_tests_have_the_same_signatures() {
    // shenghui0779/gochat, recomputed.
    let preentrust = fields(&[
        ("appid", "wx2421b1c4370ec43b"),
        ("mch_id", "10000100"),
        ("plan_id", "12535"),
        ("contract_code", "100000"),
        ("request_serial", "1000"),
        ("contract_display_account", "微信代扣"),
        ("notify_url", "https://weixin.qq.com"),
        ("version", "1.0"),
        ("timestamp", "1414488825"),
        ("return_app", "Y"),
    ]);
    assert_eq!(preentrust.signature(KEY, SignType::Md5), "537B5AEA9A0644EF06ECFB2607A351AB");
    let h5entrust = fields(&[
        ("appid", "wx2421b1c4370ec43b"),
        ("mch_id", "10000100"),
        ("contract_code", "122"),
        ("contract_display_account", "name1"),
        ("notify_url", "www.qq.com/test/papay"),
        ("plan_id", "106"),
        ("request_serial", "123"),
        ("timestamp", "1414488825"),
        ("version", "1.0"),
        ("clientip", "12.1.1.12"),
        ("return_appid", "wxcbda96de0b165542"),
    ]);
    assert_eq!(
        h5entrust.signature(KEY, SignType::HmacSha256),
        "211AFAFF9BF4DE757BD281F3BEF39D06EC8BB710B1E2A07A3614CD63CEE08FCF"
    );
}

#[test]
fn every_signed_sample_verifies_by_recomputation() {
    let mut checked = 0;
    for path in samples().filter(|path| name(path).starts_with("signed-") || name(path).starts_with("synthetic-")) {
        let fields = V2Fields::read(&fs::read(&path).unwrap()).unwrap();
        let Some(sign) = fields.get("sign") else { continue };
        let sign_type = if sign.len() == 64 { SignType::HmacSha256 } else { SignType::Md5 };
        assert_eq!(fields.signature(KEY, sign_type), sign, "{}", path.display());
        checked += 1;
    }
    assert_eq!(checked, 35, "the number of signed samples");
}

#[test]
fn placeholders_of_the_documentation_do_not_verify() {
    let mut checked = 0;
    for path in samples().filter(|path| name(path).starts_with("official-") || name(path).starts_with("community-")) {
        let fields = V2Fields::read(&fs::read(&path).unwrap()).unwrap();
        let Some(sign) = fields.get("sign") else { continue };
        assert_ne!(fields.signature(KEY, SignType::Md5), sign, "{}", path.display());
        checked += 1;
    }
    assert!(checked > 20, "only {checked} samples carry a signature");
}

#[test]
fn sealing_the_published_refund_gives_the_published_req_info() {
    for name in ["signed-refund-notice", "synthetic-refund-notice-change"] {
        let sealed = if name.starts_with("signed") { format!("{name}-decryptable") } else { name.to_owned() };
        let notice = V2Fields::read(&fs::read(sample(&sealed)).unwrap()).unwrap();
        let plaintext = fs::read(sample(&format!("{name}-plaintext"))).unwrap();
        let sealed = WechatPay::test_merchant().unwrap().v2_seal(&plaintext).unwrap();
        assert_eq!(Some(sealed.as_str()), notice.get("req_info"), "{name}");
    }
}

#[test]
fn signing_the_constructed_v3_notices_again_gives_their_signatures() {
    let wechat = WechatPay::test_merchant().unwrap();
    let mut checked = 0;
    for notice in constructed("notices").iter().filter(|notice| notice["expect"] == "accept") {
        let header = |name: &str| notice["headers"][name].as_str().unwrap().to_owned();
        let now = header("Wechatpay-Timestamp").parse().unwrap();
        let occasion = Occasion { now, nonce: header("Wechatpay-Nonce") };
        let body = notice["body"].as_str().unwrap();
        let signature = wechat.v3_sign(body.as_bytes(), Some(&header("Wechatpay-Serial")), &occasion).unwrap();
        assert_eq!(signature, header("Wechatpay-Signature"), "{}", notice["id"]);
        checked += 1;
    }
    assert_eq!(checked, 11, "the number of good notices");
}

#[test]
fn sealing_the_constructed_v3_resources_again_gives_their_ciphertexts() {
    let wechat = WechatPay::test_merchant().unwrap();
    for notice in constructed("notices").iter().filter(|notice| notice["expect"] == "accept") {
        let envelope: Value = serde_json::from_str(notice["body"].as_str().unwrap()).unwrap();
        let resource = &envelope["resource"];
        let nonce = resource["nonce"].as_str().unwrap().as_bytes().try_into().unwrap();
        let aad = resource["associated_data"].as_str().unwrap_or_default();
        let plaintext = notice["plaintext"].as_str().unwrap();
        assert_eq!(resource["ciphertext"], wechat.v3_seal(plaintext.as_bytes(), nonce, aad).unwrap());
        assert_eq!(opened(resource, aad), plaintext, "{}", notice["id"]);
    }
}

#[test]
fn answers_are_signed_like_the_constructed_ones_the_empty_one_too() {
    let wechat = WechatPay::test_merchant().unwrap();
    let mut empty = 0;
    for response in constructed("responses").iter().filter(|response| response["expect"] == "accept") {
        let header = |name: &str| response["headers"][name].as_str().unwrap();
        let occasion = Occasion {
            now: header("Wechatpay-Timestamp").parse().unwrap(),
            nonce: header("Wechatpay-Nonce").to_owned(),
        };
        let body = response["body"].as_str().unwrap_or_default();
        let key = Some(header("Wechatpay-Serial"));
        let answer = wechat.v3_answer(200, body.as_bytes().to_vec(), key, &occasion).unwrap();
        let signature = answer.headers.iter().find(|(name, _)| name == "Wechatpay-Signature").unwrap();
        assert_eq!(signature.1, header("Wechatpay-Signature"), "{}", response["id"]);
        empty += usize::from(body.is_empty());
    }
    assert!(empty > 0, "one of them is a 204");
}

#[test]
fn the_java_sdks_gcm_case_seals_to_its_ciphertext() {
    let vectors: Value = json("aead_aes_gcm.json");
    let mut checked = 0;
    for case in vectors["cases"].as_array().unwrap() {
        let text = |name: &str| case[name].as_str().unwrap_or_default();
        let (Ok(nonce), 32) = (text("nonce_ascii").as_bytes().try_into(), text("key_ascii").len()) else { continue };
        let Some(plaintext) = case["plaintext"].as_str() else { continue };
        let wechat = WechatPay::new("10000100", KEY, text("key_ascii")).unwrap();
        let sealed = wechat.v3_seal(plaintext.as_bytes(), nonce, text("associated_data")).unwrap();
        assert_eq!(sealed, text("ciphertext_base64"), "{case}");
        checked += 1;
    }
    assert!(checked > 0);
}

#[test]
fn the_embedded_public_keys_verify_what_the_embedded_private_keys_sign() {
    for merchant in [TEST_MERCHANT, counterparty::SECOND_MERCHANT] {
        let wechat = WechatPay::by_mch_id(merchant.mch_id).unwrap();
        let occasion = Occasion::derived(1_700_000_000, "keys");
        let signature = STANDARD.decode(wechat.v3_sign(b"{}", None, &occasion).unwrap()).unwrap();
        let spki = SubjectPublicKeyInfoDer::from_pem_slice(merchant.public_key_pem.as_bytes()).unwrap();
        let message = format!("1700000000\n{}\n{{}}\n", occasion.nonce);
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, spki.as_ref())
            .verify(message.as_bytes(), &signature)
            .unwrap();
    }
}

fn fields(pairs: &[(&'static str, &str)]) -> V2Fields {
    pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/wechat")
}

fn samples() -> impl Iterator<Item = PathBuf> {
    fs::read_dir(vectors().join("samples/v2")).unwrap().map(|entry| entry.unwrap().path())
}

fn sample(name: &str) -> PathBuf {
    vectors().join(format!("samples/v2/{name}.xml"))
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

fn json(name: &str) -> Value {
    serde_json::from_slice(&fs::read(vectors().join(name)).unwrap()).unwrap()
}

fn constructed(list: &str) -> Vec<Value> {
    json("constructed_notices.json")[list].as_array().unwrap().clone()
}

fn opened(resource: &Value, aad: &str) -> String {
    let key = UnboundKey::new(&AES_256_GCM, TEST_MERCHANT.api_v3_key.as_bytes()).unwrap();
    let nonce = Nonce::try_assume_unique_for_key(resource["nonce"].as_str().unwrap().as_bytes()).unwrap();
    let mut sealed = STANDARD.decode(resource["ciphertext"].as_str().unwrap()).unwrap();
    let opened = LessSafeKey::new(key).open_in_place(nonce, Aad::from(aad.as_bytes()), &mut sealed).unwrap();
    String::from_utf8(opened.to_vec()).unwrap()
}
