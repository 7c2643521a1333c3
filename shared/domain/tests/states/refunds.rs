//! Every state of a refund against everything that can be told of it; `unknown` is a refund that is not on record.

use domain::{
    Cause, Check, Decision, Evidence, Fen, Loaded, Order, OrderKind, OrderState, Refund, RefundResult, RefundState,
    SignatureAlgorithm, Timestamp, decide,
};

use crate::build::{AMOUNT, fact, now, order, refund, refund_body, refunded_order, said};
use crate::every::{refund_results, refund_states};
use crate::grid::check;
use crate::source::Source;
use crate::words::{Subject, label, word};

/// A part of the order.
const PART: Fen = Fen::new(600);

#[derive(Clone, Copy)]
struct Case {
    amount: Fen,
    /// When WeChat made the message. A repair was asked for at 50 s.
    said_at: Option<Timestamp>,
    prepare: fn(Loaded) -> Loaded,
}

#[track_caller]
fn grid(text: &str, source: Source, case: Case) {
    let states = || refund_states().into_iter().map(Some).chain([None]);
    let name = |state: Option<_>| state.map_or_else(|| "unknown".to_owned(), label);
    let rows: Vec<String> = states().map(name).collect();
    let results = refund_results();
    let columns: Vec<&str> = results.iter().map(|(name, _)| *name).collect();
    for (cause, evidence) in source.each() {
        check(text, &rows, &columns, |row, column| {
            let state = states().find(|state| name(*state) == row).unwrap();
            let result = results.iter().find(|(name, _)| *name == column).unwrap().1.clone();
            let loaded = (case.prepare)(Loaded {
                order: Some(refunded_order(state, case.amount)),
                contract: None,
                refund: state.map(|state| refund(state, case.amount)),
                ..Loaded::default()
            });
            let fact = fact(cause, evidence, refund_body(case.amount, case.said_at, result));
            word(Subject::Refund, &loaded, &decide(&loaded, &fact, now()))
        });
    }
}

fn as_it_is(loaded: Loaded) -> Loaded {
    loaded
}

/// A question is due.
fn asked(loaded: Loaded) -> Loaded {
    let asked = |refund: Refund| Refund { check: Some(Check::asked(refund.check.as_ref(), now())), ..refund };
    Loaded { refund: loaded.refund.map(asked), ..loaded }
}

/// The order's payment notice was lost.
fn unpaid(loaded: Loaded) -> Loaded {
    Loaded { order: Some(order(OrderKind::PayAndSign, OrderState::Requested)), ..loaded }
}

const ALL: Case = Case { amount: AMOUNT, said_at: None, prepare: as_it_is };
const IN_PART: Case = Case { amount: PART, ..ALL };

#[test]
fn a_notice() {
    grid(
        "
    state      succeeded                                  processing             closed
    reported   Duplicate                                  Duplicate              Duplicate
    created    Apply(succeeded/refunded)+refund.succeeded Apply(processing)      Apply(closed/paid)+refund.closed
    processing Apply(succeeded/refunded)+refund.succeeded Duplicate              Apply(closed/paid)+refund.closed
    succeeded  Duplicate                                  Stale                  Contradiction(state)
    closed     Apply(succeeded/refunded)+refund.succeeded Stale                  Duplicate
    abnormal   Apply(succeeded/refunded)+refund.succeeded Stale                  Contradiction(state)
    repairing  Apply(succeeded/refunded)+refund.succeeded Duplicate              Contradiction(state)
    rejected   Apply(succeeded/refunded)+refund.succeeded Apply(processing/paid) Stale
    unknown    Ask                                        Ask                    Ask

    state      abnormal                             rejected             not_found
    reported   Duplicate                            Duplicate            Duplicate
    created    Apply(abnormal/paid)+refund.abnormal Apply(rejected/paid)+refund.closed Duplicate
    processing Apply(abnormal/paid)+refund.abnormal Stale                Contradiction(state)
    succeeded  Stale                                Stale                Contradiction(state)
    closed     Contradiction(state)                 Stale                Contradiction(state)
    abnormal   Duplicate                            Stale                Contradiction(state)
    repairing  Stale                                Stale                Contradiction(state)
    rejected   Apply(abnormal/paid)+refund.abnormal Duplicate            Duplicate
    unknown    Ask                                  Stale                Stale
    ",
        Source::Notice,
        ALL,
    );
}

