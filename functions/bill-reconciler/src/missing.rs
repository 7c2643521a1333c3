//! What is on record of a day, and whether the bill has it.

use std::collections::HashSet;
use std::future::Future;

use domain::{BillDifference, BillEvent, Cause, Date, MchId, Order, Refund, RefundOrigin, RefundState};
use parse::bill::{Bill, BillEntry};
use record::{DueItem, DynamoLedger, LedgerError};

/// How many days back WeChat's bills reach: three months, of which the shortest have so many days.
const BILLS_KEPT: usize = 89;

/// What was paid or given back on a day: the ledger's index in DynamoDB, or a memory.
pub(crate) trait Days: Send + Sync {
    /// The orders that were paid on that day of Beijing, and the refunds that reached their users on it.
    fn of_day(&self, mch_id: &MchId, day: Date) -> impl Future<Output = Result<Vec<DueItem>, LedgerError>> + Send;
}

impl Days for DynamoLedger {
    async fn of_day(&self, mch_id: &MchId, day: Date) -> Result<Vec<DueItem>, LedgerError> {
        DynamoLedger::of_day(self, mch_id, day).await
    }
}

/// The numbers that a bill has.
pub(crate) struct Numbers<'a> {
    paid: HashSet<&'a str>,
    refunds: HashSet<&'a str>,
}

impl<'a> Numbers<'a> {
    pub(crate) fn of(bill: &'a Bill) -> Self {
        let mut numbers = Self { paid: HashSet::new(), refunds: HashSet::new() };
        for row in &bill.rows {
            match &row.entry {
                BillEntry::Refund(told) => numbers.refunds.insert(&told.out_refund_no),
                // Whatever else it says of an order is compared with the order.
                BillEntry::Paid { .. } | BillEntry::Revoked | BillEntry::Other { .. } => {
                    numbers.paid.insert(&row.out_trade_no)
                }
            };
        }
        numbers
    }

    pub(crate) fn has_order(&self, order: &Order) -> bool {
        self.paid.contains(order.out_trade_no.as_str())
    }

    pub(crate) fn has_refund(&self, refund: &Refund) -> bool {
        self.refunds.contains(refund.out_refund_no.as_str())
    }
}

/// Whether the bill of this day must have the order.
pub(crate) fn belongs(order: &Order, day: Date) -> bool {
    order.is_paid() && order.paid_at.is_some_and(|at| domain::bill_day(at) == day)
}

/// Whether the bill of this day, or one before it, must have the refund.
pub(crate) fn ended_on(refund: &Refund, day: Date) -> bool {
    refund.state == RefundState::Succeeded && refund.succeeded_at.is_some_and(|at| domain::bill_day(at) == day)
}

/// The days before `day` whose bills may have one of these refunds, the last first. A refund stands in the bill of the day when it was
/// asked for: of ours that is on record; one that was made on the merchant platform may be much older than what we were told of it.
pub(crate) fn earlier(refunds: &[Refund], day: Date) -> impl Iterator<Item = Date> + use<> {
    let asked = refunds.iter().map(|refund| match refund.origin {
        RefundOrigin::Api => domain::bill_day(refund.created_at),
        RefundOrigin::Platform => Date::MIN,
    });
    let first = asked.min().unwrap_or(day);
    let before = std::iter::successors(day.yesterday().ok(), |day| day.yesterday().ok());
    before.take_while(move |day| *day >= first).take(BILLS_KEPT)
}

/// A payment that the bill has not.
pub(crate) fn payment_missing(order: &Order, day: Date) -> BillEvent {
    BillEvent {
        bill_date: day,
        out_trade_no: order.out_trade_no.to_string(),
        out_refund_no: None,
        difference: BillDifference::NotInBill,
        bill: None,
        record: Some(order.amount.to_string()),
        cause: Cause::Bill,
    }
}

/// A refund that neither the bill nor an earlier one has.
pub(crate) fn refund_missing(refund: &Refund, day: Date) -> BillEvent {
    BillEvent {
        bill_date: day,
        out_trade_no: refund.out_trade_no.to_string(),
        out_refund_no: Some(refund.out_refund_no.to_string()),
        difference: BillDifference::NotInBill,
        bill: None,
        record: Some(refund.amount.to_string()),
        cause: Cause::Bill,
    }
}

#[cfg(test)]
mod tests {
    use domain::{Fen, OrderKind};
    use testkit::generate::Generator;

    use super::*;

    fn refund(origin: RefundOrigin, asked: &str) -> Refund {
        let mut generator = Generator::new(3);
        let order = generator.order(OrderKind::OneOff, None);
        Refund { origin, created_at: asked.parse().unwrap(), ..generator.refund(&order, Fen::new(1)) }
    }

    fn days(refunds: &[Refund]) -> Vec<String> {
        earlier(refunds, "2026-03-02".parse().unwrap()).map(|day| day.to_string()).collect()
    }

    #[test]
    fn a_refund_of_ours_is_looked_for_back_to_the_day_when_it_was_asked_for() {
        let asked = |at| refund(RefundOrigin::Api, at);
        assert_eq!(days(&[]), [""; 0]);
        assert_eq!(days(&[asked("2026-03-01T16:00:00Z")]), [""; 0], "in Beijing it was the day itself");
        assert_eq!(days(&[asked("2026-02-27T16:00:00Z")]), ["2026-03-01", "2026-02-28"]);
        assert_eq!(days(&[asked("2026-03-01T01:00:00Z"), asked("2026-02-28T01:00:00Z")]), ["2026-03-01", "2026-02-28"]);
        assert_eq!(days(&[asked("2025-01-01T00:00:00Z")]).len(), 89, "no bill is older");
    }

    #[test]
    fn a_refund_of_the_merchant_platform_is_looked_for_in_every_bill_that_there_is() {
        assert_eq!(days(&[refund(RefundOrigin::Platform, "2026-03-02T01:00:00Z")]).len(), 89);
    }
}
