//! What holds for every state and every fact, and for histories of refunds.

use domain::{
    Cause, Changes, Check, Contract, Decision, Evidence, ExemptContract, Fact, FactBody, Fen, Loaded, Order, OrderKind,
    OrderState, PaymentResult, PaymentStatus, Refund, RefundResult, RefundState, Refusal, RequestText, Schedule,
    SignatureAlgorithm, Timestamp, decide,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::build::{
    AMOUNT, after, contract, contract_body, exempt, exempt_body, fact, first_order, now, order, out_refund_no,
    payment_body, refund, refund_body, refunded_order, said, time,
};
use crate::every::{
    calls as every_call, causes, contract_changes, contract_states, evidence, exempt_changes, exempt_states, openings,
    order_kinds, order_states, payment_results, payment_statuses, refund_results, refund_states,
};

/// Every state of everything with every check, and every fact about it.
pub(crate) fn all(mut visit: impl FnMut(&Loaded, &Fact)) {
    for cause in causes() {
        for evidence in evidence() {
            let told = |body| fact(cause, evidence, body);
            orders(|loaded| {
                for (_, result) in payment_results() {
                    visit(loaded, &told(payment_body(loaded.order.as_ref().unwrap(), result)));
                }
            });
            contracts(|loaded| {
                for (_, change) in contract_changes() {
                    visit(loaded, &told(contract_body(change)));
                }
            });
            refunds(|loaded| {
                for (_, result) in refund_results() {
                    for said_at in [None, said(49), said(51)] {
                        visit(loaded, &told(refund_body(AMOUNT, said_at, result.clone())));
                    }
                }
            });
            exempts(|loaded| {
                for (_, change) in exempt_changes() {
                    visit(loaded, &told(exempt_body(change)));
                }
            });
            if cause == Cause::Api {
                calls(|loaded, body| visit(loaded, &told(body)));
            }
            visit(&Loaded::default(), &told(FactBody::Noted { event_type: "SECURITY_ECHO.SUCCESS".to_owned() }));
        }
    }
}

/// What our own calls do, whatever is on record.
fn calls(mut visit: impl FnMut(&Loaded, FactBody)) {
    orders(|loaded| {
        let number = &loaded.order.as_ref().unwrap().out_trade_no;
        for (_, called) in every_call(number) {
            visit(loaded, FactBody::Called(called));
        }
    });
    contracts(|loaded| {
        for (_, called) in every_call(&first_order()) {
            visit(loaded, FactBody::Called(called));
        }
    });
    exempts(|loaded| {
        for (_, called) in every_call(&first_order()) {
            visit(loaded, FactBody::Called(called));
        }
    });
    for opened in openings() {
        exempts(|loaded| visit(loaded, FactBody::Opened(opened.clone())));
        visit(&Loaded::default(), FactBody::Opened(opened.clone()));
        orders(|loaded| visit(loaded, FactBody::Opened(opened.clone())));
        contracts(|loaded| {
            visit(loaded, FactBody::Opened(opened.clone()));
            visit(&Loaded { order: None, ..loaded.clone() }, FactBody::Opened(opened.clone()));
        });
        refunds(|loaded| visit(loaded, FactBody::Opened(opened.clone())));
    }
}

fn exempts(mut visit: impl FnMut(&Loaded)) {
    for state in exempt_states() {
        let blank = exempt(state);
        for check in checks(blank.check.as_ref(), Schedule::PreSigning) {
            let check = check.filter(|_| state != domain::ExemptState::Terminated);
            visit(&Loaded { exempt: Some(ExemptContract { check, ..blank.clone() }), ..Loaded::default() });
        }
    }
}

fn checks(running: Option<&Check>, schedule: Schedule) -> Vec<Option<Check>> {
    vec![
        None,
        Some(schedule.first(now())),
        Some(Check::new(time(50), 1)),
        Some(Check::new(time(50), 99)),
        Some(Check::asked(running, time(50))),
    ]
}

fn orders(mut visit: impl FnMut(&Loaded)) {
    for kind in order_kinds() {
        for state in order_states() {
            let order = order(kind, state);
            for check in checks(order.check.as_ref(), Schedule::Order) {
                let order = Some(Order { check, ..order.clone() });
                visit(&Loaded { order: order.clone(), ..Loaded::default() });
                for contract_state in contract_states() {
                    let status = status_of(state);
                    let contract = Some(contract(contract_state, Some(status)));
                    visit(&Loaded { order: order.clone(), contract, ..Loaded::default() });
                }
            }
        }
    }
}

/// What the contract says of its first order, which changes with it in one transaction.
fn status_of(state: OrderState) -> PaymentStatus {
    match state {
        OrderState::Created | OrderState::Requested | OrderState::Accepted | OrderState::Closing => {
            PaymentStatus::Unpaid
        }
        OrderState::Paid => PaymentStatus::Paid,
        OrderState::PartlyRefunded => PaymentStatus::PartlyRefunded,
        OrderState::Refunded => PaymentStatus::Refunded,
        OrderState::Failed | OrderState::Closed => PaymentStatus::Closed,
    }
}

fn contracts(mut visit: impl FnMut(&Loaded)) {
    for state in contract_states() {
        for payment in payment_statuses().into_iter().map(Some).chain([None]) {
            let contract = contract(state, payment);
            for check in checks(contract.check.as_ref(), Schedule::ContractAfterPayment) {
                let check = check.filter(|_| state != domain::ContractState::Terminated);
                let contract = Some(Contract { check, ..contract.clone() });
                let order = payment.map(|_| order(OrderKind::PayAndSign, OrderState::Requested));
                visit(&Loaded { order, contract, ..Loaded::default() });
            }
        }
    }
}

fn refunds(mut visit: impl FnMut(&Loaded)) {
    for state in refund_states().into_iter().map(Some).chain([None]) {
        for paid in [true, false] {
            let order = Some(match paid {
                true => refunded_order(state, AMOUNT),
                false => order(OrderKind::PayAndSign, OrderState::Requested),
            });
            let blank = state.map(|state| refund(state, AMOUNT));
            for check in checks(blank.as_ref().and_then(|refund| refund.check.as_ref()), Schedule::Refund) {
                let refund = blank.clone().map(|refund| Refund { check, ..refund });
                let contract = Some(contract(domain::ContractState::Signed, Some(PaymentStatus::Paid)));
                let loaded = Loaded { order: order.clone(), contract, refund, ..Loaded::default() };
                visit(&loaded);
                if state == Some(RefundState::Repairing) {
                    let repair = Some(RequestText::new("{}"));
                    let refund = loaded.refund.clone().map(|refund| Refund { repair, ..refund });
                    visit(&Loaded { refund, ..loaded });
                }
            }
        }
    }
}

#[test]
fn the_same_is_decided_every_time() {
    all(|loaded, fact| assert_eq!(decide(loaded, fact, now()), decide(loaded, fact, now())));
}

#[test]
fn what_was_decided_is_not_decided_again() {
    all(|loaded, fact| {
        let first = decide(loaded, fact, now());
        let Some(next) = next(loaded, &first) else { return };
        let again = decide(&next, fact, now());
        match (&first, &again) {
            (_, Decision::Duplicate | Decision::Stale) => {}
            // An attempt has a number of its own; whether the same call was made twice, its idempotency key tells.
            (_, Decision::Refused(Refusal::Exists)) if matches!(fact.body, FactBody::Opened(_)) => {}
            // An answer moves the check that was due; here none is any more, unless the notice asked for one.
            (Decision::Ask(_), Decision::Apply { events, key, .. }) if fact.cause != Cause::Callback => {
                assert!(events.is_empty() && key.is_none(), "{loaded:?}\n{fact:?}\n{again:?}");
            }
            // The first question after a payment that was refunded since is due at once.
            (Decision::Apply { events, .. }, Decision::Apply { events: more, key: None, .. })
                if fact.cause != Cause::Callback && !events.is_empty() =>
            {
                assert!(more.is_empty(), "{loaded:?}\n{fact:?}\n{again:?}");
            }
            // The schedule ran out without finding the refund that WeChat speaks of: it begins again.
            (Decision::Apply { events, .. }, Decision::Ask(_))
                if fact.cause != Cause::Callback && says_refunded(fact) =>
            {
                assert!(events.is_empty(), "{loaded:?}\n{fact:?}");
            }
            _ => panic!("{loaded:?}\n{fact:?}\nfirst {first:?}\nthen {again:?}"),
        }
    });
}

fn says_refunded(fact: &Fact) -> bool {
    matches!(&fact.body, FactBody::Payment(told) if matches!(told.result, PaymentResult::Succeeded { refunded: true, .. }))
}

fn next(loaded: &Loaded, decision: &Decision) -> Option<Loaded> {
    match decision {
        Decision::Apply { changes, .. } | Decision::Ask(changes) => Some(after(loaded, changes)),
        Decision::Duplicate
        | Decision::Stale
        | Decision::Contradiction(_)
        | Decision::Unknown(_)
        | Decision::Refused(_)
        | Decision::Noted => None,
    }
}

#[test]
fn what_tells_others_has_a_key_and_a_change() {
    all(|loaded, fact| {
        if let Decision::Apply { changes, events, key } = decide(loaded, fact, now()) {
            assert_ne!(*changes, Changes::default(), "{loaded:?}\n{fact:?}");
            assert!(events.is_empty() || key.is_some(), "{loaded:?}\n{fact:?}");
        }
    });
}

#[test]
fn nothing_unproved_moves_money_or_contracts() {
    all(|loaded, fact| {
        let Decision::Apply { changes, events, .. } = decide(loaded, fact, now()) else { return };
        let by_design = matches!(&fact.body, FactBody::Contract(told) if told.change == domain::ContractChange::Absent);
        if fact.evidence.proves() || by_design {
            return;
        }
        assert!(events.is_empty(), "{loaded:?}\n{fact:?}");
        let blind = |loaded: &Loaded| {
            let mut loaded = loaded.clone();
            loaded.order.iter_mut().for_each(|order| order.check = None);
            loaded.contract.iter_mut().for_each(|contract| contract.check = None);
            loaded.refund.iter_mut().for_each(|refund| refund.check = None);
            loaded.exempt.iter_mut().for_each(|contract| contract.check = None);
            loaded
        };
        assert_eq!(blind(&after(loaded, &changes)), blind(loaded), "{fact:?}");
    });
}

#[test]
fn a_notice_never_moves_a_question_away() {
    all(|loaded, fact| {
        if fact.cause != Cause::Callback {
            return;
        }
        let decision = decide(loaded, fact, now());
        let (Some(next), Decision::Ask(_)) = (next(loaded, &decision), &decision) else { return };
        let due = |check: Option<&Check>| check.map_or(Timestamp::MAX, |check| check.due_at);
        let of = |loaded: &Loaded| {
            let order = loaded.order.as_ref().and_then(|order| order.check.as_ref());
            let contract = loaded.contract.as_ref().and_then(|contract| contract.check.as_ref());
            let refund = loaded.refund.as_ref().and_then(|refund| refund.check.as_ref());
            let exempt = loaded.exempt.as_ref().and_then(|contract| contract.check.as_ref());
            [due(order), due(contract), due(refund), due(exempt)].map(|due_at| due_at.max(now()))
        };
        assert!(of(&next).iter().zip(of(loaded)).all(|(next, before)| *next <= before), "{loaded:?}\n{fact:?}");
    });
}

/// Otherwise the sweeper would ask it again every minute. What contradicts our record changes nothing, so whoever asked must see to
/// that himself.
#[test]
fn an_answer_to_a_question_that_was_due_moves_it() {
    all(|loaded, fact| {
        if fact.cause != Cause::Query {
            return;
        }
        let decision = decide(loaded, fact, now());
        if matches!(decision, Decision::Contradiction(_) | Decision::Unknown(_) | Decision::Noted | Decision::Ask(_)) {
            return;
        }
        let next = next(loaded, &decision).unwrap_or_else(|| loaded.clone());
        let check = match &fact.body {
            FactBody::Payment(_) => next.order.as_ref().and_then(|order| order.check.as_ref()),
            FactBody::Contract(_) => next.contract.as_ref().and_then(|contract| contract.check.as_ref()),
            FactBody::Refund(_) => next.refund.as_ref().and_then(|refund| refund.check.as_ref()),
            FactBody::Exempt(_) => next.exempt.as_ref().and_then(|contract| contract.check.as_ref()),
            FactBody::Opened(_) | FactBody::Called(_) | FactBody::Noted { .. } => None,
        };
        // Of an order that is found to be refunded, its refunds are asked for at once, as are questions at the schedule's start.
        let fresh = check.is_some_and(|check| check.due_at == now() && check.step == 0);
        assert!(fresh || check.is_none_or(|check| !check.is_due(now())), "{loaded:?}\n{fact:?}\n{decision:?}");
    });
}

#[test]
fn termination_absorbs() {
    contracts(|loaded| {
        let terminated =
            loaded.contract.as_ref().is_some_and(|contract| contract.state == domain::ContractState::Terminated);
        if !terminated {
            return;
        }
        for cause in causes() {
            for evidence in evidence() {
                for (name, change) in contract_changes() {
                    let decision = decide(loaded, &fact(cause, evidence, contract_body(change)), now());
                    assert!(matches!(decision, Decision::Duplicate | Decision::Stale), "{name}: {decision:?}");
                }
            }
        }
    });
}

/// One refund among several of one order, and what is said of it.
#[derive(Clone, Debug)]
struct Told {
    which: usize,
    result: RefundResult,
    cause: Cause,
}

fn told() -> impl Strategy<Value = Told> {
    let results = refund_results().into_iter().map(|(_, result)| result).collect::<Vec<_>>();
    (0..4_usize, select(results), select(vec![Cause::Callback, Cause::Query])).prop_map(|(which, result, cause)| Told {
        which,
        result,
        cause,
    })
}

fn amount() -> impl Strategy<Value = Fen> {
    (1..=AMOUNT.get()).prop_map(Fen::new)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Some made through our API within what is refundable, one on the merchant platform without our knowledge.
    #[test]
    fn refunds_add_up_whatever_is_said_of_them(amounts in vec(amount(), 4), told in vec(told(), 0..24)) {
        let mut order = order(OrderKind::PayAndSign, OrderState::Paid);
        let mut refunds: Vec<Option<Refund>> = Vec::new();
        for amount in &amounts[..3] {
            let fits = *amount <= order.refundable();
            refunds.push(fits.then(|| refund(RefundState::Created, *amount)));
            if fits {
                order.reserved = order.reserved.plus(*amount);
            }
        }
        refunds.push(None);
        for (step, told) in told.into_iter().enumerate() {
            let amount = refunds[told.which].as_ref().map_or(amounts[told.which], |refund| refund.amount);
            let mut body = refund_body(amount, said(100), told.result);
            if let FactBody::Refund(told) = &mut body {
                told.refund_id = None;
            }
            let fact = fact(told.cause, Evidence::Signed(SignatureAlgorithm::Rsa), body);
            let loaded = Loaded { order: Some(order.clone()), refund: refunds[told.which].clone(), ..Loaded::default() };
            let at = now().checked_add(jiff::SignedDuration::from_hours(i64::try_from(step).unwrap())).unwrap();
            let decision = decide(&loaded, &fact, at);
            let Some(next) = next(&loaded, &decision) else { continue };
            order = next.order.unwrap();
            refunds[told.which] = next.refund;
            check_sums(&order, &refunds)?;
        }
    }
}

fn check_sums(order: &Order, refunds: &[Option<Refund>]) -> Result<(), TestCaseError> {
    let sum = |states: &[RefundState]| {
        let counted = refunds.iter().flatten().filter(|refund| states.contains(&refund.state));
        counted.fold(Fen::ZERO, |sum, refund| sum.plus(refund.amount))
    };
    prop_assert_eq!(order.refunded, sum(&[RefundState::Succeeded]));
    prop_assert!(order.refunded <= order.amount);
    let open = [RefundState::Created, RefundState::Processing, RefundState::Abnormal, RefundState::Repairing];
    prop_assert_eq!(order.reserved, sum(&open));
    let expected = match order.refunded {
        Fen::ZERO => OrderState::Paid,
        all if all == order.amount => OrderState::Refunded,
        _ => OrderState::PartlyRefunded,
    };
    prop_assert_eq!(order.state, expected);
    prop_assert!(refunds.iter().flatten().all(|refund| refund.out_refund_no == out_refund_no()));
    Ok(())
}
