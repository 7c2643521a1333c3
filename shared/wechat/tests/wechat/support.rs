//! A merchant, its requests, and a WeChat that answers what a test wants.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};

use counterparty::{
    MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM, SignType, TEST_MERCHANT, V2Fields, WechatPay,
};
use domain::{AppId, ContractCode, ContractId, Fen, MchId, OpenId, OutRefundNo, OutTradeNo, PlanId, Timestamp};
use verify::sign::v3::MerchantSigner;
use verify::{ApiV2Key, Generations, MerchantKeys, WechatpayKeys};
use wechat::*;

pub(crate) const NOW: i64 = 1_795_223_700;

pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

pub(crate) fn at() -> Moment {
    Moment::with_nonce(now(), "5K8264ILTKCH16CQ2502SI8ZNMTM67VS").unwrap()
}

/// Read once: the private key's checks take their time.
pub(crate) fn keys() -> Keys {
    static KEYS: LazyLock<Keys> = LazyLock::new(read_keys);
    KEYS.clone()
}

fn read_keys() -> Keys {
    let v2 = Generations::only(ApiV2Key::parse(TEST_MERCHANT.api_v2_key).unwrap());
    let mut wechatpay = WechatpayKeys::default();
    wechatpay.insert_public_key(TEST_MERCHANT.public_key_id, TEST_MERCHANT.public_key_pem).unwrap();
    let merchant = MerchantKeys::new(TEST_MERCHANT.mch_id, Some(v2), None, wechatpay).unwrap();
    let signer =
        MerchantSigner::new(TEST_MERCHANT.mch_id, MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM).unwrap();
    Keys::new(Arc::new(merchant)).with_signer(Arc::new(signer))
}

pub(crate) fn mch_id() -> MchId {
    MchId::parse(TEST_MERCHANT.mch_id).unwrap()
}

pub(crate) fn appid() -> AppId {
    AppId::parse("wx2421b1c4370ec43b").unwrap()
}

pub(crate) fn out_trade_no() -> OutTradeNo {
    OutTradeNo::parse("01JD3Q0VZC5W8K2M7N4PF0").unwrap()
}

pub(crate) fn contract_code() -> ContractCode {
    ContractCode::parse("01JD3Q0VZC5W8K2M7N4P").unwrap()
}

pub(crate) fn contract_id() -> ContractId {
    ContractId::parse("202611210000000001").unwrap()
}

pub(crate) fn signing() -> Signing {
    Signing {
        plan_id: PlanId::parse("12535").unwrap(),
        contract_code: contract_code(),
        request_serial: 59_000_000_000,
        display_account: "会员张三".to_owned(),
        outerid: None,
    }
}

pub(crate) fn contract_order(payment: Payment) -> ContractOrder {
    ContractOrder {
        appid: appid(),
        out_trade_no: out_trade_no(),
        body: "会员连续包月".to_owned(),
        detail: None,
        attach: Some(r#"{"campaign":"冬季"}"#.to_owned()),
        total: Fen::new(1800),
        client_ip: "203.0.113.7".parse().unwrap(),
        time_start: Some(now()),
        time_expire: Some(Timestamp::from_second(NOW + 1800).unwrap()),
        notify_url: "https://pay.example.com/v2/10000100".to_owned(),
        contract_notify_url: "https://sign.example.com/v2/10000100".to_owned(),
        payment,
        signing: signing(),
        no_credit: false,
        goods_tag: None,
        device_info: None,
    }
}

pub(crate) fn jsapi() -> Payment {
    Payment::Jsapi { openid: OpenId::parse("onqOjjmM1tad-3ROpncN-yUfa6ua").unwrap() }
}

pub(crate) fn deduction() -> PapPayApply {
    PapPayApply {
        appid: appid(),
        out_trade_no: OutTradeNo::parse("01JD3Q0VZC5W8K2M7N4PP0002A01").unwrap(),
        contract_id: contract_id(),
        body: "会员续费".to_owned(),
        detail: None,
        attach: None,
        total: Fen::new(1800),
        client_ip: "203.0.113.8".parse().unwrap(),
        notify_url: "https://pay.example.com/v2/10000100".to_owned(),
        goods_tag: None,
        receipt: false,
    }
}

pub(crate) fn refund() -> Refund {
    Refund {
        appid: appid(),
        order: OrderRef::OutTradeNo(out_trade_no()),
        out_refund_no: OutRefundNo::parse("01JD3Q0VZC5W8K2M7N4PF0R1").unwrap(),
        total: Fen::new(1800),
        refund: Fen::new(1800),
        reason: Some("用户申请".to_owned()),
        from_recharge: false,
        notify_url: Some("https://refund.example.com/v2/10000100".to_owned()),
    }
}

pub(crate) fn order_query() -> OrderQuery {
    OrderQuery { appid: appid(), order: OrderRef::OutTradeNo(out_trade_no()) }
}

pub(crate) fn contract_query() -> QueryContract {
    QueryContract { appid: appid(), contract: contract_ref() }
}

pub(crate) fn contract_ref() -> ContractRef {
    ContractRef::Code { plan_id: PlanId::parse("12535").unwrap(), contract_code: contract_code() }
}

pub(crate) fn termination() -> DeleteContract {
    DeleteContract { appid: appid(), contract: contract_ref(), remark: "用户申请解约".to_owned() }
}

pub(crate) fn h5() -> H5EntrustWeb {
    H5EntrustWeb {
        appid: appid(),
        signing: signing(),
        notify_url: "https://sign.example.com/v2/10000100".to_owned(),
        client_ip: "2001:db8::7".parse().unwrap(),
        return_appid: None,
    }
}

pub(crate) fn pre_entrust() -> PreEntrustWeb {
    PreEntrustWeb {
        appid: appid(),
        signing: signing(),
        notify_url: "https://sign.example.com/v2/10000100".to_owned(),
        return_app: true,
    }
}

pub(crate) fn notice() -> PreDeductionNotice {
    PreDeductionNotice { appid: appid(), contract_id: contract_id(), estimated: Fen::new(1800) }
}

pub(crate) fn sample(name: &str) -> Vec<u8> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/wechat/samples/v2");
    std::fs::read(root.join(name)).unwrap()
}

