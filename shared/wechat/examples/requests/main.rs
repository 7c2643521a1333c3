//! Prints what the client sends, and what it hands to the user's client, as JSON lines, for judges written by others
//! (`tests/judges`).
//!
//! First a line with the keys, then one for each request, and for each one altered: no judge may accept those.

mod v3;

use std::sync::{Arc, Mutex};

use counterparty::{MERCHANT_CERTIFICATE_PEM, MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM, TEST_MERCHANT};
use domain::{AppId, ContractCode, ContractId, Fen, OpenId, OutRefundNo, OutTradeNo, PlanId, Timestamp};
use serde_json::{Value, json};
use verify::{ApiV2Key, Generations, MerchantKeys, WechatpayKeys};
use wechat::*;

type Error = Box<dyn std::error::Error>;

const NOW: i64 = 1_795_223_700;
const NONCE: &str = "5K8264ILTKCH16CQ2502SI8ZNMTM67VS";
const NOTIFY_URL: &str = "https://pay.example.com/v2/10000100";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let shown = Shown { keys: keys()?, at: Moment::with_nonce(now()?, NONCE)? };
    println!("{}", shown.first_line());
    let lines = [shown.requests().await?, shown.v3_requests().await?, shown.launches()?, shown.v3_launches()?];
    for line in lines.iter().flatten() {
        println!("{line}");
    }
    Ok(())
}

struct Shown {
    keys: Keys,
    at: Moment,
}

impl Shown {
    fn first_line(&self) -> Value {
        json!({
            "kind": "keys",
            "mch_id": TEST_MERCHANT.mch_id,
            "api_v2_key": TEST_MERCHANT.api_v2_key,
            "certificate_pem": MERCHANT_CERTIFICATE_PEM,
            "certificate_serial": MERCHANT_CERTIFICATE_SERIAL,
            "public_key_id": TEST_MERCHANT.public_key_id,
            "appid": "wx2421b1c4370ec43b",
            "nonce_str": NONCE,
            "timestamp": NOW,
        })
    }

    async fn requests(&self) -> Result<Vec<Value>, Error> {
        let (keys, at) = (&self.keys, &self.at);
        let openid = OpenId::parse("onqOjjmM1tad-3ROpncN-yUfa6ua")?;
        let payments = [
            ("app", Payment::App),
            ("jsapi", Payment::Jsapi { openid }),
            ("native", Payment::Native { product_id: "vip-monthly".to_owned() }),
            ("mweb", Payment::Mweb),
        ];
        let mut lines = Vec::new();
        for (name, payment) in payments {
            lines.extend(self.sent(&format!("contractorder {name}"), &order(payment)?.prepare(keys, at)?).await?);
        }
        let order = || -> Result<_, Error> { Ok(OrderRef::OutTradeNo(OutTradeNo::parse("01JD3Q0VZC5W8K2M7N4PF0")?)) };
        let appid = appid()?;
        let query = OrderQuery { appid: appid.clone(), order: order()? };
        lines.extend(self.sent("orderquery", &query.prepare(keys, at)?).await?);
        let query = PapOrderQuery { appid: appid.clone(), order: order()? };
        lines.extend(self.sent("paporderquery", &query.prepare(keys, at)?).await?);
        let close = CloseOrder { appid: appid.clone(), out_trade_no: OutTradeNo::parse("01JD3Q0VZC5W8K2M7N4PF0")? };
        lines.extend(self.sent("closeorder", &close.prepare(keys, at)?).await?);
        lines.extend(self.sent("pappayapply", &deduction()?.prepare(keys, at)?).await?);
        lines.extend(self.sent("refund", &refund(order()?)?.prepare(keys, at)?).await?);
        let refund = RefundRef::OutRefundNo(OutRefundNo::parse("01JD3Q0VZC5W8K2M7N4PF0R1")?);
        let query = RefundQuery { appid: appid.clone(), refund, offset: Some(10) };
        lines.extend(self.sent("refundquery", &query.prepare(keys, at)?).await?);
        let query = QueryContract { appid: appid.clone(), contract: contract()? };
        lines.extend(self.sent("querycontract", &query.prepare(keys, at)?).await?);
        let delete =
            DeleteContract { appid: appid.clone(), contract: contract()?, remark: "用户申请解约".to_owned() };
        lines.extend(self.sent("deletecontract", &delete.prepare(keys, at)?).await?);
        let (notify_url, signing) = (NOTIFY_URL.to_owned(), signing()?);
        let pre = PreEntrustWeb { appid: appid.clone(), signing, notify_url, return_app: true };
        lines.extend(self.sent("preentrustweb", &pre.prepare(keys, at)?).await?);
        lines.extend(self.sent("h5entrustweb", &h5()?.prepare(keys, at)?).await?);
        let contract_id = ContractId::parse("202611210000000001")?;
        let notice = PreDeductionNotice { appid, contract_id, estimated: Fen::new(1800) };
        lines.extend(self.sent("notify", &notice.prepare(keys, at)?).await?);
        Ok(lines)
    }