#[test]
fn a_notice_about_a_refund_in_part() {
    grid(
        "
    state      succeeded                                         processing
    reported   Duplicate                                         Duplicate
    created    Apply(succeeded/partly_refunded)+refund.succeeded Apply(processing)
    processing Apply(succeeded/partly_refunded)+refund.succeeded Duplicate
    succeeded  Duplicate                                         Stale
    closed     Apply(succeeded/partly_refunded)+refund.succeeded Stale
    abnormal   Apply(succeeded/partly_refunded)+refund.succeeded Stale
    repairing  Apply(succeeded/partly_refunded)+refund.succeeded Duplicate
    rejected   Apply(succeeded/partly_refunded)+refund.succeeded Apply(processing/paid)
    unknown    Ask                                               Ask

    state      closed                           abnormal                             rejected
    reported   Duplicate                        Duplicate                            Duplicate
    created    Apply(closed/paid)+refund.closed Apply(abnormal/paid)+refund.abnormal Apply(rejected/paid)+refund.closed
    processing Apply(closed/paid)+refund.closed Apply(abnormal/paid)+refund.abnormal Stale
    succeeded  Contradiction(state)             Stale                                Stale
    closed     Duplicate                        Contradiction(state)                 Stale
    abnormal   Contradiction(state)             Duplicate                            Stale
    repairing  Contradiction(state)             Stale                                Stale
    rejected   Stale                            Apply(abnormal/paid)+refund.abnormal Duplicate
    unknown    Ask                              Ask                                  Stale

    state      not_found
    reported   Duplicate
    created    Duplicate
    processing Contradiction(state)
    succeeded  Contradiction(state)
    closed     Contradiction(state)
    abnormal   Contradiction(state)
    repairing  Contradiction(state)
    rejected   Duplicate
    unknown    Stale
    ",
        Source::Notice,
        IN_PART,
    );
}

#[test]
fn a_notice_made_before_the_repair() {
    grid(
        "
    state      succeeded                                  processing             closed
    reported   Duplicate                                  Duplicate              Duplicate
    created    Apply(succeeded/refunded)+refund.succeeded Apply(processing)      Apply(closed/paid)+refund.closed
    processing Apply(succeeded/refunded)+refund.succeeded Duplicate              Apply(closed/paid)+refund.closed
    succeeded  Duplicate                                  Stale                  Contradiction(state)
    closed     Apply(succeeded/refunded)+refund.succeeded Stale                  Duplicate
    abnormal   Apply(succeeded/refunded)+refund.succeeded Stale                  Contradiction(state)
    repairing  Apply(succeeded/refunded)+refund.succeeded Duplicate              Contradiction(state)
    rejected   Apply(succeeded/refunded)+refund.succeeded Apply(processing/paid) Stale
    unknown    Ask                                        Ask                    Ask

    state      abnormal                             rejected             not_found
    reported   Duplicate                            Duplicate            Duplicate
    created    Apply(abnormal/paid)+refund.abnormal Apply(rejected/paid)+refund.closed Duplicate
    processing Apply(abnormal/paid)+refund.abnormal Stale                Contradiction(state)
    succeeded  Stale                                Stale                Contradiction(state)
    closed     Contradiction(state)                 Stale                Contradiction(state)
    abnormal   Duplicate                            Stale                Contradiction(state)
    repairing  Stale                                Stale                Contradiction(state)
    rejected   Apply(abnormal/paid)+refund.abnormal Duplicate            Duplicate
    unknown    Ask                                  Stale                Stale
    ",
        Source::Notice,
        Case { said_at: said(49), ..ALL },
    );
}

