//! What a question told although a callback should have told it: the metrics of the alarms `silence-…`.
//!
//! One metric for each kind of callback, so that one dead URL beside live ones is seen. Which facts count:
//!
//! - Only what WeChat notifies: a payment, a deduction's failure, a signed or ended contract, the end of a refund. That an order is
//!   unpaid, was closed by us or is unknown, and that nothing was signed, is never notified (protocol, 8.2 and 8.3).
//! - Only what was new to the record, by a question of whomever. A look of the app that is quicker than the callback counts as well:
//!   where an app polls, its looks learn nearly everything, and a dead URL would otherwise never show in it.
//! - Not what a notice had asked us to ask (an unsigned refund notice, a failed deduction), nor the end of a contract that we are
//!   ending ourselves, which is asked for at once: no notice could be quicker.
//!
//! So each of these is ordinary by itself, and a fault only where the function takes no callback at all: a notice that a question
//! overtook comes all the same, within seconds, and is counted as a duplicate in `Callbacks`. The alarms therefore look at hours in
//! which something of a kind was told by a question and its function took nothing, and want three of them within twelve. One late
//! notice makes one such hour, whether WeChat sends it 15 s or 24 h later; so does one that comes just after the hour's end. A dead
//! URL makes three of them in the first three hours that have a fact.

use domain::{
    Check, Contract, ContractChange, ContractState, Fact, FactBody, Order, OrderKind, PaymentResult, Protocol, Refund,
    RefundResult, RefundState,
};
use record::Recorded;

/// What the function `deduction-callback` is told: payments of V2's orders, and what became of deductions.
const DEDUCTIONS: &str = "DeductionsUntold";

/// What the function `contract-callback` is told.
const CONTRACTS: &str = "ContractsUntold";

/// What the function `payment-callback` is told: payments of V3's orders.
const PAYMENTS: &str = "PaymentsUntold";

/// What the function `refund-callback` is told.
const REFUNDS: &str = "RefundsUntold";

/// Counts what was new to the record.
pub(crate) fn count(recorded: &Recorded, untold: Option<&'static str>) {
    if let (Recorded::Applied { .. }, Some(metric)) = (recorded, untold) {
        metrics::counter!(metric).increment(1);
    }
}

/// By an answer about an order; `before` is what was on record.
pub(crate) fn by_payment(before: &Order, answer: &Fact) -> Option<&'static str> {
    let FactBody::Payment(payment) = &answer.body else { return None };
    let notified = match payment.result {
        PaymentResult::Succeeded { .. } => !before.is_paid(),
        // What a user could not pay is never notified.
        PaymentResult::Failed { .. } => before.kind == OrderKind::Deduction && !was_asked_for(before.check.as_ref()),
        PaymentResult::Closed
        | PaymentResult::Unpaid
        | PaymentResult::Accepted
        | PaymentResult::NotFound
        | PaymentResult::Undecided { .. } => false,
    };
    let metric = match before.protocol {
        Protocol::V2 => DEDUCTIONS,
        Protocol::V3 => PAYMENTS,
    };
    notified.then_some(metric)
}

/// By an answer about a contract. Of password-exempt ones nothing counts: what is notified of them is not documented.
pub(crate) fn by_contract(before: &Contract, answer: &ContractChange) -> Option<&'static str> {
    let open = matches!(before.state, ContractState::Created | ContractState::Pending | ContractState::NotSigned);
    let notified = match answer {
        ContractChange::Signed { .. } => open,
        ContractChange::Terminated { .. } => open || before.state == ContractState::Signed,
        ContractChange::NotSigned | ContractChange::Absent | ContractChange::InProgress => false,
    };
    notified.then_some(CONTRACTS)
}

/// By an answer about a refund.
pub(crate) fn by_refund(before: &Refund, answer: &Fact) -> Option<&'static str> {
    let new = ended_as(answer).is_some_and(|state| state != before.state);
    (new && !was_asked_for(before.check.as_ref())).then_some(REFUNDS)
}

/// By the list of an order's refunds: one that was made on the merchant platform is notified, too.
pub(crate) fn by_list(order: &Order, answer: &Fact) -> Option<&'static str> {
    (ended_as(answer).is_some() && !was_asked_for(order.check.as_ref())).then_some(REFUNDS)
}

fn ended_as(answer: &Fact) -> Option<RefundState> {
    let FactBody::Refund(refund) = &answer.body else { return None };
    match refund.result {
        RefundResult::Succeeded { .. } => Some(RefundState::Succeeded),
        RefundResult::Closed => Some(RefundState::Closed),
        RefundResult::Abnormal => Some(RefundState::Abnormal),
        RefundResult::Processing | RefundResult::Rejected { .. } | RefundResult::NotFound => None,
    }
}

/// Whether a notice was the reason to ask.
fn was_asked_for(check: Option<&Check>) -> bool {
    check.is_some_and(|check| check.asked)
}

#[cfg(test)]
mod tests {
    use domain::{Cause, Evidence, PaymentFact, RefundFact, SignatureAlgorithm, TerminationReason, Timestamp};
    use testkit::generate::Generator;

    use super::*;

    fn answered(body: FactBody, mch_id: &domain::MchId) -> Fact {
        let evidence = Evidence::Signed(SignatureAlgorithm::Md5);
        Fact { mch_id: mch_id.clone(), cause: Cause::Query, evidence, body }
    }

