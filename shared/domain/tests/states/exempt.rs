//! Password-exempt contracts (免密支付): only queries decide.

use domain::{
    Called, Cause, Check, ContractId, Decision, Evidence, ExemptContract, ExemptState, Fact, FactBody, Loaded, OpenId,
    Opened, Refusal, RequestText, Schedule, SignatureAlgorithm, decide,
};

use crate::build::{exempt, exempt_body, fact, mch_id, now, time};
use crate::every::{calls, exempt_changes, exempt_states};
use crate::grid::check;
use crate::source::Source;
use crate::words::{Subject, label, word};

fn loaded(contract: ExemptContract) -> Loaded {
    Loaded { exempt: Some(contract), ..Loaded::default() }
}

#[track_caller]
fn grid(text: &str, source: Source, at: i64) {
    let rows: Vec<String> = exempt_states().into_iter().map(label).collect();
    let changes = exempt_changes();
    let columns: Vec<&str> = changes.iter().map(|(name, _)| *name).collect();
    for (cause, evidence) in source.each() {
        check(text, &rows, &columns, |row, column| {
            let state = exempt_states().into_iter().find(|state| label(*state) == row).unwrap();
            let change = changes.iter().find(|(name, _)| *name == column).unwrap().1.clone();
            let due = |check: Option<Check>| check.map(|check| Check { due_at: time(50), ..check });
            let contract = exempt(state);
            let loaded = loaded(ExemptContract { check: due(contract.check.clone()), ..contract });
            let decision = decide(&loaded, &fact(cause, evidence, exempt_body(change)), time(at));
            word(Subject::Exempt, &loaded, &decision)
        });
    }
}

#[test]
fn an_answer_within_the_session() {
    grid(
        "
    state       signed        terminated        absent               reported undecided
    created     Apply(signed) Apply(terminated) Wait                 Wait     Wait
    offered     Apply(signed) Apply(terminated) Wait                 Wait     Wait
    refused     Apply(signed) Apply(terminated) Duplicate            Stale    Duplicate
    not_signed  Apply(signed) Apply(terminated) Duplicate            Stale    Duplicate
    signed      Wait          Apply(terminated) Contradiction(state) Wait     Wait
    terminating Wait          Apply(terminated) Contradiction(state) Wait     Wait
    terminated  Stale         Duplicate         Stale                Stale    Duplicate
    ",
        Source::Answer,
        60,
    );
}

#[test]
fn an_answer_after_the_session() {
    grid(
        "
    state       signed        terminated        absent               reported undecided
    created     Apply(signed) Apply(terminated) Apply(not_signed)    Wait     Wait
    offered     Apply(signed) Apply(terminated) Apply(not_signed)    Wait     Wait
    refused     Apply(signed) Apply(terminated) Duplicate            Stale    Duplicate
    not_signed  Apply(signed) Apply(terminated) Duplicate            Stale    Duplicate
    signed      Wait          Apply(terminated) Contradiction(state) Wait     Wait
    terminating Wait          Apply(terminated) Contradiction(state) Wait     Wait
    terminated  Stale         Duplicate         Stale                Stale    Duplicate
    ",
        Source::Answer,
        7_500,
    );
}

#[test]
fn a_user_who_declined_is_known_by_an_unsigned_answer_too_once_the_session_is_over() {
    for state in [ExemptState::Created, ExemptState::Offered] {
        let absent = |evidence| fact(Cause::Query, evidence, exempt_body(domain::ExemptChange::Absent));
        let offered = loaded(exempt(state));
        let Decision::Apply { changes, .. } = decide(&offered, &absent(Evidence::Unsigned), time(7_560)) else {
            panic!()
        };
        let declined = changes.exempt.unwrap();
        assert_eq!((declined.state, declined.check.as_ref()), (ExemptState::NotSigned, None));
        let signed = domain::ExemptChange::Signed { at: None };
        let signed = fact(Cause::Query, Evidence::Signed(SignatureAlgorithm::Rsa), exempt_body(signed));
        let Decision::Apply { changes, .. } = decide(&loaded(declined), &signed, time(8_000)) else { panic!() };
        assert_eq!(changes.exempt.unwrap().state, ExemptState::Signed, "what WeChat proves later counts");
    }
}

#[test]
fn an_answer_that_proves_nothing() {
    grid(
        "
    state       signed    terminated absent    reported undecided
    created     Wait      Wait       Apply(not_signed) Wait     Wait
    offered     Wait      Wait       Apply(not_signed) Wait     Wait
    refused     Duplicate Duplicate  Duplicate Stale    Duplicate
    not_signed  Duplicate Duplicate  Duplicate Stale    Duplicate
    signed      Wait      Wait       Wait      Wait     Wait
    terminating Wait      Wait       Wait      Wait     Wait
    terminated  Duplicate Duplicate  Duplicate Stale    Duplicate
    ",
        Source::UnprovedAnswer,
        7_500,
    );
}

