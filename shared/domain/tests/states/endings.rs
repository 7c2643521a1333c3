//! A refund that is to end its order's contract too: whoever learns that WeChat has it books both.

use domain::{
    Cause, Contract, ContractState, Decision, Evidence, Loaded, Order, PaymentStatus, Refund, RefundResult,
    RefundState, Schedule, SignatureAlgorithm, decide,
};

use crate::build::{AMOUNT, contract, fact, now, refund, refund_body, refunded_order, time};

/// The contract beside a refund in this state, after WeChat's word; `None` where it stays as it is.
fn contract_after(contract: ContractState, wished: bool, state: RefundState, result: RefundResult) -> Option<Contract> {
    let refund = Refund { ends_contract: wished, ..refund(state, AMOUNT) };
    let order = Order { refunds: 1, ..refunded_order(Some(state), AMOUNT) };
    let contract = crate::build::contract(contract, Some(PaymentStatus::Paid));
    let loaded = Loaded { order: Some(order), refund: Some(refund), contract: Some(contract), ..Loaded::default() };
    let body = refund_body(AMOUNT, None, result.clone());
    let fact = fact(Cause::Query, Evidence::Signed(SignatureAlgorithm::Md5), body);
    match decide(&loaded, &fact, now()) {
        Decision::Apply { changes, .. } => changes.contract,
        other => panic!("{state:?} {result:?}: {other:?}"),
    }
}

fn results_of_a_refund() -> [RefundResult; 4] {
    let succeeded = RefundResult::Succeeded { at: Some(time(50)) };
    [RefundResult::Processing, succeeded, RefundResult::Closed, RefundResult::Abnormal]
}

#[test]
fn a_contract_shall_end_as_soon_as_wechat_has_the_refund_that_is_to_end_it() {
    for result in results_of_a_refund() {
        let next = contract_after(ContractState::Signed, true, RefundState::Created, result.clone()).unwrap();
        assert_eq!((next.state, next.terminating_at), (ContractState::Terminating, Some(now())), "{result:?}");
        assert_eq!(next.check, Some(Schedule::Termination.first(now())), "{result:?}");
    }
    let succeeded = RefundResult::Succeeded { at: None };
    let next = contract_after(ContractState::Signed, true, RefundState::Created, succeeded).unwrap();
    assert_eq!(next.payment.unwrap().status, PaymentStatus::Refunded, "the payment is booked with it");
}

#[test]
fn a_refund_alone_ends_no_contract() {
    for result in results_of_a_refund() {
        let next = contract_after(ContractState::Signed, false, RefundState::Created, result.clone());
        assert!(next.is_none_or(|next| next.state == ContractState::Signed), "{result:?}");
    }
}

#[test]
fn a_refund_that_wechat_does_not_make_ends_no_contract() {
    let rejected = RefundResult::Rejected { code: "NOTENOUGH".to_owned() };
    assert_eq!(contract_after(ContractState::Signed, true, RefundState::Created, rejected), None);
}

#[test]
fn a_contract_that_has_ended_or_was_never_signed_stays_as_it_is() {
    for state in [ContractState::NotSigned, ContractState::Terminating, ContractState::Terminated] {
        assert_eq!(contract_after(state, true, RefundState::Created, RefundResult::Processing), None, "{state:?}");
    }
    let before = contract(ContractState::Terminating, Some(PaymentStatus::Paid));
    let succeeded = RefundResult::Succeeded { at: None };
    let next = contract_after(ContractState::Terminating, true, RefundState::Processing, succeeded).unwrap();
    assert_eq!((next.state, next.terminating_at), (before.state, before.terminating_at));
}
