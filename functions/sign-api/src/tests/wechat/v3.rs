//! Its V3 side: orders and password-exempt contracts, asked for in JSON and answered with signatures.

use std::collections::BTreeMap;

use counterparty::{Occasion, WechatPay};
use domain::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use wechat::Incoming;

/// What V3 knows.
#[derive(Default)]
pub(super) struct V3 {
    orders: BTreeMap<String, Bought>,
    /// Contracts that were offered: signed or not.
    contracts: BTreeMap<String, bool>,
    prepays: u32,
}

struct Bought {
    /// The last part of its address: `app`, `jsapi`, `native`, `h5`.
    way: String,
    asked: Value,
    state: &'static str,
}

impl V3 {
    pub(super) fn pay(&mut self, out_trade_no: &str) -> bool {
        self.orders.get_mut(out_trade_no).map(|order| order.state = "SUCCESS").is_some()
    }

    pub(super) fn sign_contract(&mut self, code: &str) {
        self.contracts.insert(code.to_owned(), true);
    }

    /// Status and body.
    pub(super) fn answer(&mut self, path: &str, body: &str, now: Timestamp) -> (u16, Value) {
        let asked: Value = serde_json::from_str(body).unwrap_or_default();
        let last = path.rsplit('/').next().unwrap();
        match path.strip_prefix("/v3/").unwrap() {
            path if path.starts_with("pay/transactions/out-trade-no/") => {
                let number = path.split('/').nth(3).unwrap();
                if last == "close" { self.close(number) } else { self.order(number, now) }
            }
            path if path.starts_with("pay/transactions/") => self.place(last, asked),
            path if path.ends_with("/pay-redirect-sign") => {
                let code = asked["out_contract_code"].as_str().unwrap().to_owned();
                let told = json!({ "mchid": "10000100", "service_id": asked["service_id"], "out_contract_code": code });
                self.contracts.entry(code).or_insert(false);
                (200, told)
            }
            path if path.contains("/out-contract-code/") => self.contract(last),
            other => panic!("{other} is not answered here"),
        }
    }

    fn place(&mut self, way: &str, asked: Value) -> (u16, Value) {
        let number = asked["out_trade_no"].as_str().unwrap().to_owned();
        let order = self.orders.entry(number.clone()).or_insert_with(|| Bought {
            way: way.to_owned(),
            asked: asked.clone(),
            state: "NOTPAY",
        });
        if order.asked != asked {
            return (403, json!({ "code": "OUT_TRADE_NO_USED", "message": "参数与首次请求时不一致" }));
        }
        self.prepays += 1;
        let prepays = self.prepays;
        (
            200,
            match way {
                "native" => json!({ "code_url": format!("weixin://wxpay/bizpayurl?pr={prepays}") }),
                "h5" => json!({ "h5_url": format!("https://wx.tenpay.com/h5?prepay_id=wx{prepays}&package=1") }),
                _ => json!({ "prepay_id": format!("wx{number}{prepays}") }),
            },
        )
    }

    fn order(&self, number: &str, now: Timestamp) -> (u16, Value) {
        let Some(Bought { way, asked, state }) = self.orders.get(number) else {
            return (404, json!({ "code": "ORDER_NOT_EXIST", "message": "订单不存在" }));
        };
        let mut told = json!({
            "appid": asked["appid"], "mchid": "10000100", "out_trade_no": number, "trade_state": state,
            "trade_state_desc": "说明", "amount": { "total": asked["amount"]["total"], "currency": "CNY" },
        });
        if *state == "SUCCESS" {
            let time =
                now.to_zoned(TimeZone::fixed(jiff::tz::offset(8))).strftime("%Y-%m-%dT%H:%M:%S+08:00").to_string();
            told["transaction_id"] = json!("4200000000000000000000000001");
            told["trade_type"] = json!(if way == "h5" { "MWEB".to_owned() } else { way.to_uppercase() });
            told["success_time"] = json!(time);
            let payer = asked["payer"]["openid"].as_str().unwrap_or("oPayer");
            told["payer"] = json!({ "openid": payer });
        }
        (200, told)
    }

    fn close(&mut self, number: &str) -> (u16, Value) {
        let order = self.orders.get_mut(number).unwrap();
        if order.state == "SUCCESS" {
            return (400, json!({ "code": "INVALID_REQUEST", "message": "订单已支付" }));
        }
        order.state = "CLOSED";
        (204, Value::Null)
    }

    fn contract(&self, code: &str) -> (u16, Value) {
        if self.contracts.get(code) != Some(&true) {
            return (404, json!({ "code": "RESOURCE_NOT_EXISTS", "message": "协议不存在" }));
        }
        let told = json!({
            "mchid": "10000100", "contract_id": format!("id{code}"), "appid": "wxmini", "openid": "oMinialice",
            "service_id": 20_535, "out_contract_code": code, "contract_state": "SIGNED",
            "contract_signed_time": "2026-11-18T20:00:00+08:00",
        });
        (200, told)
    }
}

/// An answer as WeChat signs it. Business numbers say more than codes do.
pub(super) fn signed(status: u16, body: &Value, now: Timestamp) -> Incoming {
    let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let occasion = Occasion::derived(now.as_second(), &body.to_string());
    let answer = WechatPay::test_merchant().unwrap().v3_answer(status, bytes, None, &occasion).unwrap();
    Incoming { status, headers: answer.headers, body: answer.body }
}
