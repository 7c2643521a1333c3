//! A merchant's ledger, the sweeper's index over it, the queue, and WeChat.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Mutex;

use ask::fake::{FakeWeChat, MCH_ID, fields};
use domain::{
    Check, Contract, ContractCode, ContractState, Fact, Fen, Order, OrderKind, OrderState, Outcome, Refund, Schedule,
    SignatureAlgorithm,
};
use record::{Commit, Expected, Receipt, Recorded, Recorder, Routing, Write};
use testkit::generate::Generator;
use testkit::memory::{Memory, MemoryLedger, NoWait};
use wechat::{Client, Hosts};
use work::NotSent;

use super::super::*;
use crate::event::Message;

/// When everything begins: in the morning in Beijing, so that deductions can be made for hours.
pub(super) const T0: i64 = 1_767_229_200;

pub(super) const ORDER_QUERY: &str = "/pay/orderquery";
pub(super) const DEDUCTION_QUERY: &str = "/pay/paporderquery";
pub(super) const CONTRACT_QUERY: &str = "/papay/querycontract";
pub(super) const REFUND_QUERY: &str = "/pay/refundquery";
pub(super) const CLOSE: &str = "/pay/closeorder";
pub(super) const DELETE: &str = "/papay/deletecontract";
pub(super) const DEDUCT: &str = "/pay/pappayapply";
pub(super) const REFUND: &str = "/secapi/pay/refund";
pub(super) const PAY_AND_SIGN: &str = "/pay/contractorder";

pub(super) struct World {
    pub(super) memory: Memory,
    pub(super) wechat: FakeWeChat,
    pub(super) queue: Queue,
    pub(super) asker: Asker<MemoryLedger, NoWait, FakeWeChat>,
    pub(super) generator: RefCell<Generator>,
}

