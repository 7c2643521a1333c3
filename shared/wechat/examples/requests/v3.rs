//! The requests and launches of APIv3.

use counterparty::{MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM, PlatformCertificate, TEST_MERCHANT};
use domain::{AppId, ContractCode, Fen, MchId, OpenId, OutRefundNo, OutTradeNo, RefundId, Timestamp, TransactionId};
use serde_json::{Value, json};
use verify::WechatpayKeys;
use wechat::*;

use crate::{Error, NOW, Shown, appid};

const NOTIFY_URL: &str = "https://pay.example.com/v3/10000100";
const CARD: &str = "6222021001122337483";
const NAME: &str = "张三";

impl Shown {
    /// Every V3 request, and the fields that WeChat must be able to open.
    pub(crate) async fn v3_requests(&self) -> Result<Vec<Value>, Error> {
        let (keys, at) = (&self.keys, &self.at);
        let mut lines = Vec::new();
        for (name, payment) in payments()? {
            lines.extend(self.sent(&format!("v3 order {name}"), &order(payment)?.prepare(keys, at)?).await?);
        }
        let out_trade_no = OutTradeNo::parse("01JD3Q0VZC5W8K2M7N4PX1")?;
        let query = v3::OrderQuery { order: OrderRef::OutTradeNo(out_trade_no.clone()) };
        lines.extend(self.sent("v3 query", &query.prepare(keys, at)?).await?);
        let transaction_id = TransactionId::parse("4200000000202611210000000001")?;
        let query = v3::OrderQuery { order: OrderRef::TransactionId(transaction_id) };
        lines.extend(self.sent("v3 query by transaction", &query.prepare(keys, at)?).await?);
        let close = v3::CloseOrder { out_trade_no: out_trade_no.clone() };
        lines.extend(self.sent("v3 close", &close.prepare(keys, at)?).await?);
        lines.extend(self.sent("v3 refund", &refund(out_trade_no)?.prepare(keys, at)?).await?);
        let query = v3::RefundQuery { out_refund_no: out_refund_no()? };
        lines.extend(self.sent("v3 refund query", &query.prepare(keys, at)?).await?);
        let repair = repair(v3::RepairTo::MerchantBankCard)?;
        lines.extend(self.sent("v3 repair to merchant", &repair.prepare(keys, at)?).await?);
        lines.extend(self.sent("v3 certificates", &v3::Certificates.prepare(keys, at)?).await?);
        lines.extend(self.v3_contracts().await?);
        lines.extend(self.v3_sealed().await?);
        Ok(lines)
    }

    /// Launch parameters, with the four lines that they sign.
    pub(crate) fn v3_launches(&self) -> Result<Vec<Value>, Error> {
        let prepay_id = || "wx201410272009395522657a690389285100".to_owned();
        let offers = [Offer::V3App { prepay_id: prepay_id() }, Offer::V3Jsapi { prepay_id: prepay_id() }];
        let launched = |offer: &Offer| offer.launch(&appid()?, &self.keys, &self.at, None).map_err(Error::from);
        let line = |offer: &Offer| Ok(json!({ "kind": "v3 launch", "launch": launched(offer)? }));
        offers.iter().map(line).collect()
    }

    async fn v3_contracts(&self) -> Result<Vec<Value>, Error> {
        let (keys, at) = (&self.keys, &self.at);
        let mut lines = Vec::new();
        for (name, caller) in callers()? {
            let payment = v3::PreSignAfter::Payment { prepay_id: "wx201410272009395522657a690389285100".to_owned() };
            for (when, after) in [("after payment", payment), ("in mini program", v3::PreSignAfter::MiniProgram)] {
                let pre_sign = pre_sign(caller.clone(), after)?.prepare(keys, at)?;
                lines.extend(self.sent(&format!("v3 pre-sign {name} {when}"), &pre_sign).await?);
            }
        }
        let out_contract_code = ContractCode::parse("01JD3Q0VZC5W8K2M7N4P")?;
        let query = v3::ExemptQuery { service_id: 12535, out_contract_code: out_contract_code.clone() };
        lines.extend(self.sent("v3 contract query", &query.prepare(keys, at)?).await?);
        let end = v3::ExemptTermination { service_id: 12535, out_contract_code, remark: "用户解约".to_owned() };
        lines.extend(self.sent("v3 contract termination", &end.prepare(keys, at)?).await?);
        Ok(lines)
    }

