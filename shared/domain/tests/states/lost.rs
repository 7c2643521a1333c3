//! What WeChat does not know, however long it is asked: it is asked less often, and ends. Whatever WeChat says later is believed.

use domain::{
    Cause, Check, ContractState, Decision, Evidence, Fact, Fen, GIVEN_UP_AFTER, Loaded, Order, OrderKind, OrderState,
    PaymentResult, PaymentStatus, Refund, RefundResult, RefundState, SignatureAlgorithm, Timestamp, decide,
    decide_in_passing,
};

use crate::build::{AMOUNT, contract, fact, order, payment_body, refund, refund_body, refunded_order, time};

const SIGNED: Evidence = Evidence::Signed(SignatureAlgorithm::Md5);

fn given_up() -> Timestamp {
    time(GIVEN_UP_AFTER.as_secs())
}

/// A deduction of a contract in force, whose question is due at any time.
fn deduction(state: OrderState) -> Loaded {
    let order = Order { check: Some(Check::new(time(0), 6)), ..order(OrderKind::Deduction, state) };
    let mut contract = contract(ContractState::Signed, Some(PaymentStatus::Paid));
    contract.open_deduction = Some(order.out_trade_no.clone());
    Loaded { order: Some(order), contract: Some(contract), ..Loaded::default() }
}

fn unknown(loaded: &Loaded, evidence: Evidence) -> Fact {
    fact(Cause::Query, evidence, payment_body(loaded.order.as_ref().unwrap(), PaymentResult::NotFound))
}

