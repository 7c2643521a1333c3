//! Contracts: `POST /papay/querycontract` (查询签约关系) and `POST /papay/deletecontract` (申请解约). Neither takes a `nonce_str`.

use domain::{AppId, ContractCode, ContractId, PlanId};

use crate::answer::Received;
use crate::errors::tables;
use crate::fields::Fields;
use crate::prepared::{Call, Form, Prepared, Route, sealed};
use crate::{CallError, ContractAnswer, Invalid, Keys, Moment};

/// A contract, by WeChat's number or ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContractRef {
    /// WeChat's.
    Id(ContractId),
    /// Ours, with its template.
    Code {
        /// The template.
        plan_id: PlanId,
        /// Our number.
        contract_code: ContractCode,
    },
}

/// Whether the contract is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryContract {
    /// One of the merchant's applications.
    pub appid: AppId,
    /// Which one.
    pub contract: ContractRef,
}

/// The end of a contract. It is ended when `querycontract` or a DELETE notice says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteContract {
    /// One of the merchant's applications.
    pub appid: AppId,
    /// Which one.
    pub contract: ContractRef,
    /// Why, 1 to 256 bytes.
    pub remark: String,
}

/// The termination was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TerminationAnswer {
    /// WeChat's number of the contract.
    pub contract_id: Option<ContractId>,
}

impl ContractRef {
    fn fields(&self, fields: Fields) -> Result<Fields, Invalid> {
        match self {
            Self::Id(contract_id) => fields.text("contract_id", contract_id.as_str(), 64),
            Self::Code { plan_id, contract_code } => {
                let fields = fields.with("plan_id", plan_id.as_str());
                Ok(fields.with("contract_code", contract_code.as_str()))
            }
        }
    }
}

impl QueryContract {
    /// Signs the request. (`at` is not used: this call takes neither nonce nor time.)
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule.
    pub fn prepare(&self, keys: &Keys, _at: &Moment) -> Result<Prepared<Self>, Invalid> {
        let fields = self.contract.fields(Fields::new(&self.appid, keys))?;
        super::prepared(&fields.with("version", "1.0"), keys)
    }
}

impl DeleteContract {
    /// Checks and signs the request. (`at` is not used: this call takes neither nonce nor time.)
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule.
    pub fn prepare(&self, keys: &Keys, _at: &Moment) -> Result<Prepared<Self>, Invalid> {
        let fields = self.contract.fields(Fields::new(&self.appid, keys))?;
        let fields = fields.text("contract_termination_remark", &self.remark, 256)?;
        super::prepared(&fields.with("version", "1.0"), keys)
    }
}

impl sealed::Known for QueryContract {}

impl Call for QueryContract {
    type Answer = ContractAnswer;

    const ROUTE: Route = Route {
        name: "querycontract",
        path: "/papay/querycontract",
        form: Form::V2,
        certificate: false,
        repeatable: true,
        asks_only: true,
        errors: tables::QUERY_CONTRACT,
    };

    fn read(received: &Received<'_>) -> Result<Self::Answer, CallError> {
        ContractAnswer::read(received, "-25")
    }
}

impl sealed::Known for DeleteContract {}

impl Call for DeleteContract {
    type Answer = TerminationAnswer;

    const ROUTE: Route = Route {
        name: "deletecontract",
        path: "/papay/deletecontract",
        form: Form::V2,
        certificate: false,
        // A second one meets a contract that has ended, and what WeChat says then is not documented.
        repeatable: false,
        asks_only: false,
        errors: tables::DELETE_CONTRACT,
    };

    fn read(received: &Received<'_>) -> Result<Self::Answer, CallError> {
        let opened = received.v2()?;
        let contract_id = opened.success()?.trimmed("contract_id");
        Ok(TerminationAnswer { contract_id: contract_id.and_then(|id| ContractId::parse(id).ok()) })
    }
}
