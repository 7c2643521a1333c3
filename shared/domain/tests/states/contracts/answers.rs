//! What WeChat answers to a question about a contract.

use domain::{Check, Contract, ContractState, Timestamp};

use super::{Case, PAID, PURE, grid, ten_minutes_later};
use crate::build::{now, time};
use crate::source::Source;

/// The last question of its schedule is due.
fn at_the_end(contract: Contract) -> Contract {
    with_check(contract, |_| Check::new(now(), 99))
}

/// Something has made the question due at once.
fn asked(contract: Contract) -> Contract {
    with_check(contract, |running| Check::asked(running, now()))
}

/// A question of the schedule is due.
fn due(contract: Contract) -> Contract {
    with_check(contract, |_| Check::new(now(), 0))
}

fn signed_just_now(contract: Contract) -> Contract {
    due(Contract { signed_at: contract.signed_at.map(|_| now()), ..contract })
}

/// The next question is not due yet: the app has asked in between.
fn not_due(contract: Contract) -> Contract {
    with_check(contract, |_| Check::new(time(86_400), 99))
}

/// Nothing is asked about a contract that has ended.
fn with_check(contract: Contract, check: impl Fn(Option<&Check>) -> Check) -> Contract {
    match contract.state {
        ContractState::Terminated => contract,
        ContractState::Created
        | ContractState::Pending
        | ContractState::Signed
        | ContractState::NotSigned
        | ContractState::Terminating => Contract { check: Some(check(contract.check.as_ref())), ..contract },
    }
}

fn half_an_hour_later() -> Timestamp {
    time(5 + 30 * 60)
}

#[test]
fn an_answer_ten_minutes_after_the_payment() {
    grid(
        "
    state       signed                                terminated
    created     Apply(signed)+contract.signed+settled Apply(terminated)+contract.terminated+settled
    pending     Apply(signed)+contract.signed+settled Apply(terminated)+contract.terminated+settled
    signed      Wait                                  Apply(terminated)+contract.terminated+settled
    not_signed  Apply(signed)+contract.signed+settled Apply(terminated)+contract.terminated+settled
    terminating Wait                                  Apply(terminated)+contract.terminated+settled
    terminated  Stale                                 Duplicate

    state       not_signed                                    absent               in_progress
    created     Wait                                          Wait                 Wait
    pending     Wait                                          Wait                 Wait
    signed      Apply(terminated)+contract.terminated+settled Contradiction(state) Wait
    not_signed  Wait                                          Wait                 Wait
    terminating Apply(terminated)+contract.terminated+settled Contradiction(state) Wait
    terminated  Duplicate                                     Duplicate            Stale
    ",
        Source::Answer,
        Case { now: ten_minutes_later, prepare: due, ..PAID },
    );
}

#[test]
fn an_answer_that_may_be_older_than_the_signing_or_its_end() {
    grid(
        "
    state       signed                                terminated
    created     Apply(signed)+contract.signed+settled Apply(terminated)+contract.terminated+settled
    pending     Apply(signed)+contract.signed+settled Apply(terminated)+contract.terminated+settled
    signed      Wait                                  Apply(terminated)+contract.terminated+settled
    not_signed  Apply(signed)+contract.signed+settled Apply(terminated)+contract.terminated+settled
    terminating Wait                                  Apply(terminated)+contract.terminated+settled
    terminated  Stale                                 Duplicate

    state       not_signed                                    absent               in_progress
    created     Wait                                          Wait                 Wait
    pending     Wait                                          Wait                 Wait
    signed      Wait                                          Wait                 Wait
    not_signed  Wait                                          Wait                 Wait
    terminating Apply(terminated)+contract.terminated+settled Contradiction(state) Wait
    terminated  Duplicate                                     Duplicate            Stale
    ",
        Source::Answer,
        Case { prepare: signed_just_now, ..PAID },
    );
}

#[test]
fn an_answer_half_an_hour_after_the_payment() {
    grid(
        "
    state       signed                                terminated
    created     Apply(signed)+contract.signed+settled Apply(terminated)+contract.terminated+settled
    pending     Apply(signed)+contract.signed+settled Apply(terminated)+contract.terminated+settled
    signed      Wait                                  Apply(terminated)+contract.terminated+settled
    not_signed  Apply(signed)+contract.signed+settled Apply(terminated)+contract.terminated+settled
    terminating Wait                                  Apply(terminated)+contract.terminated+settled
    terminated  Stale                                 Duplicate

    state       not_signed                                    absent
    created     Apply(not_signed)+contract.not_signed+settled Apply(not_signed)+contract.not_signed+settled
    pending     Apply(not_signed)+contract.not_signed+settled Apply(not_signed)+contract.not_signed+settled
    signed      Apply(terminated)+contract.terminated+settled Contradiction(state)
    not_signed  Wait                                          Wait
    terminating Apply(terminated)+contract.terminated+settled Contradiction(state)
    terminated  Duplicate                                     Duplicate

    state       in_progress
    created     Wait
    pending     Wait
    signed      Wait
    not_signed  Wait
    terminating Wait
    terminated  Stale
    ",
        Source::Answer,
        Case { now: half_an_hour_later, prepare: due, ..PAID },
    );
}

