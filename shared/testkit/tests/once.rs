//! What a call with a key brought is on record with that key, in one transaction, and once.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::{Arc, Mutex};

use domain::{Called, Contract, ContractState, Fact, FactBody, Keys, Refusal, Timestamp};
use record::{
    Commit, CommitError, Expected, Idempotency, Known, Ledger, Once, Receipt, Recorded, Recorder, Routing, Write,
};
use testkit::altered::{Alteration, Altered};
use testkit::generate::Generator;
use testkit::memory::{Memory, MemoryLedger, NoWait};

/// A ledger that shows what was written, and forgets to answer one write that it made.
#[derive(Clone)]
struct Watched {
    ledger: MemoryLedger,
    commits: Arc<Mutex<Vec<Commit>>>,
    lose_answer: Arc<Mutex<bool>>,
}

impl Alteration for Watched {
    type Ledger = MemoryLedger;

    fn ledger(&self) -> &MemoryLedger {
        &self.ledger
    }

    async fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        self.ledger.commit(commit).await?;
        self.commits.lock().unwrap().push(commit.clone());
        match std::mem::take(&mut *self.lose_answer.lock().unwrap()) {
            true => Err(CommitError::Unavailable("the answer was lost".to_owned())),
            false => Ok(()),
        }
    }
}

struct Place {
    recorder: Recorder<Altered<Watched>, NoWait>,
    commits: Arc<Mutex<Vec<Commit>>>,
    lose_answer: Arc<Mutex<bool>>,
    now: Timestamp,
}

impl Place {
    /// With a contract in this state.
    async fn with(state: ContractState) -> (Self, Contract) {
        let now: Timestamp = "2026-11-01T08:00:00Z".parse().unwrap();
        let (commits, lose_answer) = (Arc::default(), Arc::default());
        let ledger = Memory::new([], now).ledger();
        let watched =
            Watched { ledger: ledger.clone(), commits: Arc::clone(&commits), lose_answer: Arc::clone(&lose_answer) };
        let mut generator = Generator::new(11);
        let code = generator.contract_code();
        let contract = Contract { state, contract_id: Some(generator.contract_id()), ..generator.contract(&code) };
        let write =
            Write { value: contract.clone(), expected: Expected::Absent, version: 1, routed: Default::default() };
        ledger.commit(&Commit { contract: Some(write), ..Commit::empty(contract.mch_id.clone()) }).await.unwrap();
        (
            Self { recorder: Recorder::new(Altered(watched), NoWait, Routing::default()), commits, lose_answer, now },
            contract,
        )
    }

    async fn end(&self, contract: &Contract, key: &Idempotency, number: &str) -> Result<Once, record::RecordError> {
        let asked = Called::TerminationAsked { contract_code: contract.contract_code.clone() };
        let fact = Fact::ours(contract.mch_id.clone(), FactBody::Called(asked));
        self.recorder.apply_once(&fact, &Receipt::ours(&fact, self.now, None), key, number, self.now).await
    }

    async fn state(&self, contract: &Contract) -> ContractState {
        let keys = Keys { contract: Some(contract.contract_code.clone()), ..Keys::default() };
        self.recorder.rows(&contract.mch_id, &keys).await.unwrap().contract.unwrap().value.state
    }
}

fn key(key: &str, body: u8) -> Idempotency {
    Idempotency::new("alice", "POST termination", key, [body; 32]).unwrap()
}

#[tokio::test]
async fn a_fact_and_the_key_that_brought_it_are_one_transaction() {
    let (place, contract) = Place::with(ContractState::Signed).await;
    let code = contract.contract_code.as_str();
    assert!(matches!(place.end(&contract, &key("k", 1), code).await, Ok(Once::Now(Recorded::Applied { .. }))));
    let commits = place.commits.lock().unwrap().clone();
    let [commit] = &commits[..] else { panic!("{commits:?}") };
    assert!(commit.contract.is_some() && commit.journal.is_some());
    assert_eq!(commit.idempotency.as_ref().unwrap().resource, code);
    assert_eq!(place.state(&contract).await, ContractState::Terminating);
}

#[tokio::test]
async fn the_same_call_is_known_and_another_under_its_key_is_refused() {
    let (place, contract) = Place::with(ContractState::Signed).await;
    let code = contract.contract_code.as_str();
    *place.lose_answer.lock().unwrap() = true;
    assert!(place.end(&contract, &key("k", 1), code).await.is_err(), "nobody knows");
    assert_eq!(place.end(&contract, &key("k", 1), code).await, Ok(Once::Before));
    assert_eq!(place.end(&contract, &key("k", 2), code).await, Ok(Once::Reused), "another body");
    assert_eq!(place.end(&contract, &key("k", 1), "ANOTHER").await, Ok(Once::Reused), "about another contract");
    assert_eq!(place.commits.lock().unwrap().len(), 1);
    let anew = place.end(&contract, &key("k2", 1), code).await;
    assert_eq!(anew, Ok(Once::Now(Recorded::Duplicate)));
    assert_eq!(place.end(&contract, &key("k2", 2), code).await, Ok(Once::Reused), "what was so before is kept, too");
}

#[tokio::test]
async fn what_must_not_happen_leaves_the_key_free() {
    let (place, contract) = Place::with(ContractState::Pending).await;
    let code = contract.contract_code.as_str();
    let refused = place.end(&contract, &key("k", 1), code).await;
    assert_eq!(refused, Ok(Once::Now(Recorded::Refused(Refusal::NotSigned))));
    assert_eq!(place.recorder.known(&contract.mch_id, &key("k", 1)).await, Ok(Known::New));
    assert!(place.commits.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_key_is_claimed_once() {
    let (place, contract) = Place::with(ContractState::Pending).await;
    let claim =
        async |body, resource: &str| place.recorder.claim(&contract.mch_id, &key("k", body), resource, place.now).await;
    assert_eq!(claim(1, "A").await, Ok(Known::New));
    assert_eq!(claim(1, "B").await, Ok(Known::Before { resource: "A".to_owned() }));
    assert_eq!(claim(2, "A").await, Ok(Known::Reused));
}
