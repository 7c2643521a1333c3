//! Password-exempt contracts (免密支付): offering one with a payment, what became of it, and ending it.

use domain::{
    Called, Cause, Evidence, ExemptChange, ExemptContract, ExemptFact, ExemptState, Fact, FactBody, TerminationReason,
    Timestamp,
};
use jiff::SignedDuration;
use record::{Backoff, DecideFn, Ledger, Recorded};
use wechat::{CallError, Keys, Moment, Prepared, Transport, v3};

use crate::contract::Terminated;
use crate::send::{Sent, code, evidence, is_final, stored};
use crate::v3::SIGNED;
use crate::{AskError, Asker};

/// How long a `prepay_id` lives that a contract is offered with.
const OFFERED_FOR: SignedDuration = SignedDuration::from_hours(2);

/// What WeChat is told of a termination that has to be asked for again.
const REMARK: &str = "商户申请解约";

impl<L: Ledger, B: Backoff, T: Transport> Asker<L, B, T> {
    /// Sends the stored request that offers a contract with a payment. The payment is not touched by what comes of it.
    ///
    /// # Errors
    ///
    /// [`AskError::Record`], [`AskError::Invalid`] where nothing that can be sent is stored.
    pub async fn send_pre_signing(
        &self,
        keys: &Keys,
        contract: &ExemptContract,
        now: Timestamp,
    ) -> Result<Sent, AskError> {
        self.pre_sign(keys, contract, now).await.map(|(sent, _)| sent)
    }

    /// The same; answers as well what WeChat's mini program is opened with, where the contract is signed there.
    ///
    /// # Errors
    ///
    /// As [`Asker::send_pre_signing`].
    pub async fn pre_sign(
        &self,
        keys: &Keys,
        contract: &ExemptContract,
        now: Timestamp,
    ) -> Result<(Sent, Option<v3::SigningSession>), AskError> {
        let prepared = Prepared::<v3::PreSign>::from_text(stored(contract.request.as_ref())?)?;
        let key = contract.key();
        let (called, sent) = match self.call(&prepared, keys, now).await {
            Ok(answer) => (Called::ExemptOffered { key }, (Sent::Accepted, answer.mini_program)),
            Err(error) if is_final(&error) && evidence(&error, SIGNED).proves() => {
                (Called::ExemptRefused { key, code: code(&error) }, (Sent::Refused(error), None))
            }
            Err(error) => return Ok((Sent::Unknown(error), None)),
        };
        self.record_ours(&Fact::ours(contract.mch_id.clone(), FactBody::Called(called)), now).await?;
        Ok(sent)
    }

    /// Asks what became of a contract, and records it.
    ///
    /// # Errors
    ///
    /// [`AskError`]
    pub async fn exempt(&self, keys: &Keys, contract: &ExemptContract, now: Timestamp) -> Result<Recorded, AskError> {
        self.query_exempt(keys, contract, now, domain::decide_in_passing).await.map(|(_, recorded)| recorded)
    }

    /// Ends a contract: Terminating is written first.
    ///
    /// # Errors
    ///
    /// [`AskError::Record`]: it is not on record that it shall end. What WeChat does not answer is asked again later.
    pub async fn terminate_exempt(
        &self,
        keys: &Keys,
        contract: &ExemptContract,
        remark: &str,
        now: Timestamp,
    ) -> Result<Terminated, AskError> {
        let asked = Called::ExemptTerminationAsked { key: contract.key() };
        let asked = Fact::ours(contract.mch_id.clone(), FactBody::Called(asked));
        if let Recorded::Refused(refusal) = self.record_ours(&asked, now).await? {
            return Ok(Terminated::Refused(refusal));
        }
        if contract.state == ExemptState::Terminated {
            return Ok(Terminated::Ended);
        }
        match self.end_and_ask(keys, contract, remark, now).await {
            Ok(ExemptChange::Terminated { .. }) => Ok(Terminated::Ended),
            Ok(_) => Ok(Terminated::Asked),
            Err(AskError::Record(error)) => Err(error.into()),
            Err(error) => {
                tracing::warn!(exempt = %contract.key(), %error, "a termination is not confirmed yet");
                Ok(Terminated::Asked)
            }
        }
    }

    /// What a due check asks for: an offer that was lost is sent again, and so is a termination.
    pub(crate) async fn due_exempt(
        &self,
        keys: &Keys,
        contract: &ExemptContract,
        now: Timestamp,
    ) -> Result<(), AskError> {
        let (change, _) = self.query_exempt(keys, contract, now, domain::decide).await?;
        let young = now.duration_since(contract.created_at) < OFFERED_FOR;
        match (contract.state, change) {
            (ExemptState::Created, ExemptChange::Absent) if young && contract.request.is_some() => {
                self.send_pre_signing(keys, contract, now).await?;
            }
            (ExemptState::Terminating, ExemptChange::Signed { .. }) => {
                self.end_and_ask(keys, contract, REMARK, now).await?;
            }
            _ => {}
        }
        Ok(())
    }

    /// The query decides, also of a contract that had ended before.
    async fn end_and_ask(
        &self,
        keys: &Keys,
        contract: &ExemptContract,
        remark: &str,
        now: Timestamp,
    ) -> Result<ExemptChange, AskError> {
        let (service_id, out_contract_code) = (contract.service_id, contract.contract_code.clone());
        let end = v3::ExemptTermination { service_id, out_contract_code, remark: remark.to_owned() };
        let ended: Result<_, CallError> = self.call(&end.prepare(keys, &Moment::new(now))?, keys, now).await;
        let change = self.query_exempt(keys, contract, now, domain::decide).await?.0;
        match (ended, &change) {
            (Err(error), ExemptChange::Signed { .. }) => Err(error.into()),
            (Ok(_) | Err(_), _) => Ok(change),
        }
    }

    async fn query_exempt(
        &self,
        keys: &Keys,
        contract: &ExemptContract,
        now: Timestamp,
        decide: DecideFn,
    ) -> Result<(ExemptChange, Recorded), AskError> {
        let (service_id, out_contract_code) = (contract.service_id, contract.contract_code.clone());
        let query = v3::ExemptQuery { service_id, out_contract_code };
        let answer = self.call(&query.prepare(keys, &Moment::new(now))?, keys, now).await?;
        let told = answer.contract();
        let change = change(told);
        let fact = Fact {
            mch_id: contract.mch_id.clone(),
            cause: Cause::Query,
            evidence: if answer.proven() { SIGNED } else { Evidence::Unsigned },
            body: FactBody::Exempt(ExemptFact {
                key: contract.key(),
                contract_id: told.and_then(|told| told.contract_id.clone()),
                appid: None,
                openid: told.and_then(|told| told.openid.clone()),
                change: change.clone(),
            }),
        };
        let recorded = self.record(&fact, answer.body(), now, decide).await?;
        Ok((change, recorded))
    }
}

fn change(told: Option<&v3::ExemptContract>) -> ExemptChange {
    let Some(told) = told else { return ExemptChange::Absent };
    match &told.state {
        v3::ExemptState::Signed => ExemptChange::Signed { at: told.signed_at },
        v3::ExemptState::Terminated => ExemptChange::Terminated {
            at: told.terminated_at,
            reason: told.termination_mode.as_deref().map_or(TerminationReason::Other, TerminationReason::from_word),
        },
        v3::ExemptState::Other(state) => ExemptChange::Undecided { state: state.clone() },
    }
}
