//! Numbers and names that WeChat Pay and the merchant give to things, each a type of its own.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A value that breaks the rule of its field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {rule}")]
pub struct InvalidValue {
    /// WeChat's name of the field.
    pub field: &'static str,
    /// The rule that the value breaks.
    pub rule: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $field:literal, $max:literal, $allowed:expr, $rule:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String")]
        pub struct $name(String);

        impl $name {
            #[doc = concat!("Reads a `", $field, "`: ", $rule, ".")]
            ///
            /// # Errors
            ///
            /// [`InvalidValue`] names the field and the rule.
            pub fn parse(text: &str) -> Result<Self, InvalidValue> {
                let allowed: fn(u8) -> bool = $allowed;
                if !text.is_empty() && text.len() <= $max && text.bytes().all(allowed) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidValue { field: $field, rule: $rule })
                }
            }

            /// The text as WeChat writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidValue;
            fn try_from(text: String) -> Result<Self, InvalidValue> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

macro_rules! shown {
    ($($name:ident)*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    )*};
}

/// Visible ASCII, but not `#`, which separates the parts of our keys.
fn visible(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'#'
}

id!(
    /// Merchant number (商户号): `mch_id` in V2, `mchid` in V3. Every key of ours begins with it.
    MchId, "mch_id", 32, |b| b.is_ascii_digit(), "1 to 32 digits"
);
id!(
    /// Application id (应用ID): `appid`.
    AppId, "appid", 32, |b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-', "1 to 32 letters and digits"
);
id!(
    /// Deduction template (模板 ID): `plan_id`, a number that some pages write as text.
    PlanId, "plan_id", 28, |b| b.is_ascii_digit(), "1 to 28 digits"
);
id!(
    /// The merchant's contract number (签约协议号): `contract_code` in V2, `out_contract_code` in V3; one per signing attempt.
    ContractCode, "contract_code", 128, |b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'*' | b'|' | b'.' | b'@'),
    "1 to 128 letters, digits and _ - * | . @"
);
id!(
    /// WeChat's contract number (委托代扣协议 id): `contract_id`.
    ContractId, "contract_id", 64, visible, "1 to 64 visible ASCII characters, # excepted"
);
id!(
    /// The merchant's order number (商户订单号): `out_trade_no`.
    OutTradeNo, "out_trade_no", 32, |b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'*' | b'|' | b'@'),
    "1 to 32 letters, digits and _ - * | @"
);
id!(
    /// WeChat's order number (微信支付订单号): `transaction_id`.
    TransactionId, "transaction_id", 32, visible, "1 to 32 visible ASCII characters, # excepted"
);
id!(
    /// The merchant's refund number (商户退款单号): `out_refund_no`, the idempotency key of a refund.
    OutRefundNo, "out_refund_no", 64, |b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'*' | b'|' | b'@'),
    "1 to 64 letters, digits and _ - * | @"
);
id!(
    /// WeChat's refund number (微信支付退款单号): `refund_id`.
    RefundId, "refund_id", 32, visible, "1 to 32 visible ASCII characters, # excepted"
);
id!(
    /// A user under one appid (用户标识): `openid`. Personal data: it never reaches a log.
    OpenId, "openid", 128, visible, "1 to 128 visible ASCII characters, # excepted"
);

id!(
    /// A user of the merchant's app (`sub` of its token). Personal data: it never reaches a log.
    UserId, "sub", 128, visible, "1 to 128 visible ASCII characters, # excepted"
);
id!(
    /// A product of the catalogue.
    ProductId, "product", 64, |b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'),
    "1 to 64 letters, digits and _ - ."
);

shown!(ProductId MchId AppId PlanId ContractCode ContractId OutTradeNo TransactionId OutRefundNo RefundId);

impl fmt::Debug for OpenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Length of the contract codes that we make: milliseconds and randomness in upper-case base32.
const OWN_CODE: usize = 20;

