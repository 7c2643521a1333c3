//! Pull-through: what is not decided is asked of WeChat, and the answer is recorded as a notice would be.

use ask::AskError;
use domain::{Contract, ContractState, Keys, Order, Timestamp};
use http_api::Problem;
use jiff::SignedDuration;
use record::{Backoff, Recorded, Writeahead};
use wechat::Transport;

use super::{Found, Service};

/// What was made a moment ago has nothing to tell yet.
const NEW_FOR: SignedDuration = SignedDuration::from_secs(5);

impl<L: Writeahead, B: Backoff, T: Transport> Service<L, B, T> {
    /// What is on record, after asking WeChat for what is open where the last question is over five seconds old.
    pub(crate) async fn refresh(&self, found: Found, now: Timestamp) -> Result<Found, Problem> {
        let Found { contract, .. } = &found;
        if is_new(contract.created_at, now) {
            return Ok(found);
        }
        let keys = &self.merchant(&contract.mch_id)?.keys;
        let wanted = Keys {
            contract: Some(contract.contract_code.clone()),
            order: contract.first_order().cloned(),
            ..Keys::default()
        };
        let rows = self.asker.fresh(keys, &contract.mch_id, &wanted, now).await?;
        let Some(contract) = rows.contract else { return Ok(found) };
        Ok(Found { contract: contract.value, order: rows.order.map(|row| row.value) })
    }

    /// Asks for the contract, whatever its state and whenever it was asked for: before it is said that one stands in the way.
    pub(crate) async fn ask_contract(&self, found: Found, now: Timestamp) -> Result<Found, Problem> {
        let keys = &self.merchant(&found.contract.mch_id)?.keys;
        on_record(self.asker.contract(keys, &found.contract, now).await)?;
        self.again(found).await
    }

    /// Asks for the order, whenever it was asked for: WeChat has just said something about it.
    pub(crate) async fn ask_order(&self, found: Found, now: Timestamp) -> Result<Found, Problem> {
        if let Some(order) = &found.order {
            let keys = &self.merchant(&order.mch_id)?.keys;
            on_record(self.asker.order(keys, order, now).await)?;
        }
        self.again(found).await
    }

    /// Asks for both, as far as there is something to ask.
    pub(crate) async fn ask(&self, found: Found, now: Timestamp) -> Result<Found, Problem> {
        let unpaid = found.order.as_ref().is_some_and(|order| !order.is_paid());
        let found = if unpaid { self.ask_order(found, now).await? } else { found };
        // Signing is settled after the payment: before that there is nothing to ask.
        let may_be_signed = found.order.as_ref().is_none_or(Order::is_paid) && !is_over(&found.contract);
        if may_be_signed { self.ask_contract(found, now).await } else { Ok(found) }
    }

    pub(crate) async fn again(&self, found: Found) -> Result<Found, Problem> {
        let Found { contract, .. } = &found;
        Ok(self.find(&contract.mch_id, &contract.contract_code).await?.unwrap_or(found))
    }
}

/// Whether it was made a moment ago. What lies ahead of us is not.
pub(super) fn is_new(created_at: Timestamp, now: Timestamp) -> bool {
    created_at <= now && now.duration_since(created_at) <= NEW_FOR
}

fn is_over(contract: &Contract) -> bool {
    contract.state == ContractState::Terminated
}

/// The app gets what is on record where WeChat does not answer; the worker asks again in its time.
pub(super) fn on_record(asked: Result<Recorded, AskError>) -> Result<(), Problem> {
    match asked {
        Ok(_) => Ok(()),
        Err(AskError::Record(error)) => Err(error.into()),
        Err(error) => {
            metrics::counter!("AskFailed", "reason" => error.label()).increment(1);
            tracing::warn!(%error, "WeChat did not say what became of it");
            Ok(())
        }
    }
}
