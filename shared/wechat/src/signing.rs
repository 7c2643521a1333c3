//! What every way of signing a contract needs.

use domain::{ContractCode, PlanId};

use crate::fields::Fields;
use crate::{Invalid, check};

/// The contract that the user is asked to sign.
#[derive(Clone, PartialEq, Eq)]
pub struct Signing {
    /// The deduction template.
    pub plan_id: PlanId,
    /// Our number of this attempt; at most 32 letters and digits, never used twice.
    pub contract_code: ContractCode,
    /// Our ordering number; at most 12 digits.
    pub request_serial: u64,
    /// The account that the user sees: at most 32 letters, digits or Han characters. Not the WeChat nickname.
    pub display_account: String,
    /// Our mark of the user, for accounts that may be signed several times.
    pub outerid: Option<String>,
}

impl Signing {
    /// Adds the fields of a contract; the mark has another name in `contractorder`.
    pub(crate) fn fields(&self, fields: Fields, outerid: &'static str) -> Result<Fields, Invalid> {
        check::contract_code(self.contract_code.as_str())?;
        check::request_serial(self.request_serial)?;
        check::display_account(&self.display_account)?;
        fields
            .with("plan_id", self.plan_id.as_str())
            .with("contract_code", self.contract_code.as_str())
            .with("request_serial", self.request_serial.to_string())
            .with("contract_display_account", self.display_account.as_str())
            .optional_text(outerid, self.outerid.as_deref(), 32)
    }
}

/// The account may be a person's name or telephone number.
impl std::fmt::Debug for Signing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signing")
            .field("plan_id", &self.plan_id)
            .field("contract_code", &self.contract_code)
            .field("request_serial", &self.request_serial)
            .finish_non_exhaustive()
    }
}
