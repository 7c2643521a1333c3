//! Refunds of which WeChat knows something else than we do.

use domain::{
    Called, Cause, Check, Decision, Event, Evidence, Fact, FactBody, Fen, Loaded, Opened, Order, OrderState,
    OutTradeNo, PaymentResult, Protocol, Refund, RefundFact, RefundOrigin, RefundResult, RefundState,
    SignatureAlgorithm, Timestamp, decide,
};

use crate::build::{
    AMOUNT, fact, first_order, mch_id, now, out_refund_no, payment_body, purchase, refund, refund_body, time,
    transaction,
};
use crate::words::short;

const RSA: Evidence = Evidence::Signed(SignatureAlgorithm::Rsa);
const OURS: Fen = Fen::new(400);
const THEIRS: Fen = Fen::new(300);

/// A refund by V3 of this amount in this state, beside its order, which counts it.
fn beside(state: RefundState, amount: Fen) -> Loaded {
    let counted = !matches!(state, RefundState::Reported | RefundState::Rejected);
    let reserved = if state == RefundState::Created || state == RefundState::Processing { amount } else { Fen::ZERO };
    let order =
        Order { out_trade_no: first_order(), reserved, refunds: u32::from(counted), ..purchase(OrderState::Paid) };
    let refund = Refund { protocol: Protocol::V3, ..refund(state, amount) };
    Loaded { order: Some(order), refund: Some(refund), ..Loaded::default() }
}

fn told(evidence: Evidence, amount: Fen, result: RefundResult) -> Fact {
    fact(Cause::Query, evidence, refund_body(amount, None, result))
}

fn of_order(number: &OutTradeNo, fact: Fact) -> Fact {
    let FactBody::Refund(told) = fact.body else { panic!() };
    let (out_trade_no, transaction_id) = (Some(number.clone()), None);
    Fact { body: FactBody::Refund(RefundFact { out_trade_no, transaction_id, ..told }), ..fact }
}

/// What is on record after it, and what consumers are told.
fn after(loaded: &Loaded, fact: &Fact, now: Timestamp) -> (Loaded, Vec<Event>) {
    match decide(loaded, fact, now) {
        Decision::Apply { changes, events, .. } => {
            let order = changes.order.or_else(|| loaded.order.clone());
            let refund = changes.refund.or_else(|| loaded.refund.clone());
            (Loaded { order, refund, ..Loaded::default() }, events)
        }
        other => panic!("{other:?}"),
    }
}

fn order(loaded: &Loaded) -> &Order {
    loaded.order.as_ref().unwrap()
}

fn row(loaded: &Loaded) -> &Refund {
    loaded.refund.as_ref().unwrap()
}

fn shorts(events: &[Event]) -> Vec<&str> {
    events.iter().map(short).collect()
}

/// WeChat says for good that the order was refunded, also where it closed the refund.
fn says_refunded(order: &Order) -> Fact {
    let result = PaymentResult::Succeeded {
        transaction_id: transaction(),
        total: order.amount,
        openid: None,
        trade_type: None,
        paid_at: None,
        refunded: true,
    };
    fact(Cause::Query, RSA, payment_body(order, result))
}