#[test]
fn a_notice_made_after_the_repair() {
    grid(
        "
    state      succeeded                                  processing             closed
    reported   Duplicate                                  Duplicate              Duplicate
    created    Apply(succeeded/refunded)+refund.succeeded Apply(processing)      Apply(closed/paid)+refund.closed
    processing Apply(succeeded/refunded)+refund.succeeded Duplicate              Apply(closed/paid)+refund.closed
    succeeded  Duplicate                                  Stale                  Contradiction(state)
    closed     Apply(succeeded/refunded)+refund.succeeded Stale                  Duplicate
    abnormal   Apply(succeeded/refunded)+refund.succeeded Stale                  Contradiction(state)
    repairing  Apply(succeeded/refunded)+refund.succeeded Duplicate              Contradiction(state)
    rejected   Apply(succeeded/refunded)+refund.succeeded Apply(processing/paid) Stale
    unknown    Ask                                        Ask                    Ask

    state      abnormal                             rejected             not_found
    reported   Duplicate                            Duplicate            Duplicate
    created    Apply(abnormal/paid)+refund.abnormal Apply(rejected/paid)+refund.closed Duplicate
    processing Apply(abnormal/paid)+refund.abnormal Stale                Contradiction(state)
    succeeded  Stale                                Stale                Contradiction(state)
    closed     Contradiction(state)                 Stale                Contradiction(state)
    abnormal   Duplicate                            Stale                Contradiction(state)
    repairing  Apply(abnormal/paid)+refund.abnormal Stale                Contradiction(state)
    rejected   Apply(abnormal/paid)+refund.abnormal Duplicate            Duplicate
    unknown    Ask                                  Stale                Stale
    ",
        Source::Notice,
        Case { said_at: said(51), ..ALL },
    );
}

#[test]
fn an_answer() {
    grid(
        "
    state      succeeded                                  processing             closed
    reported   Apply(succeeded/refunded)+refund.succeeded Apply(processing/paid) Apply(closed/paid)+refund.closed
    created    Apply(succeeded/refunded)+refund.succeeded Apply(processing)      Apply(closed/paid)+refund.closed
    processing Apply(succeeded/refunded)+refund.succeeded Wait                   Apply(closed/paid)+refund.closed
    succeeded  Rest                                       Rest                   Contradiction(state)
    closed     Apply(succeeded/refunded)+refund.succeeded Rest                   Rest
    abnormal   Apply(succeeded/refunded)+refund.succeeded Wait                   Contradiction(state)
    repairing  Apply(succeeded/refunded)+refund.succeeded Wait                   Contradiction(state)
    rejected   Apply(succeeded/refunded)+refund.succeeded Apply(processing/paid) Rest
    unknown    Apply(succeeded/refunded)+refund.succeeded Apply(processing/paid) Apply(closed/paid)+refund.closed

    state      abnormal                             rejected             not_found
    reported   Apply(abnormal/paid)+refund.abnormal Apply(rejected)                 Wait
    created    Apply(abnormal/paid)+refund.abnormal Apply(rejected/paid)+refund.closed Wait
    processing Apply(abnormal/paid)+refund.abnormal Wait                 Contradiction(state)
    succeeded  Rest                                 Rest                 Contradiction(state)
    closed     Contradiction(state)                 Rest                 Contradiction(state)
    abnormal   Wait                                 Wait                 Contradiction(state)
    repairing  Wait                                 Wait                 Contradiction(state)
    rejected   Apply(abnormal/paid)+refund.abnormal Rest                 Rest
    unknown    Apply(abnormal/paid)+refund.abnormal Stale                Stale
    ",
        Source::Answer,
        Case { prepare: asked, ..ALL },
    );
}