/// How the number of a purchase of our making ends.
const ONE_OFF: &str = "S0";

impl ContractCode {
    /// The number of the pay-and-sign order of this contract: `<contract_code>F0`.
    ///
    /// `None` for a contract code that is not of our making and too long to carry it.
    #[must_use]
    pub fn first_order(&self) -> Option<OutTradeNo> {
        OutTradeNo::parse(&format!("{}F0", self.0)).ok()
    }
}

impl OutTradeNo {
    /// The number of a purchase without a contract: 20 characters as of a contract of our making, and `S0`.
    ///
    /// ```
    /// use domain::{ContractCode, OutTradeNo};
    /// let code = ContractCode::parse("01JD8K6M2QZ4XW7RTNBV").unwrap();
    /// let number = OutTradeNo::one_off(&code).unwrap();
    /// assert_eq!(number.as_str(), "01JD8K6M2QZ4XW7RTNBVS0");
    /// assert_eq!(number.pre_signing_code(), Some(code));
    /// assert_eq!(number.contract_code(), None);
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidValue`] where the characters are not of our making.
    pub fn one_off(code: &ContractCode) -> Result<Self, InvalidValue> {
        let number = Self::parse(&format!("{code}{ONE_OFF}"))?;
        match number.pre_signing_code() {
            Some(_) => Ok(number),
            None => Err(InvalidValue { field: "code", rule: "20 upper-case letters and digits" }),
        }
    }

    /// The `out_contract_code` of the password-exempt contract that is offered with a purchase of our making: its first 20 characters.
    #[must_use]
    pub fn pre_signing_code(&self) -> Option<ContractCode> {
        let (code, suffix) = self.0.split_at_checked(OWN_CODE)?;
        let ours = code.bytes().all(base32) && suffix == ONE_OFF;
        ours.then(|| ContractCode::parse(code).ok()).flatten()
    }

    /// The number of a deduction: `<contract_code>P<period, 4 digits>A<attempt, 2 digits>`, both counted from 1. The same
    /// deduction asked for twice has one number, and WeChat deducts a number once.
    ///
    /// ```
    /// use domain::{ContractCode, OutTradeNo};
    /// let code = ContractCode::parse("01JD8K6M2QZ4XW7RTNBV").unwrap();
    /// assert_eq!(OutTradeNo::deduction(&code, 12, 1).unwrap().as_str(), "01JD8K6M2QZ4XW7RTNBVP0012A01");
    /// assert!(OutTradeNo::deduction(&code, 0, 1).is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidValue`] where period or attempt has no such number, or the contract code is not of our making.
    pub fn deduction(code: &ContractCode, period: u16, attempt: u8) -> Result<Self, InvalidValue> {
        let rule = |field, rule| InvalidValue { field, rule };
        if !(1..=9_999).contains(&period) {
            return Err(rule("period", "1 to 9999"));
        }
        if !(1..=99).contains(&attempt) {
            return Err(rule("attempt", "1 to 99"));
        }
        let number = Self::parse(&format!("{code}P{period:04}A{attempt:02}"))?;
        match number.contract_code() {
            Some(named) if named == *code => Ok(number),
            Some(_) | None => Err(rule("contract_code", "one of our making: 20 upper-case letters and digits")),
        }
    }

    /// The contract that an order of our making belongs to, read from its number alone: `<contract_code>F0` for the
    /// pay-and-sign order, `<contract_code>P<period, 4>A<attempt, 2>` for a deduction.
    ///
    /// ```
    /// use domain::OutTradeNo;
    /// let first = OutTradeNo::parse("01JD8K6M2QZ4XW7RTNBVF0").unwrap();
    /// assert_eq!(first.contract_code().unwrap().as_str(), "01JD8K6M2QZ4XW7RTNBV");
    /// assert!(OutTradeNo::parse("20260101-0001").unwrap().contract_code().is_none());
    /// ```
    #[must_use]
    pub fn contract_code(&self) -> Option<ContractCode> {
        let (code, suffix) = self.0.split_at_checked(OWN_CODE)?;
        (code.bytes().all(base32) && (suffix == "F0" || is_deduction(suffix)))
            .then(|| ContractCode::parse(code).ok())
            .flatten()
    }