fn marked(loaded: &Loaded) -> Order {
    match decide(loaded, &says_refunded(order(loaded)), now()) {
        Decision::Apply { changes, .. } => changes.order.unwrap(),
        Decision::Duplicate => order(loaded).clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_refund_of_ours_that_wechat_closed_explains_why_it_calls_the_order_refunded() {
    let (closed, _) = after(&beside(RefundState::Processing, THEIRS), &told(RSA, THEIRS, RefundResult::Closed), now());
    assert_eq!((order(&closed).refunded, order(&closed).reserved), (Fen::ZERO, Fen::ZERO));
    // The next refund is refused, so that its order is asked for.
    let next = Order { refunds: order(&closed).refunds + 1, reserved: OURS, ..order(&closed).clone() };
    let created = Refund { protocol: Protocol::V3, ..refund(RefundState::Created, OURS) };
    let loaded = Loaded { order: Some(next), refund: Some(created), ..Loaded::default() };
    let refused = RefundResult::Rejected { code: "INVALID_REQUEST".to_owned() };
    let (rejected, events) = after(&loaded, &fact(Cause::Api, RSA, refund_body(OURS, None, refused)), now());
    assert_eq!(shorts(&events), ["refund.closed"]);
    let asked = marked(&rejected);
    assert_eq!((asked.refunded_elsewhere, asked.refundable()), (false, AMOUNT), "all of it can be given back");
}

#[test]
fn an_order_that_none_of_our_refunds_explains_is_marked_as_before() {
    let whole = Loaded { order: beside(RefundState::Rejected, OURS).order, ..Loaded::default() };
    assert!(marked(&whole).refunded_elsewhere);
}

#[test]
fn a_refund_by_the_platform_that_wechat_closed_takes_the_mark_away() {
    let mut loaded = beside(RefundState::Reported, THEIRS);
    loaded.order = loaded.order.map(|order| Order { refunded_elsewhere: true, ..order });
    let (closed, events) = after(&loaded, &told(RSA, THEIRS, RefundResult::Closed), now());
    assert_eq!((order(&closed).refunded_elsewhere, order(&closed).refundable()), (false, AMOUNT));
    assert_eq!(shorts(&events), ["refund.closed"]);
    assert!(!marked(&closed).refunded_elsewhere, "and the answer does not bring it back");
}

#[test]
fn a_number_that_wechat_has_for_another_amount_ends_our_refund_and_counts_what_is_there() {
    let results = [
        (RefundResult::Processing, RefundState::Processing, Fen::ZERO, THEIRS),
        (RefundResult::Succeeded { at: None }, RefundState::Succeeded, THEIRS, Fen::ZERO),
        (RefundResult::Abnormal, RefundState::Abnormal, Fen::ZERO, THEIRS),
        (RefundResult::Closed, RefundState::Closed, Fen::ZERO, Fen::ZERO),
    ];
    for (result, state, refunded, reserved) in results {
        let (next, events) = after(&beside(RefundState::Created, OURS), &told(RSA, THEIRS, result), now());
        let Event::RefundClosed(ended) = &events[0] else { panic!("{events:?}") };
        assert_eq!((ended.refund.state, ended.refund.amount), (RefundState::Rejected, OURS), "ours was never made");
        let theirs = row(&next);
        assert_eq!((theirs.state, theirs.amount, theirs.origin), (state, THEIRS, RefundOrigin::Platform));
        assert_eq!((theirs.failure.as_deref(), &theirs.request), (Some("NUMBER_USED"), &None));
        assert_eq!((order(&next).refunded, order(&next).reserved, order(&next).refunds), (refunded, reserved, 1));
    }
}

#[test]
fn what_wechat_has_under_our_number_is_followed_to_its_end() {
    let processing = told(RSA, THEIRS, RefundResult::Processing);
    let (next, events) = after(&beside(RefundState::Created, OURS), &processing, now());
    assert_eq!(shorts(&events), ["refund.closed"]);
    assert!(row(&next).check.is_some());
    let (last, events) = after(&next, &told(RSA, THEIRS, RefundResult::Succeeded { at: None }), time(600));
    assert_eq!(shorts(&events), ["refund.succeeded"]);
    assert_eq!((order(&last).refunded, order(&last).reserved), (THEIRS, Fen::ZERO));
    let left = Fen::new(AMOUNT.get() - THEIRS.get());
    assert_eq!((order(&last).refundable(), row(&last).failure.as_deref()), (left, Some("NUMBER_USED")));
    let again = Opened::Refund { refund: Box::new(refund(RefundState::Created, OURS)) };
    let again = decide(&last, &Fact::ours(mch_id(), FactBody::Opened(again)), time(700));
    assert_eq!(again, Decision::Refused(domain::Refusal::Exists), "another number is needed");
}

#[test]
fn no_unsigned_word_and_no_notice_ends_our_refund_for_its_amount() {
    let loaded = beside(RefundState::Created, OURS);
    let succeeded = || RefundResult::Succeeded { at: None };
    let unsigned = decide(&loaded, &told(Evidence::Unsigned, THEIRS, succeeded()), now());
    assert_eq!(unsigned, Decision::Contradiction(domain::Contradiction::Amount));
    let notice = fact(Cause::Callback, RSA, refund_body(THEIRS, None, succeeded()));
    assert_eq!(decide(&loaded, &notice, now()), Decision::Contradiction(domain::Contradiction::Amount));
}

#[test]
fn the_newest_notice_says_of_which_order_a_reported_refund_is_asked_for() {
    let forged = beside(RefundState::Reported, THEIRS);
    let other = OutTradeNo::parse("20251201-0002").unwrap();
    let of_other = Order { out_trade_no: other.clone(), transaction_id: None, ..order(&forged).clone() };
    let loaded = Loaded { order: Some(of_other), refund: forged.refund.clone(), ..Loaded::default() };
    let succeeded = RefundResult::Succeeded { at: None };
    let notice = Fact { cause: Cause::Callback, ..told(Evidence::Decrypted, THEIRS, succeeded.clone()) };
    let Decision::Ask(changes) = decide(&loaded, &of_order(&other, notice), now()) else { panic!() };
    let reported = changes.refund.unwrap();
    assert_eq!((reported.state, &reported.out_trade_no, changes.order), (RefundState::Reported, &other, None));
    assert_eq!(reported.check, Some(Check::asked(forged.refund.unwrap().check.as_ref(), now())));

    let loaded = Loaded { refund: Some(reported), ..loaded };
    let (booked, events) = after(&loaded, &of_order(&other, told(RSA, THEIRS, succeeded)), now());
    assert_eq!((&row(&booked).out_trade_no, order(&booked).refunded), (&other, THEIRS));
    assert_eq!(shorts(&events), ["refund.succeeded"]);
}

#[test]
fn the_answer_says_of_which_order_a_reported_refund_is() {
    let forged = beside(RefundState::Reported, THEIRS);
    let other = OutTradeNo::parse("20251201-0002").unwrap();
    let of_other = Order { out_trade_no: other.clone(), transaction_id: None, ..order(&forged).clone() };
    let loaded = Loaded { order: Some(of_other), refund: forged.refund, ..Loaded::default() };
    let (booked, _) = after(&loaded, &of_order(&other, told(RSA, THEIRS, RefundResult::Processing)), now());
    assert_eq!((&row(&booked).out_trade_no, order(&booked).reserved), (&other, THEIRS));
}

#[test]
fn a_forged_notice_takes_no_number_from_the_back_end() {
    for state in [RefundState::Reported, RefundState::Rejected] {
        let mut loaded = beside(state, THEIRS);
        loaded.refund = loaded.refund.map(|refund| Refund { origin: RefundOrigin::Platform, ..refund });
        let wanted = refund(RefundState::Created, OURS);
        let opened = Fact::ours(mch_id(), FactBody::Opened(Opened::Refund { refund: Box::new(wanted.clone()) }));
        let (opened, _) = after(&loaded, &opened, now());
        assert_eq!((row(&opened), order(&opened).reserved), (&wanted, OURS), "{state:?}");
    }
}

#[test]
fn a_reported_refund_that_is_of_none_of_our_orders_is_let_go_without_an_event() {
    let code = "OF_ANOTHER_ORDER".to_owned();
    let loaded = beside(RefundState::Reported, THEIRS);
    let (ended, events) = after(&loaded, &told(RSA, THEIRS, RefundResult::Rejected { code }), now());
    assert_eq!((row(&ended).state, row(&ended).check.as_ref(), events), (RefundState::Rejected, None, vec![]));
    assert_eq!(order(&ended), order(&loaded));
}

#[test]
fn a_refund_is_ended_by_unsigned_answers_once_all_of_its_order_was_given_back_otherwise() {
    let absent = |evidence| told(evidence, OURS, RefundResult::NotFound);
    let mut loaded = beside(RefundState::Created, OURS);
    loaded.refund = loaded.refund.map(|refund| Refund { check: Some(Check::new(time(0), 9)), ..refund });
    let (waits, events) = after(&loaded, &absent(Evidence::Unsigned), time(10 * 86_400));
    assert_eq!((row(&waits).state, events), (RefundState::Created, vec![]), "it may exist after all");
    loaded.order = waits.order.map(|order| Order { state: OrderState::Refunded, refunded: AMOUNT, ..order });
    for evidence in [Evidence::Unsigned, RSA] {
        let (ended, events) = after(&loaded, &absent(evidence), time(60));
        assert_eq!((row(&ended).state, row(&ended).check.as_ref()), (RefundState::Rejected, None));
        assert_eq!(
            (order(&ended).reserved, order(&ended).refunds, shorts(&events)),
            (Fen::ZERO, 0, vec!["refund.closed"])
        );
    }
}

#[test]
fn a_refund_that_wechat_accepted_and_does_not_decide_is_overdue_after_eight_days() {
    let processing = refund(RefundState::Processing, OURS);
    let days = |days: i64, seconds: i64| time(40 + days * 86_400 + seconds);
    assert!(!processing.is_overdue(days(8, -1)) && processing.is_overdue(days(8, 0)));
}

#[test]
fn the_last_code_that_wechat_signed_is_kept_and_preferred_to_that_it_was_never_made() {
    let put_off = |code: &str| {
        let (out_refund_no, out_trade_no) = (out_refund_no(), first_order());
        let put_off = Called::RefundPutOff { out_refund_no, out_trade_no, code: code.to_owned() };
        Fact::ours(mch_id(), FactBody::Called(put_off))
    };
    let (waits, events) = after(&beside(RefundState::Created, OURS), &put_off("NOT_ENOUGH"), now());
    assert_eq!((row(&waits).state, row(&waits).failure.as_deref()), (RefundState::Created, Some("NOT_ENOUGH")));
    assert!(events.is_empty());
    assert_eq!(decide(&waits, &put_off("NOT_ENOUGH"), now()), Decision::Duplicate);

    let given_up = time(40 + domain::GIVEN_UP_AFTER.as_secs());
    let (ended, events) = after(&waits, &told(RSA, OURS, RefundResult::NotFound), given_up);
    assert_eq!((row(&ended).state, row(&ended).failure.as_deref()), (RefundState::Rejected, Some("NOT_ENOUGH")));
    assert!(row(&ended).is_given_up());
    assert_eq!(shorts(&events), ["refund.closed"]);

    let (taken, _) = after(&waits, &told(RSA, OURS, RefundResult::Processing), now());
    assert_eq!((row(&taken).state, row(&taken).failure.as_deref()), (RefundState::Processing, None));
    assert_eq!(decide(&taken, &put_off("NOT_ENOUGH"), now()), Decision::Duplicate, "overtaken");
}
