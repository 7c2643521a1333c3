//! One merchant with a ledger in memory, WeChat, and back ends.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ask::Asker;
use ask::fake::{FakeWeChat, MCH_ID};
use axum::Router;
use counterparty::{MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM, Occasion, TEST_MERCHANT, WechatPay};
use domain::{
    Contract, ContractState, Fen, MchId, Order, OrderKind, OrderState, Protocol, Refund, SignatureAlgorithm, Timestamp,
};
use http_api::Principals;
use http_body_util::BodyExt;
use lambda_http::http::Request;
use lambda_http::request::RequestContext;
use lambda_http::{Body, RequestExt};
use record::{Commit, Expected, Ledger, Recorder, Routing, Write, Writeahead};
use serde_json::{Value, json};
use setup::{Catalogue, Env, NotifyUrl, SystemClock};
use testkit::generate::Generator;
use testkit::memory::{Memory, NoWait};
use verify::sign::v3::MerchantSigner;
use verify::{ApiV3Key, Generations, MerchantKeys, WechatpayKeys};
use wechat::{Client, Hosts, Keys};

use super::racing::Unhurried;
use crate::business::Business;
use crate::state::App;

pub(super) use ask::fake::{Reply, fields};

pub(super) const CONTRACT_QUERY: &str = "/papay/querycontract";
pub(super) const DELETE: &str = "/papay/deletecontract";
pub(super) const DEDUCT: &str = "/pay/pappayapply";
pub(super) const DEDUCTION_QUERY: &str = "/pay/paporderquery";
pub(super) const ORDER_QUERY: &str = "/pay/orderquery";
pub(super) const CLOSE: &str = "/pay/closeorder";
pub(super) const REFUND: &str = "/secapi/pay/refund";
pub(super) const REFUND_QUERY: &str = "/pay/refundquery";
pub(super) const V3_REFUND: &str = "/v3/refund/domestic/refunds";

/// May do everything.
pub(super) const BILLING: &str = "arn:aws:iam::123456789012:user/billing";
/// May only look.
pub(super) const SUPPORT: &str = "arn:aws:iam::123456789012:user/support";

pub(super) struct Town {
    pub(super) memory: Memory,
    pub(super) wechat: FakeWeChat,
    router: Router,
    keys: AtomicU64,
}

/// An answer of the API.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Told {
    pub(super) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or("none")
    }

    pub(super) fn state(&self) -> &str {
        self.body["state"].as_str().unwrap_or("none")
    }
}

impl Town {
    pub(super) fn new() -> Self {
        Self::over(|memory| memory.ledger())
    }

    /// Whose pay-and-sign orders are refunded by V3.
    pub(super) fn refunding_by_v3() -> Self {
        Self::with(|memory| memory.ledger(), &[("PAPAY_MERCHANTS", MCH_ID), ("PAPAY_REFUNDS_BY_V3", MCH_ID)])
    }

