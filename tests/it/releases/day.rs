//! A day in the life of the stack: something of every kind comes on record. The same for every release, as far as it can.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use simulator::Control;

use crate::harness::{DEADLINE, Dev, MCH_ID, answered, poll};

/// The contract that was paid for and signed.
pub(super) const SIGNED: &str = "01THEDAY000000000001";
/// The order that was offered with a contract, and is unpaid.
pub(super) const UNPAID: &str = "01THEDAY000000000002";
/// The one-off order that is unpaid.
pub(super) const UNPAID_V3: &str = "01THEDAY000000000003";
/// The paid order with a refund that WeChat is processing.
pub(super) const REFUNDING: &str = "01THEDAY000000000004";
/// What was told of before it was on record.
pub(super) const UNKNOWN: &str = "01THEDAY000000000005";
/// The paid order whose event no queue has accepted yet.
pub(super) const UNPUBLISHED: &str = "01THEDAY000000000006";
/// The contract with a deduction that was accepted, and failed for all we know.
pub(super) const DEDUCTED: &str = "01THEDAY000000000007";

/// The appid of the channel `mini_program`.
const MINI_PROGRAM: &str = "wxd678efh567hg6787";

/// What WeChat tells about what was put on record, each about a code of its own.
const TOLD: [(&str, &str); 15] = [
    ("payment-v2", SIGNED),
    // Refused, so that the order stays as it was put on record.
    ("altered", UNPAID),
    ("altered-v3", UNPAID_V3),
    ("wrong-endpoint-v3", REFUNDING),
    ("deduction-failure", DEDUCTED),
    ("payment-v2-hmac", "01THEDAY000000000011"),
    ("contract-delete", "01THEDAY000000000012"),
    ("deduction-success", "01THEDAY000000000013"),
    ("payment-v3", "01THEDAY000000000014"),
    ("refund-success", "01THEDAY000000000015"),
    ("refund-abnormal", "01THEDAY000000000016"),
    ("refund-closed", "01THEDAY000000000017"),
    ("refund-v2", "01THEDAY000000000018"),
    ("contract-sign-v3", "01THEDAY000000000019"),
    ("contract-terminate-v3", "01THEDAY000000000020"),
];

/// Plays the day; answers what each consumer received.
pub(super) async fn play(dev: &Dev) -> BTreeMap<String, Vec<Value>> {
    for (name, code) in TOLD {
        tell(dev, &[name, "--seed", "--contract-code", code]);
    }
    tell(dev, &["contract-add", "--contract-code", SIGNED]);
    let of_another_amount = ["payment-v2", "--contract-code", UNPAID, "--total", "1"];
    tell(dev, &of_another_amount);
    tell(dev, &["unknown-event"]);
    // WeChat is told to send it again, so this one ends with 1.
    assert!(!dev.papay(&["trigger", "payment-v2", "--contract-code", UNKNOWN]).status.success());

    let client = Client::of(dev).await;
    client.subscribe("alice").await;
    client.subscription_of_bob().await;
    client.purchase().await;

    let mut events = BTreeMap::new();
    for consumer in ["membership", "ledger"] {
        poll("every event is published", async || dev.dump().await.pending().is_empty()).await;
        let output = dev.papay(&["events", "--consumer", consumer]);
        let lines = String::from_utf8(output.stdout).unwrap();
        events.insert(consumer.to_owned(), lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect());
    }
    stop(dev, papay::stack::RELAY);
    tell(dev, &["payment-v2", "--seed", "--contract-code", UNPUBLISHED]);
    events
}