fn after(loaded: &Loaded, fact: &Fact, now: Timestamp) -> Loaded {
    match decide(loaded, fact, now) {
        Decision::Apply { changes, .. } => Loaded {
            order: changes.order.or_else(|| loaded.order.clone()),
            contract: changes.contract.or_else(|| loaded.contract.clone()),
            refund: changes.refund.or_else(|| loaded.refund.clone()),
            ..Loaded::default()
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_deduction_that_wechat_accepted_and_forgot_fails_after_three_days_and_another_may_follow() {
    let loaded = deduction(OrderState::Accepted);
    let told = unknown(&loaded, SIGNED);
    let before = after(&loaded, &told, time(GIVEN_UP_AFTER.as_secs() - 1)).order.unwrap();
    assert_eq!(before.state, OrderState::Accepted);
    assert!(before.check.is_some(), "it is asked for again");
    let ended = after(&loaded, &told, given_up());
    let order = ended.order.clone().unwrap();
    assert_eq!((order.state, order.failure.as_deref()), (OrderState::Failed, Some("ORDERNOTEXIST")));
    assert!(order.is_given_up() && order.check.is_none());
    assert_eq!(ended.contract.unwrap().open_deduction, None);
}

#[test]
fn no_unsigned_word_gives_up_a_deduction() {
    let loaded = deduction(OrderState::Accepted);
    let told = unknown(&loaded, Evidence::Unsigned);
    assert_eq!(after(&loaded, &told, given_up()).order.unwrap().state, OrderState::Accepted);
}

#[test]
fn an_order_that_we_are_closing_and_only_unsigned_answers_do_not_know_stays_open_and_is_overdue_after_three_days() {
    let expires_at = time(1_800);
    let order = Order {
        expires_at: Some(expires_at),
        check: Some(Check::new(expires_at, 0)),
        ..crate::build::purchase(OrderState::Closing)
    };
    let mut loaded = Loaded { order: Some(order), ..Loaded::default() };
    let mut asked = Vec::new();
    for _ in 0..12 {
        let due_at = loaded.order.as_ref().unwrap().check.clone().unwrap().due_at;
        asked.push(due_at);
        loaded = after(&loaded, &unknown(&loaded, Evidence::Unsigned), due_at);
    }
    let pauses: Vec<_> = asked.windows(2).map(|pair| pair[1].duration_since(pair[0]).as_hours()).collect();
    assert_eq!(pauses[6..], [24; 5], "{pauses:?}");
    let order = loaded.order.clone().unwrap();
    assert_eq!(order.state, OrderState::Closing);
    let overdue = expires_at.checked_add(GIVEN_UP_AFTER).unwrap();
    let before = Timestamp::from_second(overdue.as_second() - 1).unwrap();
    assert!(!order.is_overdue(before) && order.is_overdue(overdue));
    let ended = after(&loaded, &unknown(&loaded, SIGNED), overdue).order.unwrap();
    assert_eq!((ended.state, ended.is_overdue(overdue)), (OrderState::Closed, false), "a signed word ends it at once");
}

#[test]
fn a_deduction_that_was_given_up_is_paid_where_wechat_proves_it() {
    let loaded = deduction(OrderState::Accepted);
    let mut ended = after(&loaded, &unknown(&loaded, SIGNED), given_up());
    ended.contract = loaded.contract.clone();
    let paid = PaymentResult::Succeeded {
        transaction_id: crate::build::transaction(),
        total: AMOUNT,
        openid: None,
        trade_type: None,
        paid_at: None,
        refunded: false,
    };
    let told = fact(Cause::Callback, SIGNED, payment_body(ended.order.as_ref().unwrap(), paid));
    let paid = after(&ended, &told, given_up());
    assert_eq!(paid.order.unwrap().state, OrderState::Paid);
    assert!(paid.contract.unwrap().paid_periods.contains(&1), "no later attempt charges the period again");
}

/// A refund whose question is due at any time, and its order.
fn with_refund(state: RefundState) -> Loaded {
    let refund = Refund { created_at: time(0), check: Some(Check::new(time(0), 9)), ..refund(state, AMOUNT) };
    let mut order = refunded_order(Some(state), AMOUNT);
    order.refunds = u32::from(state == RefundState::Created);
    Loaded { order: Some(order), refund: Some(refund), ..Loaded::default() }
}

fn no_refund() -> Fact {
    fact(Cause::Query, SIGNED, refund_body(AMOUNT, None, RefundResult::NotFound))
}

#[test]
fn a_refund_that_wechat_never_got_is_rejected_after_three_days_and_its_amount_is_free_again() {
    let loaded = with_refund(RefundState::Created);
    assert_eq!(loaded.order.as_ref().unwrap().reserved, AMOUNT);
    let ended = after(&loaded, &no_refund(), given_up());
    let (refund, order) = (ended.refund.unwrap(), ended.order.unwrap());
    assert_eq!((refund.state, refund.failure.as_deref()), (RefundState::Rejected, Some("REFUNDNOTEXIST")));
    assert!(refund.is_given_up() && refund.check.is_none());
    assert_eq!((order.reserved, order.refunds, order.refundable()), (Fen::ZERO, 0, AMOUNT));
}

#[test]
fn a_refund_that_was_only_reported_ends_without_touching_its_order() {
    let loaded = with_refund(RefundState::Reported);
    let ended = after(&loaded, &no_refund(), given_up());
    assert!(ended.refund.unwrap().is_given_up());
    assert_eq!(ended.order, loaded.order);
}

#[test]
fn a_refund_that_wechat_does_not_know_is_asked_for_less_often_each_time() {
    for state in [RefundState::Reported, RefundState::Created] {
        let mut loaded = with_refund(state);
        loaded.refund.as_mut().unwrap().check = Some(Check::new(time(60), 0));
        let mut asked = Vec::new();
        while let Some(check) = loaded.refund.as_ref().unwrap().check.clone() {
            asked.push(check.due_at.duration_since(time(0)).as_mins());
            loaded = after(&loaded, &no_refund(), check.due_at);
        }
        assert_eq!(asked[..6], [1, 6, 16, 36, 66, 99], "as any refund at first");
        assert!(asked.len() < 20, "{asked:?}");
        assert!(loaded.refund.unwrap().is_given_up());
    }
}

#[test]
fn a_refund_that_nobody_proves_unknown_stays_promised_and_is_asked_for_once_a_day_in_the_end() {
    for state in [RefundState::Reported, RefundState::Created] {
        let mut loaded = with_refund(state);
        loaded.refund.as_mut().unwrap().check = Some(Check::new(time(60), 0));
        let unsigned = fact(Cause::Query, Evidence::Unsigned, refund_body(AMOUNT, None, RefundResult::NotFound));
        let mut asked = Vec::new();
        for _ in 0..30 {
            let due_at = loaded.refund.as_ref().unwrap().check.clone().unwrap().due_at;
            asked.push(due_at);
            loaded = after(&loaded, &unsigned, due_at);
        }
        let pauses: Vec<_> = asked.windows(2).map(|pair| pair[1].duration_since(pair[0]).as_hours()).collect();
        assert_eq!(pauses[20..], [24; 9], "{pauses:?}");
        let refund = loaded.refund.clone().unwrap();
        assert_eq!((refund.state, refund.is_given_up()), (state, false));
        assert!(!refund.is_overdue(time(GIVEN_UP_AFTER.as_secs() - 1)) && refund.is_overdue(given_up()));
        let ended = after(&loaded, &no_refund(), *asked.last().unwrap());
        assert!(ended.refund.unwrap().is_given_up(), "a signed word ends it at once");
    }
}

#[test]
fn a_refund_that_was_given_up_is_promised_again_where_wechat_has_it_after_all() {
    let loaded = with_refund(RefundState::Created);
    let ended = after(&loaded, &no_refund(), given_up());
    let processing = fact(Cause::Query, SIGNED, refund_body(AMOUNT, None, RefundResult::Processing));
    let found = after(&ended, &processing, given_up());
    assert_eq!(found.refund.unwrap().state, RefundState::Processing);
    let order = found.order.unwrap();
    assert_eq!((order.reserved, order.refunds), (AMOUNT, 1));
}

#[test]
fn a_look_in_passing_leaves_the_question_where_it_is() {
    let loaded = with_refund(RefundState::Created);
    assert_eq!(decide_in_passing(&loaded, &no_refund(), time(600)), Decision::Duplicate);
}
