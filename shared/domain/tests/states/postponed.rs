//! Questions without a usable answer are put again, and never at once.

use domain::{
    Cause, Changes, Check, Contract, ContractState, Decision, Evidence, Loaded, Order, OrderKind, OrderState,
    PaymentResult, PaymentStatus, Refund, RefundState, SignatureAlgorithm, decide, decide_in_passing, later, moved_on,
};

use crate::build::{AMOUNT, contract, fact, now, order, payment_body, refund, time};

fn with(check: Option<Check>) -> Loaded {
    let signed = contract(ContractState::Signed, Some(PaymentStatus::Paid));
    Loaded {
        order: Some(Order { check: check.clone(), ..order(OrderKind::PayAndSign, OrderState::Requested) }),
        contract: Some(Contract { check: check.clone(), ..signed }),
        refund: Some(Refund { check, ..refund(RefundState::Processing, AMOUNT) }),
    }
}

fn checks(changes: &Changes) -> [Option<Check>; 3] {
    [
        changes.order.as_ref().unwrap().check.clone(),
        changes.contract.as_ref().unwrap().check.clone(),
        changes.refund.as_ref().unwrap().check.clone(),
    ]
}

#[test]
fn an_answer_that_contradicts_our_record_is_asked_for_in_the_schedules_time() {
    let due = Check { due_at: time(50), step: 0, asked: true };
    let at = |seconds: i64| Some(Check { due_at: time(60 + seconds), step: 1, asked: false });
    assert_eq!(checks(&moved_on(&with(Some(due)), now())), [at(90), at(86_400), at(300)]);
    let last = Check { due_at: time(50), step: 99, asked: false };
    assert_eq!(moved_on(&with(Some(last)), now()).order.unwrap().check, None, "a person looks at it");
}

#[test]
fn without_an_answer_the_same_question_is_put_a_minute_later() {
    let due = Check { due_at: time(50), step: 3, asked: true };
    let next = Some(Check { due_at: time(120), ..due.clone() });
    assert_eq!(checks(&later(&with(Some(due)), now())), [next.clone(), next.clone(), next]);
}

#[test]
fn what_is_not_due_stays_where_it_is() {
    for check in [None, Some(Check { due_at: time(61), step: 0, asked: false })] {
        assert_eq!(moved_on(&with(check.clone()), now()), Changes::default());
        assert_eq!(later(&with(check), now()), Changes::default());
    }
    assert_eq!(moved_on(&Loaded::default(), now()), Changes::default());
}

#[test]
fn a_look_in_between_leaves_a_due_check_where_it_is_and_misses_no_change() {
    let due = Check { due_at: time(50), step: 0, asked: false };
    let loaded = with(Some(due));
    let told = |result| {
        let body = payment_body(loaded.order.as_ref().unwrap(), result);
        fact(Cause::Query, Evidence::Signed(SignatureAlgorithm::Md5), body)
    };
    let unpaid = told(PaymentResult::Unpaid);
    assert!(matches!(decide(&loaded, &unpaid, now()), Decision::Apply { .. }), "the check's own question moves it on");
    assert_eq!(decide_in_passing(&loaded, &unpaid, now()), Decision::Duplicate);
    let closed = told(PaymentResult::Closed);
    assert_eq!(decide_in_passing(&loaded, &closed, now()), decide(&loaded, &closed, now()));
}
