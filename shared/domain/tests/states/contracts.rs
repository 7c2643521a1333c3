//! Every state of a contract against everything that can be told of it.

mod answers;

use domain::{Contract, Loaded, OrderKind, OrderState, PaymentStatus, Timestamp, decide};

use crate::build::{contract, contract_body, fact, now, order, time};
use crate::every::{contract_changes, contract_states};
use crate::grid::check;
use crate::source::Source;
use crate::words::{Subject, label, word};

/// What stands beside a state.
#[derive(Clone, Copy)]
struct Case {
    /// Of the first order; `None` for pure signing.
    payment: Option<PaymentStatus>,
    /// When it is told.
    now: fn() -> Timestamp,
    prepare: fn(Contract) -> Contract,
}

#[track_caller]
fn grid(text: &str, source: Source, case: Case) {
    let rows: Vec<String> = contract_states().into_iter().map(label).collect();
    let changes = contract_changes();
    let columns: Vec<&str> = changes.iter().map(|(name, _)| *name).collect();
    for (cause, evidence) in source.each() {
        check(text, &rows, &columns, |row, column| {
            let state = contract_states().into_iter().find(|state| label(*state) == row).unwrap();
            let change = changes.iter().find(|(name, _)| *name == column).unwrap().1.clone();
            let loaded = beside((case.prepare)(contract(state, case.payment)));
            let fact = fact(cause, evidence, contract_body(change));
            word(Subject::Contract, &loaded, &decide(&loaded, &fact, (case.now)()))
        });
    }
}

/// The contract with its first order, which stands where the contract believes it to be.
fn beside(contract: Contract) -> Loaded {
    let state = contract.payment.as_ref().map(|payment| match payment.status {
        PaymentStatus::Unpaid => OrderState::Requested,
        PaymentStatus::Paid => OrderState::Paid,
        PaymentStatus::PartlyRefunded => OrderState::PartlyRefunded,
        PaymentStatus::Refunded => OrderState::Refunded,
        PaymentStatus::Closed => OrderState::Closed,
    });
    let order = state.map(|state| order(OrderKind::PayAndSign, state));
    Loaded { order, contract: Some(contract), ..Loaded::default() }
}

fn as_it_is(contract: Contract) -> Contract {
    contract
}

fn ten_minutes_later() -> Timestamp {
    time(10 * 60)
}

const PAID: Case = Case { payment: Some(PaymentStatus::Paid), now, prepare: as_it_is };
const UNPAID: Case = Case { payment: Some(PaymentStatus::Unpaid), ..PAID };
const CLOSED: Case = Case { payment: Some(PaymentStatus::Closed), ..PAID };
const REFUNDED: Case = Case { payment: Some(PaymentStatus::Refunded), ..PAID };
const PURE: Case = Case { payment: None, ..PAID };

#[test]
fn a_notice_after_the_payment() {
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
    signed      Duplicate                                     Duplicate            Duplicate
    not_signed  Duplicate                                     Duplicate            Duplicate
    terminating Apply(terminated)+contract.terminated+settled Contradiction(state) Duplicate
    terminated  Duplicate                                     Duplicate            Stale
    ",
        Source::Notice,
        PAID,
    );
}

#[test]
fn a_notice_before_the_payment_wakes_the_order() {
    grid(
        "
    state       signed                              terminated
    created     Apply(signed/order)+contract.signed Apply(terminated)+contract.terminated+settled
    pending     Apply(signed/order)+contract.signed Apply(terminated)+contract.terminated+settled
    signed      Duplicate                           Apply(terminated)+contract.terminated+settled
    not_signed  Apply(signed/order)+contract.signed Apply(terminated)+contract.terminated+settled
    terminating Duplicate                           Apply(terminated)+contract.terminated+settled
    terminated  Stale                               Duplicate

    state       not_signed                                    absent               in_progress
    created     Duplicate                                     Duplicate            Duplicate
    pending     Duplicate                                     Duplicate            Duplicate
    signed      Duplicate                                     Duplicate            Duplicate
    not_signed  Duplicate                                     Duplicate            Duplicate
    terminating Apply(terminated)+contract.terminated+settled Contradiction(state) Duplicate
    terminated  Duplicate                                     Duplicate            Stale
    ",
        Source::Notice,
        UNPAID,
    );
}

