//! Messages signed by the counterparty and verified by `verify`, so that what is read here is what a callback would read.

use std::sync::LazyLock;

use counterparty::{Occasion, SignType, TEST_MERCHANT, V2Fields, V2Notice, V3Notice, WechatPay, v2_unsigned_answer};
use domain::{Fact, MchId, Timestamp};
use parse::ParseError;
use serde_json::{Map, Value};
use verify::{ApiV2Key, ApiV3Key, Generations, MerchantKeys, V2Answer, V3Headers, Verified, WechatpayKeys};

pub(crate) const NOW: i64 = 1_764_554_400;

pub(crate) type Endpoint = fn(&MchId, &Verified<'_>) -> Result<Fact, ParseError>;

pub(crate) fn mch_id(text: &str) -> MchId {
    MchId::parse(text).unwrap()
}

pub(crate) fn at(text: &str) -> Option<Timestamp> {
    Some(text.parse().unwrap())
}

pub(crate) fn vector(path: &str) -> String {
    let file = format!("{}/../../tests/vectors/wechat/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The fields of a sample. WeChat's own samples have placeholders for signatures: each is signed anew when it is read.
pub(crate) fn sample_v2(name: &str) -> V2Fields {
    V2Fields::read(vector(&format!("samples/v2/{name}.xml")).as_bytes()).unwrap()
}

pub(crate) fn sample_v3(name: &str) -> Map<String, Value> {
    serde_json::from_str(&vector(&format!("samples/v3/{name}.json"))).unwrap()
}

/// Read once: parsing RSA keys costs more than using them.
pub(crate) fn keys() -> &'static MerchantKeys {
    static KEYS: LazyLock<MerchantKeys> = LazyLock::new(read_keys);
    &KEYS
}

fn read_keys() -> MerchantKeys {
    let mut wechatpay = WechatpayKeys::default();
    wechatpay.insert_public_key(TEST_MERCHANT.public_key_id, TEST_MERCHANT.public_key_pem).unwrap();
    let v2 = Generations::only(ApiV2Key::parse(TEST_MERCHANT.api_v2_key).unwrap());
    let v3 = Generations::only(ApiV3Key::parse(TEST_MERCHANT.api_v3_key).unwrap());
    MerchantKeys::new(TEST_MERCHANT.mch_id, Some(v2), Some(v3), wechatpay).unwrap()
}

pub(crate) fn wechat() -> &'static WechatPay {
    static WECHAT: LazyLock<WechatPay> = LazyLock::new(|| WechatPay::test_merchant().unwrap());
    &WECHAT
}

/// What the endpoint reads in these fields, for the merchant that they name.
pub(crate) fn read_v2(endpoint: Endpoint, fields: &V2Fields) -> Result<Fact, ParseError> {
    let merchant = mch_id(fields.get("mch_id").unwrap_or(TEST_MERCHANT.mch_id).trim());
    read_v2_for(endpoint, &merchant, fields, SignType::Md5)
}

pub(crate) fn read_v2_for(
    endpoint: Endpoint,
    merchant: &MchId,
    fields: &V2Fields,
    sign_type: SignType,
) -> Result<Fact, ParseError> {
    let request = wechat().v2_request(fields, sign_type).unwrap();
    endpoint(merchant, &keys().verify_v2(&request.body).unwrap())
}

pub(crate) fn read_notice(endpoint: Endpoint, notice: &impl V2Notice) -> Result<Fact, ParseError> {
    read_v2(endpoint, notice.fields())
}

/// What the refund endpoint reads in a V2 refund notice whose `req_info` holds this document.
pub(crate) fn read_sealed(endpoint: Endpoint, merchant: &MchId, document: &[u8]) -> Result<Fact, ParseError> {
    let mut outer = V2Fields::new();
    outer.set("return_code", "SUCCESS");
    outer.set("mch_id", TEST_MERCHANT.mch_id);
    outer.set("req_info", &wechat().v2_seal(document).unwrap());
    let body = outer.render("xml").unwrap();
    endpoint(merchant, &keys().verify_v2_refund(&body).unwrap())
}

/// What the endpoint reads in this resource.
pub(crate) fn read_v3(endpoint: Endpoint, notice: &V3Notice, merchant: &str) -> Result<Fact, ParseError> {
    let occasion = Occasion::derived(NOW, "support");
    let request = notice.signed(wechat(), &occasion).unwrap();
    endpoint(&mch_id(merchant), &keys().verify_v3(&headers(&request.headers), &request.body, NOW).unwrap())
}

pub(crate) fn headers(all: &[(String, String)]) -> V3Headers<'_> {
    let get = |name| all.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    V3Headers {
        timestamp: get("Wechatpay-Timestamp"),
        nonce: get("Wechatpay-Nonce"),
        serial: get("Wechatpay-Serial"),
        signature: get("Wechatpay-Signature"),
        signature_type: get("Wechatpay-Signature-Type"),
    }
}

/// Hands a V2 answer with these fields to `read`, signed or not.
pub(crate) fn answer_v2<T>(fields: &V2Fields, signed: bool, read: impl FnOnce(&V2Answer<'_>) -> T) -> T {
    let answer = if signed { wechat().v2_answer(fields, SignType::Md5) } else { v2_unsigned_answer(fields) };
    let body = answer.unwrap().body;
    read(&keys().verify_v2_answer(&body).unwrap())
}

/// Hands a V3 answer with this body to `read`.
pub(crate) fn answer_v3<T>(body: &Value, read: impl FnOnce(&verify::V3Answer<'_>) -> T) -> T {
    let body = serde_json::to_vec(body).unwrap();
    let answer = wechat().v3_answer(200, body, None, &Occasion::derived(NOW, "answer")).unwrap();
    read(&keys().verify_v3_answer(&headers(&answer.headers), &answer.body, NOW).unwrap())
}
