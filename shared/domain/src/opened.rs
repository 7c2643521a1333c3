//! Whether new rows may be put on record, and what changes with them.

use jiff::{SignedDuration, Timestamp};

use crate::contract::noticed;
use crate::{
    Changes, Contract, ContractState, Decision, Fen, Loaded, Opened, Order, OrderKind, OrderState, Protocol, Refund,
    RefundOrigin, RefundState, Refusal, Unknown, exempt,
};

/// Refunds of one order, as WeChat counts them.
const MOST_REFUNDS: u32 = 50;

/// The least time between two refunds of one order.
const BETWEEN_REFUNDS: SignedDuration = SignedDuration::from_secs(60);

/// How long after the payment WeChat takes refunds.
const REFUNDABLE_FOR: SignedDuration = SignedDuration::from_hours(365 * 24);

pub(crate) fn decide(loaded: &Loaded, opened: &Opened, now: Timestamp) -> Decision {
    match opened {
        Opened::Attempt { contract, order } => attempt(loaded, contract, order.as_deref()),
        Opened::Purchase { order } => purchase(loaded, order),
        Opened::Deduction { order } => deduction(loaded, order, now),
        Opened::Refund { refund } => refunding(loaded, refund, now),
        Opened::Exempt { contract } => exempt::opened(loaded.exempt.as_ref(), contract),
    }
}

/// Each attempt has a number of its own, so what is on record under it is another one.
fn attempt(loaded: &Loaded, contract: &Contract, order: Option<&Order>) -> Decision {
    let fits = match order {
        Some(order) => {
            order.state == OrderState::Created
                && order.mch_id == contract.mch_id
                && order.contract_code.as_ref() == Some(&contract.contract_code)
                && contract.first_order() == Some(&order.out_trade_no)
        }
        None => contract.payment.is_none(),
    };
    if contract.state != ContractState::Created || !fits {
        return Decision::Refused(Refusal::Inconsistent);
    }
    if loaded.contract.is_some() || loaded.order.is_some() {
        return Decision::Refused(Refusal::Exists);
    }
    let changes = Changes { order: order.cloned(), contract: Some(contract.clone()), ..Changes::default() };
    apply(changes, format!("contract#{}#OPENED", contract.contract_code))
}

/// Each purchase has a number of its own, as an attempt has.
fn purchase(loaded: &Loaded, order: &Order) -> Decision {
    let fits = order.kind == OrderKind::OneOff
        && order.state == OrderState::Created
        && order.protocol == Protocol::V3
        && order.contract_code.is_none()
        && order.request.is_some();
    if !fits {
        return Decision::Refused(Refusal::Inconsistent);
    }
    if loaded.order.is_some() {
        return Decision::Refused(Refusal::Exists);
    }
    let changes = Changes { order: Some(order.clone()), ..Changes::default() };
    apply(changes, format!("payment#{}#OPENED", order.out_trade_no))
}

/// Its number follows from contract, period and attempt, so the same deduction asked for twice is one.
fn deduction(loaded: &Loaded, order: &Order, now: Timestamp) -> Decision {
    if order.kind != OrderKind::Deduction || order.state != OrderState::Created {
        return Decision::Refused(Refusal::Inconsistent);
    }
    if let Some(known) = &loaded.order {
        let same = known.kind == order.kind && known.amount == order.amount && known.contract_id == order.contract_id;
        return if same { Decision::Duplicate } else { Decision::Refused(Refusal::Exists) };
    }
    let Some(contract) = &loaded.contract else { return Decision::Unknown(Unknown::Contract) };
    match contract.state {
        ContractState::Signed if order.contract_id.is_none() || order.contract_id != contract.contract_id => {
            Decision::Refused(Refusal::Inconsistent)
        }
        ContractState::Signed if contract.has_paid_for(&order.out_trade_no) => Decision::Refused(Refusal::PeriodPaid),
        ContractState::Signed => match &contract.open_deduction {
            Some(open) => Decision::Refused(Refusal::OpenDeduction(open.clone())),
            None => match noticed::forbids(contract, order.amount, now) {
                Some(refusal) => Decision::Refused(refusal),
                None => {
                    let contract = Contract { open_deduction: Some(order.out_trade_no.clone()), ..contract.clone() };
                    let changes =
                        Changes { order: Some(order.clone()), contract: Some(contract), ..Changes::default() };
                    apply(changes, format!("payment#{}#OPENED", order.out_trade_no))
                }
            },
        },
        // Nothing is charged once the end was asked for.
        ContractState::Terminating | ContractState::Terminated => Decision::Refused(Refusal::Ended),
        ContractState::Created | ContractState::Pending | ContractState::NotSigned => {
            Decision::Refused(Refusal::NotSigned)
        }
    }
}

/// The caller chose its number, and repeats it when he does not know what became of it.
fn refunding(loaded: &Loaded, refund: &Refund, now: Timestamp) -> Decision {
    if refund.state != RefundState::Created || refund.origin != RefundOrigin::Api {
        return Decision::Refused(Refusal::Inconsistent);
    }
    if let Some(known) = loaded.refund.as_ref().filter(|known| !known.is_hearsay()) {
        let ours = known.origin == RefundOrigin::Api;
        let same = ours && known.amount == refund.amount && known.out_trade_no == refund.out_trade_no;
        return if same { Decision::Duplicate } else { Decision::Refused(Refusal::Exists) };
    }
    let Some(order) = &loaded.order else { return Decision::Unknown(Unknown::Order) };
    if let Some(refusal) = refund_refused(order, refund.amount, now) {
        return Decision::Refused(refusal);
    }
    let mut next = order.clone();
    next.reserved = next.reserved.plus(refund.amount);
    next.refunds = next.refunds.saturating_add(1);
    next.last_refund_at = Some(now);
    let changes = Changes { order: Some(next), refund: Some(refund.clone()), ..Changes::default() };
    apply(changes, format!("refund#{}#OPENED", refund.out_refund_no))
}

fn refund_refused(order: &Order, amount: Fen, now: Timestamp) -> Option<Refusal> {
    let refundable = order.refundable();
    let next_at = order.last_refund_at.and_then(|last| last.checked_add(BETWEEN_REFUNDS).ok());
    let paid_long_ago = |paid_at: Timestamp| now.duration_since(paid_at) > REFUNDABLE_FOR;
    if !order.is_paid() {
        Some(Refusal::NotPaid)
    } else if order.paid_at.is_some_and(paid_long_ago) {
        Some(Refusal::RefundTooLate)
    } else if order.refunds >= MOST_REFUNDS {
        Some(Refusal::TooManyRefunds)
    } else if amount == Fen::ZERO || amount > refundable {
        Some(Refusal::MoreThanRefundable { refundable })
    } else {
        next_at.filter(|at| *at > now).map(|at| Refusal::RefundTooSoon { at })
    }
}

fn apply(changes: Changes, key: String) -> Decision {
    Decision::Apply { changes: Box::new(changes), events: Vec::new(), key: Some(key) }
}
