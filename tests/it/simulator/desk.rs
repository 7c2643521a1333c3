//! A simulator and a merchant that calls it with our own client.

use std::sync::Arc;
use std::time::Duration;

use counterparty::{MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM, TEST_MERCHANT};
use domain::{AppId, ContractCode, ContractId, Fact, FactBody, Fen, MchId, OutTradeNo, PlanId, Timestamp};
use host::Store;
use host::clock::Clock;
use serde_json::{Value, json};
use simulator::{Config, Control, Family, Merchant, Mode, Pace, Service, Simulator, Template};
use verify::sign::v3::MerchantSigner;
use wechat::{
    Client, ContractOrder, ContractRef, Hosts, Http, Keys, Moment, OrderQuery, OrderRef, PapPayApply, Payment,
    QueryContract, Signing,
};

use crate::harness::{MCH_ID, keys};

pub(super) const APPID: &str = "wx2421b1c4370ec43b";

/// 2026-03-02 10:00:00 in Beijing.
pub(super) const MORNING: i64 = 1_772_416_800_000;

pub(super) struct Desk {
    pub(super) client: Client<Http>,
    pub(super) hosts: Hosts,
    pub(super) keys: Keys,
    simulator: Simulator,
    clock: Clock,
}

impl Desk {
    pub(super) async fn start() -> Self {
        let clock = Clock::standing_at(MORNING);
        let templates =
            vec![Template::new(MCH_ID, "12535"), Template { mode: Mode::PreNotice, ..Template::new(MCH_ID, "12536") }];
        let merchants = vec![Merchant::of_test(MCH_ID).unwrap()];
        let services = vec![Service {
            mch_id: MCH_ID.to_owned(),
            service_id: 20_535,
            name: "免密支付".to_owned(),
            family: Family::Normal,
        }];
        let pace = Pace::default();
        let config =
            Config { port: 0, store: Store::Memory, clock: clock.clone(), merchants, templates, services, pace };
        let simulator = Simulator::start(config).await.unwrap();
        let hosts = || Hosts::parse(&simulator.endpoint()).unwrap();
        let signer = MerchantSigner::new(MCH_ID, MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM).unwrap();
        let keys = Keys::new(Arc::new(keys(&TEST_MERCHANT))).with_signer(Arc::new(signer));
        let client = Client::new(hosts()).unwrap();
        Self { clock, client, hosts: hosts(), keys, simulator }
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.clock.now_ms()).unwrap()
    }

    pub(super) fn at(&self) -> Moment {
        Moment::new(self.now())
    }

    pub(super) fn endpoint(&self) -> String {
        self.simulator.endpoint()
    }

    pub(super) fn control(&self) -> Control {
        self.simulator.control()
    }

    pub(super) fn pass(&self, time: Duration) {
        self.clock.advance_ms(time.as_millis().try_into().unwrap()).unwrap();
    }

    pub(super) async fn act(&self, path: &str, body: Value) -> Value {
        self.control().post(&format!("/{MCH_ID}{path}"), body).await.unwrap()
    }

    pub(super) async fn open(&self, opening: Value) -> Value {
        self.control().post("/open", opening).await.unwrap_or_else(|error| panic!("{error}"))
    }

    pub(super) fn order(&self, code: &str, payment: Payment) -> ContractOrder {
        ContractOrder {
            appid: appid(),
            out_trade_no: OutTradeNo::parse(&format!("{code}F0")).unwrap(),
            body: "月度会员".to_owned(),
            detail: None,
            attach: Some("支付测试".to_owned()),
            total: Fen::parse("total", "1800").unwrap(),
            client_ip: "123.12.12.123".parse().unwrap(),
            time_start: Some(self.now()),
            time_expire: Some(self.now() + jiff::SignedDuration::from_mins(30)),
            notify_url: nowhere(),
            contract_notify_url: nowhere(),
            payment,
            signing: signing(code, "12535"),
            no_credit: false,
            goods_tag: None,
            device_info: None,
        }
    }

    /// Orders, pays and signs; answers the contract_id.
    pub(super) async fn subscribe(&self, code: &str, plan_id: &str) -> ContractId {
        let mut order = self.order(code, Payment::App);
        order.signing = signing(code, plan_id);
        let prepared = order.prepare(&self.keys, &self.at()).unwrap();
        self.client.send(&prepared, &self.keys, self.now()).await.unwrap();
        let paid = self.act(&format!("/orders/{code}F0/pay"), json!({ "user": "alice" })).await;
        ContractId::parse(paid["contract_id"].as_str().unwrap()).unwrap()
    }

    /// What our query makes of a contract.
    pub(super) async fn contract(&self, code: &str, plan_id: &str) -> String {
        let contract = ContractRef::Code { plan_id: plan(plan_id), contract_code: contract_code(code) };
        let query = QueryContract { appid: appid(), contract }.prepare(&self.keys, &self.at()).unwrap();
        let answer = self.client.send(&query, &self.keys, self.now()).await.unwrap();
        said(answer.fact(&mch_id(), &contract_code(code)).unwrap())
    }

    /// What our query makes of an order.
    pub(super) async fn order_state(&self, out_trade_no: &str) -> String {
        let out_trade_no = OutTradeNo::parse(out_trade_no).unwrap();
        let query = OrderQuery { appid: appid(), order: OrderRef::OutTradeNo(out_trade_no.clone()) };
        let query = query.prepare(&self.keys, &self.at()).unwrap();
        let answer = self.client.send(&query, &self.keys, self.now()).await.unwrap();
        said(answer.fact(&mch_id(), &out_trade_no).unwrap())
    }

    pub(super) fn deduction(&self, contract_id: &ContractId, number: &str) -> PapPayApply {
        PapPayApply {
            appid: appid(),
            out_trade_no: OutTradeNo::parse(number).unwrap(),
            contract_id: contract_id.clone(),
            body: "月度会员续费".to_owned(),
            detail: None,
            attach: None,
            total: Fen::parse("total", "1800").unwrap(),
            client_ip: "123.12.12.123".parse().unwrap(),
            notify_url: nowhere(),
            goods_tag: None,
            receipt: false,
        }
    }
}