    /// The request as the transport gets it, and altered in one character.
    async fn sent<C: Call>(&self, name: &str, prepared: &Prepared<C>) -> Result<[Value; 2], Error> {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let client = Client::over(Hosts::default(), Seen(Arc::clone(&seen)));
        if client.send(prepared, &self.keys, now()?).await.is_ok() {
            return Err("an answer without WeChat".into());
        }
        let seen = seen.lock().map_err(|_| "a panic")?;
        let genuine = seen.first().cloned().ok_or("nothing was sent")?;
        let forged = altered(&genuine);
        let line = |judgement: &str, request: Value| json!({ "kind": "request", "name": name, "judgement": judgement, "request": request });
        Ok([line("genuine", genuine), line("forged", forged)])
    }

    fn launches(&self) -> Result<Vec<Value>, Error> {
        let (keys, at, appid) = (&self.keys, &self.at, appid()?);
        let prepay_id = || "wx201410272009395522657a690389285100".to_owned();
        let mini_program =
            MiniProgramSigning { appid: appid.clone(), signing: signing()?, notify_url: NOTIFY_URL.to_owned() };
        let page = EntrustWeb {
            appid: appid.clone(),
            signing: signing()?,
            notify_url: NOTIFY_URL.to_owned(),
            return_web: true,
        };
        let mut lines = Vec::new();
        for offer in [
            Offer::App { prepay_id: prepay_id() },
            Offer::Jsapi { prepay_id: prepay_id() },
            mini_program.offer(keys, at)?,
        ] {
            lines.push(json!({ "kind": "launch", "launch": offer.launch(&appid, keys, at, None)? }));
        }
        let url = page.url(keys, at, &Hosts::default())?;
        lines.push(json!({ "kind": "launch", "launch": Launch::Page { url } }));
        Ok(lines)
    }
}

/// Another value of a field that is signed in V2; in V3, where the bytes are signed, a blank more.
fn altered(genuine: &Value) -> Value {
    let is_v3 = genuine["url"].as_str().is_some_and(|url| url.contains("/v3/"));
    let part = if genuine["body"] == "" { "url" } else { "body" };
    let altered = genuine[part].as_str().map(|text| match (is_v3, part) {
        (true, "url") => format!("{text}0"),
        (true, _) => format!("{text} "),
        (false, "url") => text.replacen("01JD3Q0VZC5W8K2M7N4P", "11JD3Q0VZC5W8K2M7N4P", 1),
        (false, _) => text.replacen("wx2421b1c4370ec43b", "wx2421b1c4370ec43c", 1),
    });
    let mut forged = genuine.clone();
    forged[part] = json!(altered);
    forged
}

/// A transport that only looks.
struct Seen(Arc<Mutex<Vec<Value>>>);

impl Transport for Seen {
    async fn exchange(&self, request: Outgoing<'_>) -> Result<Incoming, Failure> {
        let headers: serde_json::Map<_, _> =
            request.headers.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
        let line =
            json!({ "method": request.method.as_str(), "url": request.url, "headers": headers, "body": request.body });
        self.0.lock().map_err(|_| Failure::Lost)?.push(line);
        Err(Failure::NotConnected)
    }
}

