//! Every state of an order against everything that can be told of it.

use domain::{Cause, Check, Evidence, Loaded, Order, OrderKind, PaymentResult, decide};

use crate::build::{fact, now, order, payment_body, time};
use crate::every::{order_kinds, order_states, payment_results};
use crate::grid::check;
use crate::source::Source;
use crate::words::{Subject, label, word};

/// Checks one grid for every kind of order, cause and evidence that it stands for.
#[track_caller]
fn grid(text: &str, kinds: &[OrderKind], source: Source, prepare: fn(Order) -> Order) {
    let rows: Vec<String> = order_states().into_iter().map(label).collect();
    let results = payment_results();
    let columns: Vec<&str> = results.iter().map(|(name, _)| *name).collect();
    for kind in kinds {
        for (cause, evidence) in source.each() {
            check(text, &rows, &columns, |row, column| {
                let state = order_states().into_iter().find(|state| label(*state) == row).unwrap();
                let result = results.iter().find(|(name, _)| *name == column).unwrap().1.clone();
                decided(prepare(order(*kind, state)), cause, evidence, result)
            });
        }
    }
}

fn decided(order: Order, cause: Cause, evidence: Evidence, result: PaymentResult) -> String {
    let fact = fact(cause, evidence, payment_body(&order, result));
    let loaded = Loaded { order: Some(order), ..Loaded::default() };
    word(Subject::Order, &loaded, &decide(&loaded, &fact, now()))
}

fn as_it_is(order: Order) -> Order {
    order
}

/// A notice has asked already, and the question is due.
fn asked(order: Order) -> Order {
    Order { check: Some(Check::asked(order.check.as_ref(), time(50))), ..order }
}

const USER_PAYS: [OrderKind; 2] = [OrderKind::PayAndSign, OrderKind::OneOff];
const DEDUCTION: [OrderKind; 1] = [OrderKind::Deduction];

#[test]
fn a_notice_about_an_order_that_the_user_pays() {
    grid(
        "
    state           succeeded                     refunded                      failed    closed    unpaid
    created         Apply(paid)+payment.succeeded Apply(paid)+payment.succeeded Ask       Ask       Ask
    requested       Apply(paid)+payment.succeeded Apply(paid)+payment.succeeded Ask       Ask       Ask
    accepted        Apply(paid)+payment.succeeded Apply(paid)+payment.succeeded Ask       Ask       Ask
    closing         Apply(paid)+payment.succeeded Apply(paid)+payment.succeeded Ask       Ask       Ask
    paid            Duplicate                     Ask                           Stale     Stale     Stale
    partly_refunded Duplicate                     Duplicate                     Stale     Stale     Stale
    refunded        Duplicate                     Duplicate                     Stale     Stale     Stale
    failed          Apply(paid)+payment.succeeded Apply(paid)+payment.succeeded Duplicate Duplicate Stale
    closed          Apply(paid)+payment.succeeded Apply(paid)+payment.succeeded Duplicate Duplicate Stale

    state           accepted        not_found undecided
    created         Apply(accepted) Ask       Ask
    requested       Apply(accepted) Ask       Ask
    accepted        Duplicate       Ask       Ask
    closing         Ask             Ask       Ask
    paid            Stale           Stale     Stale
    partly_refunded Stale           Stale     Stale
    refunded        Stale           Stale     Stale
    failed          Stale           Stale     Stale
    closed          Stale           Stale     Stale
    ",
        &USER_PAYS,
        Source::Notice,
        as_it_is,
    );
}

