//! The whole function over a ledger in memory and a small WeChat: requests as AWS hands them over, answers as the app gets them.

mod another;
mod edge;
mod ending;
mod idempotency;
mod launches;
mod orders;
mod pre_signing;
mod standing;
mod status;
mod wechat;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use ::ask::Asker;
use ::wechat::{Client, Hosts, Keys};
use axum::Router;
use counterparty::{MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM, TEST_MERCHANT};
use domain::{Contract, ContractCode, MchId, Order, Timestamp};
use http_api::{Cors, Fetched, KeySource, KeySourceError, Users};
use jiff::SignedDuration;
use jsonwebtoken::{EncodingKey, Header};
use lambda_http::http::{HeaderMap, Method};
use lambda_http::request::RequestContext;
use lambda_http::{Body, RequestExt};
use record::{Recorder, Routing};
use serde_json::{Value, json};
use setup::{Catalogue, Env, SystemClock};
use testkit::memory::{Memory, MemoryLedger, NoWait};
use verify::sign::v3::MerchantSigner;
use verify::{ApiV2Key, ApiV3Key, Generations, MerchantKeys, WechatpayKeys};

use crate::app::App;
use crate::routes;
use crate::service::{Merchant, Service};
use wechat::Fake;

const START: i64 = 1_795_000_000;
const SECRET: &str = "a shared secret of thirty-two bytes and more";
const KEY: &str = "192006250b4c09247ec02edce69f6a2d";
const CATALOGUE: &str = r#"
[[products]]
id = "vip-monthly"
mch_id = "10000100"
title = "月度会员"
price = 1800
kind = "subscription"
plan_id = "12535"
expiry = 30
appids = { app = "wxapp", official_account = "wxoff", mini_program = "wxmini", native = "wxoff", h5 = "wxoff" }
h5_return_url = "https://shop.example.com/paid?from=wechat"

[[h5_domains]]
mch_id = "10000100"
domains = ["shop.example.com"]

[[products]]
id = "vip-gold"
mch_id = "10000100"
title = "黄金会员"
price = 3800
kind = "subscription"
plan_id = "12535"
appids = { app = "wxapp" }

[[products]]
id = "vip-slow"
mch_id = "10000100"
title = "年度会员"
price = 16800
kind = "subscription"
plan_id = "12536"
expiry = 300
appids = { app = "wxapp" }

[[products]]
id = "album"
mch_id = "10000100"
title = "专辑"
price = 500
kind = "one_off"
appids = { app = "wxapp" }

[[products]]
id = "coffee"
mch_id = "10000100"
title = "咖啡"
price = 1500
kind = "one_off"
service_id = 20535
expiry = 10080
appids = { app = "wxapp", official_account = "wxoff", mini_program = "wxmini", native = "wxoff", h5 = "wxoff" }

[[products]]
id = "other-monthly"
mch_id = "10000200"
title = "月度会员"
price = 1800
kind = "subscription"
plan_id = "22535"
appids = { app = "wxother" }
"#;

/// The function, its ledger, its WeChat and its clock.
struct Stage {
    memory: Memory,
    wechat: Fake,
    router: Router,
    now: Mutex<Timestamp>,
    /// How often the secrets were looked at again.
    looks: Arc<AtomicU32>,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

struct Shared;

impl KeySource for Shared {
    fn fetch(&self) -> Pin<Box<dyn Future<Output = Result<Vec<Fetched>, KeySourceError>> + Send + '_>> {
        Box::pin(async { Ok(Fetched::shared(SECRET).into_iter().collect()) })
    }
}

impl Stage {
    fn new() -> Self {
        let (start, wechat) = (Timestamp::from_second(START).unwrap(), Fake::default());
        wechat.set_now(start);
        Self::over(Memory::new([], start), wechat)
    }

    /// Another process of the same function.
    fn beside(&self) -> Self {
        let other = Self::over(self.memory.clone(), self.wechat.clone());
        *other.now.lock().unwrap() = self.now();
        other
    }

    fn over(memory: Memory, wechat: Fake) -> Self {
        let start = Timestamp::from_second(START).unwrap();
        let recorder = || Recorder::new(memory.ledger(), NoWait, Routing { routes: Vec::new() });
        let source: Arc<dyn KeySource> = Arc::new(Shared);
        let users = Users::over(&env(), move |_| source.clone(), Arc::new(recorder())).unwrap();
        let looks = Arc::new(AtomicU32::new(0));
        let looked = looks.clone();
        let service: Service<MemoryLedger, NoWait, Fake> = Service {
            asker: Asker::new(recorder(), Client::over(Hosts::default(), wechat.clone())),
            merchants: Mutex::new(BTreeMap::from([(mch_id(), merchant())])),
            keys: Box::new(move |_, _| {
                looked.fetch_add(1, Ordering::Relaxed);
                Box::pin(async { Some(merchant().keys) })
            }),
            catalogue: Catalogue::parse(CATALOGUE).unwrap(),
            server_ip: "198.51.100.7".parse().unwrap(),
        };
        let app = App { api: Arc::new(service), users };
        let router = http_api::edge(routes::router(), Some(Cors::read(&env()).unwrap())).with_state(app);
        Self { memory, wechat, router, now: Mutex::new(start), looks }
    }

