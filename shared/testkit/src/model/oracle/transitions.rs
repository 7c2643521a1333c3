//! Whether the events tell of what the states say happened, each once.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use domain::{
    Contract, ContractState, MchId, OrderKind, OrderState, Outcome, Refund, RefundOrigin, RefundState, Stream, outcome,
};
use serde::Deserialize;

use super::{Found, Violation};
use crate::memory::Store;

/// The events of the outbox tell of what the states say happened, each once.
pub(super) fn transitions(store: &Store, found: &mut Found) {
    let mut told: BTreeMap<(&MchId, &str, &str), usize> = BTreeMap::new();
    for outboxed in store.outbox() {
        let entry = &outboxed.entry;
        *told.entry((&entry.mch_id, &entry.event_type, &entry.subject)).or_default() += 1;
    }
    let mut check =
        |mch_id: &MchId, (what, subject): (&str, &str), allowed: RangeInclusive<usize>, state: &dyn fmt::Debug| {
            let events = told.get(&(mch_id, what, subject)).copied().unwrap_or(0);
            if !allowed.contains(&events) {
                let (what, subject, state) = (what.to_owned(), subject.to_owned(), format!("{state:?}"));
                found.add(Violation::Transitions { what, subject, events, state });
            }
        };
    for order in store.orders().map(|row| &row.value) {
        let (paid, ended) = match order.kind {
            OrderKind::Deduction => ("papay.deduction.succeeded.v1", "papay.deduction.failed.v1"),
            OrderKind::PayAndSign | OrderKind::OneOff => ("papay.payment.succeeded.v1", "papay.payment.closed.v1"),
        };
        let is_paid = matches!(order.state, OrderState::Paid | OrderState::PartlyRefunded | OrderState::Refunded);
        let is_ended = matches!(order.state, OrderState::Failed | OrderState::Closed);
        let ends = if is_ended { 1..=1 } else { 0..=usize::from(is_paid) };
        check(&order.mch_id, (paid, order.out_trade_no.as_str()), exactly(is_paid), &order.state);
        check(&order.mch_id, (ended, order.out_trade_no.as_str()), ends, &order.state);
    }
    for contract in store.contracts().map(|row| &row.value) {
        let code = contract.contract_code.as_str();
        let is_terminated = contract.state == ContractState::Terminated;
        check(
            &contract.mch_id,
            ("papay.contract.signed.v1", code),
            exactly(contract.signed_at.is_some()),
            &contract.state,
        );
        check(&contract.mch_id, ("papay.contract.terminated.v1", code), exactly(is_terminated), &contract.state);
    }
    for refund in store.refunds().map(|row| &row.value) {
        let number = refund.out_refund_no.as_str();
        let repairs = usize::try_from(refund.repairs).unwrap_or(0);
        let succeeded = refund.state == RefundState::Succeeded;
        let closings = closings(refund);
        let faults = match refund.state {
            RefundState::Abnormal => repairs + 1..=repairs + 1,
            RefundState::Repairing => repairs..=repairs,
            _ => repairs..=repairs + 1,
        };
        check(&refund.mch_id, ("papay.refund.succeeded.v1", number), exactly(succeeded), &refund.state);
        check(&refund.mch_id, ("papay.refund.closed.v1", number), closings, &refund.state);
        check(&refund.mch_id, ("papay.refund.abnormal.v1", number), faults, &refund.state);
    }
    for contract in store.contracts() {
        found.extend(settled_otherwise(store, &contract.value));
    }
}

/// How often consumers were told that nothing is given back. WeChat may have made what it had refused: the end that follows is told, too.
fn closings(refund: &Refund) -> RangeInclusive<usize> {
    let ours = usize::from(refund.origin == RefundOrigin::Api);
    match refund.state {
        RefundState::Reported | RefundState::Created => 0..=0,
        RefundState::Rejected => ours..=ours,
        RefundState::Closed => 1..=2,
        RefundState::Succeeded => 0..=2,
        RefundState::Processing | RefundState::Abnormal | RefundState::Repairing => 0..=1,
    }
}

fn exactly(once: bool) -> RangeInclusive<usize> {
    usize::from(once)..=usize::from(once)
}

/// The last settled outcome that consumers were told is the one that follows from the contract.
fn settled_otherwise(store: &Store, contract: &Contract) -> Option<Violation> {
    #[derive(Deserialize)]
    struct Told {
        outcome: Outcome,
    }
    let stream = Stream::contract(&contract.mch_id, &contract.contract_code);
    let told: Vec<_> = store
        .of_stream(&stream)
        .filter(|entry| entry.event_type == "papay.subscription.settled.v1")
        .map(|entry| serde_json::from_str::<Told>(&entry.data).expect("data is JSON").outcome)
        .collect();
    let now = outcome(contract);
    let same = !now.is_settled() || told.last() == Some(&now);
    let repeated = told.windows(2).any(|pair| pair[0] == pair[1]);
    if same && !repeated && contract.settled == told.last().copied() {
        return None;
    }
    Some(Violation::Transitions {
        what: "papay.subscription.settled.v1".to_owned(),
        subject: contract.contract_code.to_string(),
        events: told.len(),
        state: format!("told {told:?}, is {now:?}, noted {:?}", contract.settled),
    })
}
