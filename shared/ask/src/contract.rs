//! Contracts: whether one is in force, and ending it.

use domain::{Called, Cause, Contract, ContractChange, ContractState, Fact, FactBody, Timestamp};
use record::{Backoff, DecideFn, Ledger, Recorded};
use wechat::{ContractRef, DeleteContract, Keys, Moment, QueryContract, Transport};

use crate::untold::{self, count};
use crate::{AskError, Asker};

/// What came of ending a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Terminated {
    /// It ended.
    Ended,
    /// It is on record that it shall end, and nothing is charged any more; WeChat has not confirmed it yet, and is asked again.
    Asked,
    /// Nothing can be ended.
    Refused(domain::Refusal),
}

impl<L: Ledger, B: Backoff, T: Transport> Asker<L, B, T> {
    /// Asks whether a contract is in force, and records it.
    ///
    /// # Errors
    ///
    /// [`AskError`]
    pub async fn contract(&self, keys: &Keys, contract: &Contract, now: Timestamp) -> Result<Recorded, AskError> {
        self.query_contract(keys, contract, now, domain::decide_in_passing).await.map(|(_, recorded)| recorded)
    }

    /// Asks, records, and answers whether WeChat says that it is in force: a proved state 0, and nothing less.
    ///
    /// # Errors
    ///
    /// [`AskError`]
    pub async fn is_in_force(&self, keys: &Keys, contract: &Contract, now: Timestamp) -> Result<bool, AskError> {
        let (change, recorded) = self.query_contract(keys, contract, now, domain::decide_in_passing).await?;
        let believed = !matches!(recorded, Recorded::Contradiction(_) | Recorded::Unknown(_));
        Ok(believed && matches!(change, ContractChange::Signed { .. }))
    }

    /// Ends an offer without payment that the user does not want any more, if WeChat says that nothing was signed and nobody can begin
    /// to sign it.
    ///
    /// # Errors
    ///
    /// [`AskError`]
    pub async fn withdraw(&self, keys: &Keys, contract: &Contract, now: Timestamp) -> Result<(), AskError> {
        let (change, _) = self.query_contract(keys, contract, now, domain::decide_in_passing).await?;
        if matches!(change, ContractChange::Absent | ContractChange::NotSigned) {
            let contract_code = contract.contract_code.clone();
            let withdrawn = FactBody::Called(Called::OfferWithdrawn { contract_code });
            self.record_ours(&Fact::ours(contract.mch_id.clone(), withdrawn), now).await?;
        }
        Ok(())
    }

    pub(crate) async fn query_contract(
        &self,
        keys: &Keys,
        contract: &Contract,
        now: Timestamp,
        decide: DecideFn,
    ) -> Result<(ContractChange, Recorded), AskError> {
        let (change, recorded) = self.ask_about(keys, contract, now, decide).await?;
        count(&recorded, untold::by_contract(contract, &change, now));
        Ok((change, recorded))
    }

    async fn ask_about(
        &self,
        keys: &Keys,
        contract: &Contract,
        now: Timestamp,
        decide: DecideFn,
    ) -> Result<(ContractChange, Recorded), AskError> {
        let query = QueryContract { appid: contract.appid.clone(), contract: reference(contract) };
        let answer = self.call(&query.prepare(keys, &Moment::new(now))?, keys, now).await?;
        let fact = answer.fact(&contract.mch_id, &contract.contract_code)?;
        let change = match &fact.body {
            FactBody::Contract(told) => told.change.clone(),
            _ => ContractChange::InProgress,
        };
        // Before it is recorded, since that may settle why nothing was signed, and the user is guarded by what is found here.
        if matches!(change, ContractChange::Absent | ContractChange::NotSigned) {
            self.look_for_another(keys, contract, now).await?;
        }
        let recorded = self.record(&fact, answer.body(), now, decide).await?;
        Ok((change, recorded))
    }

