//! What must hold of the states alone.

use domain::{Contract, ContractState, Fen, Guard, Order, OrderKind, OrderState, Outcome, RefundState, outcome};
use record::{Commit, Expected};

use super::Violation;
use crate::memory::Store;

/// What an order gave back and promised is what its refunds got and wait for, and never more than was paid.
pub(super) fn money(store: &Store, order: &Order) -> Option<Violation> {
    let sum = |states: &[RefundState]| {
        let refunds = store.refunds().map(|row| &row.value);
        let of_order = refunds.filter(|it| {
            it.mch_id == order.mch_id && it.out_trade_no == order.out_trade_no && states.contains(&it.state)
        });
        of_order.fold(Fen::ZERO, |sum, it| sum.plus(it.amount))
    };
    let refunded = sum(&[RefundState::Succeeded]);
    let reserved = sum(&[RefundState::Created, RefundState::Processing, RefundState::Abnormal, RefundState::Repairing]);
    let right = order.refunded == refunded && order.reserved == reserved;
    let enough = refunded.plus(reserved) <= order.amount;
    (!right || !enough).then(|| Violation::Money {
        order: format!(
            "{} of {}: refunded {}, reserved {}",
            order.out_trade_no, order.amount, order.refunded, order.reserved
        ),
        refunded,
        reserved,
    })
}

/// A deduction that a transaction puts on record, beside what was on record before it.
pub(in super::super) fn charged(before: &Store, commit: &Commit) -> Option<Violation> {
    let write = commit.order.as_ref()?;
    let order = &write.value;
    if write.expected != Expected::Absent || order.kind != OrderKind::Deduction || order.state != OrderState::Created {
        return None;
    }
    let of_order =
        |it: &&Contract| it.mch_id == order.mch_id && Some(&it.contract_code) == order.contract_code.as_ref();
    let contract = before.contracts().map(|row| &row.value).find(of_order);
    let may = contract.is_some_and(|it| it.state == ContractState::Signed && it.open_deduction.is_none());
    (!may).then(|| Violation::Charged { order: order.out_trade_no.to_string(), contract: format!("{contract:?}") })
}

/// The deduction that a contract says is open is on record, and open.
pub(super) fn open_deduction(store: &Store, contract: &Contract) -> Option<Violation> {
    let number = contract.open_deduction.as_ref()?;
    let open = |order: &Order| {
        order.mch_id == contract.mch_id
            && order.out_trade_no == *number
            && matches!(
                order.state,
                OrderState::Created | OrderState::Requested | OrderState::Accepted | OrderState::Closing
            )
    };
    let found = store.orders().any(|row| open(&row.value));
    (!found).then(|| Violation::Charged { order: number.to_string(), contract: format!("{contract:?}") })
}

/// What was paid or signed after it had been given up stands in its user's way again. In the model a user has one contract.
pub(super) fn unguarded(store: &Store, contract: &Contract) -> Option<Violation> {
    let late = contract.payment.as_ref().is_some_and(|payment| payment.late);
    let user = contract.user.clone().filter(|_| late && contract.is_live())?;
    let key = record::guard_key(&contract.mch_id, &Guard::User(contract.plan_id.clone(), user));
    let pointers = store.standing(None, &[key]).guards;
    let guarded = pointers.into_iter().flatten().any(|pointer| pointer.contract_code == contract.contract_code);
    (!guarded).then(|| Violation::Unguarded { contract: contract.contract_code.to_string() })
}

/// What must not depend on the order in which facts came: states and sums, without times, checks and versions.
#[must_use]
pub fn projection(store: &Store) -> Vec<String> {
    // Whether a deduction was put on record before the end of its contract was asked for, their order tells.
    let unsent = |order: &Order| order.kind == OrderKind::Deduction && order.state == OrderState::Created;
    let orders = store.orders().filter(|row| !unsent(&row.value)).map(|row| {
        let it = &row.value;
        let paid = it.transaction_id.as_ref();
        format!("{}: {:?}, {paid:?}, refunded {}, reserved {}", it.out_trade_no, it.state, it.refunded, it.reserved)
    });
    let contracts = store.contracts().map(|row| {
        let it = &row.value;
        let payment = it.payment.as_ref().map(|payment| payment.status);
        // When the signing was given up depends on the order; that it is signed in the end does not.
        let state = match it.state {
            ContractState::Pending | ContractState::NotSigned => "unsigned".to_owned(),
            state => format!("{state:?}"),
        };
        let outcome = match outcome(it) {
            Outcome::SignedLater => Outcome::Active,
            Outcome::PaidSigning => Outcome::PaidNotSigned,
            outcome => outcome,
        };
        format!("{}: {state}, {payment:?}, {outcome:?}, {:?}", it.contract_code, it.contract_id)
    });
    let refunds = store.refunds().map(|row| {
        let it = &row.value;
        format!("{}: {:?}, {}, repairs {}", it.out_refund_no, it.state, it.amount, it.repairs)
    });
    orders.chain(contracts).chain(refunds).collect()
}
