//! Where WeChat's daily bill (交易账单) and our record differ.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Cause;

/// WeChat makes its bills by the days of Beijing. China has had one zone, and no daylight saving time since 1991.
const BEIJING: Offset = jiff::tz::offset(8);

/// The day of a moment in Beijing, whose bill tells of it.
///
/// ```
/// let midnight = domain::Timestamp::from_second(1_772_380_800).unwrap();
/// assert_eq!(domain::bill_day(midnight).to_string(), "2026-03-02");
/// ```
#[must_use]
pub fn bill_day(at: Timestamp) -> Date {
    BEIJING.to_datetime(at).date()
}

/// One difference between a bill and our record, that asking WeChat has not settled: for a person to see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BillEvent {
    /// The day of the bill in Beijing.
    #[schemars(with = "String")]
    pub bill_date: Date,
    /// The merchant's number of the order, as the bill has it.
    pub out_trade_no: String,
    /// The merchant's number of the refund, where it is about one.
    pub out_refund_no: Option<String>,
    /// What differs.
    pub difference: BillDifference,
    /// What the bill says: fen, WeChat's number, or WeChat's word for a state.
    pub bill: Option<String>,
    /// What our record says: fen, WeChat's number, or our word for a state.
    pub record: Option<String>,
    /// How we came to know.
    pub cause: Cause,
}

/// What differs between a bill and our record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BillDifference {
    /// The bill has a payment or refund that we have not.
    NotOnRecord,
    /// We have a payment or refund of that day that the bill has not.
    NotInBill,
    /// The amounts.
    Amount,
    /// The order of a refund.
    OutTradeNo,
    /// WeChat's number of the payment.
    TransactionId,
    /// WeChat's number of the refund.
    RefundId,
    /// What became of it.
    State,
}

impl BillEvent {
    /// The number of what it is about.
    #[must_use]
    pub fn number(&self) -> &str {
        self.out_refund_no.as_deref().unwrap_or(&self.out_trade_no)
    }
}

impl BillDifference {
    /// A stable label for metrics, logs and the journal.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::NotOnRecord => "not_on_record",
            Self::NotInBill => "not_in_bill",
            Self::Amount => "amount",
            Self::OutTradeNo => "out_trade_no",
            Self::TransactionId => "transaction_id",
            Self::RefundId => "refund_id",
            Self::State => "state",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bill_day_begins_at_midnight_in_beijing() {
        let day = |text: &str| bill_day(text.parse().unwrap()).to_string();
        assert_eq!(day("2026-03-01T15:59:59Z"), "2026-03-01");
        assert_eq!(day("2026-03-01T16:00:00Z"), "2026-03-02");
    }
}