    /// A contract that was paid for and that WeChat does not know, or calls not signed: its payer may have another one of the plan, in
    /// force, and then this one is never signed (protocol, 11). What WeChat says of that one decides.
    async fn look_for_another(&self, keys: &Keys, contract: &Contract, now: Timestamp) -> Result<(), AskError> {
        let waits = matches!(contract.state, ContractState::Created | ContractState::Pending);
        let payer = contract.payment.as_ref().and_then(|payment| payment.payer.as_ref());
        let Some(payer) = payer.filter(|_| waits) else { return Ok(()) };
        let (mch_id, plan_id) = (&contract.mch_id, &contract.plan_id);
        let other = self.recorder.signed_by(mch_id, plan_id, &contract.appid, payer).await?.map(|row| row.value);
        let Some(other) = other.filter(|other| other.contract_code != contract.contract_code && other.is_in_force())
        else {
            return Ok(());
        };
        // Boxed, since this is how contracts are asked for.
        if !Box::pin(self.is_in_force(keys, &other, now)).await? {
            return Ok(());
        }
        let (contract_code, existing) = (contract.contract_code.clone(), other.contract_code);
        let found = FactBody::Called(Called::SignedBefore { contract_code, existing });
        let found = Fact { cause: Cause::Query, ..Fact::ours(mch_id.clone(), found) };
        self.record_ours(&found, now).await?;
        Ok(())
    }

    /// Ends a contract: Terminating is written first, so that nothing is charged from here, whatever WeChat answers.
    ///
    /// # Errors
    ///
    /// [`AskError::Record`]: it is not on record that the contract shall end. What WeChat does not answer is asked again later.
    pub async fn terminate(
        &self,
        keys: &Keys,
        contract: &Contract,
        remark: &str,
        now: Timestamp,
    ) -> Result<Terminated, AskError> {
        let contract_code = contract.contract_code.clone();
        let asked = Fact::ours(contract.mch_id.clone(), FactBody::Called(Called::TerminationAsked { contract_code }));
        if let Recorded::Refused(refusal) = self.record_ours(&asked, now).await? {
            return Ok(Terminated::Refused(refusal));
        }
        if contract.state == ContractState::Terminated {
            return Ok(Terminated::Ended);
        }
        match self.delete_and_ask(keys, contract, remark, now).await {
            Ok(ContractChange::Terminated { .. } | ContractChange::NotSigned) => Ok(Terminated::Ended),
            Ok(_) => Ok(Terminated::Asked),
            Err(AskError::Record(error)) => Err(error.into()),
            Err(error) => {
                tracing::warn!(contract_code = %contract.contract_code, %error, "a termination is not confirmed yet");
                Ok(Terminated::Asked)
            }
        }
    }

    /// The query decides, also of a contract that WeChat had ended before.
    pub(crate) async fn delete_and_ask(
        &self,
        keys: &Keys,
        contract: &Contract,
        remark: &str,
        now: Timestamp,
    ) -> Result<ContractChange, AskError> {
        let delete =
            DeleteContract { appid: contract.appid.clone(), contract: reference(contract), remark: remark.to_owned() };
        let deleted = self.call(&delete.prepare(keys, &Moment::new(now))?, keys, now).await;
        // Our own doing, whatever state the caller has read: nobody had to tell us.
        let change = self.ask_about(keys, contract, now, domain::decide).await?.0;
        match (deleted, &change) {
            (Err(error), ContractChange::Signed { .. }) => Err(error.into()),
            (Ok(_) | Err(_), _) => Ok(change),
        }
    }
}

/// WeChat's number where it is known: ours could be of several attempts.
fn reference(contract: &Contract) -> ContractRef {
    match &contract.contract_id {
        Some(contract_id) => ContractRef::Id(contract_id.clone()),
        None => ContractRef::Code { plan_id: contract.plan_id.clone(), contract_code: contract.contract_code.clone() },
    }
}
