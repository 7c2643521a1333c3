//! What the user is told of a deduction to come (预扣费通知), and what may be deducted after it.

use domain::{
    Called, Cause, Contract, ContractState, Decision, DeductionNotice, Evidence, Fact, FactBody, Fen, Loaded, Opened,
    Order, OrderKind, OrderState, PaymentStatus, Refusal, SignatureAlgorithm, Timestamp, decide,
};

use crate::build::{AMOUNT, code, contract, fact, mch_id, order, payment_body};
use crate::every::payment_results;

fn at(text: &str) -> Timestamp {
    format!("2025-12-{text}+08:00").parse().unwrap()
}

fn noticed(state: ContractState, notice: Option<DeductionNotice>) -> Loaded {
    let contract = Contract { notice, ..contract(state, Some(PaymentStatus::Paid)) };
    Loaded { contract: Some(contract), ..Loaded::default() }
}

fn call(loaded: &Loaded, called: Called, now: Timestamp) -> Decision {
    decide(loaded, &Fact::ours(mch_id(), FactBody::Called(called)), now)
}

/// The notice after a call that changes it, and nothing else.
#[track_caller]
fn after(loaded: &Loaded, called: Called, now: Timestamp) -> Option<DeductionNotice> {
    let Decision::Apply { changes, events, key } = call(loaded, called, now) else { panic!() };
    let next = changes.contract.clone().unwrap();
    let expected = Contract { notice: next.notice.clone(), ..loaded.contract.clone().unwrap() };
    assert_eq!((&next, events, key), (&expected, vec![], None));
    assert_eq!((&changes.order, &changes.refund), (&None, &None));
    next.notice
}

fn asking(amount: Fen) -> Called {
    Called::NoticeAsked { contract_code: code(), amount }
}

fn sent(amount: Fen, already: bool) -> Called {
    Called::NoticeSent { contract_code: code(), amount, already }
}

fn refused(amount: Fen) -> Called {
    Called::NoticeRefused { contract_code: code(), amount, code: "RULELIMIT".to_owned() }
}

fn deducting(loaded: &Loaded, amount: Fen, now: Timestamp) -> Decision {
    let order = Box::new(Order { amount, ..order(OrderKind::Deduction, OrderState::Created) });
    decide(loaded, &Fact::ours(mch_id(), FactBody::Opened(Opened::Deduction { order })), now)
}

fn days(notice: &DeductionNotice) -> (String, String) {
    (notice.first_day.to_string(), notice.last_day.to_string())
}

#[test]
fn the_deductible_days_are_the_third_to_the_ninth_in_beijing() {
    for (asked, first, last) in [
        ("01T07:00:00", "2025-12-03", "2025-12-09"),
        // Another day in UTC.
        ("01T00:30:00", "2025-12-03", "2025-12-09"),
        ("01T23:59:59", "2025-12-03", "2025-12-09"),
        ("30T12:00:00", "2026-01-01", "2026-01-07"),
    ] {
        assert_eq!(days(&DeductionNotice::asked(AMOUNT, at(asked))), (first.to_owned(), last.to_owned()), "{asked}");
    }
}

#[test]
fn a_notice_is_on_record_before_it_is_sent_and_its_days_count_from_when_it_was() {
    let asked = after(&noticed(ContractState::Signed, None), asking(AMOUNT), at("01T21:59:00")).unwrap();
    assert_eq!(asked, DeductionNotice::asked(AMOUNT, at("01T21:59:00")));
    let loaded = noticed(ContractState::Signed, Some(asked.clone()));
    // The answer was lost, and the call repeated the next morning: it arrives only now, or it had arrived.
    let told = after(&loaded, sent(AMOUNT, false), at("02T08:00:00")).unwrap();
    assert_eq!((days(&told).0.as_str(), told.confirmed_at), ("2025-12-04", Some(at("02T08:00:00"))));
    let known = after(&loaded, sent(AMOUNT, true), at("02T08:00:00")).unwrap();
    assert_eq!((days(&known), known.confirmed_at), (days(&asked), Some(at("02T08:00:00"))));
    let twice = call(&noticed(ContractState::Signed, Some(known)), sent(AMOUNT, true), at("02T09:00:00"));
    assert_eq!(twice, Decision::Duplicate);
}

#[test]
fn one_notice_of_a_cycle_is_on_record_and_the_identical_one_may_be_repeated() {
    let loaded = noticed(ContractState::Signed, Some(DeductionNotice::asked(AMOUNT, at("01T10:00:00"))));
    assert_eq!(call(&loaded, asking(AMOUNT), at("09T21:00:00")), Decision::Duplicate);
    let other = Fen::new(AMOUNT.get() - 1);
    let refusal = Refusal::OtherNotice { amount: AMOUNT };
    assert_eq!(call(&loaded, asking(other), at("09T21:00:00")), Decision::Refused(refusal));
    let next = after(&loaded, asking(other), at("10T07:00:00")).unwrap();
    assert_eq!((next.amount, days(&next).0.as_str()), (other, "2025-12-12"), "the last day of the first one is over");
    assert_eq!(call(&loaded, sent(other, false), at("01T10:00:01")), Decision::Stale, "it is of another notice");
}

