//! Runs the simulator, lets users pay and money go back while WeChat changes its keys, and prints the notices that it really sent as JSON
//! lines, for judges written by others (`tests/judges`).
//!
//! First a line with the keys, then one line for each notice, and one for the same with a bit of it turned.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Uri};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use counterparty::{
    MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM, MerchantKey, Occasion, SignType, TEST_MERCHANT, V2Fields,
    WechatPay, v2_unsigned_answer,
};
use host::Store;
use host::clock::Clock;
use host::http::{Server, bind};
use serde_json::{Value, json};
use simulator::{Callbacks, Config, Control, Merchant, Pace, Simulator, Template};

type Failure = Box<dyn std::error::Error>;

const MCH_ID: &str = TEST_MERCHANT.mch_id;
const APPID: &str = "wx2421b1c4370ec43b";
const TOTAL: u64 = 990;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut street = Street::open().await?;
    let renewed = street.control("/keys/certificates", json!({})).await?;
    street.control("/keys/mode", json!({ "mode": "certificate" })).await?;
    let parts = [("A1", "R1", "SUCCESS", 0.0), ("A2", "R2", "ABNORMAL", 1.0), ("A3", "R3", "CLOSED", 0.0)];
    for (order, refund, outcome, by_the_new_one) in parts {
        street.control("/keys/renewal", json!({ "serial": renewed["serial"], "share": by_the_new_one })).await?;
        street.buys(order).await?;
        street.gives_back(order, refund, outcome).await?;
    }
    street.control("/keys/mode", json!({ "mode": "confirmed" })).await?;
    street.buys("B1").await?;
    street.gives_back("B1", "S1", "SUCCESS").await?;
    street.platform_gives_back("B1", "P1").await?;
    street.subscribes("C100000000").await?;
    street.print(&renewed)
}

/// A simulator, the merchant that calls it, and the address that its notices go to.
struct Street {
    simulator: Simulator,
    clock: Clock,
    wechat: WechatPay,
    key: MerchantKey,
    http: reqwest::Client,
    sink: Server,
    received: Arc<Mutex<Vec<Received>>>,
    /// What the notices at a path are about.
    meant: BTreeMap<String, Value>,
}

