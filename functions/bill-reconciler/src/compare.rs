//! One line of the bill against the record. Pure.

use domain::{BillDifference, BillEvent, Cause, Date, Fen, Order, Refund, RefundState};
use parse::bill::{BillEntry, BillRefund, BillRefundStatus, BillRow};
use serde::Serialize;

/// What differs between a line and the rows of its numbers, if anything does.
pub(crate) fn difference(
    day: Date,
    row: &BillRow,
    order: Option<&Order>,
    refund: Option<&Refund>,
) -> Option<BillEvent> {
    let found = match &row.entry {
        BillEntry::Paid { total } => payment(row, *total, order),
        BillEntry::Refund(told) => refunded(row, told, order, refund),
        BillEntry::Revoked | BillEntry::Other { .. } => not_paid(row, order),
    };
    let (difference, bill, record) = found?;
    let out_refund_no = match &row.entry {
        BillEntry::Refund(told) => Some(told.out_refund_no.clone()),
        BillEntry::Paid { .. } | BillEntry::Revoked | BillEntry::Other { .. } => None,
    };
    let (out_trade_no, cause) = (row.out_trade_no.clone(), Cause::Bill);
    Some(BillEvent { bill_date: day, out_trade_no, out_refund_no, difference, bill: Some(bill), record, cause })
}

/// What the bill says, and what the record.
type Found = Option<(BillDifference, String, Option<String>)>;

fn payment(row: &BillRow, total: Fen, order: Option<&Order>) -> Found {
    let Some(order) = order else { return Some((BillDifference::NotOnRecord, total.to_string(), None)) };
    let transaction_id = order.transaction_id.as_ref().map(ToString::to_string);
    if !order.is_paid() {
        differ(BillDifference::State, row.state(), word(&order.state))
    } else if order.amount != total {
        differ(BillDifference::Amount, &total.to_string(), Some(order.amount.to_string()))
    } else if transaction_id.as_ref().is_some_and(|number| *number != row.transaction_id) {
        differ(BillDifference::TransactionId, &row.transaction_id, transaction_id)
    } else {
        None
    }
}

fn refunded(row: &BillRow, told: &BillRefund, order: Option<&Order>, refund: Option<&Refund>) -> Found {
    let (Some(_), Some(refund)) = (order, refund) else {
        return Some((BillDifference::NotOnRecord, told.amount.to_string(), None));
    };
    let refund_id = refund.refund_id.as_ref().map(ToString::to_string);
    if refund.out_trade_no.as_str() != row.out_trade_no {
        differ(BillDifference::OutTradeNo, &row.out_trade_no, Some(refund.out_trade_no.to_string()))
    } else if !may_be(&told.status, refund.state) {
        differ(BillDifference::State, row.state(), word(&refund.state))
    } else if refund.amount != told.amount {
        differ(BillDifference::Amount, &told.amount.to_string(), Some(refund.amount.to_string()))
    } else if refund_id.as_ref().is_some_and(|number| *number != told.refund_id) {
        differ(BillDifference::RefundId, &told.refund_id, refund_id)
    } else {
        None
    }
}

fn not_paid(row: &BillRow, order: Option<&Order>) -> Found {
    match order {
        None => Some((BillDifference::NotOnRecord, row.state().to_owned(), None)),
        Some(order) if order.is_paid() || matches!(row.entry, BillEntry::Other { .. }) => {
            differ(BillDifference::State, row.state(), word(&order.state))
        }
        Some(_) => None,
    }
}

fn differ(difference: BillDifference, bill: &str, record: Option<String>) -> Found {
    Some((difference, bill.to_owned(), record))
}

/// Whether a refund that stood so in the morning can stand so on record now: it may have moved on.
fn may_be(then: &BillRefundStatus, now: RefundState) -> bool {
    match then {
        BillRefundStatus::Succeeded => now == RefundState::Succeeded,
        BillRefundStatus::Failed => matches!(now, RefundState::Closed | RefundState::Rejected),
        BillRefundStatus::Processing => match now {
            RefundState::Processing
            | RefundState::Succeeded
            | RefundState::Closed
            | RefundState::Abnormal
            | RefundState::Repairing => true,
            RefundState::Reported | RefundState::Created | RefundState::Rejected => false,
        },
        BillRefundStatus::Abnormal => match now {
            RefundState::Abnormal | RefundState::Repairing | RefundState::Succeeded | RefundState::Closed => true,
            RefundState::Reported | RefundState::Created | RefundState::Processing | RefundState::Rejected => false,
        },
        BillRefundStatus::Other { .. } => false,
    }
}

/// The word of a state in its item.
fn word(state: &impl Serialize) -> Option<String> {
    serde_json::to_value(state).ok()?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests;