    /// The renewal period of a deduction of our making, read from its number alone.
    ///
    /// ```
    /// use domain::OutTradeNo;
    /// let period = |text| OutTradeNo::parse(text).unwrap().period();
    /// assert_eq!(period("01JD8K6M2QZ4XW7RTNBVP0012A01"), Some(12));
    /// assert_eq!(period("01JD8K6M2QZ4XW7RTNBVF0"), None);
    /// ```
    #[must_use]
    pub fn period(&self) -> Option<u16> {
        self.contract_code()?;
        self.0.get(OWN_CODE..)?.strip_prefix('P')?.get(..4)?.parse().ok()
    }
}

fn base32(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

/// `P<period, 4 digits>A<attempt, 2 digits>`
fn is_deduction(suffix: &str) -> bool {
    let mut parts = suffix.strip_prefix('P').unwrap_or_default().splitn(2, 'A');
    let digits = |part: Option<&str>, length| {
        part.is_some_and(|text| text.len() == length && text.bytes().all(|b| b.is_ascii_digit()))
    };
    digits(parts.next(), 4) && digits(parts.next(), 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_number_of_our_making_names_its_contract() {
        let of = |text: &str| OutTradeNo::parse(text).unwrap().contract_code().map(String::from);
        assert_eq!(of("ABCDEFGHIJ0123456789F0").as_deref(), Some("ABCDEFGHIJ0123456789"));
        assert_eq!(of("ABCDEFGHIJ0123456789P0012A03").as_deref(), Some("ABCDEFGHIJ0123456789"));
        for other in [
            "ABCDEFGHIJ0123456789F1",
            "ABCDEFGHIJ0123456789S0",
            "ABCDEFGHIJ0123456789P12A03",
            "abcdefghij0123456789F0",
            "F0",
            "ABCDEFGHIJ0123456789",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn a_value_that_breaks_its_rule_is_refused_by_field_and_rule() {
        let error = MchId::parse("100x").unwrap_err();
        assert_eq!(error.to_string(), "mch_id: 1 to 32 digits");
        assert!(OutTradeNo::parse("").is_err());
        assert!(OutTradeNo::parse(&"a".repeat(33)).is_err());
        assert!(TransactionId::parse("a#b").is_err(), "# separates the parts of our keys");
    }

    #[test]
    fn an_openid_does_not_show_in_debug_output() {
        assert_eq!(format!("{:?}", OpenId::parse("oUpF8uMuAJO").unwrap()), "[redacted]");
        assert_eq!(format!("{:?}", UserId::parse("alice").unwrap()), "[redacted]");
    }

    #[test]
    fn a_deduction_has_the_number_of_its_contract_period_and_attempt() {
        let code = ContractCode::parse("ABCDEFGHIJ0123456789").unwrap();
        let number = OutTradeNo::deduction(&code, 9_999, 99).unwrap();
        assert_eq!(number.as_str(), "ABCDEFGHIJ0123456789P9999A99");
        assert_eq!(number.contract_code(), Some(code.clone()));
        for (period, attempt, problem) in [
            (0, 1, "period: 1 to 9999"),
            (10_000, 1, "period: 1 to 9999"),
            (1, 0, "attempt: 1 to 99"),
            (1, 100, "attempt: 1 to 99"),
        ] {
            assert_eq!(OutTradeNo::deduction(&code, period, attempt).unwrap_err().to_string(), problem);
        }
        let other = ContractCode::parse("not-of-our-making").unwrap();
        assert!(OutTradeNo::deduction(&other, 1, 1).is_err(), "its orders could not be told from others");
    }
}