pub(crate) fn number(text: &str) -> OutTradeNo {
    OutTradeNo::parse(text).unwrap()
}

pub(crate) fn query(text: &str) -> Prepared<OrderQuery> {
    let order = OrderRef::OutTradeNo(number(text));
    OrderQuery { appid: appid(), order }.prepare(&keys(), &at()).unwrap()
}

pub(crate) fn prepared_order() -> Prepared<ContractOrder> {
    let order = ContractOrder {
        out_trade_no: number("123456"),
        signing: Signing {
            plan_id: domain::PlanId::parse("123").unwrap(),
            contract_code: ContractCode::parse("100001256").unwrap(),
            ..signing()
        },
        ..contract_order(jsapi())
    };
    order.prepare(&keys(), &at()).unwrap()
}

/// What WeChat signs: success of the test merchant, and these fields.
pub(crate) fn signed(fields: &[(&str, &str)]) -> Vec<u8> {
    signed_by(fields, SignType::Md5)
}

pub(crate) fn signed_by(fields: &[(&str, &str)], sign_type: SignType) -> Vec<u8> {
    let mut all = V2Fields::new();
    let usual = [
        ("return_code", "SUCCESS"),
        ("result_code", "SUCCESS"),
        ("mch_id", "10000100"),
        ("nonce_str", "IITRi8Iabbblz1Jc"),
    ];
    for (name, value) in usual.iter().chain(fields) {
        all.set(name, value);
    }
    WechatPay::test_merchant().unwrap().v2_answer(&all, sign_type).unwrap().body
}

/// A business error, signed.
pub(crate) fn refused(code: &str, text: &str) -> Vec<u8> {
    signed(&[("result_code", "FAIL"), ("err_code", code), ("err_code_des", text)])
}

pub(crate) fn unsigned(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut all = V2Fields::new();
    fields.iter().for_each(|(name, value)| all.set(name, value));
    counterparty::v2_unsigned_answer(&all).unwrap().body
}

/// What was sent, as a test looks at it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sent {
    pub(crate) url: String,
    pub(crate) body: String,
    pub(crate) headers: BTreeMap<&'static str, String>,
    pub(crate) certified: bool,
}

/// A transport that gives these answers one after the other.
#[derive(Default)]
pub(crate) struct Script {
    answers: Mutex<Vec<Result<Incoming, Failure>>>,
    sent: Mutex<Vec<Sent>>,
}

impl Script {
    pub(crate) fn new(answers: impl IntoIterator<Item = Result<Incoming, Failure>>) -> Self {
        let mut answers: Vec<_> = answers.into_iter().collect();
        answers.reverse();
        Self { answers: Mutex::new(answers), sent: Mutex::default() }
    }

    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }
}

impl Transport for &Script {
    async fn exchange(&self, request: Outgoing<'_>) -> Result<Incoming, Failure> {
        self.sent.lock().unwrap().push(Sent {
            url: request.url,
            body: request.body.to_owned(),
            headers: request.headers.into_iter().collect(),
            certified: request.certificate.is_some(),
        });
        self.answers.lock().unwrap().pop().expect("no more requests than answers")
    }
}

pub(crate) fn ok(body: Vec<u8>) -> Result<Incoming, Failure> {
    status(200, body)
}

pub(crate) fn status(status: u16, body: Vec<u8>) -> Result<Incoming, Failure> {
    Ok(Incoming { status, headers: Vec::new(), body })
}

/// Sends to one host that gives one answer, and no more than once.
pub(crate) async fn answered<C: Call>(prepared: &Prepared<C>, body: Vec<u8>) -> Result<C::Answer, CallError> {
    let script = Script::new([ok(body)]);
    Client::over(Hosts::default(), &script).send(prepared, &keys(), now()).await
}