    /// By WeChat's public key, and by a platform certificate whose private key is shown with it.
    async fn v3_sealed(&self) -> Result<Vec<Value>, Error> {
        let certificate = PlatformCertificate::issue(NOW - 86_400, NOW + 86_400)?;
        let mut wechatpay = WechatpayKeys::default();
        wechatpay.insert_certificate(&certificate.certificate_pem)?;
        let certified = Shown { keys: crate::keys_with(wechatpay)?, at: self.at.clone() };
        let mut lines = Vec::new();
        for (how, shown, key) in
            [("public key", self, None), ("certificate", &certified, Some(certificate.private_key_pem.as_str()))]
        {
            let repair = repair(v3::RepairTo::UserBankCard {
                bank_type: "ICBC_DEBIT".to_owned(),
                bank_account: CARD.to_owned(),
                real_name: NAME.to_owned(),
            })?;
            let repair = repair.prepare(&shown.keys, &shown.at)?;
            let sent = shown.sent(&format!("v3 repair to card by {how}"), &repair).await?;
            lines.extend(sealed(sent, key, &json!({ "bank_account": CARD, "real_name": NAME })));
            let echo = v3::SecurityEcho { message: "你好".to_owned(), notify_url: Some(NOTIFY_URL.to_owned()) };
            let echo = echo.prepare(&shown.keys, &shown.at)?;
            let sent = shown.sent(&format!("v3 echo by {how}"), &echo).await?;
            lines.extend(sealed(sent, key, &json!({ "encrypted_echo_message": "你好" })));
        }
        Ok(lines)
    }
}

/// Says what the judge must find when it opens the fields; without a key by WeChat's own.
fn sealed(lines: [Value; 2], private_key_pem: Option<&str>, fields: &Value) -> [Value; 2] {
    lines.map(|mut line| {
        line["sealed"] = fields.clone();
        line["private_key_pem"] = json!(private_key_pem);
        line
    })
}

/// The signer of V3, for every set of WeChat's keys.
pub(crate) fn signer() -> Result<verify::sign::v3::MerchantSigner, Error> {
    let (serial, key) = (MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM);
    Ok(verify::sign::v3::MerchantSigner::new(TEST_MERCHANT.mch_id, serial, key)?)
}

fn payments() -> Result<[(&'static str, v3::Payment); 4], Error> {
    Ok([
        ("app", v3::Payment::App),
        ("jsapi", v3::Payment::Jsapi { openid: openid()? }),
        ("native", v3::Payment::Native),
        ("h5", v3::Payment::H5 { kind: v3::H5Kind::Wap }),
    ])
}

fn order(payment: v3::Payment) -> Result<v3::Order, Error> {
    Ok(v3::Order {
        appid: appid()?,
        out_trade_no: OutTradeNo::parse("01JD3Q0VZC5W8K2M7N4PX1")?,
        description: "会员月卡 <首月> \"特惠\" & 更多".to_owned(),
        total: Fen::new(1800),
        payment,
        notify_url: NOTIFY_URL.to_owned(),
        time_expire: Some(Timestamp::from_second(NOW + 1800)?),
        attach: Some(r#"{"活动":"冬季 + 100%"}"#.to_owned()),
        client_ip: Some("2001:db8::7".parse()?),
        more: v3::OrderDetails { goods_tag: Some("WXG".to_owned()), ..v3::OrderDetails::default() },
    })
}

fn refund(out_trade_no: OutTradeNo) -> Result<v3::Refund, Error> {
    Ok(v3::Refund {
        order: OrderRef::OutTradeNo(out_trade_no),
        out_refund_no: out_refund_no()?,
        total: Fen::new(1800),
        refund: Fen::new(900),
        reason: Some("用户申请".to_owned()),
        notify_url: NOTIFY_URL.to_owned(),
        more: v3::RefundDetails::default(),
    })
}

fn repair(to: v3::RepairTo) -> Result<v3::AbnormalRefund, Error> {
    let refund_id = RefundId::parse("50000000002026112100000000001")?;
    Ok(v3::AbnormalRefund { refund_id, out_refund_no: out_refund_no()?, to })
}

fn callers() -> Result<[(&'static str, v3::PreSignCaller); 3], Error> {
    let user = v3::User { openid: Some(openid()?), sub_openid: None };
    let sub_appid = AppId::parse("wxcbda96de0b165542")?;
    let sub_mchid = MchId::parse("1900000109")?;
    Ok([
        ("normal", v3::PreSignCaller::Normal { appid: appid()?, openid: openid()? }),
        (
            "qs",
            v3::PreSignCaller::Qs {
                appid: appid()?,
                sub_appid: sub_appid.clone(),
                sub_mchid: sub_mchid.clone(),
                user: user.clone(),
            },
        ),
        ("service-provider", v3::PreSignCaller::ServiceProvider { sp_appid: appid()?, sub_appid, sub_mchid, user }),
    ])
}

fn pre_sign(caller: v3::PreSignCaller, after: v3::PreSignAfter) -> Result<v3::PreSign, Error> {
    Ok(v3::PreSign {
        caller,
        service_id: 12535,
        out_contract_code: ContractCode::parse("01JD3Q0VZC5W8K2M7N4P")?,
        notify_url: NOTIFY_URL.to_owned(),
        display_account: "会员张三".to_owned(),
        after,
    })
}

fn out_refund_no() -> Result<OutRefundNo, Error> {
    Ok(OutRefundNo::parse("01JD3Q0VZC5W8K2M7N4PX1R1")?)
}

fn openid() -> Result<OpenId, Error> {
    Ok(OpenId::parse("onqOjjmM1tad-3ROpncN-yUfa6ua")?)
}
