//! What a deduction tells of the contract that it charged.

use jiff::Timestamp;

use super::{Contract, ContractState};
use crate::{Check, Order};

/// WeChat charged nothing because there is no such contract in force (V2 page, 7.2).
const NO_CONTRACT: [&str; 2] = ["CONTRACT_NOT_EXIST", "CONTRACTERROR"];

impl Contract {
    /// Its check once this deduction is decided: due now where WeChat says that there is no contract. What it is, the query proves.
    pub(crate) fn check_after_deduction(&self, order: &Order, now: Timestamp) -> Option<Check> {
        let gone = !order.is_paid() && order.failure.as_deref().is_some_and(|code| NO_CONTRACT.contains(&code));
        match self.state {
            ContractState::Signed if gone => Some(Check::new(now, 0)),
            ContractState::Created
            | ContractState::Pending
            | ContractState::Signed
            | ContractState::NotSigned
            | ContractState::Terminating
            | ContractState::Terminated => self.check.clone(),
        }
    }
}
