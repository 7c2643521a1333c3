//! What happens between the moment when a deduction or its notice is on record and the moment when it is sent.

use ask::Asker;
use domain::{
    Called, Contract, ContractCode, ContractState, Fact, FactBody, MchId, OrderKind, OrderState, OutRefundNo,
};
use record::{Commit, CommitError, DueItem, Expected, Ledger, Receipt, Recorder, Routing};
use serde_json::{Value, json};
use testkit::altered::{Alteration, Altered};
use testkit::memory::{MemoryLedger, NoWait};
use wechat::{Client, Hosts};

use super::town::{DEDUCT, DELETE, REFUND, REFUND_QUERY, wechat_keys};
use super::*;

/// A ledger where the function dies as soon as a refund is on record, and where somebody ends the contract as soon as a deduction, or the notice of one, is on record.
struct Ending(MemoryLedger);

impl Ending {
    async fn end(&self, mch_id: &MchId, contract_code: ContractCode) {
        let fact = Fact::ours(mch_id.clone(), FactBody::Called(Called::TerminationAsked { contract_code }));
        let recorder = Recorder::new(self.0.clone(), NoWait, Routing::default());
        let receipt = Receipt::ours(&fact, at("09:00"), None);
        recorder.apply(&fact, &receipt, at("09:00"), domain::decide).await.unwrap();
    }
}

impl Alteration for Ending {
    type Ledger = MemoryLedger;

    fn ledger(&self) -> &MemoryLedger {
        &self.0
    }

    async fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        self.0.commit(commit).await?;
        if commit.refund.as_ref().is_some_and(|refund| refund.expected == Expected::Absent) {
            return Err(CommitError::Unavailable("nobody is there to read the answer".to_owned()));
        }
        if let Some(order) = &commit.order
            && (order.value.kind, order.expected) == (OrderKind::Deduction, Expected::Absent)
        {
            self.end(&commit.mch_id, order.value.contract_code.clone().unwrap()).await;
        }
        if let Some(contract) = &commit.contract
            && contract.value.notice.as_ref().is_some_and(|notice| notice.confirmed_at.is_none())
        {
            self.end(&commit.mch_id, contract.value.contract_code.clone()).await;
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_contract_that_is_ended_before_its_deduction_is_sent_is_not_charged() {
    let town = Town::over(|memory| Altered(Ending(memory.ledger())));
    let contract = town.signed().await;
    let body = json!({ "contract_code": contract.contract_code, "period": 1 });
    let told = town.post_with("k", "/v1/10000100/deductions", body.clone(), at("09:00")).await;
    assert_eq!(
        (told.status, told.state(), told.body["failure"].as_str()),
        (200, "failed", Some("NOT_SENT")),
        "{told:?}"
    );
    assert_eq!(town.asked(DEDUCT), 0, "WeChat never heard of it");
    let after = town.contract(&contract);
    assert_eq!((after.state, after.open_deduction), (ContractState::Terminating, None));
    assert_eq!(town.orders().pop().unwrap().state, OrderState::Failed);
    assert_eq!(town.post_with("k", "/v1/10000100/deductions", body, at("09:01")).await.body, told.body);
}

#[tokio::test]
async fn a_contract_that_is_ended_before_its_notice_is_sent_has_none_sent() {
    let town = Town::over(|memory| Altered(Ending(memory.ledger())));
    let contract = town.signed().await;
    let path = notify(&contract);
    town.wechat.on(&path, Reply::Json(204, Value::Null));
    let body = json!({ "contract_code": contract.contract_code });
    for _ in 0..2 {
        let told = town.post_with("k", NOTICES, body.clone(), at("09:00")).await;
        assert_eq!((told.status, told.code()), (409, "contract_ended"), "{told:?}");
    }
    assert_eq!(town.asked(&path), 0, "the user is told of nothing");
    assert_eq!(town.contract(&contract).state, ContractState::Terminating);
}

#[tokio::test]
async fn a_notice_whose_answer_was_lost_is_not_sent_again_once_the_contract_shall_end() {
    let town = Town::new();
    let contract = town.signed().await;
    let path = notify(&contract);
    town.wechat.on(&path, Reply::Silence);
    let body = json!({ "contract_code": contract.contract_code });
    let lost = town.post_with("k", NOTICES, body.clone(), at("09:00")).await;
    assert_eq!((lost.status, lost.code()), (503, "unavailable"), "{lost:?}");
    let asked = town.asked(&path);
    town.wechat.on(DELETE, fields(&[]));
    let end = format!("/v1/10000100/contracts/{}/termination", contract.contract_code);
    assert_eq!(town.post(&end, json!({}), at("09:01")).await.status, 202);
    town.wechat.on(&path, Reply::Json(204, Value::Null));
    let again = town.post_with("k", NOTICES, body, at("09:02")).await;
    assert_eq!((again.status, again.code()), (409, "contract_ended"), "{again:?}");
    assert_eq!(town.asked(&path), asked);
}

#[tokio::test]
async fn a_refund_that_is_to_end_the_contract_ends_it_also_where_the_function_died_before_it_was_sent() {
    let town = Town::over(|memory| Altered(Ending(memory.ledger())));
    let (contract, order) = town.paid(1800).await;
    let body = json!({ "out_trade_no": order.out_trade_no, "out_refund_no": "R1", "amount": 1800, "terminate": true });
    assert_eq!(town.post("/v1/10000100/refunds", body, at("09:00")).await.status, 503);
    assert_eq!((town.asked(REFUND), town.contract(&contract).state), (0, ContractState::Signed));
    town.wechat.on(REFUND_QUERY, Reply::Refuses("REFUNDNOTEXIST"));
    town.wechat.on(DELETE, fields(&[]));
    let recorder = Recorder::new(town.memory.ledger(), NoWait, Routing::default());
    let client = Client::over(Hosts::parse("http://127.0.0.1:9704").unwrap(), town.wechat.clone());
    let (asker, keys) = (Asker::new(recorder, client), wechat_keys());
    let due = async |item: DueItem, time: &str| asker.due(&keys, &contract.mch_id, &item, at(time)).await.unwrap();
    due(DueItem::Refund(OutRefundNo::parse("R1").unwrap()), "09:05").await;
    assert_eq!((town.asked(REFUND), town.contract(&contract).state), (1, ContractState::Terminating));
    due(DueItem::Contract(contract.contract_code.clone()), "09:30").await;
    assert_eq!(town.asked(DELETE), 1);
}

const NOTICES: &str = "/v1/10000100/pre-deduction-notices";

fn notify(contract: &Contract) -> String {
    format!("/v3/papay/contracts/{}/notify", contract.contract_id.as_ref().unwrap())
}
