//! A merchant that makes V3 calls, checks every answer, and opens every notice.

use counterparty::{MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM, MerchantKey, Occasion, WechatPay};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::bench::{APPID, Bench, MCH_ID};
use crate::sink::Received;

pub(crate) const REFUNDS: &str = "/v3/refund/domestic/refunds";

/// An answer of V3, as it came.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// Status and code of an error.
    pub(crate) fn error(&self) -> (u16, String) {
        (self.status, self.json()["code"].as_str().unwrap_or_default().to_owned())
    }

    /// Whether its signature is WeChat's.
    pub(crate) fn is_signed(&self, wechat: &WechatPay) -> bool {
        is_signed(wechat, &self.headers, &self.text)
    }

    /// The end of `Request-ID`.
    pub(crate) fn number(&self) -> u32 {
        self.header("Request-ID").unwrap().rsplit('-').next().unwrap().parse().unwrap()
    }
}

pub(crate) fn is_signed(wechat: &WechatPay, headers: &HeaderMap, body: &str) -> bool {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (serial, signature) = (header("Wechatpay-Serial"), header("Wechatpay-Signature"));
    wechat.v3_has_signed(serial, header("Wechatpay-Timestamp"), header("Wechatpay-Nonce"), body.as_bytes(), signature)
}

pub(crate) fn merchant_key() -> MerchantKey {
    MerchantKey::of_private_key(MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM).unwrap()
}

impl Bench {
    pub(crate) fn occasion(&self) -> Occasion {
        Occasion { now: self.timestamp().parse().unwrap(), nonce: "n".repeat(32) }
    }

    pub(crate) fn authorization(&self, method: &str, target: &str, body: &str) -> String {
        merchant_key().authorization(method, target, body.as_bytes(), MCH_ID, &self.occasion()).unwrap()
    }

    /// A call as it should be, without a word about keys.
    pub(crate) fn v3_request(&self, method: &str, target: &str, body: &str) -> reqwest::RequestBuilder {
        let authorization = self.authorization(method, target, body);
        let request = self.client.request(method.parse().unwrap(), self.url(target)).body(body.to_owned());
        let request = request.header("Authorization", authorization).header("User-Agent", "papay");
        match body.is_empty() {
            true => request.header("Accept", "application/json"),
            false => request.header("Accept", "application/json").header("Content-Type", "application/json"),
        }
    }

    pub(crate) async fn sent(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, text: response.text().await.unwrap() }
    }

    /// A call whose answer must be signed.
    pub(crate) async fn v3(&self, method: &str, target: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.sent(self.v3_request(method, target, &body)).await;
        assert!(answer.is_signed(&self.merchant), "{method} {target}: {} {}", answer.status, answer.text);
        answer
    }

    pub(crate) async fn v3_post(&self, target: &str, body: &Value) -> Answer {
        self.v3("POST", target, body).await
    }

    pub(crate) async fn v3_get(&self, target: &str) -> Answer {
        self.v3("GET", target, &Value::Null).await
    }

    /// An order of the app; notices go to `/v3/payment`.
    pub(crate) fn v3_order(&self, out_trade_no: &str) -> Value {
        json!({
            "appid": APPID, "mchid": MCH_ID, "description": "电子书", "out_trade_no": out_trade_no,
            "attach": "支付测试", "notify_url": self.sink.url("/v3/payment"), "amount": { "total": 990, "currency": "CNY" },
        })
    }

    /// Orders and pays; answers the transaction_id.
    pub(crate) async fn buy(&self, out_trade_no: &str) -> String {
        let placed = self.v3_post("/v3/pay/transactions/app", &self.v3_order(out_trade_no)).await;
        assert_eq!(placed.status, 200, "{}", placed.text);
        let paid = self.act(&format!("/orders/{out_trade_no}/pay"), json!({ "user": "alice" })).await;
        paid["transaction_id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn v3_query(&self, out_trade_no: &str) -> Answer {
        self.v3_get(&format!("/v3/pay/transactions/out-trade-no/{out_trade_no}?mchid={MCH_ID}")).await
    }

    pub(crate) async fn v3_state(&self, out_trade_no: &str) -> String {
        let answer = self.v3_query(out_trade_no).await.json();
        answer["trade_state"].as_str().or(answer["code"].as_str()).unwrap().to_owned()
    }

    pub(crate) async fn v3_close(&self, out_trade_no: &str) -> Answer {
        let path = format!("/v3/pay/transactions/out-trade-no/{out_trade_no}/close");
        self.v3_post(&path, &json!({ "mchid": MCH_ID })).await
    }

    /// A refund; notices go to `/v3/refund`.
    pub(crate) fn v3_refund(&self, out_trade_no: &str, out_refund_no: &str, refund: u64) -> Value {
        json!({
            "out_trade_no": out_trade_no, "out_refund_no": out_refund_no, "reason": "不想要了",
            "notify_url": self.sink.url("/v3/refund"),
            "amount": { "refund": refund, "total": 990, "currency": "CNY" },
        })
    }

    pub(crate) async fn v3_refund_state(&self, out_refund_no: &str) -> String {
        let answer = self.v3_get(&format!("{REFUNDS}/{out_refund_no}")).await.json();
        answer["status"].as_str().or(answer["code"].as_str()).unwrap().to_owned()
    }

    /// The resource of a notice whose signature and seal are right, and its event_type.
    pub(crate) fn opened(&self, notice: &Received) -> (String, Value) {
        open(&self.merchant, notice)
    }
}

pub(crate) fn open(wechat: &WechatPay, notice: &Received) -> (String, Value) {
    assert!(is_signed(wechat, &notice.headers, &notice.body), "{}", notice.body);
    let envelope: Value = serde_json::from_str(&notice.body).unwrap();
    let resource = |name: &str| envelope["resource"][name].as_str().unwrap_or_default();
    let opened = wechat.v3_open(resource("ciphertext"), resource("nonce"), resource("associated_data"));
    (envelope["event_type"].as_str().unwrap().to_owned(), serde_json::from_slice(&opened.unwrap()).unwrap())
}