#[test]
fn a_notice_about_a_deduction() {
    grid(
        "
    state           succeeded                       refunded                        failed    closed    unpaid
    created         Apply(paid)+deduction.succeeded Apply(paid)+deduction.succeeded Ask       Ask       Ask
    requested       Apply(paid)+deduction.succeeded Apply(paid)+deduction.succeeded Ask       Ask       Ask
    accepted        Apply(paid)+deduction.succeeded Apply(paid)+deduction.succeeded Ask       Ask       Ask
    closing         Apply(paid)+deduction.succeeded Apply(paid)+deduction.succeeded Ask       Ask       Ask
    paid            Duplicate                       Ask                             Stale     Stale     Stale
    partly_refunded Duplicate                       Duplicate                       Stale     Stale     Stale
    refunded        Duplicate                       Duplicate                       Stale     Stale     Stale
    failed          Apply(paid)+deduction.succeeded Apply(paid)+deduction.succeeded Duplicate Duplicate Stale
    closed          Apply(paid)+deduction.succeeded Apply(paid)+deduction.succeeded Duplicate Duplicate Stale

    state           accepted        not_found undecided
    created         Apply(accepted) Ask       Ask
    requested       Apply(accepted) Ask       Ask
    accepted        Duplicate       Ask       Ask
    closing         Ask             Ask       Ask
    paid            Stale           Stale     Stale
    partly_refunded Stale           Stale     Stale
    refunded        Stale           Stale     Stale
    failed          Stale           Stale     Stale
    closed          Stale           Stale     Stale
    ",
        &DEDUCTION,
        Source::Notice,
        as_it_is,
    );
}

#[test]
fn an_answer_about_an_order_that_the_user_pays() {
    grid(
        "
    state           succeeded                     refunded                      failed
    created         Apply(paid)+payment.succeeded Apply(paid)+payment.succeeded Wait
    requested       Apply(paid)+payment.succeeded Apply(paid)+payment.succeeded Wait
    accepted        Apply(paid)+payment.succeeded Apply(paid)+payment.succeeded Wait
    closing         Apply(paid)+payment.succeeded Apply(paid)+payment.succeeded Wait
    paid            Duplicate                     Ask                           Contradiction(state)
    partly_refunded Duplicate                     Duplicate                     Contradiction(state)
    refunded        Duplicate                     Duplicate                     Contradiction(state)
    failed          Apply(paid)+payment.succeeded Apply(paid)+payment.succeeded Duplicate
    closed          Apply(paid)+payment.succeeded Apply(paid)+payment.succeeded Duplicate

    state           closed                       unpaid accepted        not_found undecided
    created         Apply(closed)+payment.closed Wait   Apply(accepted) Wait      Wait
    requested       Apply(closed)+payment.closed Wait   Apply(accepted) Wait      Wait
    accepted        Apply(closed)+payment.closed Wait   Wait            Wait      Wait
    closing         Apply(closed)+payment.closed Wait   Wait            Wait      Wait
    paid            Contradiction(state)         Stale  Stale           Stale     Stale
    partly_refunded Contradiction(state)         Stale  Stale           Stale     Stale
    refunded        Contradiction(state)         Stale  Stale           Stale     Stale
    failed          Duplicate                    Stale  Stale           Stale     Stale
    closed          Duplicate                    Stale  Stale           Stale     Stale
    ",
        &USER_PAYS,
        Source::Answer,
        as_it_is,
    );
}

#[test]
fn an_answer_about_a_deduction() {
    grid(
        "
    state           succeeded                       refunded                        failed
    created         Apply(paid)+deduction.succeeded Apply(paid)+deduction.succeeded Apply(failed)+deduction.failed
    requested       Apply(paid)+deduction.succeeded Apply(paid)+deduction.succeeded Apply(failed)+deduction.failed
    accepted        Apply(paid)+deduction.succeeded Apply(paid)+deduction.succeeded Apply(failed)+deduction.failed
    closing         Apply(paid)+deduction.succeeded Apply(paid)+deduction.succeeded Apply(failed)+deduction.failed
    paid            Duplicate                       Ask                             Contradiction(state)
    partly_refunded Duplicate                       Duplicate                       Contradiction(state)
    refunded        Duplicate                       Duplicate                       Contradiction(state)
    failed          Apply(paid)+deduction.succeeded Apply(paid)+deduction.succeeded Duplicate
    closed          Apply(paid)+deduction.succeeded Apply(paid)+deduction.succeeded Duplicate

    state           closed                         unpaid accepted        not_found undecided
    created         Apply(failed)+deduction.failed Wait   Apply(accepted) Wait      Wait
    requested       Apply(failed)+deduction.failed Wait   Apply(accepted) Wait      Wait
    accepted        Apply(failed)+deduction.failed Wait   Wait            Wait      Wait
    closing         Apply(failed)+deduction.failed Wait   Wait            Wait      Wait
    paid            Contradiction(state)           Stale  Stale           Stale     Stale
    partly_refunded Contradiction(state)           Stale  Stale           Stale     Stale
    refunded        Contradiction(state)           Stale  Stale           Stale     Stale
    failed          Duplicate                      Stale  Stale           Stale     Stale
    closed          Duplicate                      Stale  Stale           Stale     Stale
    ",
        &DEDUCTION,
        Source::Answer,
        as_it_is,
    );
}