fn keys() -> Result<Keys, Error> {
    let mut wechatpay = WechatpayKeys::default();
    wechatpay.insert_public_key(TEST_MERCHANT.public_key_id, TEST_MERCHANT.public_key_pem)?;
    keys_with(wechatpay)
}

fn keys_with(wechatpay: WechatpayKeys) -> Result<Keys, Error> {
    let v2 = Generations::only(ApiV2Key::parse(TEST_MERCHANT.api_v2_key)?);
    let merchant = MerchantKeys::new(TEST_MERCHANT.mch_id, Some(v2), None, wechatpay)?;
    let certificate = ClientCertificate::parse(MERCHANT_CERTIFICATE_PEM, MERCHANT_PRIVATE_KEY_PEM)?;
    let keys = Keys::new(Arc::new(merchant)).with_signer(Arc::new(v3::signer()?));
    Ok(keys.with_certificate(Arc::new(certificate)))
}

fn now() -> Result<Timestamp, Error> {
    Ok(Timestamp::from_second(NOW)?)
}

fn appid() -> Result<AppId, Error> {
    Ok(AppId::parse("wx2421b1c4370ec43b")?)
}

fn contract() -> Result<ContractRef, Error> {
    let contract_code = ContractCode::parse("01JD3Q0VZC5W8K2M7N4P")?;
    Ok(ContractRef::Code { plan_id: PlanId::parse("12535")?, contract_code })
}

fn signing() -> Result<Signing, Error> {
    Ok(Signing {
        plan_id: PlanId::parse("12535")?,
        contract_code: ContractCode::parse("01JD3Q0VZC5W8K2M7N4P")?,
        request_serial: 59_823_700_000,
        display_account: "会员张三".to_owned(),
        outerid: Some("user 7".to_owned()),
    })
}

fn order(payment: Payment) -> Result<ContractOrder, Error> {
    Ok(ContractOrder {
        appid: appid()?,
        out_trade_no: OutTradeNo::parse("01JD3Q0VZC5W8K2M7N4PF0")?,
        body: "会员连续包月 <首月> \"特惠\"".to_owned(),
        detail: Some("含 ]]> 与 'CDATA'".to_owned()),
        attach: Some(r#"{"活动":"冬季 + 100%"}"#.to_owned()),
        total: Fen::new(1800),
        client_ip: "203.0.113.7".parse()?,
        time_start: Some(now()?),
        time_expire: Some(Timestamp::from_second(NOW + 1800)?),
        notify_url: NOTIFY_URL.to_owned(),
        contract_notify_url: NOTIFY_URL.to_owned(),
        payment,
        signing: signing()?,
        no_credit: true,
        goods_tag: Some("WXG".to_owned()),
        device_info: Some("WEB".to_owned()),
    })
}

fn deduction() -> Result<PapPayApply, Error> {
    Ok(PapPayApply {
        appid: appid()?,
        out_trade_no: OutTradeNo::parse("01JD3Q0VZC5W8K2M7N4PP0002A01")?,
        contract_id: ContractId::parse("202611210000000001")?,
        body: "会员续费".to_owned(),
        detail: None,
        attach: Some("第 2 期".to_owned()),
        total: Fen::new(1800),
        client_ip: "203.0.113.8".parse()?,
        notify_url: NOTIFY_URL.to_owned(),
        goods_tag: None,
        receipt: true,
    })
}

fn refund(order: OrderRef) -> Result<Refund, Error> {
    Ok(Refund {
        appid: appid()?,
        order,
        out_refund_no: OutRefundNo::parse("01JD3Q0VZC5W8K2M7N4PF0R1")?,
        total: Fen::new(1800),
        refund: Fen::new(900),
        reason: Some("用户申请".to_owned()),
        from_recharge: true,
        notify_url: Some(NOTIFY_URL.to_owned()),
    })
}

fn h5() -> Result<H5EntrustWeb, Error> {
    Ok(H5EntrustWeb {
        appid: appid()?,
        signing: signing()?,
        notify_url: NOTIFY_URL.to_owned(),
        client_ip: "2001:db8::7".parse()?,
        return_appid: Some(AppId::parse("wxcbda96de0b165542")?),
    })
}