/// The one word that counts in a fact.
pub(super) fn said(fact: Fact) -> String {
    let word = match fact.body {
        FactBody::Payment(payment) => serde_json::to_value(payment.result).unwrap()["result"].clone(),
        FactBody::Contract(contract) => serde_json::to_value(contract.change).unwrap()["change"].clone(),
        FactBody::Refund(refund) => serde_json::to_value(refund.result).unwrap()["result"].clone(),
        other => panic!("{other:?}"),
    };
    word.as_str().unwrap().to_owned()
}

pub(super) fn appid() -> AppId {
    AppId::parse(APPID).unwrap()
}

pub(super) fn mch_id() -> MchId {
    MchId::parse(MCH_ID).unwrap()
}

pub(super) fn plan(number: &str) -> PlanId {
    PlanId::parse(number).unwrap()
}

pub(super) fn contract_code(code: &str) -> ContractCode {
    ContractCode::parse(code).unwrap()
}

/// The discard port: what is told is not the subject here.
pub(super) fn nowhere() -> String {
    "http://127.0.0.1:9/v2/10000100".to_owned()
}

pub(super) fn signing(code: &str, plan_id: &str) -> Signing {
    let request_serial = code.bytes().fold(1_000_000_000, |sum: u64, byte| sum + u64::from(byte).pow(4));
    Signing {
        plan_id: plan(plan_id),
        contract_code: contract_code(code),
        request_serial,
        display_account: "会员张三".to_owned(),
        outerid: None,
    }
}

impl Desk {
    /// Signs as another user each time; the contract is in force then, and our query says so.
    pub(super) async fn sign(&self, code: &str) {
        self.act(&format!("/contracts/{code}/sign"), json!({})).await;
        assert_eq!(self.contract(code, "12535").await, "signed", "{code}");
    }
}
