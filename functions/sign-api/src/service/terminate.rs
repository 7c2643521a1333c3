//! The end of a contract.

use ask::Terminated;
use domain::{Called, ContractCode, ContractState, Fact, FactBody};
use http_api::Problem;
use record::{Backoff, Known, Once, Receipt, Recorded, Writeahead};
use wechat::Transport;

use super::refusal::unavailable;
use super::{Caller, Found, Service};
use crate::view::{Subscription, Termination};

/// The route, as idempotency keys are kept by it.
const ROUTE: &str = "POST subscriptions/termination";

/// What WeChat is told where the user says nothing.
const REMARK: &str = "用户申请解约";

/// The longest remark: bytes (V2 page, 6.2).
const LONGEST_REMARK: usize = 256;

impl<L: Writeahead, B: Backoff, T: Transport> Service<L, B, T> {
    /// Writes first that it is being ended: from there nothing is charged, whatever becomes of the call.
    pub(crate) async fn end(
        &self,
        caller: &Caller,
        contract_code: &ContractCode,
        why: &Termination,
    ) -> Result<(bool, Subscription), Problem> {
        let Caller { user, arrival, .. } = caller;
        let remark = remark(why)?;
        let found = self.own(user, contract_code).await?;
        let found = self.to_be_ended(caller, found).await?;
        if found.contract.state != ContractState::Terminating {
            return Ok((found.contract.state == ContractState::Terminated, found.subscription(arrival)));
        }
        let keys = &self.merchant(&user.mch_id)?.keys;
        let ended = self.asker.terminate(keys, &found.contract, &remark, arrival.now).await.map_err(unavailable)?;
        if let Terminated::Refused(_) = ended {
            return Err(not_signed());
        }
        let found = self.again(found).await?;
        Ok((found.contract.state == ContractState::Terminated, found.subscription(arrival)))
    }

    /// Puts on record that it is to be ended, with the caller's key; nothing where the same call did so before.
    async fn to_be_ended(&self, caller: &Caller, found: Found) -> Result<Found, Problem> {
        let (mch_id, now) = (&caller.user.mch_id, caller.arrival.now);
        let contract_code = found.contract.contract_code.clone();
        let asked = caller.idempotency(ROUTE)?;
        let is_new = self.asker.recorder().known(mch_id, &asked).await? == Known::New;
        // The signing or the end may not have been told yet.
        let unsettled = is_new && found.contract.state != ContractState::Signed;
        let found = if unsettled { self.ask(found, now).await? } else { found };
        let fact = Called::TerminationAsked { contract_code: contract_code.clone() };
        let fact = Fact::ours(mch_id.clone(), FactBody::Called(fact));
        let receipt = Receipt::ours(&fact, now, caller.arrival.traceparent.clone());
        let code = contract_code.as_str();
        match self.asker.recorder().apply_once(&fact, &receipt, &asked, code, now).await? {
            Once::Now(Recorded::Refused(_)) => Err(not_signed()),
            Once::Now(_) | Once::Before => self.again(found).await,
            Once::Reused => Err(Problem::key_reused()),
        }
    }
}

fn remark(why: &Termination) -> Result<String, Problem> {
    let Some(text) = why.remark.as_deref().filter(|text| !text.is_empty()) else { return Ok(REMARK.to_owned()) };
    let fits = |c: char| c.len_utf8() <= 3 && !c.is_control() && c != '&' && c != '=';
    if text.len() <= LONGEST_REMARK && text.chars().all(fits) {
        Ok(text.to_owned())
    } else {
        Err(Problem::invalid("remark", "at most 256 bytes, neither & nor =, no control characters, no emoji"))
    }
}

fn not_signed() -> Problem {
    Problem::conflict("not_signed", "There is no contract to end: it is not signed")
}
