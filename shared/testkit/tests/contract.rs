//! The contract of a ledger can be broken: one that forgets a condition does not pass it.
#![allow(clippy::unwrap_used, reason = "tests")]

use domain::Timestamp;
use record::{Commit, CommitError, Ledger};
use testkit::altered::{Alteration, Altered};
use testkit::contract;
use testkit::memory::{Conditions, Memory, MemoryLedger};

#[tokio::test]
#[should_panic(expected = "Conflict")]
async fn a_ledger_without_versions_does_not_pass() {
    contract::ledger(&forgetting(Conditions { state: false, ..Conditions::ALL }), 1).await;
}

#[tokio::test]
#[should_panic(expected = "Conflict")]
async fn a_ledger_without_stream_heads_does_not_pass() {
    contract::ledger(&forgetting(Conditions { head: false, ..Conditions::ALL }), 1).await;
}

#[tokio::test]
#[should_panic(expected = "Conflict")]
async fn a_ledger_that_writes_a_business_key_twice_does_not_pass() {
    contract::ledger(&forgetting(Conditions { journal: false, ..Conditions::ALL }), 1).await;
}

#[tokio::test]
#[should_panic(expected = "Conflict")]
async fn a_ledger_that_gives_a_sequence_twice_does_not_pass() {
    contract::ledger(&forgetting(Conditions { sequence: false, ..Conditions::ALL }), 1).await;
}

#[tokio::test]
#[should_panic(expected = "Conflict")]
async fn a_ledger_without_guards_does_not_pass() {
    contract::ledger(&forgetting(Conditions { guards: false, ..Conditions::ALL }), 1).await;
}

#[tokio::test]
#[should_panic(expected = "was written although part")]
async fn a_ledger_that_writes_half_a_transaction_does_not_pass() {
    contract::ledger(&Altered(Forgetting { halves: true, ..forgetting(Conditions::ALL).0 }), 1).await;
}

struct Forgetting {
    memory: Memory,
    ledger: MemoryLedger,
    conditions: Conditions,
    /// Writes the journal entry apart from the rest.
    halves: bool,
}

fn forgetting(conditions: Conditions) -> Altered<Forgetting> {
    let memory = Memory::new([], Timestamp::UNIX_EPOCH);
    Altered(Forgetting { ledger: memory.ledger(), memory, conditions, halves: false })
}

impl Alteration for Forgetting {
    type Ledger = MemoryLedger;

    fn ledger(&self) -> &MemoryLedger {
        &self.ledger
    }

    async fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        let mut rest = commit.clone();
        if self.halves && commit.journal.is_some() && commit.items() > 1 {
            let journal = Commit { journal: rest.journal.take(), ..Commit::empty(commit.mch_id.clone()) };
            self.ledger.commit(&journal).await?;
        }
        self.memory.with_store(|store| store.commit_if(&rest, self.conditions))
    }
}
