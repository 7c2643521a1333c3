//! Every state of orders and contracts against every call of our own.

use domain::{
    Called, Cause, Changes, Check, Contract, ContractState, Decision, Evidence, Fact, FactBody, Loaded,
    NotSignedReason, Order, OrderKind, OrderState, PaymentStatus, Schedule, SignatureAlgorithm, decide,
};

use crate::build::{code, contract, fact, first_order, mch_id, now, number, order, time};
use crate::every::{calls, contract_states, launch, order_states};
use crate::grid::check;
use crate::words::{Subject, label, word};

/// The words of calls about orders, or about contracts.
fn columns(about_order: bool) -> Vec<&'static str> {
    let is_about_order = |called: &Called| match called {
        Called::OrderPlaced { .. } | Called::OrderRefused { .. } | Called::ClosingAsked { .. } => Some(true),
        Called::ContractOffered { .. }
        | Called::ContractRefused { .. }
        | Called::TerminationAsked { .. }
        | Called::OfferWithdrawn { .. }
        | Called::SignedBefore { .. }
        | Called::NoticeAsked { .. }
        | Called::NoticeSent { .. }
        | Called::NoticeRefused { .. } => Some(false),
        Called::RepairAsked { .. }
        | Called::RefundPutOff { .. }
        | Called::ExemptOffered { .. }
        | Called::ExemptRefused { .. }
        | Called::ExemptTerminationAsked { .. } => None,
    };
    let all = calls(&first_order()).into_iter();
    all.filter(|(_, called)| is_about_order(called) == Some(about_order)).map(|(name, _)| name).collect()
}

fn call(order: &domain::OutTradeNo, name: &str) -> FactBody {
    FactBody::Called(calls(order).into_iter().find(|(word, _)| *word == name).unwrap().1)
}

fn beside(kind: OrderKind, state: OrderState) -> Loaded {
    let contract = match kind {
        OrderKind::PayAndSign => Some(contract(ContractState::Created, Some(PaymentStatus::Unpaid))),
        OrderKind::Deduction => Some(contract(ContractState::Signed, Some(PaymentStatus::Paid))),
        OrderKind::OneOff => None,
    };
    Loaded { order: Some(order(kind, state)), contract, ..Loaded::default() }
}

#[track_caller]
fn orders(grid: &str, kind: OrderKind) {
    let rows: Vec<String> = order_states().into_iter().map(label).collect();
    check(grid, &rows, &columns(true), |row, column| {
        let state = order_states().into_iter().find(|state| label(*state) == row).unwrap();
        let loaded = beside(kind, state);
        let fact = Fact::ours(mch_id(), call(&number(kind), column));
        word(Subject::Order, &loaded, &decide(&loaded, &fact, now()))
    });
}

#[track_caller]
fn contracts(grid: &str, payment: Option<PaymentStatus>) {
    let rows: Vec<String> = contract_states().into_iter().map(label).collect();
    check(grid, &rows, &columns(false), |row, column| {
        let state = contract_states().into_iter().find(|state| label(*state) == row).unwrap();
        let loaded = Loaded { contract: Some(contract(state, payment)), ..Loaded::default() };
        let fact = Fact::ours(mch_id(), call(&first_order(), column));
        word(Subject::Contract, &loaded, &decide(&loaded, &fact, now()))
    });
}

#[test]
fn about_the_order_of_a_subscription() {
    orders(
        "
    state           placed           presign_failed                     already_signed
    created         Apply(requested) Apply(closing)+contract.not_signed Apply(closing)+contract.not_signed
    requested       Apply(requested) Apply(closing)                     Apply(closing)
    accepted        Stale            Stale                              Stale
    closing         Stale            Stale                              Stale
    paid            Stale            Stale                              Stale
    partly_refunded Stale            Stale                              Stale
    refunded        Stale            Stale                              Stale
    failed          Stale            Stale                              Stale
    closed          Stale            Stale                              Stale

    state           refused                              closing_asked
    created         Apply(closed)+payment.closed+settled Apply(closing)
    requested       Stale                                Apply(closing)
    accepted        Stale                                Apply(closing)
    closing         Stale                                Duplicate
    paid            Stale                                Refused(paid)
    partly_refunded Stale                                Refused(paid)
    refunded        Stale                                Refused(paid)
    failed          Duplicate                            Duplicate
    closed          Duplicate                            Duplicate
    ",
        OrderKind::PayAndSign,
    );
}

#[test]
fn about_a_purchase_without_a_contract() {
    orders(
        "
    state           placed           presign_failed already_signed refused                      closing_asked
    created         Apply(requested) Stale          Stale          Apply(closed)+payment.closed Apply(closing)
    requested       Apply(requested) Stale          Stale          Stale                        Apply(closing)
    accepted        Stale            Stale          Stale          Stale                        Apply(closing)
    closing         Stale            Stale          Stale          Stale                        Duplicate
    paid            Stale            Stale          Stale          Stale                        Refused(paid)
    partly_refunded Stale            Stale          Stale          Stale                        Refused(paid)
    refunded        Stale            Stale          Stale          Stale                        Refused(paid)
    failed          Stale            Stale          Stale          Duplicate                    Duplicate
    closed          Stale            Stale          Stale          Duplicate                    Duplicate
    ",
        OrderKind::OneOff,
    );
}

