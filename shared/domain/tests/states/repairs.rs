//! Repairs of abnormal refunds (发起异常退款).

use domain::{
    Called, Cause, Decision, Evidence, Fact, FactBody, Loaded, Order, Protocol, Refund, RefundResult, RefundState,
    RequestText, Schedule, SignatureAlgorithm, Timestamp, decide,
};

use crate::build::{AMOUNT, fact, first_order, mch_id, now, out_refund_no, refund, refund_body, refunded_order, time};
use crate::every::refund_states;
use crate::grid::check;
use crate::words::{Subject, label, short, word};

const RSA: Evidence = Evidence::Signed(SignatureAlgorithm::Rsa);

/// Its repair was asked for, if it is being repaired, and WeChat may have it or not.
fn of_v3(state: RefundState) -> Refund {
    let repair = (state == RefundState::Repairing).then(|| RequestText::new("{}"));
    Refund { protocol: Protocol::V3, repair, ..refund(state, AMOUNT) }
}

fn beside(refund: Refund) -> Loaded {
    let order = Order { protocol: Protocol::V3, ..refunded_order(Some(refund.state), AMOUNT) };
    Loaded { order: Some(order), refund: Some(refund), ..Loaded::default() }
}

fn asked() -> Fact {
    let (out_refund_no, out_trade_no) = (out_refund_no(), first_order());
    let request = RequestText::new("{}");
    Fact::ours(mch_id(), FactBody::Called(Called::RepairAsked { out_refund_no, out_trade_no, request }))
}

/// What came of it, with the refund as it is then.
fn step(loaded: &Loaded, fact: &Fact, now: Timestamp) -> (Refund, Vec<&'static str>, Option<String>) {
    match decide(loaded, fact, now) {
        Decision::Apply { changes, events, key } => (changes.refund.unwrap(), events.iter().map(short).collect(), key),
        other => panic!("{other:?}"),
    }
}

fn answer(cause: Cause, result: RefundResult) -> Fact {
    fact(cause, RSA, refund_body(AMOUNT, None, result))
}

#[test]
fn only_an_abnormal_refund_of_v3_is_repaired() {
    let rows: Vec<String> = refund_states().into_iter().map(label).collect();
    check(
        "
    state      v3                    v2
    reported   Refused(not_abnormal) Refused(not_abnormal)
    created    Refused(not_abnormal) Refused(not_abnormal)
    processing Refused(not_abnormal) Refused(not_abnormal)
    succeeded  Refused(not_abnormal) Refused(not_abnormal)
    closed     Refused(not_abnormal) Refused(not_abnormal)
    abnormal   Apply(repairing)      Refused(no_repair)
    repairing  Duplicate             Duplicate
    rejected   Refused(not_abnormal) Refused(not_abnormal)
    ",
        &rows,
        &["v3", "v2"],
        |row, column| {
            let state = refund_states().into_iter().find(|state| label(*state) == row).unwrap();
            let protocol = if column == "v3" { Protocol::V3 } else { Protocol::V2 };
            let loaded = beside(Refund { protocol, ..of_v3(state) });
            word(Subject::Refund, &loaded, &decide(&loaded, &asked(), now()))
        },
    );
    assert_eq!(asked().keys().order, Some(first_order()), "its events go to the order's stream");
}

#[test]
fn a_repair_is_counted_and_followed_and_its_request_is_kept_until_wechat_has_it() {
    let (repairing, events, _) = step(&beside(of_v3(RefundState::Abnormal)), &asked(), now());
    assert_eq!((repairing.repairs, repairing.repairing_at, events), (1, Some(now()), vec![]));
    assert_eq!(repairing.check, Some(Schedule::Refund.first(now())));
    assert!(repairing.repair.is_some());
    let (accepted, events, _) = step(&beside(repairing), &answer(Cause::Api, RefundResult::Processing), now());
    assert_eq!((accepted.state, accepted.repair, events), (RefundState::Repairing, None, vec![]));
}

#[test]
fn a_repair_that_wechat_refuses_leaves_the_refund_abnormal_with_its_code() {
    let refused = answer(Cause::Api, RefundResult::Rejected { code: "INVALID_REQUEST".to_owned() });
    let (next, events, key) = step(&beside(of_v3(RefundState::Repairing)), &refused, now());
    assert_eq!((next.state, next.failure.as_deref()), (RefundState::Abnormal, Some("INVALID_REQUEST")));
    assert_eq!((events, next.repair.as_ref(), next.check.as_ref()), (vec!["refund.abnormal"], None, None));
    assert!(
        key.as_deref().unwrap().ends_with("#ABNORMAL#1"),
        "the first repair's end is another fact than the first abnormality"
    );
    let (again, ..) = step(&beside(next.clone()), &asked(), now());
    assert_eq!((again.state, again.repairs, again.failure), (RefundState::Repairing, 2, None));
}

#[test]
fn an_answer_tells_that_a_repair_failed_once_wechat_had_it_and_five_minutes() {
    let abnormal = answer(Cause::Query, RefundResult::Abnormal);
    let accepted = Refund { repair: None, ..of_v3(RefundState::Repairing) };
    let (soon, later) = (time(50 + 299), time(50 + 300));
    let states = |refund: &Refund, at| match decide(&beside(refund.clone()), &abnormal, at) {
        Decision::Apply { changes, .. } => changes.refund.unwrap().state,
        Decision::Stale => refund.state,
        other => panic!("{other:?}"),
    };
    assert_eq!(states(&accepted, soon), RefundState::Repairing);
    assert_eq!(states(&accepted, later), RefundState::Abnormal);
    let unsent = of_v3(RefundState::Repairing);
    assert_eq!(states(&unsent, later), RefundState::Repairing, "it may never have begun: it is sent again");
}

#[test]
fn a_repaired_refund_succeeds_and_gives_its_reserve_back() {
    for cause in [Cause::Callback, Cause::Query, Cause::Api] {
        let loaded = beside(of_v3(RefundState::Repairing));
        let Decision::Apply { changes, events, .. } =
            decide(&loaded, &answer(cause, RefundResult::Succeeded { at: None }), now())
        else {
            panic!()
        };
        let (order, refund) = (changes.order.unwrap(), changes.refund.unwrap());
        assert_eq!((order.refunded, order.reserved.get()), (AMOUNT, 0));
        assert_eq!((refund.state, refund.repair), (RefundState::Succeeded, None));
        assert_eq!(events.iter().map(short).collect::<Vec<_>>(), ["refund.succeeded"]);
    }
}