    fn of_payment(order: &Order, result: PaymentResult) -> Option<&'static str> {
        let out_trade_no = order.out_trade_no.clone();
        let payment = PaymentFact { out_trade_no, appid: None, contract_id: None, attach: None, result };
        by_payment(order, &answered(FactBody::Payment(payment), &order.mch_id))
    }

    fn paid(generator: &mut Generator) -> PaymentResult {
        PaymentResult::Succeeded {
            transaction_id: generator.transaction_id(),
            total: domain::Fen::new(1_800),
            openid: None,
            trade_type: None,
            paid_at: None,
            refunded: false,
        }
    }

    fn failed() -> PaymentResult {
        PaymentResult::Failed { code: "NOTENOUGH".to_owned() }
    }

    fn asked() -> Option<Check> {
        Some(Check { due_at: Timestamp::UNIX_EPOCH, step: 0, asked: true, unanswered: 0 })
    }

    #[test]
    fn a_payment_counts_for_the_function_that_is_told_of_it_once() {
        let mut generator = Generator::new(1);
        let code = generator.contract_code();
        let v2 = generator.order(OrderKind::PayAndSign, Some(&code));
        let v3 = Order { protocol: Protocol::V3, ..generator.order(OrderKind::OneOff, None) };
        let booked = Order { state: domain::OrderState::Paid, ..v2.clone() };
        // The notice of a contract asks for the payment, which has a notice of its own.
        let signed = Order { check: asked(), ..v2.clone() };
        let mut of = |order: &Order| of_payment(order, paid(&mut generator));
        assert_eq!(
            [&v2, &v3, &signed, &booked].map(&mut of),
            [Some(DEDUCTIONS), Some(PAYMENTS), Some(DEDUCTIONS), None]
        );
    }

    #[test]
    fn of_failures_only_a_deductions_counts_and_only_where_no_notice_told_of_it() {
        let mut generator = Generator::new(2);
        let code = generator.contract_code();
        let first = generator.order(OrderKind::PayAndSign, Some(&code));
        let deduction = generator.order(OrderKind::Deduction, Some(&code));
        let told = Order { check: asked(), ..deduction.clone() };
        assert_eq!(
            [&first, &deduction, &told].map(|order| of_payment(order, failed())),
            [None, Some(DEDUCTIONS), None]
        );
    }

    #[test]
    fn an_order_that_nobody_paid_is_nothing_that_a_callback_would_have_told() {
        let mut generator = Generator::new(3);
        let code = generator.contract_code();
        let order = generator.order(OrderKind::PayAndSign, Some(&code));
        let undecided = PaymentResult::Undecided { trade_state: "NEW".to_owned() };
        for result in
            [PaymentResult::Closed, PaymentResult::Unpaid, PaymentResult::NotFound, PaymentResult::Accepted, undecided]
        {
            assert_eq!(of_payment(&order, result.clone()), None, "{result:?}");
        }
    }

    #[test]
    fn a_contract_counts_when_it_is_signed_or_ended_by_others() {
        let mut generator = Generator::new(4);
        let code = generator.contract_code();
        let of = |state, change: &ContractChange| {
            by_contract(&Contract { state, ..Generator::new(5).contract(&code) }, change).is_some()
        };
        let signed = ContractChange::Signed { at: None, expires_at: None };
        let ended = ContractChange::Terminated { at: None, reason: TerminationReason::User };
        for state in [ContractState::Created, ContractState::Pending, ContractState::NotSigned] {
            assert!(of(state, &signed) && of(state, &ended), "{state:?}");
        }
        assert!(of(ContractState::Signed, &ended));
        assert!(!of(ContractState::Signed, &signed), "the daily look");
        assert!(!of(ContractState::Terminating, &ended), "our own doing");
        assert!(!of(ContractState::Terminated, &ended));
        for change in [ContractChange::NotSigned, ContractChange::Absent, ContractChange::InProgress] {
            assert!(!of(ContractState::Pending, &change), "{change:?}");
        }
    }

    #[test]
    fn a_refund_counts_when_it_ends_and_no_notice_asked_for_it() {
        let mut generator = Generator::new(6);
        let code = generator.contract_code();
        let order = generator.order(OrderKind::PayAndSign, Some(&code));
        let refund =
            Refund { state: RefundState::Processing, check: None, ..generator.refund(&order, domain::Fen::new(100)) };
        let told = Refund { check: asked(), ..refund.clone() };
        let done = RefundResult::Succeeded { at: None };
        let answer = |result: &RefundResult| {
            let fact = RefundFact { result: result.clone(), ..crate::v3::told_of(&refund, RefundResult::Processing) };
            answered(FactBody::Refund(fact), &refund.mch_id)
        };
        for result in [&done, &RefundResult::Closed, &RefundResult::Abnormal] {
            assert_eq!(by_refund(&refund, &answer(result)), Some(REFUNDS), "{result:?}");
            assert_eq!(by_list(&order, &answer(result)), Some(REFUNDS), "{result:?}");
            assert_eq!(by_refund(&told, &answer(result)), None, "{result:?}");
        }
        let ended = Refund { state: RefundState::Succeeded, ..refund.clone() };
        assert_eq!(by_refund(&ended, &answer(&done)), None);
        for result in
            [RefundResult::Processing, RefundResult::NotFound, RefundResult::Rejected { code: "X".to_owned() }]
        {
            assert_eq!(by_refund(&refund, &answer(&result)), None, "{result:?}");
        }
    }
}