#[test]
fn an_answer_while_pure_signing_has_time() {
    grid(
        "
    state       signed                                terminated
    created     Apply(signed)+contract.signed+settled Apply(terminated)+contract.terminated+settled
    pending     Apply(signed)+contract.signed+settled Apply(terminated)+contract.terminated+settled
    signed      Wait                                  Apply(terminated)+contract.terminated+settled
    not_signed  Apply(signed)+contract.signed+settled Apply(terminated)+contract.terminated+settled
    terminating Wait                                  Apply(terminated)+contract.terminated+settled
    terminated  Stale                                 Duplicate

    state       not_signed                                    absent               in_progress
    created     Wait                                          Wait                 Wait
    pending     Wait                                          Wait                 Wait
    signed      Apply(terminated)+contract.terminated+settled Contradiction(state) Wait
    not_signed  Wait                                          Wait                 Wait
    terminating Apply(terminated)+contract.terminated+settled Contradiction(state) Wait
    terminated  Duplicate                                     Duplicate            Stale
    ",
        Source::Answer,
        Case { now: ten_minutes_later, prepare: due, ..PURE },
    );
}

#[test]
fn the_last_answer_of_pure_signing() {
    grid(
        "
    state       signed                                terminated
    created     Apply(signed)+contract.signed+settled Apply(terminated)+contract.terminated+settled
    pending     Apply(signed)+contract.signed+settled Apply(terminated)+contract.terminated+settled
    signed      Wait                                  Apply(terminated)+contract.terminated+settled
    not_signed  Apply(signed)+contract.signed+settled Apply(terminated)+contract.terminated+settled
    terminating Wait                                  Apply(terminated)+contract.terminated+settled
    terminated  Stale                                 Duplicate

    state       not_signed                                    absent
    created     Apply(not_signed)+contract.not_signed+settled Apply(not_signed)+contract.not_signed+settled
    pending     Apply(not_signed)+contract.not_signed+settled Apply(not_signed)+contract.not_signed+settled
    signed      Apply(terminated)+contract.terminated+settled Contradiction(state)
    not_signed  Rest                                          Rest
    terminating Apply(terminated)+contract.terminated+settled Contradiction(state)
    terminated  Duplicate                                     Duplicate

    state       in_progress
    created     Wait
    pending     Wait
    signed      Wait
    not_signed  Wait
    terminating Wait
    terminated  Stale
    ",
        Source::Answer,
        Case { now: half_an_hour_later, prepare: at_the_end, ..PURE },
    );
}

#[test]
fn an_answer_that_the_app_asked_for_in_between_uses_no_schedule_up() {
    grid(
        "
    state       signed                                terminated
    created     Apply(signed)+contract.signed+settled Apply(terminated)+contract.terminated+settled
    pending     Apply(signed)+contract.signed+settled Apply(terminated)+contract.terminated+settled
    signed      Duplicate                             Apply(terminated)+contract.terminated+settled
    not_signed  Apply(signed)+contract.signed+settled Apply(terminated)+contract.terminated+settled
    terminating Duplicate                             Apply(terminated)+contract.terminated+settled
    terminated  Stale                                 Duplicate

    state       not_signed                                    absent               in_progress
    created     Duplicate                                     Duplicate            Duplicate
    pending     Duplicate                                     Duplicate            Duplicate
    signed      Apply(terminated)+contract.terminated+settled Contradiction(state) Duplicate
    not_signed  Duplicate                                     Duplicate            Duplicate
    terminating Apply(terminated)+contract.terminated+settled Contradiction(state) Duplicate
    terminated  Duplicate                                     Duplicate            Stale
    ",
        Source::Answer,
        Case { now: half_an_hour_later, prepare: not_due, ..PURE },
    );
}

#[test]
fn an_answer_that_proves_nothing_whether_the_question_was_due_or_asked_at_once() {
    for prepare in [due as fn(Contract) -> Contract, asked] {
        grid(
            "
    state       signed    terminated not_signed absent                                        in_progress
    created     Wait      Wait       Wait       Apply(not_signed)+contract.not_signed+settled Wait
    pending     Wait      Wait       Wait       Apply(not_signed)+contract.not_signed+settled Wait
    signed      Wait      Wait       Wait       Contradiction(state)                          Wait
    not_signed  Wait      Wait       Wait       Wait                                          Wait
    terminating Wait      Wait       Wait       Contradiction(state)                          Wait
    terminated  Duplicate Duplicate  Duplicate  Duplicate                                     Stale
    ",
            Source::UnprovedAnswer,
            Case { now: half_an_hour_later, prepare, ..PAID },
        );
    }
}