#[test]
fn a_notice_although_the_order_was_closed_wakes_it_too() {
    grid(
        "
    state       signed                                      terminated
    created     Apply(signed/order)+contract.signed+settled Apply(terminated)+contract.terminated+settled
    pending     Apply(signed/order)+contract.signed+settled Apply(terminated)+contract.terminated+settled
    signed      Duplicate                                   Apply(terminated)+contract.terminated+settled
    not_signed  Apply(signed/order)+contract.signed+settled Apply(terminated)+contract.terminated+settled
    terminating Duplicate                                   Apply(terminated)+contract.terminated+settled
    terminated  Stale                                       Duplicate

    state       not_signed                                    absent               in_progress
    created     Duplicate                                     Duplicate            Duplicate
    pending     Duplicate                                     Duplicate            Duplicate
    signed      Duplicate                                     Duplicate            Duplicate
    not_signed  Duplicate                                     Duplicate            Duplicate
    terminating Apply(terminated)+contract.terminated+settled Contradiction(state) Duplicate
    terminated  Duplicate                                     Duplicate            Stale
    ",
        Source::Notice,
        CLOSED,
    );
}

#[test]
fn a_notice_after_the_refund() {
    grid(
        "
    state       signed                        terminated
    created     Apply(signed)+contract.signed Apply(terminated)+contract.terminated
    pending     Apply(signed)+contract.signed Apply(terminated)+contract.terminated
    signed      Duplicate                     Apply(terminated)+contract.terminated
    not_signed  Apply(signed)+contract.signed Apply(terminated)+contract.terminated
    terminating Duplicate                     Apply(terminated)+contract.terminated
    terminated  Stale                         Duplicate

    state       not_signed                            absent               in_progress
    created     Duplicate                             Duplicate            Duplicate
    pending     Duplicate                             Duplicate            Duplicate
    signed      Duplicate                             Duplicate            Duplicate
    not_signed  Duplicate                             Duplicate            Duplicate
    terminating Apply(terminated)+contract.terminated Contradiction(state) Duplicate
    terminated  Duplicate                             Duplicate            Stale
    ",
        Source::Notice,
        REFUNDED,
    );
}

#[test]
fn a_notice_of_pure_signing() {
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
    signed      Duplicate                                     Duplicate            Duplicate
    not_signed  Duplicate                                     Duplicate            Duplicate
    terminating Apply(terminated)+contract.terminated+settled Contradiction(state) Duplicate
    terminated  Duplicate                                     Duplicate            Stale
    ",
        Source::Notice,
        PURE,
    );
}

#[test]
fn a_bill_or_our_own_api() {
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
        Source::Other,
        Case { now: ten_minutes_later, ..PAID },
    );
}

#[test]
fn a_notice_that_proves_nothing() {
    grid(
        "
    state       signed    terminated not_signed absent               in_progress
    created     Ask       Ask        Ask        Duplicate            Duplicate
    pending     Ask       Ask        Ask        Duplicate            Duplicate
    signed      Ask       Ask        Ask        Duplicate            Duplicate
    not_signed  Ask       Ask        Ask        Duplicate            Duplicate
    terminating Ask       Ask        Ask        Contradiction(state) Duplicate
    terminated  Duplicate Duplicate  Duplicate  Duplicate            Stale
    ",
        Source::UnprovedNotice,
        PAID,
    );
}

#[test]
fn a_bill_that_proves_nothing() {
    grid(
        "
    state       signed    terminated not_signed absent               in_progress
    created     Ask       Ask        Ask        Duplicate            Duplicate
    pending     Ask       Ask        Ask        Duplicate            Duplicate
    signed      Ask       Ask        Ask        Duplicate            Duplicate
    not_signed  Ask       Ask        Ask        Duplicate            Duplicate
    terminating Ask       Ask        Ask        Contradiction(state) Duplicate
    terminated  Duplicate Duplicate  Duplicate  Duplicate            Stale
    ",
        Source::UnprovedBill,
        PAID,
    );
}

#[test]
fn an_error_of_our_own_api_that_proves_nothing() {
    grid(
        "
    state       signed    terminated not_signed absent               in_progress
    created     Duplicate Duplicate  Duplicate  Duplicate            Duplicate
    pending     Duplicate Duplicate  Duplicate  Duplicate            Duplicate
    signed      Duplicate Duplicate  Duplicate  Duplicate            Duplicate
    not_signed  Duplicate Duplicate  Duplicate  Duplicate            Duplicate
    terminating Duplicate Duplicate  Duplicate  Contradiction(state) Duplicate
    terminated  Duplicate Duplicate  Duplicate  Duplicate            Stale
    ",
        Source::UnprovedApi,
        PAID,
    );
}