#[test]
fn a_notice_that_wechat_refused_is_off_the_record_and_one_that_was_sent_stays() {
    let asked = DeductionNotice::asked(AMOUNT, at("01T10:00:00"));
    let loaded = noticed(ContractState::Signed, Some(asked.clone()));
    assert_eq!(after(&loaded, refused(AMOUNT), at("01T10:00:01")), None);
    let told = DeductionNotice { confirmed_at: Some(at("01T10:00:01")), ..asked };
    let loaded = noticed(ContractState::Signed, Some(told));
    assert_eq!(call(&loaded, refused(AMOUNT), at("01T10:00:02")), Decision::Stale);
    // Two at once: one was refused and the other sent.
    let told = after(&noticed(ContractState::Signed, None), sent(AMOUNT, false), at("01T10:00:02")).unwrap();
    assert_eq!(told.amount, AMOUNT);
}

#[test]
fn a_deduction_takes_at_most_what_the_user_was_told() {
    let more = Fen::new(AMOUNT.get() + 1);
    let asked = DeductionNotice::asked(AMOUNT, at("01T10:00:00"));
    let told = DeductionNotice { confirmed_at: Some(at("01T10:00:01")), ..asked.clone() };
    for notice in [asked, told] {
        let loaded = noticed(ContractState::Signed, Some(notice));
        let refusal = Decision::Refused(Refusal::MoreThanNoticed { noticed: AMOUNT });
        assert_eq!(deducting(&loaded, more, at("03T10:00:00")), refusal);
        assert_eq!(deducting(&loaded, more, at("09T23:59:59")), refusal);
        assert!(matches!(deducting(&loaded, AMOUNT, at("03T10:00:00")), Decision::Apply { .. }));
        let later = deducting(&loaded, more, at("10T00:00:00"));
        assert!(matches!(later, Decision::Apply { .. }), "the notice is over: {later:?}");
    }
    let unlimited = deducting(&noticed(ContractState::Signed, None), more, at("03T10:00:00"));
    assert!(matches!(unlimited, Decision::Apply { .. }), "{unlimited:?}");
}

#[test]
fn nothing_is_deducted_between_a_notice_and_its_first_day() {
    let asked = DeductionNotice::asked(AMOUNT, at("01T10:00:00"));
    let told = DeductionNotice { confirmed_at: Some(at("01T10:00:01")), ..asked.clone() };
    let told = noticed(ContractState::Signed, Some(told));
    let refusal = Refusal::TooEarly { first_day: asked.first_day };
    assert_eq!(deducting(&told, AMOUNT, at("02T23:59:59")), Decision::Refused(refusal));
    assert!(matches!(deducting(&told, AMOUNT, at("03T00:00:00")), Decision::Apply { .. }));
    // Perhaps it was never sent: WeChat decides.
    let unknown = noticed(ContractState::Signed, Some(asked));
    assert!(matches!(deducting(&unknown, AMOUNT, at("02T10:00:00")), Decision::Apply { .. }));
}

#[test]
fn a_success_ends_the_cycle_of_its_notice_and_a_failure_does_not() {
    let notice = |asked| Some(DeductionNotice::asked(AMOUNT, asked));
    let decided = |name: &str, notice| {
        let mut loaded = noticed(ContractState::Signed, notice);
        let deduction = Order { created_at: at("03T10:00:00"), ..order(OrderKind::Deduction, OrderState::Accepted) };
        loaded.contract.as_mut().unwrap().open_deduction = Some(deduction.out_trade_no.clone());
        let result = payment_results().into_iter().find(|(word, _)| *word == name).unwrap().1;
        let signed = Evidence::Signed(SignatureAlgorithm::Md5);
        let fact = fact(Cause::Query, signed, payment_body(&deduction, result));
        loaded.order = Some(deduction);
        match decide(&loaded, &fact, at("03T10:01:00")) {
            Decision::Apply { changes, .. } => changes.contract.unwrap().notice,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(decided("succeeded", notice(at("01T10:00:00"))), None);
    assert_eq!(decided("failed", notice(at("01T10:00:00"))), notice(at("01T10:00:00")), "it is tried again");
    assert_eq!(decided("succeeded", notice(at("03T10:00:30"))), notice(at("03T10:00:30")), "the next cycle's");
}