impl World {
    pub(super) fn new() -> Self {
        let memory = Memory::new(["all".to_owned()], at(0));
        let routing: Routing = serde_json::from_str(r#"[{"consumer": "all"}]"#).unwrap();
        let wechat = FakeWeChat::default();
        wechat.sign_v3(super::v3::signed);
        let client = Client::over(Hosts::parse("http://127.0.0.1:9704").unwrap(), wechat.clone());
        let asker = Asker::new(Recorder::new(memory.ledger(), NoWait, routing), client);
        Self { memory, wechat, queue: Queue::default(), asker, generator: RefCell::new(Generator::new(3)) }
    }

    /// An offered contract with its first order, both as they are once WeChat has the order.
    pub(super) fn attempt(&self) -> (Contract, Order) {
        let mut generator = self.generator.borrow_mut();
        let code = generator.contract_code();
        let contract = Contract { created_at: at(0), ..generator.contract(&code) };
        let order = Order {
            appid: contract.appid.clone(),
            signature: SignatureAlgorithm::Md5,
            created_at: at(0),
            expires_at: Some(minutes(30)),
            check: Some(Schedule::Order.first(at(0))),
            ..generator.order(OrderKind::PayAndSign, Some(&code))
        };
        (contract, order)
    }

    /// A contract in force.
    pub(super) fn signed(&self) -> Contract {
        let (contract, _) = self.attempt();
        Contract {
            state: ContractState::Signed,
            contract_id: Some(self.generator.borrow_mut().contract_id()),
            signed_at: Some(at(-86_400)),
            payment: None,
            check: Some(Schedule::SignedContract.first(at(-86_400))),
            ..contract
        }
    }

    /// A deduction of it that WeChat was asked for, and the contract that knows of it.
    pub(super) fn deduction(&self, contract: &Contract) -> (Contract, Order) {
        let mut generator = self.generator.borrow_mut();
        let order = Order {
            appid: contract.appid.clone(),
            contract_id: contract.contract_id.clone(),
            signature: SignatureAlgorithm::Md5,
            state: OrderState::Accepted,
            created_at: at(0),
            check: Some(Schedule::Deduction.first(at(0))),
            ..generator.order(OrderKind::Deduction, Some(&contract.contract_code))
        };
        let contract = Contract { open_deduction: Some(order.out_trade_no.clone()), check: None, ..contract.clone() };
        (contract, order)
    }

    /// An order that was paid.
    pub(super) fn paid(&self) -> (Contract, Order) {
        let (contract, order) = self.attempt();
        let transaction_id = Some(self.generator.borrow_mut().transaction_id());
        let order = Order { state: OrderState::Paid, transaction_id, paid_at: Some(at(0)), check: None, ..order };
        (Contract { payment: None, ..contract }, order)
    }

    pub(super) async fn put(&self, contract: Option<&Contract>, order: Option<&Order>, refund: Option<&Refund>) {
        let commit = Commit {
            contract: contract.cloned().map(fresh),
            order: order.cloned().map(fresh),
            refund: refund.cloned().map(fresh),
            ..Commit::empty(mch_id())
        };
        self.memory.ledger().commit(&commit).await.unwrap();
    }

    /// WeChat notifies us.
    pub(super) async fn notified(&self, fact: &Fact, now: Timestamp) -> Recorded {
        let receipt = Receipt { body: Vec::new(), body_hash: [7; 32], received_at: now, traceparent: None };
        self.asker.recorder().apply(fact, &receipt, now, domain::decide).await.unwrap()
    }

    /// Hands these messages to the worker.
    pub(super) async fn deliver(&self, bodies: &[String], now: Timestamp) -> BatchResponse {
        let message = |(place, body): (usize, &String)| Message::new(&format!("m{place}"), body);
        let event = QueueEvent { messages: bodies.iter().enumerate().map(message).collect() };
        let keys = |_: &MchId| Ok::<_, Infallible>(super::v3::keys());
        let worker = Worker { asker: &self.asker, queue: &self.queue, keys };
        worker.handle(&event, now, Duration::from_secs(20)).await
    }

    /// Hands over everything that is due, as the sweeper does.
    pub(super) async fn sweep(&self, now: Timestamp) -> BatchResponse {
        let jobs: Vec<String> = self.due(now).iter().map(|job| serde_json::to_string(job).unwrap()).collect();
        self.deliver(&jobs, now).await
    }

    /// Lives from one second to another: the queue brings what was delayed, the sweeper comes every minute.
    pub(super) async fn live(&self, seconds: std::ops::RangeInclusive<i64>) {
        for second in seconds {
            let arrived = self.queue.arrived(at(second));
            if !arrived.is_empty() {
                self.deliver(&arrived, at(second)).await;
            }
            if second % 60 == 0 {
                self.sweep(at(second)).await;
            }
            self.queue.set_now(at(second));
        }
    }

    pub(super) fn due(&self, now: Timestamp) -> Vec<Job> {
        let store = self.memory.store();
        let due = |check: &Option<Check>| check.as_ref().is_some_and(|check| check.is_due(now));
        let job = |item| Job { mch_id: mch_id(), item };
        let orders = store.orders().filter(|row| due(&row.value.check));
        let contracts = store.contracts().filter(|row| due(&row.value.check));
        let refunds = store.refunds().filter(|row| due(&row.value.check));
        let exempt = store.exempt().filter(|row| due(&row.value.check));
        orders
            .map(|row| job(DueItem::Order(row.value.out_trade_no.clone())))
            .chain(contracts.map(|row| job(DueItem::Contract(row.value.contract_code.clone()))))
            .chain(refunds.map(|row| job(DueItem::Refund(row.value.out_refund_no.clone()))))
            .chain(exempt.map(|row| job(DueItem::Exempt(row.value.key()))))
            .collect()
    }

    pub(super) fn order(&self, order: &Order) -> Order {
        let store = self.memory.store();
        store.orders().find(|row| row.value.out_trade_no == order.out_trade_no).unwrap().value.clone()
    }

    pub(super) fn contract(&self, code: &ContractCode) -> Contract {
        let store = self.memory.store();
        store.contracts().find(|row| row.value.contract_code == *code).unwrap().value.clone()
    }

    pub(super) fn refund(&self, refund: &Refund) -> Refund {
        let store = self.memory.store();
        store.refunds().find(|row| row.value.out_refund_no == refund.out_refund_no).unwrap().value.clone()
    }

    pub(super) fn outcome(&self, contract: &Contract) -> Outcome {
        domain::outcome(&self.contract(&contract.contract_code))
    }

    /// The types of the events so far, without `papay.` and `.v1`.
    pub(super) fn events(&self) -> Vec<String> {
        let store = self.memory.store();
        let name = |text: &str| text.trim_start_matches("papay.").trim_end_matches(".v1").to_owned();
        store.outbox().map(|item| name(&item.entry.event_type)).collect()
    }

    /// From here WeChat says that the order was paid.
    pub(super) fn says_paid(&self, path: &str, order: &Order, trade_state: &str) {
        let total = order.amount.to_string();
        let told = [
            ("trade_state", trade_state),
            ("transaction_id", "4200001234202601010000000001"),
            ("total_fee", &total),
            ("trade_type", if order.kind == OrderKind::Deduction { "PAP" } else { "APP" }),
            ("time_end", "20260101090100"),
        ];
        self.wechat.on(path, fields(&told));
    }

    /// From here WeChat says this of every contract.
    pub(super) fn says_of_contract(&self, contract: &Contract, state: &str, more: &[(&str, &str)]) {
        let id = contract.contract_id.as_ref().map_or("201601010000000000000001", |id| id.as_str());
        let mut told = vec![
            ("contract_code", contract.contract_code.as_str()),
            ("plan_id", contract.plan_id.as_str()),
            ("contract_state", state),
            ("contract_id", id),
        ];
        told.extend(more);
        self.wechat.on(CONTRACT_QUERY, fields(&told));
    }
}

/// The work queue: what was sent, and when it arrives.
#[derive(Default)]
pub(super) struct Queue(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    now: Option<Timestamp>,
    messages: BTreeMap<Timestamp, Vec<String>>,
}

impl Queue {
    fn set_now(&self, now: Timestamp) {
        self.0.lock().unwrap().now = Some(now);
    }

