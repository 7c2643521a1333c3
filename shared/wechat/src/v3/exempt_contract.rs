//! A password-exempt contract (免密支付协议): `GET …/service-id/{service_id}/out-contract-code/{out_contract_code}` (查询), and
//! `POST …/terminate` (解约). What its notices look like is not documented, so the query decides.

use domain::{ContractCode, ContractId, OpenId, Timestamp};
use serde::{Deserialize, Serialize};

use super::told::Told;
use super::{asked, posted, route, tables};
use crate::answer::Received;
use crate::fields::escaped;
use crate::prepared::{Call, Form, Prepared, Route, sealed};
use crate::{CallError, Invalid, Keys, Moment, check};

const CONTRACTS: &str = "/v3/password-exempt-contract/contracts/service-id/";

/// Asks for a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExemptQuery {
    /// The service.
    pub service_id: u64,
    /// Our number.
    pub out_contract_code: ContractCode,
}

/// Ends a contract that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExemptTermination {
    /// The service.
    pub service_id: u64,
    /// Our number.
    pub out_contract_code: ContractCode,
    /// Why, at most 256 bytes.
    pub remark: String,
}

/// WeChat took the termination; what became of the contract, the query says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExemptTerminationAsked;

/// What became of a contract, or that there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExemptAnswer {
    told: Told,
    contract: Option<ExemptContract>,
}

/// A contract as WeChat sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExemptContract {
    /// WeChat's number.
    pub contract_id: Option<ContractId>,
    /// Whose it is.
    pub openid: Option<OpenId>,
    /// Whether it is in force.
    pub state: ExemptState,
    /// Since when.
    pub signed_at: Option<Timestamp>,
    /// When it ended.
    pub terminated_at: Option<Timestamp>,
    /// How it ended: `USER_TERMINATE` and the like.
    pub termination_mode: Option<String>,
}

/// `contract_state`. The list is not documented in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExemptState {
    /// In force.
    Signed,
    /// Ended.
    Terminated,
    /// Another word: undecided.
    Other(String),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Contract {
    contract_id: Option<String>,
    openid: Option<String>,
    contract_state: Option<String>,
    contract_signed_time: Option<String>,
    contract_terminate_info: Option<TerminateInfo>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TerminateInfo {
    contract_termination_mode: Option<String>,
    contract_terminated_time: Option<String>,
}

#[derive(Serialize)]
struct Body<'a> {
    contract_termination_remark: &'a str,
}

impl ExemptQuery {
    /// Makes the question. (`at` is not used: it is signed when it is sent.)
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule.
    pub fn prepare(&self, keys: &Keys, _at: &Moment) -> Result<Prepared<Self>, Invalid> {
        asked(keys, target(self.service_id, &self.out_contract_code)?)
    }
}

impl ExemptTermination {
    /// Checks the request. It is signed when it is sent. (`at` is not used.)
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule.
    pub fn prepare(&self, keys: &Keys, _at: &Moment) -> Result<Prepared<Self>, Invalid> {
        check::bytes("contract_termination_remark", &self.remark, 256)?;
        let target = format!("{}/terminate", target(self.service_id, &self.out_contract_code)?);
        posted(keys, target, &Body { contract_termination_remark: &self.remark })
    }
}

fn target(service_id: u64, code: &ContractCode) -> Result<String, Invalid> {
    check::out_contract_code(code.as_str())?;
    Ok(format!("{CONTRACTS}{service_id}/out-contract-code/{}", escaped(code.as_str())))
}

impl sealed::Known for ExemptQuery {}

impl Call for ExemptQuery {
    type Answer = ExemptAnswer;

    const ROUTE: Route = Route { errors: tables::EXEMPT, ..route("v3-exempt-query", CONTRACTS, Form::V3Get) };

    fn read(received: &Received<'_>) -> Result<Self::Answer, CallError> {
        let told = Told::read(received, "RESOURCE_NOT_EXISTS")?;
        let contract = match &told {
            Told::Found(found) => {
                let contract = contract(found.body());
                Some(contract.map_err(|field| CallError::unreadable(&Self::ROUTE, field))?)
            }
            Told::Absent { .. } => None,
        };
        Ok(ExemptAnswer { told, contract })
    }
}

impl sealed::Known for ExemptTermination {}

impl Call for ExemptTermination {
    type Answer = ExemptTerminationAsked;

    /// Not repeated before the contract has been asked for.
    const ROUTE: Route =
        Route { repeatable: false, errors: tables::EXEMPT, ..route("v3-exempt-termination", CONTRACTS, Form::V3) };

    fn read(received: &Received<'_>) -> Result<Self::Answer, CallError> {
        received.v3().map(|_| ExemptTerminationAsked)
    }
}

impl ExemptAnswer {
    /// The contract; none if WeChat knows none under this number: it was not signed, or not yet.
    #[must_use]
    pub fn contract(&self) -> Option<&ExemptContract> {
        self.contract.as_ref()
    }

    /// The bytes that WeChat sent, for the journal.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.told.body()
    }

    /// Whether WeChat signed it. TLS alone speaks for an unsigned one.
    #[must_use]
    pub fn proven(&self) -> bool {
        self.told.proven()
    }
}

/// Reads a contract; else the member that is wrong.
fn contract(body: &[u8]) -> Result<ExemptContract, &'static str> {
    let told: Contract = serde_json::from_slice(body).map_err(|_| "body")?;
    let ended = told.contract_terminate_info.unwrap_or_default();
    Ok(ExemptContract {
        contract_id: parsed(told.contract_id, |text| ContractId::parse(text).map_err(|_| "contract_id"))?,
        openid: parsed(told.openid, |text| OpenId::parse(text).map_err(|_| "openid"))?,
        state: match told.contract_state.filter(|state| !state.is_empty()).ok_or("contract_state")? {
            state if state == "SIGNED" => ExemptState::Signed,
            state if state == "TERMINATED" => ExemptState::Terminated,
            state => ExemptState::Other(state),
        },
        signed_at: parsed(told.contract_signed_time, |text| text.parse().map_err(|_| "contract_signed_time"))?,
        terminated_at: parsed(ended.contract_terminated_time, |text| {
            text.parse().map_err(|_| "contract_terminated_time")
        })?,
        termination_mode: ended.contract_termination_mode.filter(|mode| !mode.is_empty()),
    })
}

fn parsed<T>(text: Option<String>, parse: impl Fn(&str) -> Result<T, &'static str>) -> Result<Option<T>, &'static str> {
    text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(parse).transpose()
}
