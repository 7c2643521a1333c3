//! A merchant and what it asks for.

use std::sync::Arc;

use counterparty::{MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM, TEST_MERCHANT};
use domain::*;
use verify::sign::v3::MerchantSigner;
use verify::{ApiV2Key, Generations, MerchantKeys, WechatpayKeys};
use wechat::{ContractOrder, ContractRef, Keys, PapPayApply, Payment, Signing};

/// Nobody listens there: what becomes of things is asked.
pub(crate) const NOTIFY_URL: &str = "http://127.0.0.1:9/v2/10000100";

pub(crate) fn keys() -> Keys {
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

pub(crate) fn first(code: &str) -> OutTradeNo {
    ContractCode::parse(code).unwrap().first_order().unwrap()
}

pub(crate) fn by_code(code: &str, plan_id: &str) -> ContractRef {
    let (plan_id, contract_code) = (PlanId::parse(plan_id).unwrap(), ContractCode::parse(code).unwrap());
    ContractRef::Code { plan_id, contract_code }
}

pub(crate) fn signing(code: &str, plan_id: &str) -> Signing {
    let sum = code.bytes().fold(7_u64, |sum, byte| (sum * 31 + u64::from(byte)) % 99_999_999_999);
    Signing {
        plan_id: PlanId::parse(plan_id).unwrap(),
        contract_code: ContractCode::parse(code).unwrap(),
        request_serial: sum + 1,
        display_account: "会员张三".to_owned(),
        outerid: None,
    }
}

pub(crate) fn order(code: &str, plan_id: &str, payment: Payment) -> ContractOrder {
    ContractOrder {
        appid: appid(),
        out_trade_no: first(code),
        body: "会员连续包月".to_owned(),
        detail: None,
        attach: Some(r#"{"campaign":"冬季"}"#.to_owned()),
        total: Fen::new(1800),
        client_ip: "203.0.113.7".parse().unwrap(),
        time_start: None,
        time_expire: None,
        notify_url: NOTIFY_URL.to_owned(),
        contract_notify_url: NOTIFY_URL.to_owned(),
        payment,
        signing: signing(code, plan_id),
        no_credit: true,
        goods_tag: None,
        device_info: None,
    }
}

pub(crate) fn deduction(number: &OutTradeNo, contract_id: &ContractId) -> PapPayApply {
    PapPayApply {
        appid: appid(),
        out_trade_no: number.clone(),
        contract_id: contract_id.clone(),
        body: "会员续费".to_owned(),
        detail: None,
        attach: Some("第 1 期".to_owned()),
        total: Fen::new(1800),
        client_ip: "203.0.113.8".parse().unwrap(),
        notify_url: NOTIFY_URL.to_owned(),
        goods_tag: None,
        receipt: true,
    }
}
