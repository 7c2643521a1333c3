//! Purchases without a contract (V3).

use domain::{
    Cause, Changes, Decision, Evidence, Fact, FactBody, Fen, Loaded, Opened, Order, OrderKind, OrderState, Protocol,
    RefundResult, RefundState, Refusal, SignatureAlgorithm, Stream, decide,
};

use crate::build::{AMOUNT, appid, fact, mch_id, now, payment_body, purchase, refund, refund_body, said, time};
use crate::every::{calls, order_states, payment_results};

const RSA: Evidence = Evidence::Signed(SignatureAlgorithm::Rsa);

fn open(loaded: &Loaded, order: Order) -> Decision {
    let opened = Opened::Purchase { order: Box::new(order) };
    decide(loaded, &Fact::ours(mch_id(), FactBody::Opened(opened)), now())
}

fn told(order: &Order, cause: Cause, result: &str) -> Decision {
    let result = payment_results().into_iter().find(|(name, _)| *name == result).unwrap().1;
    let loaded = Loaded { order: Some(order.clone()), ..Loaded::default() };
    decide(&loaded, &fact(cause, RSA, payment_body(order, result)), now())
}

fn applied(decision: Decision) -> (Changes, Vec<&'static str>) {
    match decision {
        Decision::Apply { changes, events, .. } => (*changes, events.iter().map(crate::words::short).collect()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_purchase_is_put_on_record_once() {
    let order = purchase(OrderState::Created);
    let (changes, events) = applied(open(&Loaded::default(), order.clone()));
    assert_eq!((changes.order.as_ref(), events), (Some(&order), vec![]));
    for state in order_states() {
        let known = Loaded { order: Some(purchase(state)), ..Loaded::default() };
        assert_eq!(open(&known, order.clone()), Decision::Refused(Refusal::Exists), "{state:?}");
    }
}

#[test]
fn what_is_no_new_purchase_is_not_put_on_record_as_one() {
    let new = || purchase(OrderState::Created);
    for other in [
        Order { kind: OrderKind::PayAndSign, ..new() },
        Order { kind: OrderKind::Deduction, ..new() },
        Order { state: OrderState::Requested, ..new() },
        Order { protocol: Protocol::V2, ..new() },
        Order { contract_code: Some(crate::build::code()), ..new() },
        Order { request: None, ..new() },
    ] {
        assert_eq!(open(&Loaded::default(), other.clone()), Decision::Refused(Refusal::Inconsistent), "{other:?}");
    }
}

#[test]
fn a_purchase_that_is_asked_for_again_has_the_new_launch_data() {
    let requested = purchase(OrderState::Requested);
    let placed = calls(&requested.out_trade_no).into_iter().find(|(name, _)| *name == "placed").unwrap().1;
    let loaded = Loaded { order: Some(requested), ..Loaded::default() };
    let (changes, _) = applied(decide(&loaded, &Fact::ours(mch_id(), FactBody::Called(placed)), now()));
    let order = changes.order.unwrap();
    assert_eq!((order.state, order.launch), (OrderState::Requested, Some(crate::every::launch())));
}

#[test]
fn a_purchase_is_closed_as_soon_as_the_caller_had_his_chance() {
    let order = purchase(OrderState::Requested);
    let asked = calls(&order.out_trade_no).into_iter().find(|(name, _)| *name == "closing_asked").unwrap().1;
    let loaded = Loaded { order: Some(order), ..Loaded::default() };
    let (changes, _) = applied(decide(&loaded, &Fact::ours(mch_id(), FactBody::Called(asked)), now()));
    assert_eq!(changes.order.unwrap().check.unwrap().due_at, time(90), "V3 knows no five minutes");
}

#[test]
fn a_payment_wins_over_every_unpaid_state() {
    for state in [OrderState::Created, OrderState::Requested, OrderState::Closing, OrderState::Closed] {
        for cause in [Cause::Callback, Cause::Query] {
            let (changes, events) = applied(told(&purchase(state), cause, "succeeded"));
            let order = changes.order.unwrap();
            assert_eq!((order.state, events, order.check), (OrderState::Paid, vec!["payment.succeeded"], None));
        }
    }
}

#[test]
fn a_refund_that_v3_does_not_tell_the_number_of_marks_the_order() {
    let (changes, events) = applied(told(&purchase(OrderState::Requested), Cause::Query, "refunded"));
    let paid = changes.order.unwrap();
    assert_eq!((paid.state, paid.refunded_elsewhere, events), (OrderState::Paid, true, vec!["payment.succeeded"]));
    assert_eq!(paid.check, None, "there is no call that would list it");
    assert_eq!(told(&paid, Cause::Query, "refunded"), Decision::Duplicate);

    let (changes, events) = applied(told(&purchase(OrderState::Paid), Cause::Query, "refunded"));
    assert!(changes.order.unwrap().refunded_elsewhere && events.is_empty());
    let explained = Order { reserved: Fen::new(1), ..purchase(OrderState::Paid) };
    assert_eq!(told(&explained, Cause::Query, "refunded"), Decision::Duplicate, "our own refund explains it");
}

#[test]
fn of_an_order_that_was_refunded_elsewhere_at_least_a_fen_is_gone() {
    let order = Order { refunded_elsewhere: true, ..purchase(OrderState::Paid) };
    let left = Fen::new(AMOUNT.get() - 1);
    assert_eq!(order.refundable(), left);
    let number = order.out_trade_no.clone();
    let loaded = Loaded { order: Some(order), ..Loaded::default() };
    let all = refund(RefundState::Created, AMOUNT);
    let opened = Opened::Refund { refund: Box::new(domain::Refund { out_trade_no: number, ..all }) };
    let refused = decide(&loaded, &Fact::ours(mch_id(), FactBody::Opened(opened)), now());
    assert_eq!(refused, Decision::Refused(Refusal::MoreThanRefundable { refundable: left }));
}

/// There may be less left of the order than we know.
#[test]
fn a_refund_by_v3_that_wechat_refuses_has_its_order_asked_for_and_one_answer_will_do() {
    let amount = Fen::new(600);
    let order = Order { reserved: amount, refunds: 1, ..purchase(OrderState::Paid) };
    let created = domain::Refund {
        protocol: Protocol::V3,
        out_trade_no: order.out_trade_no.clone(),
        ..refund(RefundState::Created, amount)
    };
    let loaded = Loaded { order: Some(order), refund: Some(created), ..Loaded::default() };
    let rejected = match refund_body(amount, None, RefundResult::Rejected { code: "INVALID_REQUEST".to_owned() }) {
        FactBody::Refund(told) => {
            let out_trade_no = loaded.order.as_ref().map(|order| order.out_trade_no.clone());
            FactBody::Refund(domain::RefundFact { out_trade_no, ..told })
        }
        other => other,
    };
    let (changes, _) = applied(decide(&loaded, &fact(Cause::Api, RSA, rejected), now()));
    let order = changes.order.unwrap();
    assert_eq!((order.reserved, order.refunds), (Fen::ZERO, 0));
    assert!(order.check.as_ref().is_some_and(|check| check.asked && check.is_due(now())));

    let (changes, events) = applied(told(&order, Cause::Query, "refunded"));
    let marked = changes.order.unwrap();
    assert_eq!((marked.refunded_elsewhere, marked.check, events), (true, None, vec![]));
    let (changes, _) = applied(told(&order, Cause::Query, "succeeded"));
    let whole = changes.order.unwrap();
    assert_eq!((whole.refunded_elsewhere, whole.check), (false, None), "it was refused for another reason");
}

#[test]
fn a_refund_made_on_the_merchant_platform_counts_once_its_number_is_known() {
    let order = Order { refunded_elsewhere: true, ..purchase(OrderState::Paid) };
    let about = |result| match refund_body(AMOUNT, said(100), result) {
        FactBody::Refund(told) => {
            FactBody::Refund(domain::RefundFact { out_trade_no: Some(order.out_trade_no.clone()), ..told })
        }
        other => other,
    };
    // The platform's notice has V2's format, and only decrypts.
    let notice = fact(Cause::Callback, Evidence::Decrypted, about(RefundResult::Succeeded { at: said(30) }));
    let loaded = Loaded { order: Some(order.clone()), ..Loaded::default() };
    let Decision::Ask(changes) = decide(&loaded, &notice, now()) else { panic!() };
    let reported = changes.refund.unwrap();
    assert_eq!((reported.state, reported.protocol), (RefundState::Reported, Protocol::V3));
    assert_eq!(changes.order, None, "nothing is believed of it");

    let loaded = Loaded { refund: Some(reported), ..loaded };
    let answer = fact(Cause::Query, RSA, about(RefundResult::Processing));
    let (changes, _) = applied(decide(&loaded, &answer, now()));
    let next = changes.order.unwrap();
    assert_eq!((next.reserved, next.refunds, next.refunded_elsewhere), (AMOUNT, 1, false));
    assert_eq!(next.refundable(), Fen::ZERO);
    let more = Opened::Refund { refund: Box::new(refund(RefundState::Created, Fen::new(1))) };
    let loaded = Loaded { order: Some(next), ..Loaded::default() };
    let refused = decide(&loaded, &Fact::ours(mch_id(), FactBody::Opened(more)), now());
    assert_eq!(refused, Decision::Refused(Refusal::MoreThanRefundable { refundable: Fen::ZERO }));
}

#[test]
fn a_payment_notice_signed_by_an_apiv2_key_contradicts_a_purchase() {
    let order = purchase(OrderState::Requested);
    let loaded = Loaded { order: Some(order.clone()), ..Loaded::default() };
    let result = payment_results().remove(0).1;
    for weaker in [SignatureAlgorithm::Md5, SignatureAlgorithm::HmacSha256] {
        let notice = fact(Cause::Callback, Evidence::Signed(weaker), payment_body(&order, result.clone()));
        let decision = decide(&loaded, &notice, now());
        assert_eq!(decision, Decision::Contradiction(domain::Contradiction::WeakerAlgorithm));
    }
}

#[test]
fn a_purchase_is_its_own_stream() {
    let order = purchase(OrderState::Created);
    let keys = Fact::ours(mch_id(), FactBody::Opened(Opened::Purchase { order: Box::new(order.clone()) })).keys();
    assert_eq!((keys.order, keys.contract), (Some(order.out_trade_no.clone()), None));
    assert_eq!(order.appid, appid());
    assert!(Stream::order(&mch_id(), &order.out_trade_no).as_str().contains("#O#"));
}