#[test]
fn a_bill_or_our_own_api_about_an_order_that_the_user_pays() {
    grid(
        "
    state           succeeded                     refunded                      failed
    created         Apply(paid)+payment.succeeded Apply(paid)+payment.succeeded Duplicate
    requested       Apply(paid)+payment.succeeded Apply(paid)+payment.succeeded Duplicate
    accepted        Apply(paid)+payment.succeeded Apply(paid)+payment.succeeded Duplicate
    closing         Apply(paid)+payment.succeeded Apply(paid)+payment.succeeded Duplicate
    paid            Duplicate                     Ask                           Contradiction(state)
    partly_refunded Duplicate                     Duplicate                     Contradiction(state)
    refunded        Duplicate                     Duplicate                     Contradiction(state)
    failed          Apply(paid)+payment.succeeded Apply(paid)+payment.succeeded Duplicate
    closed          Apply(paid)+payment.succeeded Apply(paid)+payment.succeeded Duplicate

    state           closed                       unpaid    accepted        not_found undecided
    created         Apply(closed)+payment.closed Duplicate Apply(accepted) Duplicate Duplicate
    requested       Apply(closed)+payment.closed Duplicate Apply(accepted) Duplicate Duplicate
    accepted        Apply(closed)+payment.closed Duplicate Duplicate       Duplicate Duplicate
    closing         Apply(closed)+payment.closed Duplicate Duplicate       Duplicate Duplicate
    paid            Contradiction(state)         Stale     Stale           Stale     Stale
    partly_refunded Contradiction(state)         Stale     Stale           Stale     Stale
    refunded        Contradiction(state)         Stale     Stale           Stale     Stale
    failed          Duplicate                    Stale     Stale           Stale     Stale
    closed          Duplicate                    Stale     Stale           Stale     Stale
    ",
        &USER_PAYS,
        Source::Other,
        as_it_is,
    );
}

#[test]
fn a_bill_or_our_own_api_about_a_deduction() {
    grid(
        "
    state           succeeded                       refunded                        failed
    created         Apply(paid)+deduction.succeeded Apply(paid)+deduction.succeeded Apply(failed)+deduction.failed
    requested       Apply(paid)+deduction.succeeded Apply(paid)+deduction.succeeded Apply(failed)+deduction.failed
    accepted        Apply(paid)+deduction.succeeded Apply(paid)+deduction.succeeded Apply(failed)+deduction.failed
    closing         Apply(paid)+deduction.succeeded Apply(paid)+deduction.succeeded Apply(failed)+deduction.failed
    paid            Duplicate                       Ask                             Contradiction(state)
    partly_refunded Duplicate                       Duplicate                       Contradiction(state)
    refunded        Duplicate                       Duplicate                       Contradiction(state)
    failed          Apply(paid)+deduction.succeeded Apply(paid)+deduction.succeeded Duplicate
    closed          Apply(paid)+deduction.succeeded Apply(paid)+deduction.succeeded Duplicate

    state           closed                         unpaid    accepted        not_found undecided
    created         Apply(failed)+deduction.failed Duplicate Apply(accepted) Duplicate Duplicate
    requested       Apply(failed)+deduction.failed Duplicate Apply(accepted) Duplicate Duplicate
    accepted        Apply(failed)+deduction.failed Duplicate Duplicate       Duplicate Duplicate
    closing         Apply(failed)+deduction.failed Duplicate Duplicate       Duplicate Duplicate
    paid            Contradiction(state)           Stale     Stale           Stale     Stale
    partly_refunded Contradiction(state)           Stale     Stale           Stale     Stale
    refunded        Contradiction(state)           Stale     Stale           Stale     Stale
    failed          Duplicate                      Stale     Stale           Stale     Stale
    closed          Duplicate                      Stale     Stale           Stale     Stale
    ",
        &DEDUCTION,
        Source::Other,
        as_it_is,
    );
}

