//! What V3's codes mean, call by call. The first row that fits decides; codes that no row names go by the HTTP status.

use std::time::Duration;

use crate::errors::Meaning::{self, *};
use crate::errors::Next::{self, *};
use crate::errors::Row;

/// How long it takes to put money into the merchant's account.
const RECHARGE: Option<Duration> = Some(Duration::from_secs(3600));
/// Refunds that fail are limited to six a second.
const SLOWER: Option<Duration> = Some(Duration::from_secs(60));

const fn row(code: &'static str, meaning: Meaning, next: Next) -> Row {
    Row { code, text: "", meaning, next, retry_after: None }
}

const fn text(text: &'static str, meaning: Meaning, next: Next) -> Row {
    Row { code: "", text, meaning, next, retry_after: None }
}

const fn later(code: &'static str, meaning: Meaning, next: Next, retry_after: Option<Duration>) -> Row {
    Row { code, text: "", meaning, next, retry_after }
}

/// Section 7.1, and the rules of re-entry. A paid order has no text code of its own that is documented.
pub(super) const ORDER: &[Row] = &[
    text("已支付", AlreadyPaid, QueryFirst),
    text("请求重入时", NumberUsed, QueryFirst),
    text("订单已关闭", NumberClosed, NewNumber),
    row("ORDER_PAID", AlreadyPaid, QueryFirst),
    row("ORDERPAID", AlreadyPaid, QueryFirst),
    row("ORDER_CLOSED", NumberClosed, NewNumber),
    row("OUT_TRADE_NO_USED", NumberUsed, QueryFirst),
    row("RULE_LIMIT", Limited, Stop),
    row("RULELIMIT", Limited, Stop),
    row("INVALID_REQUEST", Misconfigured, Stop),
    row("MCH_NOT_EXISTS", Misconfigured, Stop),
];

/// Section 7.5. ORDER_NOT_EXIST is an answer.
pub(super) const ORDER_QUERY: &[Row] = &[
    row("ORDER_NOT_EXIST", NotFound, RepeatSame),
    row("INVALID_REQUEST", Misconfigured, Stop),
    row("MCH_NOT_EXISTS", Misconfigured, Stop),
];

/// Section 7.7. ORDER_CLOSED and ORDER_NOT_EXIST are answers, if they are signed.
pub(super) const CLOSE_ORDER: &[Row] = &[
    text("已支付", AlreadyPaid, QueryFirst),
    row("ORDER_PAID", AlreadyPaid, QueryFirst),
    row("ORDERPAID", AlreadyPaid, QueryFirst),
    row("ORDER_CLOSED", NumberClosed, QueryFirst),
    row("ORDER_NOT_EXIST", NotFound, QueryFirst),
    row("INVALID_REQUEST", WrongState, QueryFirst),
    row("TRADE_ERROR", WrongState, QueryFirst),
    row("RULE_LIMIT", Limited, QueryFirst),
];

/// Section 9.4. Too many calls may mean that this one was accepted; whether a fault was one, the query tells.
pub(super) const REFUND: &[Row] = &[
    // WeChat has a refund of this number: what became of it, the query tells.
    text("与之前请求不一致", AmountMismatch, QueryFirst),
    later("FREQUENCY_LIMITED", TooFast, QueryFirst, SLOWER),
    later("RATELIMIT_EXCEEDED", TooFast, QueryFirst, SLOWER),
    row("SYSTEM_ERROR", OutcomeUnknown, QueryFirst),
    later("NOT_ENOUGH", MerchantFunds, RepeatSame, RECHARGE),
    row("USER_ACCOUNT_ABNORMAL", UserAccount, Stop),
    row("TRADE_OVERDUE", Overdue, Stop),
    row("REFUND_FEE_MISMATCH", AmountMismatch, QueryFirst),
    row("RESOURCE_NOT_EXISTS", NotFound, Stop),
    row("ORDER_NOT_EXIST", NotFound, Stop),
    row("MCH_NOT_EXISTS", Misconfigured, Stop),
    row("INVALID_REQUEST", Other, Stop),
];

/// Section 9.2. RESOURCE_NOT_EXISTS is an answer.
pub(super) const REFUND_QUERY: &[Row] = &[
    row("RESOURCE_NOT_EXISTS", NotFound, RepeatSame),
    row("INVALID_REQUEST", Misconfigured, Stop),
    row("MCH_NOT_EXISTS", Misconfigured, Stop),
];

/// Section 9.3: the refund is asked for before anything is sent again.
pub(super) const ABNORMAL_REFUND: &[Row] = &[
    later("FREQUENCY_LIMITED", TooFast, QueryFirst, SLOWER),
    later("RATELIMIT_EXCEEDED", TooFast, QueryFirst, SLOWER),
    row("SYSTEM_ERROR", OutcomeUnknown, QueryFirst),
    later("NOT_ENOUGH", MerchantFunds, RepeatSame, RECHARGE),
    row("USER_ACCOUNT_ABNORMAL", UserAccount, Stop),
    row("RESOURCE_NOT_EXISTS", NotFound, QueryFirst),
    row("INVALID_REQUEST", WrongState, QueryFirst),
    row("MCH_NOT_EXISTS", Misconfigured, Stop),
];

/// Section 5.1: a merchant that has public keys alone.
pub(super) const CERTIFICATES: &[Row] =
    &[row("RESOURCE_NOT_EXISTS", NotFound, Stop), row("NOT_ENOUGH", Misconfigured, Stop)];

/// Section 10.
pub(super) const EXEMPT: &[Row] =
    &[row("RESOURCE_NOT_EXISTS", NotFound, QueryFirst), row("INVALID_REQUEST", Other, QueryFirst)];

/// NO_STATEMENT_EXIST and STATEMENT_CREATING are answers.
pub(super) const TRADE_BILL: &[Row] = &[
    row("NO_STATEMENT_EXIST", NotFound, Stop),
    row("STATEMENT_CREATING", Busy, RepeatSame),
    row("INVALID_REQUEST", Misconfigured, Stop),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_row_is_hidden_behind_a_wider_one() {
        for table in
            [ORDER, ORDER_QUERY, CLOSE_ORDER, REFUND, REFUND_QUERY, ABNORMAL_REFUND, CERTIFICATES, EXEMPT, TRADE_BILL]
        {
            for (index, row) in table.iter().enumerate() {
                let hides =
                    |above: &Row| (above.code == row.code || above.code.is_empty()) && row.text.contains(above.text);
                let hidden = table
                    .iter()
                    .take(index)
                    .any(|above| hides(above) && !(above.code.is_empty() && row.text.is_empty()));
                assert!(!hidden, "{} {}", row.code, row.text);
            }
        }
    }
}
