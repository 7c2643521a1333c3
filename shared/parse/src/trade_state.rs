//! `trade_state` (交易状态), which both protocols and both queries share.

use domain::PaymentResult;

/// Whether the money came: SUCCESS, or REFUND, which says that it came and that some of it was given back since.
pub(crate) fn is_paid(trade_state: &str) -> bool {
    matches!(trade_state, "SUCCESS" | "REFUND")
}

/// Whether the payment was given back, in part or in full.
pub(crate) fn is_refunded(trade_state: &str) -> bool {
    trade_state == "REFUND"
}

/// What a state other than a paid one means. A word that we do not know is undecided, never guessed.
pub(crate) fn unpaid(trade_state: &str, err_code: Option<&str>) -> PaymentResult {
    match trade_state {
        "NOTPAY" | "USERPAYING" => PaymentResult::Unpaid,
        "ACCEPT" => PaymentResult::Accepted,
        "CLOSED" | "REVOKED" => PaymentResult::Closed,
        "PAY_FAIL" | "PAYERROR" => PaymentResult::Failed { code: err_code.unwrap_or(trade_state).to_owned() },
        other => PaymentResult::Undecided { trade_state: other.to_owned() },
    }
}