#[test]
fn a_notice_that_proves_nothing() {
    grid(
        "
    state           succeeded refunded  failed    closed    unpaid accepted  not_found undecided
    created         Ask       Ask       Ask       Ask       Ask    Ask       Ask       Ask
    requested       Ask       Ask       Ask       Ask       Ask    Ask       Ask       Ask
    accepted        Ask       Ask       Ask       Ask       Ask    Duplicate Ask       Ask
    closing         Ask       Ask       Ask       Ask       Ask    Ask       Ask       Ask
    paid            Duplicate Ask       Stale     Stale     Stale  Stale     Stale     Stale
    partly_refunded Duplicate Duplicate Stale     Stale     Stale  Stale     Stale     Stale
    refunded        Duplicate Duplicate Stale     Stale     Stale  Stale     Stale     Stale
    failed          Ask       Ask       Duplicate Duplicate Stale  Stale     Stale     Stale
    closed          Ask       Ask       Duplicate Duplicate Stale  Stale     Stale     Stale
    ",
        &order_kinds(),
        Source::UnprovedNotice,
        as_it_is,
    );
}

#[test]
fn an_answer_that_proves_nothing() {
    grid(
        "
    state           succeeded refunded  failed    closed    unpaid accepted not_found undecided
    created         Wait      Wait      Wait      Wait      Wait   Wait     Wait      Wait
    requested       Wait      Wait      Wait      Wait      Wait   Wait     Wait      Wait
    accepted        Wait      Wait      Wait      Wait      Wait   Wait     Wait      Wait
    closing         Wait      Wait      Wait      Wait      Wait   Wait     Wait      Wait
    paid            Duplicate Duplicate Stale     Stale     Stale  Stale    Stale     Stale
    partly_refunded Duplicate Duplicate Stale     Stale     Stale  Stale    Stale     Stale
    refunded        Duplicate Duplicate Stale     Stale     Stale  Stale    Stale     Stale
    failed          Duplicate Duplicate Duplicate Duplicate Stale  Stale    Stale     Stale
    closed          Duplicate Duplicate Duplicate Duplicate Stale  Stale    Stale     Stale
    ",
        &order_kinds(),
        Source::UnprovedAnswer,
        as_it_is,
    );
}

#[test]
fn a_bill_that_proves_nothing() {
    grid(
        "
    state           succeeded refunded  failed    closed    unpaid    accepted  not_found undecided
    created         Ask       Ask       Ask       Ask       Duplicate Duplicate Duplicate Duplicate
    requested       Ask       Ask       Ask       Ask       Duplicate Duplicate Duplicate Duplicate
    accepted        Ask       Ask       Ask       Ask       Duplicate Duplicate Duplicate Duplicate
    closing         Ask       Ask       Ask       Ask       Duplicate Duplicate Duplicate Duplicate
    paid            Duplicate Ask       Stale     Stale     Stale     Stale     Stale     Stale
    partly_refunded Duplicate Duplicate Stale     Stale     Stale     Stale     Stale     Stale
    refunded        Duplicate Duplicate Stale     Stale     Stale     Stale     Stale     Stale
    failed          Ask       Ask       Duplicate Duplicate Stale     Stale     Stale     Stale
    closed          Ask       Ask       Duplicate Duplicate Stale     Stale     Stale     Stale
    ",
        &order_kinds(),
        Source::UnprovedBill,
        as_it_is,
    );
}

#[test]
fn an_error_of_our_own_api_that_proves_nothing() {
    grid(
        "
    state           succeeded refunded  failed    closed    unpaid    accepted  not_found undecided
    created         Duplicate Duplicate Duplicate Duplicate Duplicate Duplicate Duplicate Duplicate
    requested       Duplicate Duplicate Duplicate Duplicate Duplicate Duplicate Duplicate Duplicate
    accepted        Duplicate Duplicate Duplicate Duplicate Duplicate Duplicate Duplicate Duplicate
    closing         Duplicate Duplicate Duplicate Duplicate Duplicate Duplicate Duplicate Duplicate
    paid            Duplicate Duplicate Stale     Stale     Stale     Stale     Stale     Stale
    partly_refunded Duplicate Duplicate Stale     Stale     Stale     Stale     Stale     Stale
    refunded        Duplicate Duplicate Stale     Stale     Stale     Stale     Stale     Stale
    failed          Duplicate Duplicate Duplicate Duplicate Stale     Stale     Stale     Stale
    closed          Duplicate Duplicate Duplicate Duplicate Stale     Stale     Stale     Stale
    ",
        &order_kinds(),
        Source::UnprovedApi,
        as_it_is,
    );
}