#[test]
fn an_answer_about_a_refund_in_part() {
    grid(
        "
    state      succeeded                                         processing
    reported   Apply(succeeded/partly_refunded)+refund.succeeded Apply(processing/paid)
    created    Apply(succeeded/partly_refunded)+refund.succeeded Apply(processing)
    processing Apply(succeeded/partly_refunded)+refund.succeeded Wait
    succeeded  Rest                                              Rest
    closed     Apply(succeeded/partly_refunded)+refund.succeeded Rest
    abnormal   Apply(succeeded/partly_refunded)+refund.succeeded Wait
    repairing  Apply(succeeded/partly_refunded)+refund.succeeded Wait
    rejected   Apply(succeeded/partly_refunded)+refund.succeeded Apply(processing/paid)
    unknown    Apply(succeeded/partly_refunded)+refund.succeeded Apply(processing/paid)

    state      closed                           abnormal                             rejected
    reported   Apply(closed/paid)+refund.closed Apply(abnormal/paid)+refund.abnormal Apply(rejected)
    created    Apply(closed/paid)+refund.closed Apply(abnormal/paid)+refund.abnormal Apply(rejected/paid)+refund.closed
    processing Apply(closed/paid)+refund.closed Apply(abnormal/paid)+refund.abnormal Wait
    succeeded  Contradiction(state)             Rest                                 Rest
    closed     Rest                             Contradiction(state)                 Rest
    abnormal   Contradiction(state)             Wait                                 Wait
    repairing  Contradiction(state)             Wait                                 Wait
    rejected   Rest                             Apply(abnormal/paid)+refund.abnormal Rest
    unknown    Apply(closed/paid)+refund.closed Apply(abnormal/paid)+refund.abnormal Stale

    state      not_found
    reported   Wait
    created    Wait
    processing Contradiction(state)
    succeeded  Contradiction(state)
    closed     Contradiction(state)
    abnormal   Contradiction(state)
    repairing  Contradiction(state)
    rejected   Rest
    unknown    Stale
    ",
        Source::Answer,
        Case { prepare: asked, ..IN_PART },
    );
}

#[test]
fn an_answer_that_nobody_waited_for() {
    grid(
        "
    state      succeeded                                  processing             closed
    reported   Apply(succeeded/refunded)+refund.succeeded Apply(processing/paid) Apply(closed/paid)+refund.closed
    created    Apply(succeeded/refunded)+refund.succeeded Apply(processing)      Apply(closed/paid)+refund.closed
    processing Apply(succeeded/refunded)+refund.succeeded Duplicate              Apply(closed/paid)+refund.closed
    succeeded  Duplicate                                  Stale                  Contradiction(state)
    closed     Apply(succeeded/refunded)+refund.succeeded Stale                  Duplicate
    abnormal   Apply(succeeded/refunded)+refund.succeeded Stale                  Contradiction(state)
    repairing  Apply(succeeded/refunded)+refund.succeeded Duplicate              Contradiction(state)
    rejected   Apply(succeeded/refunded)+refund.succeeded Apply(processing/paid) Stale
    unknown    Apply(succeeded/refunded)+refund.succeeded Apply(processing/paid) Apply(closed/paid)+refund.closed

    state      abnormal                             rejected             not_found
    reported   Apply(abnormal/paid)+refund.abnormal Apply(rejected)                 Wait
    created    Apply(abnormal/paid)+refund.abnormal Apply(rejected/paid)+refund.closed Duplicate
    processing Apply(abnormal/paid)+refund.abnormal Stale                Contradiction(state)
    succeeded  Stale                                Stale                Contradiction(state)
    closed     Contradiction(state)                 Stale                Contradiction(state)
    abnormal   Duplicate                            Stale                Contradiction(state)
    repairing  Stale                                Stale                Contradiction(state)
    rejected   Apply(abnormal/paid)+refund.abnormal Duplicate            Duplicate
    unknown    Apply(abnormal/paid)+refund.abnormal Stale                Stale
    ",
        Source::Answer,
        ALL,
    );
}

