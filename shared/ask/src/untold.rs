//! What a question told although a callback should have told it: the metrics of the alarms `silence` and `silence-…`.
//!
//! One metric for each address that WeChat has of us, so that one dead URL beside live ones is seen. Signings and terminations have one
//! function and two addresses: that of a termination is typed into the contract template. Which facts count:
//!
//! - Only what WeChat notifies: a payment, a deduction's failure, a signed or ended contract, the end of a refund. That an order is
//!   unpaid, was closed by us or is unknown, and that nothing was signed, is never notified (protocol, 8.2 and 8.3).
//! - Only what was new to the record, by a question of whomever. A look of the app that is quicker than the callback counts as well:
//!   where an app polls, its looks learn nearly everything, and a dead URL would otherwise never show in it.
//! - Not what a notice had asked us to ask (an unsigned refund notice, a failed deduction), nor the end of a contract that we are
//!   ending ourselves, which is asked for at once: no notice could be quicker.
//! - Not a contract that expired: WeChat lists the user, the API and the platform as causes of a notice (protocol, 8.3), and its own
//!   mode for what expired is reserved. Every other end counts, whoever brought it about, another system of the merchant's included.
//! - A contract of which only its end was learnt counts as both: nothing had told that it was signed.
//!
//! So each of these is ordinary by itself, and a fault only where no such callback is taken at all: a notice that a question overtook
//! comes all the same, within seconds, and is counted as a duplicate in `Callbacks`, of contracts in `SigningsTold` and
//! `TerminationsTold` (`contract-callback`). The alarm `silence` therefore wants more than five of them in a quarter of an hour in which
//! no callback takes anything, and so is of all addresses together. Those of one address look at hours in which something of a kind was
//! told by a question and no notice of it was taken, and want three of them within twelve. One late notice makes one such hour, whether
//! WeChat sends it 15 s or 24 h later; so does one that comes just after the hour's end. A dead URL makes three of them in the first
//! three hours that have a fact. Of a termination that may be a day later, since a contract in force is asked for once a day.

use domain::{
    Check, Contract, ContractChange, ContractState, Fact, FactBody, Order, OrderKind, PaymentResult, Protocol, Refund,
    RefundResult, RefundState, TerminationReason, Timestamp,
};
use record::Recorded;

/// What the function `deduction-callback` is told: payments of V2's orders, and what became of deductions.
const DEDUCTIONS: &str = "DeductionsUntold";

/// What the function `contract-callback` is told at the address of each signing.
const SIGNINGS: &str = "SigningsUntold";

/// What it is told at the address of the contract template.
const TERMINATIONS: &str = "TerminationsUntold";

/// What the function `payment-callback` is told: payments of V3's orders.
const PAYMENTS: &str = "PaymentsUntold";

/// What the function `refund-callback` is told.
const REFUNDS: &str = "RefundsUntold";

/// Counts what was new to the record: consumers hear of it, too, and not of a check that was answered.
pub(crate) fn count(recorded: &Recorded, untold: impl IntoIterator<Item = &'static str>) {
    if let Recorded::Applied { events: 1.., .. } = recorded {
        untold.into_iter().for_each(|metric| metrics::counter!(metric).increment(1));
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
pub(crate) fn by_contract(
    before: &Contract,
    answer: &ContractChange,
    now: Timestamp,
) -> impl Iterator<Item = &'static str> {
    let open = matches!(before.state, ContractState::Created | ContractState::Pending | ContractState::NotSigned);
    let in_force = before.state == ContractState::Signed;
    let expired = before.expires_at.is_some_and(|expires_at| expires_at <= now);
    let (signed, ended) = match answer {
        ContractChange::Signed { .. } => (open, false),
        ContractChange::Terminated { reason, .. } => {
            (open, (open || in_force) && *reason != TerminationReason::Expired)
        }
        // It ended, and WeChat does not say how.
        ContractChange::NotSigned => (false, in_force && !expired),
        ContractChange::Absent | ContractChange::InProgress => (false, false),
    };
    [(signed, SIGNINGS), (ended, TERMINATIONS)].into_iter().filter_map(|(counts, metric)| counts.then_some(metric))
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
    use domain::{Cause, Evidence, PaymentFact, RefundFact, SignatureAlgorithm};
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

    /// A contract that is to last for a minute from `NOW`.
    fn contract(state: ContractState) -> Contract {
        let mut generator = Generator::new(4);
        let code = generator.contract_code();
        let expires_at = Some(NOW + jiff::SignedDuration::from_mins(1));
        Contract { state, expires_at, ..generator.contract(&code) }
    }

    fn of_contract(state: ContractState, change: &ContractChange) -> Vec<&'static str> {
        by_contract(&contract(state), change, NOW).collect()
    }

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    const OPEN: [ContractState; 3] = [ContractState::Created, ContractState::Pending, ContractState::NotSigned];

    fn ended(reason: TerminationReason) -> ContractChange {
        ContractChange::Terminated { at: None, reason }
    }

    #[test]
    fn a_signing_counts_once_and_what_says_that_nothing_was_signed_never() {
        let signed = ContractChange::Signed { at: None, expires_at: None };
        for state in OPEN {
            assert_eq!(of_contract(state, &signed), [SIGNINGS], "{state:?}");
            for change in [ContractChange::NotSigned, ContractChange::Absent, ContractChange::InProgress] {
                assert!(of_contract(state, &change).is_empty(), "{state:?} {change:?}");
            }
        }
        for state in [ContractState::Signed, ContractState::Terminating, ContractState::Terminated] {
            assert!(of_contract(state, &signed).is_empty(), "{state:?}");
        }
    }

    #[test]
    fn an_end_counts_whoever_else_brought_it_about_and_not_our_own_doing() {
        use TerminationReason::{AccountCancelled, CustomerService, MerchantApi, MerchantPlatform, Other, User};
        for reason in [User, MerchantApi, MerchantPlatform, AccountCancelled, CustomerService, Other] {
            assert_eq!(of_contract(ContractState::Signed, &ended(reason)), [TERMINATIONS], "{reason:?}");
            for state in [ContractState::Terminating, ContractState::Terminated] {
                assert!(of_contract(state, &ended(reason)).is_empty(), "{state:?} {reason:?}");
            }
        }
    }

    #[test]
    fn a_contract_of_which_only_the_end_is_learnt_was_told_of_neither_its_signing_nor_its_end() {
        for state in OPEN {
            assert_eq!(of_contract(state, &ended(TerminationReason::User)), [SIGNINGS, TERMINATIONS], "{state:?}");
            assert_eq!(of_contract(state, &ended(TerminationReason::Expired)), [SIGNINGS], "{state:?}");
        }
    }

    #[test]
    fn a_contract_in_force_that_is_not_signed_any_more_ended_unless_its_time_was_over() {
        assert_eq!(of_contract(ContractState::Signed, &ContractChange::NotSigned), [TERMINATIONS]);
        assert!(of_contract(ContractState::Signed, &ended(TerminationReason::Expired)).is_empty());
        let over = Contract { expires_at: Some(NOW), ..contract(ContractState::Signed) };
        assert_eq!(by_contract(&over, &ContractChange::NotSigned, NOW).count(), 0);
        let unlimited = Contract { expires_at: None, ..over };
        assert_eq!(by_contract(&unlimited, &ContractChange::NotSigned, NOW).count(), 1);
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
