//! Repairs of abnormal refunds (发起异常退款).

use domain::InvalidValue;
use serde::Deserialize;
use utoipa::ToSchema;
use wechat::v3::RepairTo;

/// Where the money of an abnormal refund goes. The card's number and its owner's name are encrypted for WeChat before they are kept.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RepairRequest {
    /// To whose card.
    pub(crate) r#type: RepairType,
    /// The bank, of a debit card: `ICBC_DEBIT` and the like.
    #[schema(example = "ICBC_DEBIT")]
    pub(crate) bank_type: Option<String>,
    /// The card's number.
    #[schema(example = "6222021234567890123")]
    pub(crate) bank_account: Option<String>,
    /// Whose card it is.
    #[schema(example = "张三")]
    pub(crate) real_name: Option<String>,
}

/// To whose card the money goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RepairType {
    /// A debit card of the user's: `bank_type`, `bank_account` and `real_name` are needed.
    UserBankCard,
    /// The merchant's, who pays the user in another way.
    MerchantBankCard,
}

impl RepairRequest {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// [`InvalidValue`] names the field.
    pub(crate) fn read(&self) -> Result<RepairTo, InvalidValue> {
        let fields =
            [("bank_type", &self.bank_type), ("bank_account", &self.bank_account), ("real_name", &self.real_name)];
        match self.r#type {
            RepairType::UserBankCard => {
                let needed = |(field, value): (&'static str, &Option<String>)| {
                    value.clone().ok_or(InvalidValue { field, rule: "needed for a card of the user's" })
                };
                let [bank_type, bank_account, real_name] = fields;
                Ok(RepairTo::UserBankCard {
                    bank_type: needed(bank_type)?,
                    bank_account: needed(bank_account)?,
                    real_name: needed(real_name)?,
                })
            }
            RepairType::MerchantBankCard => match fields.into_iter().find(|(_, value)| value.is_some()) {
                None => Ok(RepairTo::MerchantBankCard),
                Some((field, _)) => Err(InvalidValue { field, rule: "for a card of the user's only" }),
            },
        }
    }
}