    /// With a ledger that does more than the memory's.
    pub(super) fn over<L: Writeahead + 'static>(ledger: impl FnOnce(&Memory) -> L) -> Self {
        Self::with(ledger, &[])
    }

    fn with<L: Writeahead + 'static>(ledger: impl FnOnce(&Memory) -> L, variables: &[(&str, &str)]) -> Self {
        let memory = Memory::new(["all".to_owned()], at("09:00"));
        let routing: Routing = serde_json::from_str(r#"[{"consumer": "all"}]"#).unwrap();
        let wechat = FakeWeChat::default();
        wechat.sign_v3(signed);
        let env = env(variables);
        let business = Business {
            asker: Asker::new(
                Recorder::new(ledger(&memory), NoWait, routing),
                Client::over(Hosts::parse("http://127.0.0.1:9704").unwrap(), Unhurried(wechat.clone())),
            ),
            keys: Box::new(|mch_id, _| Box::pin(async move { (mch_id.as_str() == MCH_ID).then(wechat_keys) })),
            catalogue: Catalogue::parse(CATALOGUE).unwrap(),
            deductions: env.notify_url(NotifyUrl::Deduction).unwrap(),
            contracts: env.notify_url(NotifyUrl::Contract).unwrap(),
            refunds: env.notify_url(NotifyUrl::Refund).unwrap(),
            refunds_by_v3: env.refunds_by_v3().unwrap(),
            server_ip: env.server_ip().unwrap(),
        };
        let principals = Principals::read(&env).unwrap();
        let router = super::super::routes(App { business: Arc::new(business), principals });
        Self { memory, wechat, router, keys: AtomicU64::new(0) }
    }

    /// A contract in force, which WeChat confirms.
    pub(super) async fn signed(&self) -> Contract {
        self.contract_in(ContractState::Signed).await
    }

    /// Another contract in force.
    pub(super) async fn another_signed(&self, like: &Contract) -> Contract {
        let mut generator = Generator::new(6);
        let (contract_code, contract_id) = (generator.contract_code(), Some(generator.contract_id()));
        let contract = Contract { contract_code, contract_id, ..like.clone() };
        self.put(Some(&contract), None, None).await;
        contract
    }

    async fn contract_in(&self, state: ContractState) -> Contract {
        let mut generator = Generator::new(5);
        let code = generator.contract_code();
        let contract = Contract {
            state,
            contract_id: Some(generator.contract_id()),
            payment: None,
            signed_at: Some(at("08:00")),
            product: Some(domain::ProductId::parse("vip-monthly").unwrap()),
            check: None,
            created_at: at("08:00"),
            ..generator.contract(&code)
        };
        self.put(Some(&contract), None, None).await;
        self.says_of_contract(&contract, "0", &[]);
        self.wechat.on(DEDUCT, fields(&[]));
        contract
    }

    /// A paid order of a contract in force.
    pub(super) async fn paid(&self, amount: u64) -> (Contract, Order) {
        self.paid_while(ContractState::Signed, amount).await
    }

    /// A paid order of a contract in this state.
    pub(super) async fn paid_while(&self, state: ContractState, amount: u64) -> (Contract, Order) {
        let contract = self.contract_in(state).await;
        let mut generator = Generator::new(6);
        let order = Order {
            appid: contract.appid.clone(),
            contract_id: None,
            amount: Fen::new(amount),
            signature: SignatureAlgorithm::Md5,
            state: OrderState::Paid,
            transaction_id: Some(generator.transaction_id()),
            paid_at: Some(at("08:00")),
            created_at: at("08:00"),
            check: None,
            ..generator.order(OrderKind::PayAndSign, Some(&contract.contract_code))
        };
        self.put(None, Some(&order), None).await;
        self.wechat.on(REFUND, fields(&[("refund_id", "50000000001")]));
        (contract, order)
    }

    /// A paid one-off order.
    pub(super) async fn bought(&self, amount: u64) -> Order {
        let mut generator = Generator::new(7);
        let order = Order {
            amount: Fen::new(amount),
            protocol: Protocol::V3,
            signature: SignatureAlgorithm::Rsa,
            state: OrderState::Paid,
            transaction_id: Some(generator.transaction_id()),
            paid_at: Some(at("08:00")),
            created_at: at("08:00"),
            check: None,
            ..generator.order(OrderKind::OneOff, None)
        };
        self.put(None, Some(&order), None).await;
        self.says_of_refund(V3_REFUND, &order, json!({ "status": "PROCESSING" }));
        order
    }

    /// What WeChat says of refunds of a purchase at this path.
    pub(super) fn says_of_refund(&self, path: &str, order: &Order, told: Value) {
        let amount = json!({ "total": order.amount, "payer_total": order.amount, "currency": "CNY" });
        let mut answer = json!({
            "refund_id": "50000000001", "transaction_id": order.transaction_id, "out_trade_no": order.out_trade_no,
            "channel": "ORIGINAL", "user_received_account": "支付用户零钱", "create_time": "2026-01-01T09:00:00+08:00",
            "funds_account": "AVAILABLE",
        });
        if path != V3_REFUND {
            answer["out_refund_no"] = json!(path.split('/').nth(5));
            answer["amount"] = amount;
        }
        answer.as_object_mut().unwrap().extend(told.as_object().unwrap().clone());
        self.wechat.on(path, Reply::Json(200, answer));
    }

    pub(super) async fn put(&self, contract: Option<&Contract>, order: Option<&Order>, refund: Option<&Refund>) {
        let commit = Commit {
            contract: contract.cloned().map(fresh),
            order: order.cloned().map(fresh),
            refund: refund.cloned().map(fresh),
            ..Commit::empty(MchId::parse(MCH_ID).unwrap())
        };
        self.memory.ledger().commit(&commit).await.unwrap();
    }

    pub(super) fn says_of_contract(&self, contract: &Contract, state: &str, more: &[(&str, &str)]) {
        let mut told = vec![
            ("contract_code", contract.contract_code.as_str()),
            ("plan_id", contract.plan_id.as_str()),
            ("contract_state", state),
            ("contract_id", contract.contract_id.as_ref().unwrap().as_str()),
        ];
        told.extend(more);
        self.wechat.on(CONTRACT_QUERY, fields(&told));
    }

    pub(super) async fn get(&self, path: &str, now: Timestamp) -> Told {
        self.call(BILLING, "GET", path, None, None, now).await
    }

    /// With a key that nobody used before.
    pub(super) async fn post(&self, path: &str, body: Value, now: Timestamp) -> Told {
        let key = self.keys.fetch_add(1, Ordering::Relaxed).to_string();
        self.call(BILLING, "POST", path, Some(&key), Some(body), now).await
    }

    pub(super) async fn post_with(&self, key: &str, path: &str, body: Value, now: Timestamp) -> Told {
        self.call(BILLING, "POST", path, Some(key), Some(body), now).await
    }

    pub(super) async fn call(
        &self,
        arn: &str,
        method: &str,
        path: &str,
        key: Option<&str>,
        body: Option<Value>,
        now: Timestamp,
    ) -> Told {
        let context = json!({
            "timeEpoch": 0, "http": { "method": method, "sourceIp": "203.0.113.9" },
            "authorizer": { "iam": { "userArn": arn } },
        });
        let context = RequestContext::ApiGatewayV2(serde_json::from_value(context).unwrap());
        let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let body = body.map_or(Body::Empty, |body| Body::Text(body.to_string()));
        self.told(request.body(body).unwrap().with_request_context(context), now).await
    }

    /// An event as Lambda hands it to the function.
    pub(super) async fn event(&self, event: &Value, now: Timestamp) -> Told {
        let request = lambda_http::request::from_str(&event.to_string()).unwrap();
        self.told(request, now).await
    }

    async fn told(&self, request: lambda_http::Request, now: Timestamp) -> Told {
        let response = http_api::answer(&self.router, request, now).await;
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Told { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
    }

    pub(super) fn contract(&self, contract: &Contract) -> Contract {
        let store = self.memory.store();
        store.contracts().find(|row| row.value.contract_code == contract.contract_code).unwrap().value.clone()
    }

    pub(super) fn orders(&self) -> Vec<Order> {
        self.memory.store().orders().map(|row| row.value.clone()).collect()
    }

    /// How often WeChat was asked at this path.
    pub(super) fn asked(&self, path: &str) -> usize {
        self.wechat.asked().iter().filter(|asked| asked.path == path).count()
    }
}

