//! What a notification is about: its numbers, made as papay makes its own.

use counterparty::fixtures::{Endpoint, Fixture};
use counterparty::{Numbers, Protocol};

/// What must have happened before WeChat can send a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Story {
    /// A pay-and-sign order was made, and is not paid yet.
    PayAndSign,
    /// A contract is in force, and a deduction was accepted.
    Deduction,
    /// The same through V3.
    DeductionV3,
    /// A pay-and-sign order was paid; whether its contract was signed is not known yet.
    Signing,
    /// A contract was offered without a payment, through V3.
    Offered,
    /// A contract is in force.
    Signed,
    /// A V3 order was made, and is not paid yet.
    OneOff,
    /// A paid V3 order is being refunded.
    Refund,
    /// A paid pay-and-sign order is being refunded through V2.
    RefundV2,
    /// Nothing: it is about no order, contract or refund.
    Nothing,
}

impl Story {
    /// The story of a fixture; of a wrong one, that of the notification it was made from.
    #[must_use]
    pub fn of(fixture: &Fixture) -> Self {
        match (fixture.endpoint, fixture.protocol, fixture.name) {
            (Endpoint::Deduction, _, "wrong-endpoint") => Self::Signing,
            (Endpoint::Deduction, _, name) if name.starts_with("deduction-") => Self::Deduction,
            (Endpoint::Deduction, ..) => Self::PayAndSign,
            (Endpoint::Contract, Protocol::V2, "contract-delete") => Self::Signed,
            (Endpoint::Contract, Protocol::V2, _) => Self::Signing,
            (Endpoint::Contract, Protocol::V3, "contract-sign-v3") => Self::Offered,
            (Endpoint::Contract, Protocol::V3, _) => Self::Signed,
            (Endpoint::Payment, _, "security-echo" | "unknown-event") => Self::Nothing,
            (Endpoint::Payment, _, "wrong-endpoint-v3") => Self::Refund,
            (Endpoint::Payment, _, "payment-v3-deduction-failure") => Self::DeductionV3,
            (Endpoint::Payment, ..) => Self::OneOff,
            (Endpoint::Refund, Protocol::V3, _) => Self::Refund,
            (Endpoint::Refund, Protocol::V2, _) => Self::RefundV2,
        }
    }

    /// The numbers of a story whose contract (or one-off order) has this code; the same code, the same numbers.
    #[must_use]
    pub fn numbers(self, mch_id: &str, code: &str, now: i64) -> Numbers {
        let out_trade_no = match self {
            Self::Deduction | Self::DeductionV3 => format!("{code}P0001A01"),
            Self::OneOff | Self::Refund => code.to_owned(),
            Self::PayAndSign | Self::Signing | Self::Offered | Self::Signed | Self::RefundV2 | Self::Nothing => {
                format!("{code}F0")
            }
        };
        let out_refund_no = format!("{out_trade_no}R1");
        Numbers {
            mch_id: mch_id.to_owned(),
            contract_code: code.to_owned(),
            contract_id: wechat_number("2026", 18, code),
            transaction_id: wechat_number("4200", 28, &out_trade_no),
            refund_id: wechat_number("5030", 29, &out_refund_no),
            out_trade_no,
            out_refund_no,
            ..Numbers::example(now)
        }
    }
}

/// The code of a new contract: 20 upper-case base32 characters, ten of milliseconds and ten of randomness.
#[must_use]
pub fn new_code(now_ms: i64) -> String {
    let time = u64::try_from(now_ms).unwrap_or(0);
    base32(time) + &base32(fastrand::u64(..))
}

/// The lowest 50 bits as ten characters of Crockford's alphabet, which leaves out I, L, O and U.
fn base32(number: u64) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let digit = |place: u32| {
        let index = usize::try_from(number >> (place * 5) & 31).unwrap_or(0);
        char::from(ALPHABET.get(index).copied().unwrap_or(b'0'))
    };
    (0..10).rev().map(digit).collect()
}

/// A number as WeChat would give it: decimal, of that length, always the same for the same number of ours.
fn wechat_number(prefix: &str, length: usize, ours: &str) -> String {
    let hash =
        |seed: u64| ours.bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let digits = format!("{:020}{:020}", hash(0xcbf2_9ce4_8422_2325), hash(0x9e37_79b9_7f4a_7c15));
    let wanted = length.saturating_sub(prefix.len());
    let start = digits.len().saturating_sub(wanted);
    format!("{prefix}{}", digits.get(start..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{OutTradeNo, RefundId, TransactionId};

    #[test]
    fn a_code_has_the_form_that_order_numbers_are_read_back_from() {
        let code = new_code(1_795_000_000_000);
        assert_eq!(code.len(), 20);
        assert!(code < new_code(1_795_000_000_001), "codes rise with time");
        for story in [Story::PayAndSign, Story::Deduction] {
            let numbers = story.numbers("10000100", &code, 1_795_000_000);
            let order = OutTradeNo::parse(&numbers.out_trade_no).unwrap();
            assert_eq!(order.contract_code().unwrap().as_str(), code);
        }
        let one_off = Story::OneOff.numbers("10000100", &code, 1_795_000_000);
        assert_eq!(OutTradeNo::parse(&one_off.out_trade_no).unwrap().contract_code(), None);
    }

    #[test]
    fn wechats_numbers_follow_from_ours() {
        let numbers = |code| Story::Refund.numbers("10000100", code, 0);
        assert_eq!(numbers("A").transaction_id, numbers("A").transaction_id);
        assert_ne!(numbers("A").transaction_id, numbers("B").transaction_id);
        assert_eq!(numbers("A").transaction_id.len(), 28);
        TransactionId::parse(&numbers("A").transaction_id).unwrap();
        RefundId::parse(&numbers("A").refund_id).unwrap();
    }
}
