//! What is published: it tells of the state that was written, under the type that its schema is found by.

use std::collections::BTreeSet;

use domain::{
    BillDifference, BillEvent, Cause, ContractEvent, ContractSnapshot, Decision, Event, Evidence, Loaded,
    OrderSnapshot, PaymentEvent, QuarantineEvent, RefundEvent, RefundSnapshot, SignatureAlgorithm, SubscriptionEvent,
    decide, outcome, schemas,
};

use crate::build::{after, now};
use crate::properties::all;

/// One event of every type. A new type does not compile until it is listed.
fn examples() -> Vec<Event> {
    fn _is_complete(event: &Event) {
        match event {
            Event::ContractSigned(_)
            | Event::ContractNotSigned(_)
            | Event::ContractTerminated(_)
            | Event::PaymentSucceeded(_)
            | Event::PaymentClosed(_)
            | Event::DeductionSucceeded(_)
            | Event::DeductionFailed(_)
            | Event::RefundSucceeded(_)
            | Event::RefundClosed(_)
            | Event::RefundAbnormal(_)
            | Event::SubscriptionSettled(_)
            | Event::NotificationQuarantined(_)
            | Event::BillDiffered(_) => {}
        }
    }
    let cause = Cause::Callback;
    let contract = crate::build::contract(domain::ContractState::Signed, Some(domain::PaymentStatus::Paid));
    let order = crate::build::order(domain::OrderKind::PayAndSign, domain::OrderState::Paid);
    let refund = crate::build::refund(domain::RefundState::Succeeded, crate::build::AMOUNT);
    let of_contract = || ContractEvent { contract: ContractSnapshot::from(&contract), cause };
    let of_order = || PaymentEvent { order: OrderSnapshot::from(&order), cause };
    let of_refund = || RefundEvent { refund: RefundSnapshot::from(&refund), order: (&order).into(), cause };
    vec![
        Event::ContractSigned(of_contract()),
        Event::ContractNotSigned(of_contract()),
        Event::ContractTerminated(of_contract()),
        Event::PaymentSucceeded(of_order()),
        Event::PaymentClosed(of_order()),
        Event::DeductionSucceeded(of_order()),
        Event::DeductionFailed(of_order()),
        Event::RefundSucceeded(of_refund()),
        Event::RefundClosed(of_refund()),
        Event::RefundAbnormal(of_refund()),
        Event::SubscriptionSettled(SubscriptionEvent {
            outcome: outcome(&contract),
            contract: ContractSnapshot::from(&contract),
            cause,
        }),
        Event::NotificationQuarantined(QuarantineEvent {
            subject: "N".to_owned(),
            reason: "not_understood".to_owned(),
            body_hash: "00".repeat(32),
            cause,
        }),
        Event::BillDiffered(BillEvent {
            bill_date: domain::bill_day(now()),
            out_trade_no: order.out_trade_no.to_string(),
            out_refund_no: Some(refund.out_refund_no.to_string()),
            difference: BillDifference::Amount,
            bill: Some("100".to_owned()),
            record: Some("990".to_owned()),
            cause: Cause::Bill,
        }),
    ]
}

#[test]
fn the_tag_of_an_event_is_its_type_and_it_reads_back() {
    for event in examples() {
        let json = serde_json::to_value(&event).unwrap();
        assert_eq!(json["type"], event.event_type());
        assert_eq!(serde_json::from_value::<Event>(json).unwrap(), event);
    }
}

#[test]
fn every_type_has_a_schema_which_knows_every_member_of_its_data() {
    let schemas = schemas();
    let named: BTreeSet<&str> = schemas.iter().map(|(name, _)| *name).collect();
    let types: BTreeSet<&str> = examples().iter().map(Event::event_type).collect();
    assert_eq!(named, types);
    assert_eq!(schemas.len(), named.len(), "a type has one schema");
    for event in examples() {
        let (_, schema) = schemas.iter().find(|(name, _)| *name == event.event_type()).unwrap();
        let schema = serde_json::to_value(schema).unwrap();
        let json = serde_json::to_value(&event).unwrap();
        for member in json["data"].as_object().unwrap().keys() {
            assert!(schema["properties"][member].is_object(), "{}: {member}", event.event_type());
        }
    }
}

#[test]
fn the_subject_of_an_event_is_the_number_of_what_it_is_about() {
    let subjects: Vec<String> = examples().iter().map(Event::subject).collect();
    let (code, order, refund) = (crate::build::code(), crate::build::first_order(), crate::build::out_refund_no());
    let (code, order, refund) = (code.as_str(), order.as_str(), refund.as_str());
    assert_eq!(
        subjects,
        [code, code, code, order, order, order, order, refund, refund, refund, code, "N", refund].map(str::to_owned)
    );
}

#[test]
fn every_event_tells_of_the_state_that_is_written_with_it() {
    let mut seen = BTreeSet::new();
    all(|loaded, fact| {
        let Decision::Apply { changes, events, .. } = decide(loaded, fact, now()) else { return };
        let next = after(loaded, &changes);
        for event in events {
            seen.insert(event.event_type());
            check(&event, &next, fact.cause);
        }
    });
    let decided = examples().len() - 2;
    assert_eq!(seen.len(), decided, "all but quarantine and bills, which are not decided: {seen:?}");
}

fn check(event: &Event, next: &Loaded, cause: Cause) {
    let contract = || ContractSnapshot::from(next.contract.as_ref().unwrap());
    let order = || OrderSnapshot::from(next.order.as_ref().unwrap());
    match event {
        Event::ContractSigned(told) | Event::ContractNotSigned(told) | Event::ContractTerminated(told) => {
            assert_eq!(*told, ContractEvent { contract: contract(), cause });
        }
        Event::PaymentSucceeded(told)
        | Event::PaymentClosed(told)
        | Event::DeductionSucceeded(told)
        | Event::DeductionFailed(told) => assert_eq!(*told, PaymentEvent { order: order(), cause }),
        Event::RefundSucceeded(told) | Event::RefundClosed(told) | Event::RefundAbnormal(told) => {
            let refund = RefundSnapshot::from(next.refund.as_ref().unwrap());
            assert_eq!(*told, RefundEvent { refund, order: order(), cause });
        }
        Event::SubscriptionSettled(told) => {
            let outcome = outcome(next.contract.as_ref().unwrap());
            assert!(outcome.is_settled());
            assert_eq!(*told, SubscriptionEvent { outcome, contract: contract(), cause });
        }
        Event::NotificationQuarantined(_) | Event::BillDiffered(_) => panic!("{event:?}"),
    }
}

/// What consumers are sent names neither the user nor his account.
#[test]
fn no_event_names_a_user() {
    let fact = crate::build::fact(
        Cause::Callback,
        Evidence::Signed(SignatureAlgorithm::Md5),
        crate::build::contract_body(domain::ContractChange::Signed { at: None, expires_at: None }),
    );
    let contract = crate::build::contract(domain::ContractState::Pending, Some(domain::PaymentStatus::Paid));
    let loaded = Loaded { contract: Some(contract), ..Loaded::default() };
    let Decision::Apply { changes, events, .. } = decide(&loaded, &fact, now()) else { panic!("applied") };
    assert_eq!(changes.contract.unwrap().openid, Some(crate::build::openid()), "it is adopted");
    assert!(!serde_json::to_string(&events).unwrap().contains(crate::build::openid().as_str()), "and not published");
}