#[test]
fn a_bill_or_our_own_api() {
    grid(
        "
    state      succeeded                                  processing             closed
    reported   Duplicate                                  Duplicate              Duplicate
    created    Apply(succeeded/refunded)+refund.succeeded Apply(processing)      Apply(closed/paid)+refund.closed
    processing Apply(succeeded/refunded)+refund.succeeded Duplicate              Apply(closed/paid)+refund.closed
    succeeded  Duplicate                                  Stale                  Contradiction(state)
    closed     Apply(succeeded/refunded)+refund.succeeded Stale                  Duplicate
    abnormal   Apply(succeeded/refunded)+refund.succeeded Stale                  Contradiction(state)
    repairing  Apply(succeeded/refunded)+refund.succeeded Duplicate              Contradiction(state)
    rejected   Apply(succeeded/refunded)+refund.succeeded Apply(processing/paid) Stale
    unknown    Ask                                        Ask                    Ask

    state      abnormal                             rejected             not_found
    reported   Duplicate                            Duplicate            Duplicate
    created    Apply(abnormal/paid)+refund.abnormal Apply(rejected/paid)+refund.closed Duplicate
    processing Apply(abnormal/paid)+refund.abnormal Stale                Contradiction(state)
    succeeded  Stale                                Stale                Contradiction(state)
    closed     Contradiction(state)                 Stale                Contradiction(state)
    abnormal   Duplicate                            Stale                Contradiction(state)
    repairing  Stale                                Stale                Contradiction(state)
    rejected   Apply(abnormal/paid)+refund.abnormal Duplicate            Duplicate
    unknown    Ask                                  Stale                Stale
    ",
        Source::Other,
        ALL,
    );
}

#[test]
fn a_notice_that_proves_nothing() {
    grid(
        "
    state      succeeded processing closed    abnormal  rejected  not_found
    reported   Duplicate Duplicate  Duplicate Duplicate Duplicate Duplicate
    created    Ask       Ask        Ask       Ask       Ask       Ask
    processing Ask       Ask        Ask       Ask       Ask       Ask
    succeeded  Duplicate Ask        Ask       Ask       Ask       Ask
    closed     Ask       Ask        Duplicate Ask       Ask       Ask
    abnormal   Ask       Ask        Ask       Duplicate Ask       Ask
    repairing  Ask       Ask        Ask       Ask       Ask       Ask
    rejected   Ask       Ask        Ask       Ask       Ask       Ask
    unknown    Ask       Ask        Ask       Ask       Stale     Stale
    ",
        Source::UnprovedNotice,
        ALL,
    );
}

#[test]
fn an_answer_that_proves_nothing() {
    grid(
        "
    state      succeeded processing closed abnormal rejected not_found
    reported   Wait      Wait       Wait   Wait     Wait     Wait
    created    Wait      Wait       Wait   Wait     Wait     Wait
    processing Wait      Wait       Wait   Wait     Wait     Wait
    succeeded  Rest      Wait       Wait   Wait     Wait     Wait
    closed     Wait      Wait       Rest   Wait     Wait     Wait
    abnormal   Wait      Wait       Wait   Wait     Wait     Wait
    repairing  Wait      Wait       Wait   Wait     Wait     Wait
    rejected   Wait      Wait       Wait   Wait     Wait     Wait
    unknown    Stale     Stale      Stale  Stale    Stale    Stale
    ",
        Source::UnprovedAnswer,
        Case { prepare: asked, ..ALL },
    );
}

#[test]
fn a_bill_that_proves_nothing() {
    grid(
        "
    state      succeeded processing closed    abnormal  rejected  not_found
    reported   Duplicate Duplicate  Duplicate Duplicate Duplicate Duplicate
    created    Ask       Ask        Ask       Ask       Ask       Ask
    processing Ask       Ask        Ask       Ask       Ask       Ask
    succeeded  Duplicate Ask        Ask       Ask       Ask       Ask
    closed     Ask       Ask        Duplicate Ask       Ask       Ask
    abnormal   Ask       Ask        Ask       Duplicate Ask       Ask
    repairing  Ask       Ask        Ask       Ask       Ask       Ask
    rejected   Ask       Ask        Ask       Ask       Ask       Ask
    unknown    Ask       Ask        Ask       Ask       Stale     Stale
    ",
        Source::UnprovedBill,
        ALL,
    );
}

