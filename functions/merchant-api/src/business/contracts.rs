//! Contracts: how one stands, and its end.

use ask::Terminated;
use domain::{Called, ContractCode, ContractState, Keys};
use http_api::Problem;
use record::{Backoff, Writeahead};
use wechat::Transport;

use super::{Answer, Business};
use crate::problems;
use crate::requests::{Call, TerminationRequest};
use crate::views::ContractView;

/// What WeChat is told where the caller gives no reason.
pub(super) const REMARK: &str = "商户申请解约";

/// The longest remark: bytes.
const LONGEST_REMARK: usize = 256;

impl<L: Writeahead, B: Backoff, T: Transport> Business<L, B, T> {
    pub(super) async fn contract_status(&self, call: &Call, code: ContractCode) -> Result<ContractView, Problem> {
        let keys = self.keys(call).await?;
        let wanted = Keys { order: code.first_order(), contract: Some(code), ..Keys::default() };
        let rows = self.asker.fresh(&keys, &call.mch_id, &wanted, call.now).await?;
        rows.contract.map(|row| ContractView::from(&row.value)).ok_or_else(Problem::not_found)
    }

    pub(super) async fn terminate_now(
        &self,
        call: &Call,
        code: ContractCode,
        wanted: &TerminationRequest,
    ) -> Result<Answer<ContractView>, Problem> {
        let keys = self.keys(call).await?;
        let remark = wanted.remark.as_deref().unwrap_or(REMARK);
        check_remark(remark)?;
        let asked = Called::TerminationAsked { contract_code: code.clone() };
        self.about_to(call, asked, code.as_str()).await?;
        let mut contract = self.contract_row(call, &code).await?;
        if contract.state == ContractState::Terminating {
            let ended = self.asker.terminate(&keys, &contract, remark, call.now).await.map_err(problems::unanswered)?;
            if let Terminated::Refused(refusal) = ended {
                return Err(problems::refused(&refusal));
            }
            contract = self.contract_row(call, &code).await?;
        }
        Ok(Answer { view: (&contract).into(), decided: contract.state == ContractState::Terminated })
    }
}

/// What WeChat takes, in V2 without any escaping.
pub(super) fn check_remark(remark: &str) -> Result<(), Problem> {
    let fits = |c: char| c.len_utf8() <= 3 && !c.is_control() && c != '&' && c != '=';
    if remark.is_empty() || remark.len() > LONGEST_REMARK || !remark.chars().all(fits) {
        let rule = "1 to 256 bytes, neither & nor =, no control characters, no emoji";
        return Err(Problem::invalid("remark", rule));
    }
    Ok(())
}