#[test]
fn about_a_deduction() {
    orders(
        "
    state           placed presign_failed already_signed refused                        closing_asked
    created         Stale  Stale          Stale          Apply(failed)+deduction.failed Apply(closing)
    requested       Stale  Stale          Stale          Stale                          Apply(closing)
    accepted        Stale  Stale          Stale          Stale                          Apply(closing)
    closing         Stale  Stale          Stale          Stale                          Duplicate
    paid            Stale  Stale          Stale          Stale                          Refused(paid)
    partly_refunded Stale  Stale          Stale          Stale                          Refused(paid)
    refunded        Stale  Stale          Stale          Stale                          Refused(paid)
    failed          Stale  Stale          Stale          Duplicate                      Duplicate
    closed          Stale  Stale          Stale          Duplicate                      Duplicate
    ",
        OrderKind::Deduction,
    );
}

#[test]
fn about_the_contract_of_pure_signing() {
    contracts(
        "
    state       offered        offer_refused                                 termination_asked
    created     Apply(pending) Apply(not_signed)+contract.not_signed+settled Refused(not_signed)
    pending     Apply(pending) Stale                                         Refused(not_signed)
    signed      Stale          Stale                                         Apply(terminating)
    not_signed  Stale          Duplicate                                     Refused(not_signed)
    terminating Stale          Stale                                         Duplicate
    terminated  Stale          Stale                                         Duplicate

    state       notice_asked         notice_sent        notice_refused
    created     Refused(not_signed)  Stale              Duplicate
    pending     Refused(not_signed)  Stale              Duplicate
    signed      Apply(signed)        Apply(signed)      Duplicate
    not_signed  Refused(not_signed)  Stale              Duplicate
    terminating Refused(ended)       Apply(terminating) Duplicate
    terminated  Refused(ended)       Apply(terminated)  Duplicate

    state       withdrawn signed_before
    created     Stale     Stale
    pending     Stale     Stale
    signed      Stale     Stale
    not_signed  Duplicate Stale
    terminating Stale     Stale
    terminated  Stale     Stale
    ",
        None,
    );
}

#[test]
fn about_the_contract_of_a_paid_order() {
    contracts(
        "
    state       offered        offer_refused                                 termination_asked
    created     Apply(pending) Apply(not_signed)+contract.not_signed+settled Refused(not_signed)
    pending     Apply(pending) Stale                                         Refused(not_signed)
    signed      Stale          Stale                                         Apply(terminating)
    not_signed  Stale          Duplicate                                     Refused(not_signed)
    terminating Stale          Stale                                         Duplicate
    terminated  Stale          Stale                                         Duplicate

    state       notice_asked         notice_sent        notice_refused
    created     Refused(not_signed)  Stale              Duplicate
    pending     Refused(not_signed)  Stale              Duplicate
    signed      Apply(signed)        Apply(signed)      Duplicate
    not_signed  Refused(not_signed)  Stale              Duplicate
    terminating Refused(ended)       Apply(terminating) Duplicate
    terminated  Refused(ended)       Apply(terminated)  Duplicate

    state       withdrawn signed_before
    created     Stale     Apply(not_signed)+contract.not_signed+settled
    pending     Stale     Apply(not_signed)+contract.not_signed+settled
    signed      Stale     Stale
    not_signed  Duplicate Stale
    terminating Stale     Stale
    terminated  Stale     Stale
    ",
        Some(PaymentStatus::Paid),
    );
}

#[test]
fn about_what_is_not_on_record() {
    for name in columns(true).into_iter().chain(columns(false)) {
        let fact = Fact::ours(mch_id(), call(&first_order(), name));
        let unknown = word(Subject::Order, &Loaded::default(), &decide(&Loaded::default(), &fact, now()));
        let expected = if columns(true).contains(&name) { "Unknown(order)" } else { "Unknown(contract)" };
        assert_eq!(unknown, expected, "{name}");
    }
}

#[test]
fn an_answer_that_proves_nothing_places_and_refuses_nothing() {
    for evidence in [Evidence::Unsigned, Evidence::Decrypted] {
        for (name, called) in calls(&first_order()) {
            let fact = fact(Cause::Api, evidence, FactBody::Called(called));
            let loaded = beside(OrderKind::PayAndSign, OrderState::Created);
            assert_eq!(decide(&loaded, &fact, now()), Decision::Stale, "{name}");
        }
    }
}

