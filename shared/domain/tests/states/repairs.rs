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
    assert_eq!((events, next.repair.as_ref()), (vec!["refund.abnormal"], None));
    assert_eq!(next.check, Some(Schedule::AbnormalRefund.first(now())), "a person may settle it");
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

/// What becomes of a refund that WeChat calls abnormal each time that its question is due, and when it was asked.
fn asked_while_abnormal(refund: Refund) -> (Refund, Vec<&'static str>, Vec<Timestamp>) {
    let (mut loaded, mut told, mut asked) = (beside(refund), Vec::new(), Vec::new());
    while let Some(check) = loaded.refund.as_ref().unwrap().check.clone() {
        asked.push(check.due_at);
        let state = loaded.refund.as_ref().unwrap().state;
        let answer = answer(Cause::Query, RefundResult::Abnormal);
        let (next, events, _) = step(&loaded, &answer, check.due_at);
        told.extend(events);
        let decided = state != next.state;
        loaded.refund = Some(next);
        if decided || asked.len() == 1_000 {
            break;
        }
    }
    (loaded.refund.unwrap(), told, asked)
}

#[test]
fn an_abnormal_refund_is_asked_for_once_a_day_for_a_year() {
    let (last, events, asked) = asked_while_abnormal(of_v3(RefundState::Abnormal));
    assert_eq!((last.state, last.check.as_ref(), events), (RefundState::Abnormal, None, vec![]));
    assert_eq!(asked.len(), 365);
    assert!(asked.windows(2).all(|pair| pair[1].duration_since(pair[0]).as_hours() == 24));
    assert!(last.is_given_up(), "somebody must look");
}

#[test]
fn an_abnormal_refund_that_a_person_settled_succeeds_by_the_next_answer() {
    for protocol in [Protocol::V2, Protocol::V3] {
        let loaded = beside(Refund { protocol, ..of_v3(RefundState::Abnormal) });
        let told = answer(Cause::Query, RefundResult::Succeeded { at: None });
        let Decision::Apply { changes, events, .. } = decide(&loaded, &told, time(40 + 86_400)) else { panic!() };
        let (order, refund) = (changes.order.unwrap(), changes.refund.unwrap());
        assert_eq!((refund.state, refund.check), (RefundState::Succeeded, None));
        assert_eq!((order.refunded, order.reserved.get()), (AMOUNT, 0));
        assert_eq!(events.iter().map(short).collect::<Vec<_>>(), ["refund.succeeded"]);
    }
}

#[test]
fn a_refund_that_becomes_abnormal_has_its_next_question_in_a_day() {
    for state in [RefundState::Created, RefundState::Processing] {
        for cause in [Cause::Callback, Cause::Query] {
            let told = answer(cause, RefundResult::Abnormal);
            let (next, ..) = step(&beside(of_v3(state)), &told, now());
            assert_eq!(next.check, Some(Schedule::AbnormalRefund.first(now())));
        }
    }
}

#[test]
fn what_contradicts_an_abnormal_refund_moves_its_question_to_the_next_day() {
    let mut loaded = beside(of_v3(RefundState::Abnormal));
    let (due, year) = (time(40 + 86_400), time(41 + 365 * 86_400));
    let next = domain::moved_on(&loaded, due).refund.unwrap();
    assert_eq!(next.check.as_ref().unwrap().due_at, time(40 + 2 * 86_400));
    loaded.refund = Some(next);
    assert_eq!(domain::moved_on(&loaded, year).refund.unwrap().check, None, "and ends after a year as well");
}

#[test]
fn a_repair_that_wechat_never_takes_is_tried_ever_less_often_and_abnormal_again_after_three_days() {
    let repairing = Refund { check: Some(Schedule::Refund.first(time(50))), ..of_v3(RefundState::Repairing) };
    let (last, events, times) = asked_while_abnormal(repairing);
    assert_eq!((last.state, last.failure.as_deref()), (RefundState::Abnormal, Some("NOT_SENT")));
    assert_eq!((events, last.is_given_up()), (vec!["refund.abnormal"], true));
    assert!((8..20).contains(&times.len()), "{times:?}");
    assert!(times.last().unwrap().duration_since(time(50)) >= domain::GIVEN_UP_AFTER);
    let (again, ..) = step(&beside(last), &asked(), now());
    assert_eq!((again.state, again.repairs), (RefundState::Repairing, 2), "it may be asked for once more");
}

#[test]
fn a_repair_of_which_no_answer_comes_is_overdue_after_three_days() {
    let unsent = of_v3(RefundState::Repairing);
    let at = |seconds: i64| time(50 + domain::GIVEN_UP_AFTER.as_secs() + seconds);
    assert!(!unsent.is_overdue(at(-1)) && unsent.is_overdue(at(0)));
    let accepted = Refund { repair: None, ..unsent };
    assert!(!accepted.is_overdue(at(0)), "WeChat has it");
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