#[test]
fn a_notice_whatever_it_says() {
    let signed = Evidence::Signed(SignatureAlgorithm::Rsa);
    let reported = exempt_changes().into_iter().find(|(name, _)| *name == "reported").unwrap().1;
    for state in exempt_states() {
        let decision =
            decide(&loaded(exempt(state)), &fact(Cause::Callback, signed, exempt_body(reported.clone())), now());
        match decision {
            Decision::Ask(changes) => {
                let check = changes.exempt.unwrap().check.unwrap();
                assert!(check.asked && check.due_at == now(), "{state:?}");
            }
            Decision::Stale => assert_eq!(state, ExemptState::Terminated),
            other => panic!("{other:?}"),
        }
    }
    let asked = Check::asked(None, now());
    let asked = ExemptContract { check: Some(asked), ..exempt(ExemptState::Offered) };
    let twice = decide(&loaded(asked), &fact(Cause::Callback, signed, exempt_body(reported)), now());
    assert_eq!(twice, Decision::Stale, "in the journal, and left to the question that is set");
}

#[test]
fn our_own_calls() {
    let rows: Vec<String> = exempt_states().into_iter().map(label).collect();
    let columns = ["exempt_offered", "exempt_refused", "exempt_termination_asked"];
    check(
        "
    state       exempt_offered exempt_refused exempt_termination_asked
    created     Apply(offered) Apply(refused) Refused(not_signed)
    offered     Duplicate      Stale          Refused(not_signed)
    refused     Stale          Duplicate      Refused(not_signed)
    not_signed  Stale          Stale          Refused(not_signed)
    signed      Stale          Stale          Apply(terminating)
    terminating Stale          Stale          Duplicate
    terminated  Stale          Stale          Duplicate
    ",
        &rows,
        &columns,
        |row, column| {
            let state = exempt_states().into_iter().find(|state| label(*state) == row).unwrap();
            let called = call(column);
            let loaded = loaded(exempt(state));
            word(Subject::Exempt, &loaded, &decide(&loaded, &Fact::ours(mch_id(), FactBody::Called(called)), now()))
        },
    );
    for column in columns {
        let fact = Fact::ours(mch_id(), FactBody::Called(call(column)));
        assert_eq!(fact.subject(), format!("X#{}", exempt(ExemptState::Created).key()));
        assert_eq!(
            word(Subject::Exempt, &Loaded::default(), &decide(&Loaded::default(), &fact, now())),
            "Unknown(contract)"
        );
    }
}

fn call(name: &str) -> Called {
    calls(&crate::build::first_order()).into_iter().find(|(word, _)| *word == name).unwrap().1
}

fn open(known: Option<ExemptContract>, contract: ExemptContract) -> Decision {
    let opened = Opened::Exempt { contract: Box::new(contract) };
    let loaded = Loaded { exempt: known, ..Loaded::default() };
    decide(&loaded, &Fact::ours(mch_id(), FactBody::Opened(opened)), now())
}

#[test]
fn a_number_is_offered_again_with_another_payment_until_it_is_signed() {
    let new = || ExemptContract { request: Some(RequestText::new("[]")), ..exempt(ExemptState::Created) };
    assert!(matches!(open(None, new()), Decision::Apply { key: Some(_), .. }));
    for state in exempt_states() {
        assert_eq!(open(Some(exempt(state)), exempt(ExemptState::Created)), Decision::Duplicate, "the same request");
        let again = open(Some(exempt(state)), new());
        match state {
            ExemptState::Created | ExemptState::Offered | ExemptState::Refused | ExemptState::NotSigned => {
                let Decision::Apply { changes, .. } = again else { panic!("{again:?}") };
                assert_eq!(changes.exempt, Some(new()));
            }
            ExemptState::Signed | ExemptState::Terminating | ExemptState::Terminated => {
                assert_eq!(again, Decision::Refused(Refusal::Exists), "never again after its end");
            }
        }
        let other = ExemptContract { user: None, ..new() };
        assert_eq!(open(Some(exempt(state)), other), Decision::Refused(Refusal::Exists), "another user's number");
    }
    let unsent = ExemptContract { request: None, ..new() };
    assert_eq!(open(None, unsent), Decision::Refused(Refusal::Inconsistent));
}

#[test]
fn what_a_signing_reveals_is_adopted_and_may_not_change() {
    let signed = exempt_changes().remove(0).1;
    let rsa = Evidence::Signed(SignatureAlgorithm::Rsa);
    let told = fact(Cause::Query, rsa, exempt_body(signed));
    let Decision::Apply { changes, events, .. } = decide(&loaded(exempt(ExemptState::Offered)), &told, now()) else {
        panic!()
    };
    let next = changes.exempt.unwrap();
    assert!(next.contract_id.is_some() && next.openid.is_some() && events.is_empty());
    assert_eq!(next.check, Some(Schedule::SignedContract.first(now())), "it is looked at once a day");
    let other_id = ExemptContract { contract_id: Some(ContractId::parse("1").unwrap()), ..next.clone() };
    let other_user = ExemptContract { openid: Some(OpenId::parse("o").unwrap()), ..next.clone() };
    let other_app = ExemptContract { appid: domain::AppId::parse("wx0").unwrap(), ..next };
    for (other, field) in [(other_id, "contract_id"), (other_user, "openid"), (other_app, "appid")] {
        let Decision::Contradiction(found) = decide(&loaded(other), &told, now()) else { panic!("{field}") };
        assert_eq!(found.label(), field);
    }
}
