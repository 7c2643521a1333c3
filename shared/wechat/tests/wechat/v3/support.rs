//! A V3 merchant, its requests, and WeChat's signed answers.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use counterparty::{
    MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM, Occasion, PlatformCertificate, TEST_MERCHANT, WechatPay,
};
use domain::{AppId, Fen, MchId, OutRefundNo, OutTradeNo, RefundId, Timestamp};
use serde_json::Value;
use verify::sign::v3::MerchantSigner;
use verify::{ApiV3Key, Generations, MerchantKeys, WechatpayKeys};
use wechat::*;

pub(super) use crate::support::{NOW, Script, appid, at, keys, mch_id, now, status};

pub(super) const NOTIFY_URL: &str = "https://pay.example.com/v3/10000100";

/// WeChat; read once, since the private key's checks take their time.
pub(super) fn wechat() -> WechatPay {
    static WECHAT: LazyLock<WechatPay> = LazyLock::new(|| WechatPay::test_merchant().unwrap());
    WECHAT.clone()
}

/// A new certificate of WeChat's; the same one each time.
pub(super) fn issued() -> PlatformCertificate {
    static ISSUED: LazyLock<PlatformCertificate> = LazyLock::new(another_issued);
    ISSUED.clone()
}

pub(super) fn another_issued() -> PlatformCertificate {
    PlatformCertificate::issue(NOW - 1_000_000, NOW + 1_000_000).unwrap()
}

/// The test merchant with these of WeChat's keys, and the APIv3 key.
pub(super) fn keys_with(wechatpay: WechatpayKeys) -> Keys {
    keys_of(TEST_MERCHANT.mch_id, wechatpay)
}

pub(super) fn keys_of(mch_id: &str, wechatpay: WechatpayKeys) -> Keys {
    let v3 = Generations::only(ApiV3Key::parse(TEST_MERCHANT.api_v3_key).unwrap());
    let merchant = MerchantKeys::new(mch_id, None, Some(v3), wechatpay).unwrap();
    let signer = MerchantSigner::new(mch_id, MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM).unwrap();
    Keys::new(Arc::new(merchant)).with_signer(Arc::new(signer))
}

pub(super) fn public_key() -> WechatpayKeys {
    let mut keys = WechatpayKeys::default();
    keys.insert_public_key(TEST_MERCHANT.public_key_id, TEST_MERCHANT.public_key_pem).unwrap();
    keys
}

pub(super) fn certificates<'a>(pems: impl IntoIterator<Item = &'a str>) -> WechatpayKeys {
    let mut keys = WechatpayKeys::default();
    pems.into_iter().for_each(|pem| drop(keys.insert_certificate(pem).unwrap()));
    keys
}

/// An answer that WeChat signs, by its public key.
pub(super) fn signed(status: u16, body: &str) -> Result<Incoming, Failure> {
    signed_by(&wechat(), status, body, None, NOW)
}

pub(super) fn signed_by(
    wechat: &WechatPay,
    status: u16,
    body: &str,
    key: Option<&str>,
    when: i64,
) -> Result<Incoming, Failure> {
    let answer = wechat.v3_answer(status, body.as_bytes().to_vec(), key, &Occasion::derived(when, body)).unwrap();
    Ok(Incoming { status: answer.status, headers: answer.headers, body: answer.body })
}

/// The same answer with another value of a header; without the header if there is none.
pub(super) fn with_header(
    answer: Result<Incoming, Failure>,
    name: &str,
    value: Option<&str>,
) -> Result<Incoming, Failure> {
    let mut incoming = answer?;
    incoming.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    incoming.headers.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    Ok(incoming)
}

/// What a call is answered with, one answer after the other, and no more requests than answers.
pub(super) async fn told<C: Call>(
    prepared: &Prepared<C>,
    answers: impl IntoIterator<Item = Result<Incoming, Failure>>,
) -> Result<C::Answer, CallError> {
    let script = Script::new(answers);
    Client::over(Hosts::default(), &script).send(prepared, &keys(), now()).await
}

pub(super) fn out_trade_no() -> OutTradeNo {
    OutTradeNo::parse("01JD3Q0VZC5W8K2M7N4PX1").unwrap()
}

