//! A ledger in memory, and the numbers of who acts on it.

use domain::{
    Called, Cause, Contract, ContractChange, ContractState, Evidence, Fact, FactBody, Keys, OpenId, Order, OrderKind,
    OrderState, SignatureAlgorithm, Timestamp, UserId,
};
use record::{Opened, Opening, Receipt, Recorded, Recorder, Routing};
use testkit::generate::Generator;
use testkit::memory::{Memory, MemoryLedger, NoWait};

pub(crate) struct Place {
    pub(crate) memory: Memory,
    pub(crate) recorder: Recorder<MemoryLedger, NoWait>,
    pub(crate) generator: Generator,
    pub(crate) now: Timestamp,
}

impl Place {
    pub(crate) fn new() -> Self {
        let now: Timestamp = "2026-11-01T08:00:00Z".parse().unwrap();
        let memory = Memory::new([], now);
        let recorder = Recorder::new(memory.ledger(), NoWait, Routing::default());
        Self { memory, recorder, generator: Generator::new(7), now }
    }

    /// An attempt of a user to sign this contract's plan, with a first order.
    pub(crate) fn attempt(&mut self, user: &UserId, like: Option<&Contract>) -> Opening {
        let code = self.generator.contract_code();
        let mut contract = self.generator.contract(&code);
        contract.state = ContractState::Created;
        contract.user = Some(user.clone());
        if let Some(like) = like {
            (contract.plan_id, contract.appid) = (like.plan_id.clone(), like.appid.clone());
        }
        let mut order = self.generator.order(OrderKind::PayAndSign, Some(&code));
        (order.state, order.appid, order.created_at) = (OrderState::Created, contract.appid.clone(), self.now);
        let opened = domain::Opened::Attempt { contract: Box::new(contract), order: Some(Box::new(order)) };
        let mch_id = self.generator.mch_id();
        Opening { mch_id, opened, idempotency: None, openid: None, traceparent: None }
    }

    pub(crate) async fn open(&self, opening: &Opening) -> Opened {
        self.recorder.open(opening, self.now).await.unwrap()
    }

    pub(crate) async fn tell(&self, body: FactBody, cause: Cause) -> Recorded {
        let fact =
            Fact { mch_id: self.generator.mch_id(), cause, evidence: Evidence::Signed(SignatureAlgorithm::Md5), body };
        let receipt = Receipt::ours(&fact, self.now, None);
        self.recorder.apply(&fact, &receipt, self.now, domain::decide).await.unwrap()
    }

    /// What a notice says of a contract.
    pub(crate) async fn changed(
        &mut self,
        contract: &Contract,
        openid: Option<&OpenId>,
        change: ContractChange,
    ) -> Recorded {
        let id = self.generator.contract_id();
        let mut fact = self.generator.contract_changed(contract, Some(&id), change);
        if let FactBody::Contract(told) = &mut fact.body {
            told.openid = openid.cloned();
        }
        self.tell(fact.body, Cause::Callback).await
    }

    pub(crate) async fn unsigned(&self, contract: &Contract) -> Recorded {
        let order = contract.first_order().unwrap().clone();
        self.tell(FactBody::Called(Called::OrderRefused { out_trade_no: order, code: "NOAUTH".to_owned() }), Cause::Api)
            .await
    }

    /// A signed contract on record.
    pub(crate) async fn signed(&mut self) -> Contract {
        let alice = self.generator.user();
        let opening = self.attempt(&alice, None);
        assert_eq!(self.open(&opening).await, Opened::Opened);
        let contract = contract_of(&opening).clone();
        let at = Some(self.now);
        self.changed(&contract, None, ContractChange::Signed { at, expires_at: None }).await;
        self.row(&contract).await
    }

    pub(crate) async fn row(&self, contract: &Contract) -> Contract {
        let keys = Keys { contract: Some(contract.contract_code.clone()), ..Keys::default() };
        self.recorder.rows(&contract.mch_id, &keys).await.unwrap().contract.unwrap().value
    }

    pub(crate) async fn order(&self, order: &Order) -> Order {
        let keys = Keys { order: Some(order.out_trade_no.clone()), ..Keys::default() };
        self.recorder.rows(&order.mch_id, &keys).await.unwrap().order.unwrap().value
    }

    pub(crate) fn deduction(&mut self, contract: &Contract, period: u16) -> (Opening, Order) {
        let mut order = self.generator.order(OrderKind::Deduction, Some(&contract.contract_code));
        order.out_trade_no = domain::OutTradeNo::deduction(&contract.contract_code, period, 1).unwrap();
        (order.state, order.contract_id) = (OrderState::Created, contract.contract_id.clone());
        (order.appid, order.created_at) = (contract.appid.clone(), self.now);
        let opened = domain::Opened::Deduction { order: Box::new(order.clone()) };
        let mch_id = self.generator.mch_id();
        (Opening { mch_id, opened, idempotency: None, openid: None, traceparent: None }, order)
    }
}

pub(crate) fn contract_of(opening: &Opening) -> &Contract {
    match &opening.opened {
        domain::Opened::Attempt { contract, .. } => contract,
        other => panic!("{other:?}"),
    }
}
