//! Repair a refund that did not reach the payer (发起异常退款): `POST /v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund`.

use domain::{OutRefundNo, RefundId};
use serde::Serialize;

use super::refund::RefundAnswer;
use super::{posted, route, tables};
use crate::answer::Received;
use crate::fields::escaped;
use crate::prepared::{Call, Form, Prepared, Route, sealed};
use crate::{CallError, Invalid, Keys, Moment, check};

/// A refund whose state is ABNORMAL: the payer's card is void or frozen, and the money waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AbnormalRefund {
    /// WeChat's number of the refund.
    pub refund_id: RefundId,
    /// Ours.
    pub out_refund_no: OutRefundNo,
    /// Where the money goes now.
    pub to: RepairTo,
}

/// Where the money of an abnormal refund goes.
#[derive(Clone, PartialEq, Eq)]
pub enum RepairTo {
    /// To a debit card of the payer's. Number and name leave this process encrypted.
    UserBankCard {
        /// `ICBC_DEBIT` and the like.
        bank_type: String,
        /// The card's number.
        bank_account: String,
        /// Whose card it is.
        real_name: String,
    },
    /// Back to the merchant, who pays the user in another way.
    MerchantBankCard,
}

#[derive(Serialize)]
struct Body<'a> {
    out_refund_no: &'a str,
    r#type: &'static str,
    #[serde(flatten)]
    card: Option<Card<'a>>,
}

#[derive(Serialize)]
struct Card<'a> {
    bank_type: &'a str,
    bank_account: String,
    real_name: String,
}

/// A card number has digits alone; the longest have 19.
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 8..=32;

impl AbnormalRefund {
    /// Checks the request, and encrypts the card for the key that [`verify::WechatpayKeys::preferred`] names. The stored request
    /// can be sent as long as WeChat knows that key.
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule.
    pub fn prepare(&self, keys: &Keys, at: &Moment) -> Result<Prepared<Self>, Invalid> {
        let target = format!("{}{}/apply-abnormal-refund", Self::ROUTE.path, escaped(self.refund_id.as_str()));
        let out_refund_no = self.out_refund_no.as_str();
        match &self.to {
            RepairTo::MerchantBankCard => {
                posted(keys, target, &Body { out_refund_no, r#type: "MERCHANT_BANK_CARD", card: None })
            }
            RepairTo::UserBankCard { bank_type, bank_account, real_name } => {
                check_card(bank_type, bank_account, real_name)?;
                let sealing = keys.sealing(at)?;
                let card = Card {
                    bank_type,
                    bank_account: sealing.seal("bank_account", bank_account)?,
                    real_name: sealing.seal("real_name", real_name)?,
                };
                let body = Body { out_refund_no, r#type: "USER_BANK_CARD", card: Some(card) };
                Ok(posted(keys, target, &body)?.sealed_for(sealing.serial()))
            }
        }
    }
}

fn check_card(bank_type: &str, bank_account: &str, real_name: &str) -> Result<(), Invalid> {
    let is_debit = bank_type.len() <= 16
        && bank_type.strip_suffix("_DEBIT").is_some_and(|bank| !bank.is_empty())
        && bank_type.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    check::holds(is_debit, "bank_type", "a debit card, such as ICBC_DEBIT")?;
    let is_number = CARD_DIGITS.contains(&bank_account.len()) && bank_account.bytes().all(|byte| byte.is_ascii_digit());
    check::holds(is_number, "bank_account", "8 to 32 digits")?;
    check::characters("real_name", real_name, 64)
}

impl sealed::Known for AbnormalRefund {}

impl Call for AbnormalRefund {
    type Answer = RefundAnswer;

    /// Not repeated before the refund has been asked for.
    const ROUTE: Route = Route {
        repeatable: false,
        errors: tables::ABNORMAL_REFUND,
        ..route("v3-abnormal-refund", "/v3/refund/domestic/refunds/", Form::V3)
    };

    fn read(received: &Received<'_>) -> Result<Self::Answer, CallError> {
        RefundAnswer::found(received)
    }
}

/// Without the card.
impl std::fmt::Debug for RepairTo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::UserBankCard { .. } => "UserBankCard",
            Self::MerchantBankCard => "MerchantBankCard",
        })
    }
}