fn changes(loaded: &Loaded, name: &str) -> Changes {
    let number = loaded.order.as_ref().map_or_else(first_order, |order| order.out_trade_no.clone());
    match decide(loaded, &Fact::ours(mch_id(), call(&number, name)), now()) {
        Decision::Apply { changes, .. } => *changes,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn a_placed_order_has_its_launch_data_and_its_contract_is_pending() {
    let changes = changes(&beside(OrderKind::PayAndSign, OrderState::Created), "placed");
    assert_eq!(changes.order.unwrap().launch, Some(launch()));
    assert_eq!(changes.contract.unwrap().state, ContractState::Pending);
}

#[test]
fn an_order_that_signs_nothing_is_closed_as_soon_as_wechat_closes_it() {
    let changes = changes(&beside(OrderKind::PayAndSign, OrderState::Created), "presign_failed");
    let (order, contract) = (changes.order.unwrap(), changes.contract.unwrap());
    assert_eq!(order.launch, None, "nobody can start paying");
    assert_eq!(order.check, Some(Check::new(time(300), 0)), "five minutes after it was made");
    assert_eq!((contract.state, &contract.check), (ContractState::NotSigned, &None));
    assert_eq!(contract.not_signed_reason, Some(NotSignedReason::PresignFailed));
    assert!(!contract.is_live(), "nobody was given anything to pay with: the user may try again");
}

#[test]
fn a_termination_that_was_asked_for_is_followed_closely() {
    let signed = contract(ContractState::Signed, Some(PaymentStatus::Paid));
    let changes = changes(&Loaded { contract: Some(signed), ..Loaded::default() }, "termination_asked");
    let next = changes.contract.unwrap();
    assert_eq!(next.check, Some(Schedule::Termination.first(now())));
    assert_eq!(next.terminating_at, Some(now()));
}

#[test]
fn a_deduction_that_is_decided_makes_room_for_the_next() {
    let busy = |contract: Contract| Contract { open_deduction: Some(number(OrderKind::Deduction)), ..contract };
    let decided = |body| {
        let mut loaded = beside(OrderKind::Deduction, OrderState::Created);
        loaded.contract = loaded.contract.map(busy);
        let fact = fact(Cause::Query, Evidence::Signed(SignatureAlgorithm::Md5), body);
        match decide(&loaded, &fact, now()) {
            Decision::Apply { changes, .. } => changes.contract.map(|contract| contract.open_deduction),
            other => panic!("{other:?}"),
        }
    };
    let deduction = order(OrderKind::Deduction, OrderState::Created);
    let results = crate::every::payment_results();
    let result = |name: &str| results.iter().find(|(word, _)| *word == name).unwrap().1.clone();
    for name in ["succeeded", "failed", "closed"] {
        assert_eq!(decided(crate::build::payment_body(&deduction, result(name))), Some(None), "{name}");
    }
    assert_eq!(decided(crate::build::payment_body(&deduction, result("accepted"))), None, "it is not decided yet");
    let other = Contract { open_deduction: Some(first_order()), ..contract(ContractState::Signed, None) };
    let loaded = Loaded { order: Some(deduction.clone()), contract: Some(other), ..Loaded::default() };
    let body = crate::build::payment_body(&deduction, result("succeeded"));
    let fact = fact(Cause::Query, Evidence::Signed(SignatureAlgorithm::Md5), body);
    let Decision::Apply { changes, .. } = decide(&loaded, &fact, now()) else { panic!() };
    assert_eq!(changes.contract.unwrap().open_deduction, Some(first_order()), "another one stays open");
}

#[test]
fn a_question_falls_on_the_end_of_an_orders_time() {
    let unpaid = |expires_at| {
        let order = Order {
            check: Some(Check::new(now(), 2)),
            expires_at: Some(time(expires_at)),
            ..order(OrderKind::PayAndSign, OrderState::Requested)
        };
        let body = crate::build::payment_body(&order, domain::PaymentResult::Unpaid);
        let fact = fact(Cause::Query, Evidence::Signed(SignatureAlgorithm::Md5), body);
        match decide(&Loaded { order: Some(order), ..Loaded::default() }, &fact, now()) {
            Decision::Apply { changes, .. } => changes.order.unwrap().check.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(unpaid(1_800), Check::new(time(1_830), 3));
    assert_eq!(unpaid(7_200).due_at, time(60 + 3_000), "the schedule's own time comes first");
    assert_eq!(unpaid(20).due_at, time(60 + 3_000), "it is over");
}

#[test]
fn calls_are_about_their_order_or_contract() {
    for name in columns(true).into_iter().chain(columns(false)) {
        let fact = Fact::ours(mch_id(), call(&first_order(), name));
        let keys = fact.keys();
        assert_eq!(keys.contract, Some(code()), "{name}");
        let about_order = columns(true).contains(&name);
        assert_eq!(keys.order, about_order.then(first_order), "{name}");
        let subject = if about_order { format!("O#{}", first_order()) } else { format!("C#{}", code()) };
        assert_eq!((fact.subject(), fact.kind()), (subject, "called"), "{name}");
    }
}
