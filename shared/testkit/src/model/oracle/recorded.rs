//! Whether what was acknowledged is durable.

use domain::{
    Called, Contract, ContractChange, ContractState, ExemptChange, ExemptContract, ExemptState, FactBody, Keys, Order,
    OrderState, PaymentResult, Refund, RefundResult, RefundState,
};
use record::{JournalKey, Receipt, Rows};

use super::super::task::{Notice, Task};
use crate::memory::Store;

/// Whether a task is done whose sender heard so.
pub(in super::super) fn is_done(store: &Store, task: &Task) -> bool {
    match task {
        Task::Notice(notice) => is_recorded(store, notice),
        Task::Strange(mch_id, receipt) => store.journaled(&held(&format!("{mch_id}#N"), receipt)).is_some(),
        Task::Create(mch_id, rows) => {
            let order = rows.order.as_ref().map(|order| order.out_trade_no.clone());
            let contract = rows.contract.as_ref().map(|contract| contract.contract_code.clone());
            let found = store.load(mch_id, &Keys { order, contract, ..Keys::default() });
            found.order.is_some() == rows.order.is_some() && found.contract.is_some() == rows.contract.is_some()
        }
        Task::Refund(refund) => {
            let keys = Keys { refund: Some(refund.out_refund_no.clone()), ..Keys::default() };
            store.load(&refund.mch_id, &keys).refund.is_some()
        }
        Task::Repair(mch_id, number, _, time) => {
            let keys = Keys { refund: Some(number.clone()), ..Keys::default() };
            store.load(mch_id, &keys).refund.is_some_and(|refund| refund.value.repairs >= *time)
        }
    }
}

fn held(subject: &str, receipt: &Receipt) -> JournalKey {
    let hash: String = receipt.body_hash.iter().map(|byte| format!("{byte:02x}")).collect();
    JournalKey { subject: subject.to_owned(), entry: format!("held#{hash}") }
}

/// Whether what a notice says is durable: the state says so, or the journal holds it.
#[must_use]
pub fn is_recorded(store: &Store, notice: &Notice) -> bool {
    if notice.is_stranger {
        return false;
    }
    let fact = &notice.fact;
    let held = held(&format!("{}#{}", fact.mch_id, fact.subject()), &notice.receipt);
    if store.journaled(&held).is_some_and(|journaled| journaled.outcome != "unknown") {
        return true;
    }
    let rows = store.load(&fact.mch_id, &fact.keys());
    match &fact.body {
        FactBody::Payment(payment) => rows.order.is_some_and(|order| says_payment(&order.value, &payment.result)),
        FactBody::Contract(contract) => rows.contract.is_some_and(|row| says_contract(&row.value, &contract.change)),
        FactBody::Refund(refund) => rows.refund.is_some_and(|row| {
            let is_paid = rows.order.is_some_and(|order| order.value.is_paid());
            says_refund(&row.value, is_paid, &refund.result)
        }),
        FactBody::Exempt(exempt) => rows.exempt.is_some_and(|row| says_exempt(&row.value, &exempt.change)),
        // The row says so, whatever became of it since.
        FactBody::Opened(_) => rows.contract.is_some() || rows.order.is_some() || rows.exempt.is_some(),
        FactBody::Called(called) => says_call(&rows, called),
        FactBody::Noted { .. } => false,
    }
}

fn says_exempt(contract: &ExemptContract, change: &ExemptChange) -> bool {
    match change {
        ExemptChange::Signed { .. } => {
            matches!(contract.state, ExemptState::Signed | ExemptState::Terminating | ExemptState::Terminated)
        }
        ExemptChange::Terminated { .. } => contract.state == ExemptState::Terminated,
        ExemptChange::Reported => contract.check.is_some() || contract.state == ExemptState::Terminated,
        ExemptChange::Absent | ExemptChange::Undecided { .. } => true,
    }
}

fn says_call(rows: &Rows, called: &Called) -> bool {
    match called {
        Called::TerminationAsked { .. } => rows.contract.as_ref().is_some_and(|contract| {
            matches!(contract.value.state, ContractState::Terminating | ContractState::Terminated)
        }),
        Called::ClosingAsked { .. } => rows.order.as_ref().is_some_and(|order| {
            !matches!(order.value.state, OrderState::Created | OrderState::Requested | OrderState::Accepted)
        }),
        Called::RepairAsked { .. } => rows.refund.as_ref().is_some_and(|refund| refund.value.repairs > 0),
        Called::ExemptTerminationAsked { .. } => rows
            .exempt
            .as_ref()
            .is_some_and(|row| matches!(row.value.state, ExemptState::Terminating | ExemptState::Terminated)),
        Called::ExemptOffered { .. }
        | Called::ExemptRefused { .. }
        | Called::OrderPlaced { .. }
        | Called::OrderRefused { .. }
        | Called::RefundPutOff { .. }
        | Called::ContractOffered { .. }
        | Called::ContractRefused { .. }
        | Called::OfferWithdrawn { .. }
        | Called::SignedBefore { .. }
        | Called::NoticeAsked { .. }
        | Called::NoticeSent { .. }
        | Called::NoticeRefused { .. } => true,
    }
}

fn says_payment(order: &Order, told: &PaymentResult) -> bool {
    let asked = order.check.as_ref().is_some_and(|check| check.asked);
    let over = !matches!(
        order.state,
        OrderState::Created | OrderState::Requested | OrderState::Accepted | OrderState::Closing
    );
    match told {
        PaymentResult::Succeeded { transaction_id, .. } => order.transaction_id.as_ref() == Some(transaction_id),
        PaymentResult::Failed { .. } | PaymentResult::Closed => asked || over,
        PaymentResult::Unpaid | PaymentResult::Accepted | PaymentResult::NotFound | PaymentResult::Undecided { .. } => {
            true
        }
    }
}

fn says_contract(contract: &Contract, told: &ContractChange) -> bool {
    match told {
        ContractChange::Signed { .. } => contract.signed_at.is_some(),
        ContractChange::Terminated { .. } => contract.state == ContractState::Terminated,
        ContractChange::NotSigned | ContractChange::Absent | ContractChange::InProgress => true,
    }
}

fn says_refund(refund: &Refund, is_paid: bool, told: &RefundResult) -> bool {
    // WeChat is asked, first about the payment where that is not known.
    if refund.check.as_ref().is_some_and(|check| check.asked || !is_paid) {
        return true;
    }
    match told {
        RefundResult::Succeeded { .. } => refund.state == RefundState::Succeeded,
        RefundResult::Closed => refund.state == RefundState::Closed,
        // It may have been repaired, or settled by a person, since.
        RefundResult::Abnormal => {
            refund.repairs > 0 || matches!(refund.state, RefundState::Abnormal | RefundState::Succeeded)
        }
        RefundResult::Processing | RefundResult::Rejected { .. } | RefundResult::NotFound => true,
    }
}
