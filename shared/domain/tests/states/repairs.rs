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
fn an_answer_tells_that_a_repair_failed_once_wechat_had_it_for_longer_than_a_bank_takes_in_a_holiday() {
    let abnormal = answer(Cause::Query, RefundResult::Abnormal);
    let accepted = Refund { repair: None, ..of_v3(RefundState::Repairing) };
    let fortnight = 14 * 86_400;
    let (soon, later) = (time(50 + fortnight - 1), time(50 + fortnight));
    let states = |refund: &Refund, at| match decide(&beside(refund.clone()), &abnormal, at) {
        Decision::Apply { changes, .. } => changes.refund.unwrap().state,
        Decision::Stale => refund.state,
        other => panic!("{other:?}"),
    };
    assert_eq!(states(&accepted, soon), RefundState::Repairing);
    assert_eq!(states(&accepted, later), RefundState::Abnormal);
    let unsent = of_v3(RefundState::Repairing);
    assert_eq!(states(&unsent, soon), RefundState::Repairing, "its answer may have been lost");
    assert!(unsent.awaits_repair(soon) && !unsent.awaits_repair(later) && !accepted.awaits_repair(soon));
}

#[test]
fn a_repair_that_wechat_took_is_not_called_failed_while_wechat_goes_on_saying_abnormal_for_days() {
    let (mut loaded, mut told) = (beside(Refund { repair: None, ..of_v3(RefundState::Repairing) }), Vec::new());
    let abnormal = answer(Cause::Query, RefundResult::Abnormal);
    for hour in 1..=3 * 24 {
        let at = time(50 + hour * 3_600);
        match decide(&loaded, &abnormal, at) {
            Decision::Apply { changes, events, .. } => {
                told.extend(events.iter().map(short));
                loaded.refund = changes.refund;
            }
            Decision::Stale => {}
            other => panic!("{other:?}"),
        }
        assert_eq!(loaded.refund.as_ref().unwrap().state, RefundState::Repairing, "after {hour} hours");
        let another = Called::RepairAsked {
            out_refund_no: out_refund_no(),
            out_trade_no: first_order(),
            request: RequestText::new("to another card"),
        };
        let another = decide(&loaded, &Fact::ours(mch_id(), FactBody::Called(another)), at);
        assert_eq!(another, Decision::Refused(domain::Refusal::NotAbnormal), "the user would be paid twice");
    }
    let (repaired, events, _) =
        step(&loaded, &answer(Cause::Query, RefundResult::Succeeded { at: None }), time(50 + 73 * 3_600));
    told.extend(events);
    assert_eq!((repaired.state, told), (RefundState::Succeeded, vec!["refund.succeeded"]));
}

#[test]
fn a_notice_made_after_the_repair_tells_at_once_that_it_failed() {
    let accepted = beside(Refund { repair: None, ..of_v3(RefundState::Repairing) });
    let notice = |said| fact(Cause::Callback, RSA, refund_body(AMOUNT, Some(time(said)), RefundResult::Abnormal));
    assert_eq!(decide(&accepted, &notice(49), now()), Decision::Stale, "the one that told of the first abnormality");
    let (failed, events, _) = step(&accepted, &notice(51), now());
    assert_eq!((failed.state, events), (RefundState::Abnormal, vec!["refund.abnormal"]));
}

#[test]
fn of_two_repairs_at_once_to_different_cards_the_second_is_refused() {
    let (repairing, ..) = step(&beside(of_v3(RefundState::Abnormal)), &asked(), now());
    assert_eq!(decide(&beside(repairing.clone()), &asked(), now()), Decision::Duplicate, "the same request");
    let request = RequestText::new("to another card");
    let (out_refund_no, out_trade_no) = (out_refund_no(), first_order());
    let other = FactBody::Called(Called::RepairAsked { out_refund_no, out_trade_no, request });
    let decision = decide(&beside(repairing), &Fact::ours(mch_id(), other), now());
    assert_eq!(decision, Decision::Refused(domain::Refusal::NotAbnormal));
}

#[test]
fn why_a_repair_was_not_taken_is_kept_until_wechat_takes_it() {
    let (out_refund_no, out_trade_no) = (out_refund_no(), first_order());
    let put_off = Called::RefundPutOff { out_refund_no, out_trade_no, code: "NOT_ENOUGH".to_owned() };
    let put_off = Fact::ours(mch_id(), FactBody::Called(put_off));
    let (waits, events, key) = step(&beside(of_v3(RefundState::Repairing)), &put_off, now());
    assert_eq!((waits.failure.as_deref(), events, key), (Some("NOT_ENOUGH"), vec![], None));
    assert_eq!(decide(&beside(waits.clone()), &put_off, now()), Decision::Duplicate, "it stands there already");
    let (taken, ..) = step(&beside(waits), &answer(Cause::Api, RefundResult::Processing), now());
    assert_eq!((taken.state, taken.failure), (RefundState::Repairing, None));
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
fn a_repair_that_wechat_never_takes_is_tried_ever_less_often_and_abnormal_again_after_a_fortnight() {
    let repairing = Refund { check: Some(Schedule::Refund.first(time(50))), ..of_v3(RefundState::Repairing) };
    let (last, events, times) = asked_while_abnormal(repairing);
    assert_eq!((last.state, last.failure.as_deref()), (RefundState::Abnormal, Some("NOT_SENT")));
    assert_eq!((events, last.is_given_up()), (vec!["refund.abnormal"], true));
    assert!((16..32).contains(&times.len()), "{times:?}");
    assert!(times.last().unwrap().duration_since(time(50)).as_hours() >= 14 * 24);
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
    assert!(accepted.is_overdue(time(50 + 14 * 86_400)), "no answer has ended it");
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