/// Sends a notification until it has come to what papay owes it, as WeChat does: a busy machine may not record it in time.
pub(super) fn tell(dev: &Dev, args: &[&str]) {
    let started = Instant::now();
    loop {
        let output = dev.papay(&[&["trigger"], args].concat());
        if output.status.success() {
            return;
        }
        assert!(started.elapsed() < DEADLINE, "{args:?}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

/// Stops the processes of a function where they stand, as if they were slow.
fn stop(dev: &Dev, function: &str) {
    let name = |process: &std::fs::DirEntry| {
        let command = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        let environment = std::fs::read(process.path().join("environ")).unwrap_or_default();
        let ours = String::from_utf8_lossy(&environment).contains(&*dev.data().to_string_lossy());
        (ours && command.split(|byte| *byte == 0).any(|part| part == function.as_bytes()))
            .then(|| process.file_name().to_string_lossy().into_owned())
    };
    let processes: Vec<_> = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|p| name(&p)).collect();
    assert!(!processes.is_empty(), "{function} does not run");
    for process in processes {
        assert!(Command::new("kill").args(["-STOP", &process]).status().unwrap().success());
    }
}

/// The merchant's app and back end.
pub(super) struct Client {
    http: reqwest::Client,
    sign_api: String,
    merchant_api: String,
    wechat: Control,
    tokens: BTreeMap<&'static str, String>,
}

impl Client {
    pub(super) async fn of(dev: &Dev) -> Self {
        let running = dev.running();
        let wechat = Control::at(&running.simulator);
        let known = wechat.get(&format!("/openids/{MINI_PROGRAM}/wx-alice")).await.unwrap();
        let openid = format!("{MINI_PROGRAM}={}", known["openid"].as_str().unwrap());
        let token = |user, more: &[&str]| {
            let output = dev.papay(&[&["token", "--user", user], more].concat());
            (user, String::from_utf8(output.stdout).unwrap().trim().to_owned())
        };
        let api = |name: &str| format!("{}v1/{MCH_ID}", running.apis[name]);
        Self {
            http: reqwest::Client::new(),
            sign_api: api(papay::stack::SIGN_API),
            merchant_api: api(papay::stack::MERCHANT_API),
            tokens: [token("alice", &["--openid", &openid]), token("bob", &[])].into(),
            wechat,
        }
    }

    /// Alice pays and signs; then a part is given back, and a month is deducted where the hour allows it.
    async fn subscribe(&self, user: &'static str) {
        let begun =
            self.app(user, "/subscriptions", json!({ "product": "vip-monthly", "channel": "app" })).await.unwrap();
        let code = begun["contract_code"].as_str().unwrap();
        let order = begun["payment"]["out_trade_no"].as_str().unwrap();
        self.wechat.post(&format!("/{MCH_ID}/orders/{order}/pay"), json!({ "user": user })).await.unwrap();
        poll("the subscription is active", async || {
            tokio::time::sleep(Duration::from_millis(100)).await;
            self.status(user, &format!("/subscriptions/{code}")).await["outcome"] == "active"
        })
        .await;
        self.back_end("/refunds", json!({ "out_trade_no": order, "out_refund_no": "RELEASE1", "amount": 100 })).await;
        self.back_end("/deductions", json!({ "contract_code": code, "period": 1, "amount": 1800 })).await;
    }

    /// Bob begins, and does no more; answers the number of his contract.
    pub(super) async fn subscription_of_bob(&self) -> String {
        let wanted = json!({ "product": "vip-quarterly", "channel": "app" });
        let begun = self.app("bob", "/subscriptions", wanted).await.unwrap();
        begun["contract_code"].as_str().unwrap().to_owned()
    }

    /// Alice buys something that invites to paying without a password; a part is given back. An early release sells nothing.
    async fn purchase(&self) {
        let wanted = json!({ "product": "coffee", "channel": "mini_program" });
        let wanted = self.app("alice", "/orders", wanted).await;
        let Some(begun) = wanted else { return };
        let order = begun["out_trade_no"].as_str().unwrap();
        self.wechat.post(&format!("/{MCH_ID}/orders/{order}/pay"), json!({ "user": "alice" })).await.unwrap();
        poll("the purchase is paid", async || {
            tokio::time::sleep(Duration::from_millis(100)).await;
            self.status("alice", &format!("/orders/{order}")).await["status"] == "paid"
        })
        .await;
        self.back_end("/refunds", json!({ "out_trade_no": order, "out_refund_no": "RELEASE2", "amount": 100 })).await;
    }

    /// A `POST` of the app; nothing where it is refused.
    async fn app(&self, user: &'static str, path: &str, body: Value) -> Option<Value> {
        let request = self.http.post(format!("{}{path}", self.sign_api)).bearer_auth(&self.tokens[user]);
        let (status, body) = answered_at_last(request.header("Idempotency-Key", path).json(&body)).await;
        (status < 300).then_some(body)
    }

    async fn status(&self, user: &'static str, path: &str) -> Value {
        let request =
            self.http.request(Method::GET, format!("{}{path}", self.sign_api)).bearer_auth(&self.tokens[user]);
        request.send().await.unwrap().json().await.unwrap()
    }

    /// A `POST` of the back end, which may be refused: at night nothing is deducted.
    async fn back_end(&self, path: &str, body: Value) {
        let request = self.http.post(format!("{}{path}", self.merchant_api)).header("Idempotency-Key", path);
        answered_at_last(request.json(&body)).await;
    }
}

/// The same again until it is answered, whatever a process that ends or begins meanwhile says.
async fn answered_at_last(request: RequestBuilder) -> (u16, Value) {
    let started = Instant::now();
    loop {
        let (status, body) = answered(request.try_clone().unwrap()).await;
        if status < 500 {
            return (status, body);
        }
        assert!(started.elapsed() < DEADLINE, "{status} {body}");
    }
}
