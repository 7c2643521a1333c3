//! The signing and termination notice (签约、解约结果通知): <https://pay.weixin.qq.com/doc/v2/merchant/4011987586>.

use super::{V2Fields, V2Notice};
use crate::{Error, Numbers};

/// `change_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContractChange {
    /// Signed.
    Add,
    /// Terminated.
    Delete,
}

impl ContractChange {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "ADD",
            Self::Delete => "DELETE",
        }
    }
}

/// 签约、解约结果通知. Starts in the form of the official sample, which has neither `appid` nor `nonce_str` nor `request_serial`.
#[derive(Clone)]
pub struct ContractNotice(V2Fields);

impl ContractNotice {
    /// The required fields only.
    ///
    /// # Errors
    /// A time outside the calendar.
    pub fn bare(numbers: &Numbers, change: ContractChange) -> Result<Self, Error> {
        let fields = [
            ("return_code", "SUCCESS".to_owned()),
            ("result_code", "SUCCESS".to_owned()),
            ("mch_id", numbers.mch_id.clone()),
            ("contract_code", numbers.contract_code.clone()),
            ("openid", numbers.openid.clone()),
            ("plan_id", numbers.plan_id.clone()),
            ("change_type", change.as_str().to_owned()),
            ("operate_time", numbers.spaced_time()?),
            ("contract_id", numbers.contract_id.clone()),
        ];
        Ok(Self(fields.into_iter().collect()))
    }

    /// The user has signed: the sample plus `contract_expired_time` and `request_serial` of the field table.
    ///
    /// # Errors
    /// A time outside the calendar.
    pub fn signed_up(numbers: &Numbers) -> Result<Self, Error> {
        Ok(Self::bare(numbers, ContractChange::Add)?
            .with("contract_expired_time", "2037-12-31 23:59:59")
            .with("request_serial", &request_serial(numbers)))
    }

    /// The contract has ended; `mode` is `contract_termination_mode` (2 by the user, 3 by the merchant's API, …).
    ///
    /// # Errors
    /// A time outside the calendar.
    pub fn terminated(numbers: &Numbers, mode: u8) -> Result<Self, Error> {
        Ok(Self::bare(numbers, ContractChange::Delete)?
            .with("contract_termination_mode", &mode.to_string())
            .with("request_serial", &request_serial(numbers)))
    }

    /// Adds the optional fields that only a mirror of the documentation lists.
    ///
    /// # Errors
    /// A time outside the calendar.
    pub fn with_mirrored_fields(self, numbers: &Numbers) -> Result<Self, Error> {
        let time = numbers.spaced_time()?;
        let terminated = self.0.get("change_type") == Some(ContractChange::Delete.as_str());
        let notice = self
            .with("appid", &numbers.appid)
            .with("contract_display_account", "微信代扣用户A")
            .with("contract_state", if terminated { "1" } else { "0" })
            .with("contract_signed_time", &time);
        Ok(if terminated {
            notice.with("contract_terminated_time", &time).with("contract_termination_remark", "用户解约")
        } else {
            notice
        })
    }
}

impl V2Notice for ContractNotice {
    fn fields(&self) -> &V2Fields {
        &self.0
    }

    fn fields_mut(&mut self) -> &mut V2Fields {
        &mut self.0
    }
}

/// At most 12 digits, as the older partner page asks.
fn request_serial(numbers: &Numbers) -> String {
    numbers.now.rem_euclid(1_000_000_000_000).to_string()
}
