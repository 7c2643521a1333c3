//! Questions to WeChat whose time has come.

use domain::{ContractCode, ExemptKey, InvalidValue, Keys, MchId, OutRefundNo, OutTradeNo, Timestamp};

/// What certificates are called beside their merchant.
const PLATFORM: &str = "platform";

/// A question to WeChat whose time has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The merchant.
    pub mch_id: MchId,
    /// What it is about.
    pub item: DueItem,
    /// Since when.
    pub due_at: Timestamp,
}

/// What a question is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DueItem {
    /// An order.
    Order(OutTradeNo),
    /// A contract.
    Contract(ContractCode),
    /// A refund.
    Refund(OutRefundNo),
    /// A password-exempt contract.
    Exempt(ExemptKey),
    /// The platform certificates of the merchant. They are in the index while a callback has met one that we do not have; besides, the
    /// sweeper speaks of them once an hour.
    Certificates,
}

impl Due {
    /// From the key of an item: `<mch_id>#O#<out_trade_no>` and its like.
    pub(crate) fn read(key: &str, due_at: Timestamp) -> Option<Self> {
        let mut parts = key.splitn(3, '#');
        let (mch_id, letter, number) = (parts.next()?, parts.next()?, parts.next()?);
        let kind = match letter {
            "O" => "order",
            "C" => "contract",
            "R" => "refund",
            "X" => "exempt",
            "T" => "certificates",
            _ => return None,
        };
        Some(Self { mch_id: MchId::parse(mch_id).ok()?, item: DueItem::parse(kind, number).ok()?, due_at })
    }

    /// The key of its item.
    pub(crate) fn key(&self) -> String {
        self.item.key(&self.mch_id)
    }
}

impl DueItem {
    /// Reads a kind ([`DueItem::kind`]) and a number.
    ///
    /// # Errors
    ///
    /// [`InvalidValue`]
    pub fn parse(kind: &str, number: &str) -> Result<Self, InvalidValue> {
        match kind {
            "order" => OutTradeNo::parse(number).map(Self::Order),
            "contract" => ContractCode::parse(number).map(Self::Contract),
            "refund" => OutRefundNo::parse(number).map(Self::Refund),
            "exempt" => ExemptKey::parse(number).map(Self::Exempt),
            "certificates" if number == PLATFORM => Ok(Self::Certificates),
            _ => Err(InvalidValue { field: "kind", rule: "order, contract, refund, exempt or certificates" }),
        }
    }

    /// `order`, `contract`, `refund`, `exempt` or `certificates`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Order(_) => "order",
            Self::Contract(_) => "contract",
            Self::Refund(_) => "refund",
            Self::Exempt(_) => "exempt",
            Self::Certificates => "certificates",
        }
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> &str {
        match self {
            Self::Order(number) => number.as_str(),
            Self::Contract(code) => code.as_str(),
            Self::Refund(number) => number.as_str(),
            Self::Exempt(key) => key.as_str(),
            Self::Certificates => PLATFORM,
        }
    }

    /// Its key in the ledger.
    #[must_use]
    pub fn key(&self, mch_id: &MchId) -> String {
        let letter = match self {
            Self::Order(_) => 'O',
            Self::Contract(_) => 'C',
            Self::Refund(_) => 'R',
            Self::Exempt(_) => 'X',
            Self::Certificates => 'T',
        };
        format!("{mch_id}#{letter}#{}", self.number())
    }

    /// What to read of it.
    #[must_use]
    pub fn keys(&self) -> Keys {
        match self.clone() {
            Self::Order(number) => Keys { order: Some(number), ..Keys::default() },
            Self::Contract(code) => Keys { contract: Some(code), ..Keys::default() },
            Self::Refund(number) => Keys { refund: Some(number), ..Keys::default() },
            Self::Exempt(key) => Keys { exempt: Some(key), ..Keys::default() },
            Self::Certificates => Keys::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_is_read_from_its_key() {
        let at = Timestamp::UNIX_EPOCH;
        for (key, kind, number) in [
            ("10000100#O#ABCDEFGHIJ0123456789F0", "order", "ABCDEFGHIJ0123456789F0"),
            ("10000100#C#ABCDEFGHIJ0123456789", "contract", "ABCDEFGHIJ0123456789"),
            ("10000100#R#R-1", "refund", "R-1"),
            ("10000100#X#500001#ABC", "exempt", "500001#ABC"),
            ("10000100#T#platform", "certificates", "platform"),
        ] {
            let due = Due::read(key, at).unwrap();
            assert_eq!((due.mch_id.as_str(), due.item.kind(), due.item.number()), ("10000100", kind, number));
            assert_eq!(DueItem::parse(kind, number).unwrap(), due.item);
            assert_eq!(due.key(), key);
        }
        for other in [
            "10000100#Q#0",
            "10000100#X#ABC",
            "10000100#X#05#ABC",
            "10000100#O#",
            "10000100#T#other",
            "O#1",
            "x#O#1",
            "",
        ] {
            assert_eq!(Due::read(other, at), None, "{other}");
        }
        assert_eq!(DueItem::parse("period", "1").unwrap_err().field, "kind");
    }
}
