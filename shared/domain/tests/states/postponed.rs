//! Questions without a usable answer are put again, and never at once.

use domain::{
    Cause, Changes, Check, Contract, ContractState, Decision, Evidence, ExemptContract, ExemptState, Loaded, Order,
    OrderKind, OrderState, PaymentResult, PaymentStatus, Refund, RefundState, Schedule, SignatureAlgorithm, Unanswered,
    decide, decide_in_passing, later, moved_on,
};

use crate::build::{AMOUNT, contract, exempt, fact, now, order, payment_body, refund, time};

fn with(check: Option<Check>) -> Loaded {
    let signed = contract(ContractState::Signed, Some(PaymentStatus::Paid));
    Loaded {
        order: Some(Order { check: check.clone(), ..order(OrderKind::PayAndSign, OrderState::Requested) }),
        contract: Some(Contract { check: check.clone(), ..signed }),
        refund: Some(Refund { check: check.clone(), ..refund(RefundState::Processing, AMOUNT) }),
        exempt: Some(ExemptContract { check, ..exempt(ExemptState::Offered) }),
    }
}

fn checks(changes: &Changes) -> [Option<Check>; 4] {
    [
        changes.order.as_ref().unwrap().check.clone(),
        changes.contract.as_ref().unwrap().check.clone(),
        changes.refund.as_ref().unwrap().check.clone(),
        changes.exempt.as_ref().unwrap().check.clone(),
    ]
}

#[test]
fn an_answer_that_contradicts_our_record_is_asked_for_in_the_schedules_time() {
    let due = Check { asked: true, ..Check::new(time(50), 0) };
    let at = |seconds: i64| Some(Check::new(time(60 + seconds), 1));
    assert_eq!(checks(&moved_on(&with(Some(due)), now())), [at(90), at(86_400), at(300), at(480)]);
    let last = Check::new(time(50), 99);
    let changes = moved_on(&with(Some(last.clone())), now());
    let daily = Some(Check::new(time(60 + 86_400), 0));
    assert_eq!(changes.order.unwrap().check, daily, "a person looks at it, and it is asked for while it is open");
    let paid = Order { check: Some(last), ..order(OrderKind::PayAndSign, OrderState::Paid) };
    let changes = moved_on(&Loaded { order: Some(paid), ..Loaded::default() }, now());
    assert_eq!(changes.order.unwrap().check, None, "it is decided");
}

#[test]
fn without_an_answer_the_same_question_is_put_a_minute_later() {
    let due = Check { asked: true, ..Check::new(time(50), 3) };
    let next = Some(Check { due_at: time(120), unanswered: 1, ..due.clone() });
    for why in [Unanswered::Silence, Unanswered::Refused] {
        assert_eq!(
            checks(&later(&with(Some(due.clone())), why, now())),
            [next.clone(), next.clone(), next.clone(), next.clone()]
        );
    }
}

#[test]
fn a_question_without_an_answer_is_put_less_often_each_time_and_less_so_one_that_is_refused() {
    let minutes = |why| {
        let mut check = Check::new(now(), 0);
        let pauses = std::iter::from_fn(|| {
            let at = check.due_at;
            check = later(&with(Some(check.clone())), why, at).order?.check?;
            Some(check.due_at.duration_since(at).as_mins())
        });
        pauses.take(13).collect::<Vec<_>>()
    };
    assert_eq!(minutes(Unanswered::Silence), [1, 2, 4, 8, 10, 10, 10, 10, 10, 10, 10, 10, 10]);
    assert_eq!(minutes(Unanswered::Refused), [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 1_440, 1_440]);
    let answered = Check { unanswered: 9, ..Check::new(now(), 0) };
    assert_eq!(Schedule::Order.next(&answered, now()).unwrap().unanswered, 0, "an answer ends it");
}

#[test]
fn what_is_not_due_stays_where_it_is() {
    for check in [None, Some(Check::new(time(61), 0))] {
        assert_eq!(moved_on(&with(check.clone()), now()), Changes::default());
        assert_eq!(later(&with(check), Unanswered::Silence, now()), Changes::default());
    }
    assert_eq!(moved_on(&Loaded::default(), now()), Changes::default());
}

#[test]
fn a_look_in_between_leaves_a_due_check_where_it_is_and_misses_no_change() {
    let due = Check::new(time(50), 0);
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
