//! The end of a contract.

use ask::Terminated;
use domain::{ContractCode, ContractState};
use http_api::{Arrival, Problem, User};
use record::{Backoff, Writeahead};
use wechat::Transport;

use super::Service;
use super::refusal::unavailable;
use crate::view::{Subscription, Termination};

/// What WeChat is told where the user says nothing.
const REMARK: &str = "用户申请解约";

/// The longest remark: bytes (V2 page, 6.2).
const LONGEST_REMARK: usize = 256;

impl<L: Writeahead, B: Backoff, T: Transport> Service<L, B, T> {
    /// Writes first that it is being ended: from there nothing is charged, whatever becomes of the call.
    pub(crate) async fn end(
        &self,
        user: &User,
        arrival: &Arrival,
        contract_code: &ContractCode,
        why: &Termination,
    ) -> Result<(bool, Subscription), Problem> {
        let remark = remark(why)?;
        let mut found = self.own(user, contract_code).await?;
        if found.contract.state != ContractState::Signed {
            // The signing or the end may not have been told yet.
            found = self.ask(found, arrival.now).await?;
        }
        match found.contract.state {
            ContractState::Signed | ContractState::Terminating => {}
            ContractState::Terminated => return Ok((true, found.subscription(arrival))),
            ContractState::Created | ContractState::Pending | ContractState::NotSigned => return Err(not_signed()),
        }
        let keys = &self.merchant(&user.mch_id)?.keys;
        let ended = self.asker.terminate(keys, &found.contract, &remark, arrival.now).await.map_err(unavailable)?;
        if let Terminated::Refused(_) = ended {
            return Err(not_signed());
        }
        let found = self.again(found).await?;
        Ok((found.contract.state == ContractState::Terminated, found.subscription(arrival)))
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
