//! A simulator and a merchant that calls it.

use std::time::{Duration, Instant};

use counterparty::{SignType, V2Fields, WechatPay};
use host::Store;
use host::clock::Clock;
use serde_json::Value;
use simulator::{Callbacks, Config, Control, Family, Merchant, Mode, Pace, Service, Simulator, Template};

use crate::sink::Sink;

pub(crate) const MCH_ID: &str = "10000100";
pub(crate) const APPID: &str = "wx2421b1c4370ec43b";

/// 2026-03-02 10:00:00 in Beijing, a Monday.
pub(crate) const MONDAY_AT_TEN: i64 = 1_772_416_800_000;

pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// How long a test waits for what must come. No test is about it.
const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) struct Bench {
    pub(crate) simulator: Simulator,
    pub(crate) control: Control,
    pub(crate) clock: Clock,
    pub(crate) sink: Sink,
    pub(crate) client: reqwest::Client,
    pub(crate) merchant: WechatPay,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        Self::start_on(Store::Memory, Clock::standing_at(MONDAY_AT_TEN)).await
    }

    pub(crate) async fn start_on(store: Store, clock: Clock) -> Self {
        let templates = vec![
            Template::new(MCH_ID, "12535"),
            Template { mode: Mode::PreNotice, ..Template::new(MCH_ID, "12536") },
            Template { amount: Some(1800), ..Template::new(MCH_ID, "12537") },
            Template { disabled: true, ..Template::new(MCH_ID, "12538") },
            Template { retention: true, ..Template::new(MCH_ID, "12539") },
            Template::new("10000200", "22535"),
        ];
        let merchants = [MCH_ID, "10000200"].map(|mch_id| Merchant::of_test(mch_id).unwrap()).to_vec();
        let services = services();
        let pace = Pace::default();
        let config = Config { port: 0, store, clock: clock.clone(), merchants, templates, services, pace };
        let simulator = Simulator::start(config).await.unwrap();
        let control = simulator.control();
        let sink = Sink::start(control.clone()).await;
        simulator.callbacks(Callbacks { contract: sink.url("/contract"), refund: sink.url("/refund") });
        let merchant = WechatPay::test_merchant().unwrap();
        Self { simulator, control, clock, sink, client: reqwest::Client::new(), merchant }
    }

    /// Moves the clock, which stands still otherwise.
    pub(crate) fn pass(&self, ms: i64) {
        self.clock.advance_ms(ms).unwrap();
    }

    pub(crate) fn timestamp(&self) -> String {
        self.clock.now_ms().div_euclid(1000).to_string()
    }

    /// A call signed by MD5, whose answer must be signed if it has a signature.
    pub(crate) async fn call(&self, path: &str, fields: &Fields) -> V2Fields {
        self.call_as(path, fields, SignType::Md5).await
    }

    pub(crate) async fn call_as(&self, path: &str, fields: &Fields, sign_type: SignType) -> V2Fields {
        let answer = self.post(path, &self.signed(fields, sign_type).render("xml").unwrap()).await;
        if let Some(sign) = answer.get("sign") {
            assert_eq!(sign, self.merchant.v2_sign(&answer, sign_type), "{path}");
        }
        answer
    }

    pub(crate) async fn post(&self, path: &str, body: &[u8]) -> V2Fields {
        let response = self.client.post(self.url(path)).body(body.to_vec()).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        V2Fields::read(&response.bytes().await.unwrap()).unwrap()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.simulator.endpoint())
    }

    pub(crate) fn signed(&self, fields: &Fields, sign_type: SignType) -> V2Fields {
        let mut signed = fields.0.clone();
        let sign = self.merchant.v2_sign(&signed, sign_type);
        signed.set("sign", &sign);
        signed
    }

    /// `POST …` of the control API about merchant 10000100.
    pub(crate) async fn act(&self, path: &str, body: Value) -> Value {
        let path = format!("/{MCH_ID}{path}");
        self.control.post(&path, body).await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// What the rules have against it.
    pub(crate) async fn refused(&self, path: &str, body: Value) -> String {
        let error = self.control.post(&format!("/{MCH_ID}{path}"), body).await.unwrap_err();
        assert_eq!(error.status, 409, "{error}");
        error.body["refused"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn row(&self, path: &str) -> Value {
        self.control.get(&format!("/{MCH_ID}{path}")).await.unwrap()
    }

    /// The same, once it is as it must become.
    pub(crate) async fn row_when(&self, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut row = Value::Null;
        wait_until(&format!("{path} is as it must become"), async || {
            row = self.row(path).await;
            is_so(&row)
        })
        .await;
        row
    }

    /// A pay-and-sign order with its contract; the notices go to `/payment` and `/signing`.
    pub(crate) fn order(&self, number: &str) -> Fields {
        Fields::default()
            .with("appid", APPID)
            .with("mch_id", MCH_ID)
            .with("contract_mchid", MCH_ID)
            .with("contract_appid", APPID)
            .with("out_trade_no", &format!("{number}F000"))
            .with("nonce_str", "5K8264ILTKCH16CQ2502SI8ZNMTM67VS")
            .with("body", "月度会员")
            .with("attach", "支付测试")
            .with("notify_url", &self.sink.url("/payment"))
            .with("total_fee", "1800")
            .with("spbill_create_ip", "123.12.12.123")
            .with("trade_type", "APP")
            .with("plan_id", "12535")
            .with("contract_code", number)
            .with("request_serial", &serial(number))
            .with("contract_display_account", "微信代扣用户A")
            .with("contract_notify_url", &self.sink.url("/signing"))
    }

    /// Orders and pays; answers the contract_id, if it was signed.
    pub(crate) async fn subscribe(&self, number: &str, plan_id: &str) -> Option<String> {
        let placed = self.call("/pay/contractorder", &self.order(number).with("plan_id", plan_id)).await;
        assert_eq!(placed.get("result_code"), Some("SUCCESS"), "{:?}", placed.get("err_code_des"));
        let paid = self.act(&format!("/orders/{number}F000/pay"), serde_json::json!({ "user": "alice" })).await;
        paid["contract_id"].as_str().map(ToOwned::to_owned)
    }

    pub(crate) fn query(&self, name: &str, value: &str) -> Fields {
        Fields::default()
            .with("appid", APPID)
            .with("mch_id", MCH_ID)
            .with("nonce_str", "5K8264ILTKCH16CQ2502SI8ZNMTM67VS")
            .with(name, value)
    }

    pub(crate) async fn trade_state(&self, path: &str, out_trade_no: &str) -> String {
        let answer = self.call(path, &self.query("out_trade_no", out_trade_no)).await;
        answer.get("trade_state").or(answer.get("err_code")).unwrap().to_owned()
    }

    /// `contract_state` of a query, or its error code.
    pub(crate) async fn contract_state(&self, contract_code: &str, plan_id: &str) -> String {
        let query = Fields::default()
            .with("appid", APPID)
            .with("mch_id", MCH_ID)
            .with("plan_id", plan_id)
            .with("contract_code", contract_code)
            .with("version", "1.0");
        let answer = self.call("/papay/querycontract", &query).await;
        answer.get("contract_state").or(answer.get("err_code")).unwrap().to_owned()
    }
}

/// A number that differs for each contract, without leading zero.
fn serial(number: &str) -> String {
    let sum = number.bytes().fold(7_u64, |sum, byte| (sum * 31 + u64::from(byte)) % 99_999_999_999);
    (sum + 1).to_string()
}

/// Fields of a call, built by hand.
#[derive(Clone, Default)]
pub(crate) struct Fields(pub(crate) V2Fields);

impl Fields {
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.0.set(name, value);
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.remove(name);
        self
    }
}

fn services() -> Vec<Service> {
    let service = |mch_id: &str, service_id: u64, family: Family| Service {
        mch_id: mch_id.to_owned(),
        service_id,
        name: "免密支付服务".to_owned(),
        family,
    };
    vec![service(MCH_ID, 20_535, Family::Normal), service(MCH_ID, 20_536, Family::Qs)]
}

/// Waits until something is so.
pub(crate) async fn wait_until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !is_so().await {
        assert!(started.elapsed() < DEADLINE, "in {DEADLINE:?} it did not happen that {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