/// A notice as it arrived.
#[derive(Clone)]
struct Received {
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Street {
    async fn open() -> Result<Self, Failure> {
        let clock = Clock::in_memory();
        let config = Config {
            port: 0,
            store: Store::Memory,
            clock: clock.clone(),
            merchants: vec![Merchant::of_test(MCH_ID)?],
            templates: vec![Template::new(MCH_ID, "12535")],
            services: Vec::new(),
            pace: Pace::default(),
        };
        let simulator = Simulator::start(config).await?;
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let sink = sink(&received).await?;
        simulator.callbacks(Callbacks { contract: sink.endpoint(), refund: format!("{}/platform", sink.endpoint()) });
        let key = MerchantKey::of_private_key(MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM)?;
        let (wechat, http) = (WechatPay::test_merchant()?, reqwest::Client::new());
        Ok(Self { simulator, clock, wechat, key, http, sink, received, meant: BTreeMap::new() })
    }

    async fn control(&self, path: &str, body: Value) -> Result<Value, Failure> {
        let control: Control = self.simulator.control();
        Ok(control.post(&format!("/{MCH_ID}{path}"), body).await?)
    }

    /// Orders over V3 and pays.
    async fn buys(&mut self, order: &str) -> Result<(), Failure> {
        let url = self.means(&format!("/payment/{order}"), json!({ "out_trade_no": number(order), "total": TOTAL }));
        let body = json!({
            "appid": APPID, "mchid": MCH_ID, "description": "电子书", "out_trade_no": number(order), "notify_url": url,
            "amount": { "total": TOTAL, "currency": "CNY" },
        });
        self.asks("/v3/pay/transactions/app", &body).await?;
        self.control(&format!("/orders/{}/pay", number(order)), json!({ "user": "alice" })).await?;
        self.hears(&format!("/payment/{order}")).await
    }

    /// Gives part of it back over V3.
    async fn gives_back(&mut self, order: &str, refund: &str, outcome: &str) -> Result<(), Failure> {
        self.control(&format!("/orders/{}/refund-outcome", number(order)), json!({ "status": outcome })).await?;
        let meant = json!({ "out_trade_no": number(order), "out_refund_no": refund, "total": TOTAL, "refund": 100 });
        let url = self.means(&format!("/refund/{refund}"), meant);
        let body = json!({
            "out_trade_no": number(order), "out_refund_no": refund, "notify_url": url,
            "amount": { "refund": 100, "total": TOTAL, "currency": "CNY" },
        });
        self.asks("/v3/refund/domestic/refunds", &body).await?;
        self.hears(&format!("/refund/{refund}")).await
    }

    /// Somebody gives part of it back on the merchant platform: told in V2's form.
    async fn platform_gives_back(&mut self, order: &str, refund: &str) -> Result<(), Failure> {
        let path = format!("/platform/v2/{MCH_ID}");
        let meant = json!({ "out_trade_no": number(order), "out_refund_no": refund, "total": TOTAL, "refund": 200 });
        self.means(&path, meant);
        self.clock.advance_ms(61_000)?;
        let how = json!({ "amount": 200, "out_refund_no": refund });
        self.control(&format!("/orders/{}/refund", number(order)), how).await?;
        self.hears(&path).await
    }

    /// Pays and signs over V2.
    async fn subscribes(&mut self, code: &str) -> Result<(), Failure> {
        let order = format!("{code}F0");
        let payment = self.means("/v2/payment", json!({ "out_trade_no": order, "total": 1800 }));
        let contract = self.means("/v2/contract", json!({ "contract_code": code }));
        let mut fields = V2Fields::new();
        for (name, value) in [
            ("appid", APPID),
            ("mch_id", MCH_ID),
            ("contract_appid", APPID),
            ("contract_mchid", MCH_ID),
            ("out_trade_no", &order),
            ("nonce_str", "5K8264ILTKCH16CQ2502SI8ZNMTM67VS"),
            ("body", "月度会员"),
            ("notify_url", &payment),
            ("total_fee", "1800"),
            ("spbill_create_ip", "123.12.12.123"),
            ("trade_type", "APP"),
            ("plan_id", "12535"),
            ("contract_code", code),
            ("request_serial", "1"),
            ("contract_display_account", "微信代扣用户A"),
            ("contract_notify_url", &contract),
        ] {
            fields.set(name, value);
        }
        let sign = self.wechat.v2_sign(&fields, SignType::Md5);
        fields.set("sign", &sign);
        let url = format!("{}/pay/contractorder", self.simulator.endpoint());
        let answer = self.http.post(url).body(fields.render("xml")?).send().await?.text().await?;
        if !answer.contains("prepay_id") {
            return Err(answer.into());
        }
        self.control(&format!("/orders/{order}/pay"), json!({ "user": "alice" })).await?;
        self.hears("/v2/payment").await?;
        self.hears("/v2/contract").await
    }

    /// Remembers what a notice at a path will be about; answers its URL.
    fn means(&mut self, path: &str, numbers: Value) -> String {
        self.meant.insert(path.to_owned(), numbers);
        format!("{}{path}", self.sink.endpoint())
    }

    /// A call over V3.
    async fn asks(&self, path: &str, body: &Value) -> Result<(), Failure> {
        let body = body.to_string();
        let occasion = Occasion { now: self.clock.now_ms().div_euclid(1_000), nonce: "n".repeat(32) };
        let authorization = self.key.authorization("POST", path, body.as_bytes(), MCH_ID, &occasion)?;
        let request = self.http.post(format!("{}{path}", self.simulator.endpoint())).body(body);
        let request = request.header("Authorization", authorization).header("User-Agent", "papay");
        let request = request.header("Accept", "application/json").header("Content-Type", "application/json");
        let answer = request.send().await?;
        match answer.status().is_success() {
            true => Ok(()),
            false => Err(answer.text().await?.into()),
        }
    }

    /// Waits until a notice has come to a path.
    async fn hears(&self, path: &str) -> Result<(), Failure> {
        for _ in 0..400 {
            if self.all().iter().any(|received| received.path == path) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        Err(format!("no notice came to {path}").into())
    }

    fn all(&self) -> Vec<Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn print(&self, renewed: &Value) -> Result<(), Failure> {
        let signers = [TEST_MERCHANT.public_key_id, TEST_MERCHANT.certificate_serial];
        let signers = signers.into_iter().chain(renewed["serial"].as_str());
        let all = self.all();
        for signer in signers {
            let has_signed = |received: &Received| received.headers.iter().any(|(_, value)| value == signer);
            if !all.iter().any(has_signed) {
                return Err(format!("{signer} has signed nothing").into());
            }
        }
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", keys(renewed))?;
        for received in &all {
            let numbers = self.meant.get(&received.path).ok_or_else(|| format!("a notice at {}", received.path))?;
            writeln!(out, "{}", line(received, numbers, "genuine"))?;
            // Nothing protects a V2 refund notice.
            if !received.path.starts_with("/platform") {
                writeln!(out, "{}", line(&altered(received.clone()), numbers, "forged"))?;
            }
        }
        Ok(())
    }
}

/// Receives notices and answers SUCCESS.
async fn sink(received: &Arc<Mutex<Vec<Received>>>) -> Result<Server, Failure> {
    let mut success = V2Fields::new();
    success.set("return_code", "SUCCESS");
    let answer = v2_unsigned_answer(&success)?.body;
    let inbox = Arc::clone(received);
    let receive = move |uri: Uri, headers: HeaderMap, body: Bytes| async move {
        let text = |value: &axum::http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
        // As WeChat's documentation and the judges write them.
        let name = |name: &str| name.split('-').map(capital).collect::<Vec<_>>().join("-");
        let headers = headers.iter().map(|(header, value)| (name(header.as_str()), text(value))).collect();
        let notice = Received { path: uri.path().to_owned(), headers, body: body.to_vec() };
        inbox.lock().unwrap_or_else(PoisonError::into_inner).push(notice);
        answer
    };
    Ok(Server::serve(bind(0).await?, Router::new().fallback(post(receive)))?)
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn number(order: &str) -> String {
    format!("{order}00000000")
}

/// One bit of what is signed is turned: in V2 of a value, in V3 of the middle.
fn altered(mut notice: Received) -> Received {
    const VALUE: &[u8] = b"<![CDATA[";
    let value = notice.body.windows(VALUE.len()).position(|window| window == VALUE).map(|at| at + VALUE.len());
    let at = value.unwrap_or(notice.body.len() / 2);
    notice.body.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1);
    notice
}

fn keys(renewed: &Value) -> Value {
    json!({
        "kind": "keys",
        "mch_id": MCH_ID,
        "api_v2_key": TEST_MERCHANT.api_v2_key,
        "api_v3_key": TEST_MERCHANT.api_v3_key,
        "public_key_id": TEST_MERCHANT.public_key_id,
        "public_key_pem": TEST_MERCHANT.public_key_pem,
        "certificate_serial": TEST_MERCHANT.certificate_serial,
        "certificate_pem": TEST_MERCHANT.certificate_pem,
        "renewed": renewed,
        "numbers": { "appid": APPID },
    })
}

fn line(received: &Received, numbers: &Value, judgement: &str) -> Value {
    let is_v3 = received.headers.iter().any(|(name, _)| name == "Wechatpay-Signature");
    json!({
        "kind": "notice",
        "name": format!("sent by the simulator to {}", received.path.replace("platform", "refund")),
        "protocol": if is_v3 { "V3" } else { "V2" },
        "judgement": judgement,
        "numbers": numbers,
        "headers": received.headers,
        "body": STANDARD.encode(&received.body),
    })
}