    fn arrived(&self, now: Timestamp) -> Vec<String> {
        let mut state = self.0.lock().unwrap();
        state.now = Some(now);
        let later = state.messages.split_off(&now.checked_add(SignedDuration::from_nanos(1)).unwrap());
        std::mem::replace(&mut state.messages, later).into_values().flatten().collect()
    }
}

impl WorkQueue for Queue {
    async fn send(&self, jobs: &[Job], delay: Duration) -> Vec<Result<(), NotSent>> {
        let mut state = self.0.lock().unwrap();
        let arrives = state.now.unwrap_or(at(0)).checked_add(delay).unwrap();
        let bodies = jobs.iter().map(|job| serde_json::to_string(job).unwrap());
        state.messages.entry(arrives).or_default().extend(bodies);
        vec![Ok(()); jobs.len()]
    }
}

pub(super) fn mch_id() -> MchId {
    MchId::parse(MCH_ID).unwrap()
}

fn fresh<T>(value: T) -> Write<T> {
    Write { value, expected: Expected::Absent, version: 1, routed: BTreeMap::new() }
}

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(T0 + second).unwrap()
}

pub(super) fn seconds(seconds: i64) -> Timestamp {
    at(seconds)
}

pub(super) fn minutes(minutes: i64) -> Timestamp {
    at(minutes * 60)
}

pub(super) fn message(item: DueItem) -> String {
    serde_json::to_string(&Job { mch_id: mch_id(), item }).unwrap()
}

/// Half of an amount.
pub(super) fn half(amount: Fen) -> Fen {
    Fen::new(amount.get() / 2)
}
