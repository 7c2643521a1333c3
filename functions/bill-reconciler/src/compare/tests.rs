use domain::{OrderKind, OrderState, TradeType};
use testkit::generate::Generator;

use super::*;

fn day() -> Date {
    "2026-03-02".parse().unwrap()
}

fn order() -> Order {
    let mut generator = Generator::new(7);
    let mut order = generator.order(OrderKind::OneOff, None);
    order.state = OrderState::Paid;
    order.transaction_id = Some(generator.transaction_id());
    order
}

fn refund(order: &Order, state: RefundState) -> Refund {
    let mut generator = Generator::new(8);
    Refund { state, refund_id: Some(generator.refund_id()), ..generator.refund(order, Fen::new(1)) }
}

fn line(order: &Order, entry: BillEntry) -> BillRow {
    BillRow {
        out_trade_no: order.out_trade_no.to_string(),
        transaction_id: order.transaction_id.as_ref().unwrap().to_string(),
        trade_type: TradeType::Pap,
        entry,
    }
}

fn paid(order: &Order) -> BillRow {
    line(order, BillEntry::Paid { total: order.amount })
}

fn given_back(order: &Order, refund: &Refund, status: BillRefundStatus) -> BillRow {
    let told = BillRefund {
        out_refund_no: refund.out_refund_no.to_string(),
        refund_id: refund.refund_id.as_ref().unwrap().to_string(),
        amount: refund.amount,
        status,
    };
    line(order, BillEntry::Refund(told))
}

/// What differs, what the bill says and what the record.
fn found(
    row: &BillRow,
    order: Option<&Order>,
    refund: Option<&Refund>,
) -> Option<(BillDifference, String, Option<String>)> {
    let event = difference(day(), row, order, refund)?;
    assert_eq!((event.bill_date, &event.out_trade_no, event.cause), (day(), &row.out_trade_no, Cause::Bill));
    Some((event.difference, event.bill.unwrap(), event.record))
}

#[test]
fn a_payment_that_is_on_record_as_it_is_in_the_bill_is_no_difference() {
    let order = order();
    for state in [OrderState::Paid, OrderState::PartlyRefunded, OrderState::Refunded] {
        assert_eq!(found(&paid(&order), Some(&Order { state, ..order.clone() }), None), None);
    }
}

#[test]
fn a_payment_differs_by_its_state_its_amount_or_its_number_or_is_not_on_record() {
    let order = order();
    let (fen, row) = (order.amount.get(), paid(&order));
    assert_eq!(found(&row, None, None), Some((BillDifference::NotOnRecord, fen.to_string(), None)));
    for (state, word) in [
        (OrderState::Created, "created"),
        (OrderState::Requested, "requested"),
        (OrderState::Accepted, "accepted"),
        (OrderState::Closing, "closing"),
        (OrderState::Failed, "failed"),
        (OrderState::Closed, "closed"),
    ] {
        let expected = Some((BillDifference::State, "SUCCESS".to_owned(), Some(word.to_owned())));
        assert_eq!(found(&row, Some(&Order { state, ..order.clone() }), None), expected);
    }
    let forged = Order { amount: Fen::new(fen + 1), ..order.clone() };
    let expected = Some((BillDifference::Amount, fen.to_string(), Some((fen + 1).to_string())));
    assert_eq!(found(&row, Some(&forged), None), expected);
    let other = BillRow { transaction_id: "4200000000".to_owned(), ..row.clone() };
    let ours = order.transaction_id.as_ref().map(ToString::to_string);
    assert_eq!(found(&other, Some(&order), None), Some((BillDifference::TransactionId, "4200000000".to_owned(), ours)));
}

#[test]
fn a_payment_that_was_taken_back_or_that_nobody_understands_differs_from_a_paid_order() {
    let order = order();
    let state = |word: &str, record: &str| Some((BillDifference::State, word.to_owned(), Some(record.to_owned())));
    let closed = Order { state: OrderState::Closed, ..order.clone() };
    let revoked = line(&order, BillEntry::Revoked);
    assert_eq!(found(&revoked, Some(&order), None), state("REVOKED", "paid"));
    assert_eq!(found(&revoked, Some(&closed), None), None);
    let other = line(&order, BillEntry::Other { state: "FROZEN".to_owned() });
    assert_eq!(found(&other, Some(&closed), None), state("FROZEN", "closed"));
    assert_eq!(found(&other, None, None).unwrap().0, BillDifference::NotOnRecord);
}

/// Every state of a refund; a new one does not compile until it is listed.
const STATES: [RefundState; 8] = [
    RefundState::Reported,
    RefundState::Created,
    RefundState::Processing,
    RefundState::Succeeded,
    RefundState::Closed,
    RefundState::Abnormal,
    RefundState::Repairing,
    RefundState::Rejected,
];

#[test]
fn a_refund_may_have_moved_on_since_the_bill_was_made_and_never_back() {
    let order = order();
    let fits = |status: BillRefundStatus| -> Vec<RefundState> {
        let fits = |state: &RefundState| {
            let refund = refund(&order, *state);
            found(&given_back(&order, &refund, status.clone()), Some(&order), Some(&refund)).is_none()
        };
        STATES.into_iter().filter(fits).collect()
    };
    use RefundState::{Abnormal, Closed, Processing, Rejected, Repairing, Succeeded};
    assert_eq!(fits(BillRefundStatus::Succeeded), [Succeeded]);
    assert_eq!(fits(BillRefundStatus::Processing), [Processing, Succeeded, Closed, Abnormal, Repairing]);
    assert_eq!(fits(BillRefundStatus::Abnormal), [Succeeded, Closed, Abnormal, Repairing]);
    assert_eq!(fits(BillRefundStatus::Failed), [Closed, Rejected]);
    assert_eq!(fits(BillRefundStatus::Other { status: "WAITING".to_owned() }), []);
}

#[test]
fn a_refund_differs_by_its_order_its_amount_or_its_number_or_is_not_on_record() {
    let order = order();
    let refund = refund(&order, RefundState::Succeeded);
    let row = given_back(&order, &refund, BillRefundStatus::Succeeded);
    assert_eq!(found(&row, Some(&order), None), Some((BillDifference::NotOnRecord, "1".to_owned(), None)));
    let event = difference(day(), &row, Some(&order), None).unwrap();
    assert_eq!(event.number(), refund.out_refund_no.as_str());
    let kind = |refund: &Refund| found(&row, Some(&order), Some(refund)).unwrap().0;
    let mut generator = Generator::new(9);
    assert_eq!(kind(&Refund { amount: Fen::new(2), ..refund.clone() }), BillDifference::Amount);
    assert_eq!(kind(&Refund { refund_id: Some(generator.refund_id()), ..refund.clone() }), BillDifference::RefundId);
    let out_trade_no = generator.out_trade_no();
    assert_eq!(kind(&Refund { out_trade_no, ..refund.clone() }), BillDifference::OutTradeNo);
}