pub(super) fn out_refund_no() -> OutRefundNo {
    OutRefundNo::parse("01JD3Q0VZC5W8K2M7N4PX1R1").unwrap()
}

pub(super) fn order(payment: v3::Payment) -> v3::Order {
    v3::Order {
        appid: appid(),
        out_trade_no: out_trade_no(),
        description: "会员月卡".to_owned(),
        total: Fen::new(1800),
        payment,
        notify_url: NOTIFY_URL.to_owned(),
        time_expire: Some(Timestamp::from_second(NOW + 1800).unwrap()),
        attach: Some(r#"{"a":"b&c=d"}"#.to_owned()),
        client_ip: Some("2001:db8::7".parse().unwrap()),
        more: v3::OrderDetails::default(),
    }
}

pub(super) fn prepared_order() -> Prepared<v3::Order> {
    order(v3::Payment::App).prepare(&keys(), &at()).unwrap()
}

pub(super) fn prepared_query() -> Prepared<v3::OrderQuery> {
    let order = OrderRef::OutTradeNo(out_trade_no());
    v3::OrderQuery { order }.prepare(&keys(), &at()).unwrap()
}

pub(super) fn refund() -> v3::Refund {
    v3::Refund {
        order: OrderRef::OutTradeNo(out_trade_no()),
        out_refund_no: out_refund_no(),
        total: Fen::new(1800),
        refund: Fen::new(900),
        reason: Some("用户申请".to_owned()),
        notify_url: NOTIFY_URL.to_owned(),
        more: v3::RefundDetails::default(),
    }
}

pub(super) fn prepared_refund() -> Prepared<v3::Refund> {
    refund().prepare(&keys(), &at()).unwrap()
}

pub(super) fn prepared_refund_query() -> Prepared<v3::RefundQuery> {
    v3::RefundQuery { out_refund_no: out_refund_no() }.prepare(&keys(), &at()).unwrap()
}

pub(super) fn repair(to: v3::RepairTo) -> v3::AbnormalRefund {
    let refund_id = RefundId::parse("50000000382019052709732678859").unwrap();
    v3::AbnormalRefund { refund_id, out_refund_no: out_refund_no(), to }
}

pub(super) fn card() -> v3::RepairTo {
    v3::RepairTo::UserBankCard {
        bank_type: "ICBC_DEBIT".to_owned(),
        bank_account: "6222021001122337483".to_owned(),
        real_name: "张三".to_owned(),
    }
}

/// A refund as WeChat tells of it.
pub(super) fn refund_told(state: &str) -> String {
    serde_json::json!({
        "refund_id": "50000000382019052709732678859", "out_refund_no": out_refund_no().as_str(),
        "transaction_id": "4200000001202611210000000001", "out_trade_no": out_trade_no().as_str(),
        "status": state, "create_time": "2026-11-21T15:15:00+08:00", "channel": "ORIGINAL",
        "amount": {"total": 1800, "refund": 900, "currency": "CNY"},
    })
    .to_string()
}

/// An error as WeChat writes it.
pub(super) fn error_body(code: &str, message: &str) -> String {
    serde_json::json!({ "code": code, "message": message }).to_string()
}

/// A sample of the protocol page.
pub(super) fn sample(name: &str) -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/wechat/samples/v3");
    serde_json::from_slice(&std::fs::read(root.join(format!("{name}.json"))).unwrap()).unwrap()
}

pub(super) fn vector(name: &str) -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/wechat");
    serde_json::from_slice(&std::fs::read(root.join(name)).unwrap()).unwrap()
}

pub(super) fn vector_text(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/wechat").join(name))
        .unwrap()
}

pub(super) fn json<C: Call>(prepared: &Prepared<C>) -> Value {
    serde_json::from_str(prepared.body()).unwrap()
}

pub(super) fn app(text: &str) -> AppId {
    AppId::parse(text).unwrap()
}

pub(super) fn merchant(text: &str) -> MchId {
    MchId::parse(text).unwrap()
}

pub(super) fn at_time(time: &str) -> Moment {
    Moment::with_nonce(time.parse().unwrap(), "5K8264ILTKCH16CQ2502SI8ZNMTM67VS").unwrap()
}