    fn pass(&self, seconds: i64) {
        let mut now = self.now.lock().unwrap();
        *now += SignedDuration::from_secs(seconds);
        self.wechat.set_now(*now);
    }

    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    async fn send(&self, request: lambda_http::Request) -> Answer {
        let response = http_api::answer(&self.router, request, self.now()).await;
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 65_536).await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    async fn post(&self, user: &str, path: &str, key: &str, body: Value) -> Answer {
        let headers = [("Idempotency-Key", key), ("Content-Type", "application/json")];
        self.send(request(Method::POST, path, &token(user, self.now()), &headers, &body.to_string())).await
    }

    async fn get(&self, user: &str, path: &str) -> Answer {
        self.send(request(Method::GET, path, &token(user, self.now()), &[], "")).await
    }

    async fn subscribe(&self, user: &str, key: &str, channel: &str) -> Answer {
        let body = json!({ "product": "vip-monthly", "channel": channel });
        self.post(user, "/v1/10000100/subscriptions", key, body).await
    }

    async fn sign(&self, user: &str, key: &str, channel: &str) -> Answer {
        let body = json!({ "product": "vip-monthly", "channel": channel });
        self.post(user, "/v1/10000100/contracts", key, body).await
    }

    async fn buy(&self, user: &str, key: &str, product: &str, channel: &str) -> Answer {
        let body = json!({ "product": product, "channel": channel });
        self.post(user, "/v1/10000100/orders", key, body).await
    }

    async fn bought(&self, user: &str, number: &str) -> Answer {
        self.get(user, &format!("/v1/10000100/orders/{number}")).await
    }

    async fn close(&self, user: &str, key: &str, number: &str) -> Answer {
        self.post(user, &format!("/v1/10000100/orders/{number}/close"), key, json!({})).await
    }

    async fn status(&self, user: &str, code: &str) -> Answer {
        self.get(user, &format!("/v1/10000100/subscriptions/{code}")).await
    }

    /// A user who has paid and signed, as the status has found.
    async fn active(&self, user: &str) -> String {
        let code = self.subscribe(user, &format!("first of {user}"), "app").await.code();
        self.wechat.pay(&format!("{code}F0"));
        self.wechat.sign_contract(&code);
        self.pass(6);
        assert_eq!(self.status(user, &code).await.body["outcome"], "active");
        code
    }

    fn contract(&self, code: &str) -> Contract {
        let store = self.memory.store();
        let found = store.contracts().find(|row| row.value.contract_code == ContractCode::parse(code).unwrap());
        found.unwrap().value.clone()
    }

    fn orders(&self) -> Vec<Order> {
        self.memory.store().orders().map(|row| row.value.clone()).collect()
    }
}

impl Answer {
    fn code(&self) -> String {
        self.body["contract_code"].as_str().unwrap_or_else(|| panic!("{self:?}")).to_owned()
    }

    fn number(&self) -> String {
        self.body["out_trade_no"].as_str().unwrap_or_else(|| panic!("{self:?}")).to_owned()
    }

    fn problem(&self) -> (u16, &str) {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        (self.status, self.body["code"].as_str().unwrap())
    }
}

fn mch_id() -> MchId {
    MchId::parse("10000100").unwrap()
}

fn merchant() -> Merchant {
    let key = Generations::only(ApiV2Key::parse(KEY).unwrap());
    let mut wechatpay = WechatpayKeys::default();
    wechatpay.insert_public_key(TEST_MERCHANT.public_key_id, TEST_MERCHANT.public_key_pem).unwrap();
    let v3 = Generations::only(ApiV3Key::parse(TEST_MERCHANT.api_v3_key).unwrap());
    let keys = MerchantKeys::new("10000100", Some(key), Some(v3), wechatpay).unwrap();
    let signer = MerchantSigner::new("10000100", MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM).unwrap();
    Merchant {
        keys: Keys::new(Arc::new(keys)).with_signer(Arc::new(signer)),
        payment_url: "https://pay.example.com/v2/10000100".to_owned(),
        contract_url: "https://sign.example.com/v2/10000100".to_owned(),
        purchase_url: "https://buy.example.com/v3/10000100".to_owned(),
        exempt_url: "https://sign.example.com/v3/10000100".to_owned(),
    }
}

fn env() -> Env {
    let issuers = json!([{
        "issuer": "app", "audience": "papay", "merchants": ["10000100"], "algorithm": "HS256", "secret": "s",
    }]);
    let variables = [
        ("PAPAY_ISSUERS", issuers.to_string()),
        ("PAPAY_CORS_ORIGINS", "https://shop.example.com".to_owned()),
        ("PAPAY_USER_CALLS_PER_MINUTE", "20".to_owned()),
    ];
    let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Env::of(variables, Arc::new(SystemClock))
}

fn token(user: &str, now: Timestamp) -> String {
    let claims = json!({
        "iss": "app", "aud": "papay", "sub": user, "exp": now.as_second() + 600, "display_account": user,
        "openids": { "wxoff": format!("oOff{user}"), "wxmini": format!("oMini{user}") },
    });
    token_of(&claims)
}

fn token_of(claims: &Value) -> String {
    jsonwebtoken::encode(&Header::default(), claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

/// A function-URL request from 203.0.113.9.
fn request(method: Method, path: &str, token: &str, headers: &[(&str, &str)], body: &str) -> lambda_http::Request {
    let context = json!({ "timeEpoch": 0, "http": { "method": method.as_str(), "sourceIp": "203.0.113.9" } });
    let context = RequestContext::ApiGatewayV2(serde_json::from_value(context).unwrap());
    let mut request = lambda_http::http::Request::builder().method(method).uri(path);
    if !token.is_empty() {
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::Text(body.to_owned())).unwrap().with_request_context(context)
}