#[test]
fn a_notice_while_a_question_is_on_its_way() {
    grid(
        "
    state           succeeded                       refunded                        failed    closed    unpaid
    created         Apply(paid)+deduction.succeeded Apply(paid)+deduction.succeeded Duplicate Duplicate Duplicate
    requested       Apply(paid)+deduction.succeeded Apply(paid)+deduction.succeeded Duplicate Duplicate Duplicate
    accepted        Apply(paid)+deduction.succeeded Apply(paid)+deduction.succeeded Duplicate Duplicate Duplicate
    closing         Apply(paid)+deduction.succeeded Apply(paid)+deduction.succeeded Duplicate Duplicate Duplicate
    paid            Duplicate                       Duplicate                       Stale     Stale     Stale
    partly_refunded Duplicate                       Duplicate                       Stale     Stale     Stale
    refunded        Duplicate                       Duplicate                       Stale     Stale     Stale
    failed          Apply(paid)+deduction.succeeded Apply(paid)+deduction.succeeded Duplicate Duplicate Stale
    closed          Apply(paid)+deduction.succeeded Apply(paid)+deduction.succeeded Duplicate Duplicate Stale

    state           accepted        not_found undecided
    created         Apply(accepted) Duplicate Duplicate
    requested       Apply(accepted) Duplicate Duplicate
    accepted        Duplicate       Duplicate Duplicate
    closing         Duplicate       Duplicate Duplicate
    paid            Stale           Stale     Stale
    partly_refunded Stale           Stale     Stale
    refunded        Stale           Stale     Stale
    failed          Stale           Stale     Stale
    closed          Stale           Stale     Stale
    ",
        &DEDUCTION,
        Source::Notice,
        asked,
    );
}

#[test]
fn the_answer_to_a_question_that_a_notice_asked() {
    grid(
        "
    state           succeeded                       refunded                        failed
    created         Apply(paid)+deduction.succeeded Apply(paid)+deduction.succeeded Apply(failed)+deduction.failed
    requested       Apply(paid)+deduction.succeeded Apply(paid)+deduction.succeeded Apply(failed)+deduction.failed
    accepted        Apply(paid)+deduction.succeeded Apply(paid)+deduction.succeeded Apply(failed)+deduction.failed
    closing         Apply(paid)+deduction.succeeded Apply(paid)+deduction.succeeded Apply(failed)+deduction.failed
    paid            Wait                            Wait                            Contradiction(state)
    partly_refunded Wait                            Wait                            Contradiction(state)
    refunded        Wait                            Wait                            Contradiction(state)
    failed          Apply(paid)+deduction.succeeded Apply(paid)+deduction.succeeded Wait
    closed          Apply(paid)+deduction.succeeded Apply(paid)+deduction.succeeded Wait

    state           closed                         unpaid accepted        not_found undecided
    created         Apply(failed)+deduction.failed Wait   Apply(accepted) Wait      Wait
    requested       Apply(failed)+deduction.failed Wait   Apply(accepted) Wait      Wait
    accepted        Apply(failed)+deduction.failed Wait   Wait            Wait      Wait
    closing         Apply(failed)+deduction.failed Wait   Wait            Wait      Wait
    paid            Contradiction(state)           Wait   Wait            Wait      Wait
    partly_refunded Contradiction(state)           Wait   Wait            Wait      Wait
    refunded        Contradiction(state)           Wait   Wait            Wait      Wait
    failed          Wait                           Wait   Wait            Wait      Wait
    closed          Wait                           Wait   Wait            Wait      Wait
    ",
        &DEDUCTION,
        Source::Answer,
        asked,
    );
}