#[test]
fn an_error_of_our_own_api_that_proves_nothing() {
    grid(
        "
    state      succeeded processing closed    abnormal  rejected  not_found
    reported   Duplicate Duplicate  Duplicate Duplicate Duplicate Duplicate
    created    Duplicate Duplicate  Duplicate Duplicate Duplicate Duplicate
    processing Duplicate Duplicate  Duplicate Duplicate Duplicate Duplicate
    succeeded  Duplicate Duplicate  Duplicate Duplicate Duplicate Duplicate
    closed     Duplicate Duplicate  Duplicate Duplicate Duplicate Duplicate
    abnormal   Duplicate Duplicate  Duplicate Duplicate Duplicate Duplicate
    repairing  Duplicate Duplicate  Duplicate Duplicate Duplicate Duplicate
    rejected   Duplicate Duplicate  Duplicate Duplicate Duplicate Duplicate
    unknown    Stale     Stale      Stale     Stale     Stale     Stale
    ",
        Source::UnprovedApi,
        ALL,
    );
}

#[test]
fn a_notice_about_an_order_that_nobody_told_us_was_paid() {
    grid(
        "
    state      succeeded processing closed    abnormal  rejected                  not_found
    reported   Duplicate Duplicate  Duplicate Duplicate Duplicate                 Duplicate
    created    Ask/order Ask/order  Ask/order Ask/order Apply(rejected/requested)+refund.closed Duplicate
    processing Ask/order Ask/order  Ask/order Ask/order Stale                     Contradiction(state)
    succeeded  Ask/order Ask/order  Ask/order Ask/order Stale                     Contradiction(state)
    closed     Ask/order Ask/order  Ask/order Ask/order Stale                     Contradiction(state)
    abnormal   Ask/order Ask/order  Ask/order Ask/order Stale                     Contradiction(state)
    repairing  Ask/order Ask/order  Ask/order Ask/order Stale                     Contradiction(state)
    rejected   Ask/order Ask/order  Ask/order Ask/order Duplicate                 Duplicate
    unknown    Ask       Ask        Ask       Ask       Stale                     Stale
    ",
        Source::Notice,
        Case { prepare: unpaid, ..ALL },
    );
}

#[test]
fn an_answer_about_an_order_that_nobody_told_us_was_paid() {
    grid(
        "
    state      succeeded processing closed    abnormal  rejected                  not_found
    reported   Ask/order Ask/order  Ask/order Ask/order Apply(rejected)                      Wait
    created    Ask/order Ask/order  Ask/order Ask/order Apply(rejected/requested)+refund.closed Wait
    processing Ask/order Ask/order  Ask/order Ask/order Wait                      Contradiction(state)
    succeeded  Ask/order Ask/order  Ask/order Ask/order Rest                      Contradiction(state)
    closed     Ask/order Ask/order  Ask/order Ask/order Rest                      Contradiction(state)
    abnormal   Ask/order Ask/order  Ask/order Ask/order Wait                      Contradiction(state)
    repairing  Ask/order Ask/order  Ask/order Ask/order Wait                      Contradiction(state)
    rejected   Ask/order Ask/order  Ask/order Ask/order Rest                      Rest
    unknown    Ask/order Ask/order  Ask/order Ask/order Stale                     Stale
    ",
        Source::Answer,
        Case { prepare: |loaded| asked(unpaid(loaded)), ..ALL },
    );
}

#[test]
fn a_result_that_waits_for_its_payment_is_never_only_acknowledged() {
    let told = RefundResult::Succeeded { at: None };
    let notice = fact(Cause::Callback, Evidence::Signed(SignatureAlgorithm::Rsa), refund_body(AMOUNT, None, told));
    let woken = order(OrderKind::PayAndSign, OrderState::Requested);
    let woken = Order { check: Some(Check::asked(None, now())), ..woken };
    let loaded = |check| Loaded {
        order: Some(woken.clone()),

        refund: Some(Refund { check, ..refund(RefundState::Closed, AMOUNT) }),
        ..Loaded::default()
    };
    let decision = decide(&loaded(None), &notice, now());
    assert!(
        matches!(&decision, Decision::Ask(changes) if changes.refund.as_ref().unwrap().check.is_some()),
        "{decision:?}"
    );
    let watched = Some(Check::asked(None, now()));
    assert_eq!(decide(&loaded(watched), &notice, now()), Decision::Stale, "it stands in the journal");
}