const CATALOGUE: &str = r#"
[[products]]
id = "vip-monthly"
mch_id = "10000100"
title = "月度会员"
price = 1800
kind = "subscription"
plan_id = "12535"
appids = { app = "wx2421b1c4370ec43b" }
"#;

fn env(more: &[(&str, &str)]) -> Env {
    let principals = json!([
        { "principal": BILLING, "merchants": [MCH_ID], "actions": ["read", "deduct", "refund", "terminate"] },
        { "principal": SUPPORT, "merchants": [MCH_ID], "actions": ["read"] },
        { "principal": "arn:aws:sts::123456789012:assumed-role/Reports/*", "merchants": [MCH_ID], "actions": ["read"] },
    ]);
    let mut variables = BTreeMap::from([
        ("PAPAY_PRINCIPALS".to_owned(), principals.to_string()),
        ("PAPAY_URL_DEDUCTION".to_owned(), "https://deduction.example.com".to_owned()),
        ("PAPAY_URL_CONTRACT".to_owned(), "https://contract.example.com".to_owned()),
        ("PAPAY_URL_REFUND".to_owned(), "https://refund.example.com".to_owned()),
        ("PAPAY_SERVER_IP".to_owned(), "198.51.100.7".to_owned()),
    ]);
    variables.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Env::of(variables, Arc::new(SystemClock))
}

/// Both ways. The fake asks for nobody's client certificate.
pub(super) fn wechat_keys() -> Keys {
    let v2 = FakeWeChat::keys().v2.clone();
    let v3 = Generations::only(ApiV3Key::parse(TEST_MERCHANT.api_v3_key).unwrap());
    let mut wechatpay = WechatpayKeys::default();
    wechatpay.insert_public_key(TEST_MERCHANT.public_key_id, TEST_MERCHANT.public_key_pem).unwrap();
    let merchant = MerchantKeys::new(MCH_ID, v2, Some(v3), wechatpay).unwrap();
    let signer = MerchantSigner::new(MCH_ID, MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM).unwrap();
    Keys::new(Arc::new(merchant)).with_signer(Arc::new(signer))
}

fn signed(status: u16, body: &str, now: i64) -> wechat::Incoming {
    let wechat = WechatPay::test_merchant().unwrap();
    let answer = wechat.v3_answer(status, body.as_bytes().to_vec(), None, &Occasion::derived(now, body)).unwrap();
    wechat::Incoming { status, headers: answer.headers, body: answer.body }
}

fn fresh<T>(value: T) -> Write<T> {
    Write { value, expected: Expected::Absent, version: 1, routed: BTreeMap::new() }
}

/// A time of the first of January in Beijing.
pub(super) fn at(time: &str) -> Timestamp {
    format!("2026-01-01T{time}:00+08:00").parse().unwrap()
}
