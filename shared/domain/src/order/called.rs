//! What follows from our own calls about an order.

use jiff::{SignedDuration, Timestamp};

use super::told::{apply, end};
use super::{Order, OrderKind, OrderState};
use crate::{Check, Contract, Decision, Fact, Launch, NotSignedReason, Protocol, Refusal, contract};

/// V2 closes no order that is younger (closeorder, V2 page 5.3).
const CLOSED_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// How long the caller that asked for the closing has, before the worker closes it.
const CALLER_CLOSES: SignedDuration = SignedDuration::from_secs(30);

/// WeChat has it. Asked for again, it gives new launch data, and the old ones expire.
pub(crate) fn placed(order: &Order, contract: Option<&Contract>, launch: &Launch) -> Decision {
    match (order.state, order.kind) {
        (OrderState::Created | OrderState::Requested, OrderKind::PayAndSign | OrderKind::OneOff) => {
            let next = Order { state: OrderState::Requested, launch: Some(launch.clone()), ..order.clone() };
            let contract = of_first_order(order, contract).and_then(contract::offered_with_payment);
            if next == *order && contract.is_none() {
                return Decision::Duplicate;
            }
            apply(next, contract, Vec::new(), None)
        }
        // Overtaken: what is closed, paid or accepted cannot be started any more.
        (
            OrderState::Created
            | OrderState::Requested
            | OrderState::Accepted
            | OrderState::Closing
            | OrderState::Paid
            | OrderState::PartlyRefunded
            | OrderState::Refunded
            | OrderState::Failed
            | OrderState::Closed,
            _,
        ) => Decision::Stale,
    }
}

/// WeChat has it, as a purchase that signs nothing: it is closed before anyone pays it.
pub(crate) fn placed_unsigned(
    order: &Order,
    contract: Option<&Contract>,
    reason: NotSignedReason,
    fact: &Fact,
    now: Timestamp,
) -> Decision {
    match (order.state, order.kind) {
        (OrderState::Created | OrderState::Requested, OrderKind::PayAndSign) => {
            let next = Order { launch: None, ..closing(order, now) };
            let contract = of_first_order(order, contract);
            if order.state == OrderState::Requested {
                let contract = contract.and_then(|it| contract::not_offered_again(it, reason));
                return apply(next, contract, Vec::new(), None);
            }
            // Nobody was given anything to pay with.
            let unsigned = contract.and_then(|it| contract::not_offered(it, reason, fact));
            match unsigned {
                Some((contract, events, key)) => apply(next, Some(contract), events, Some(key)),
                None => apply(next, None, Vec::new(), None),
            }
        }
        (
            OrderState::Created
            | OrderState::Requested
            | OrderState::Accepted
            | OrderState::Closing
            | OrderState::Paid
            | OrderState::PartlyRefunded
            | OrderState::Refunded
            | OrderState::Failed
            | OrderState::Closed,
            _,
        ) => Decision::Stale,
    }
}

/// There is no such order. A refusal of the repetition says nothing of what was placed before.
pub(crate) fn refused(order: &Order, contract: Option<&Contract>, fact: &Fact, code: &str, now: Timestamp) -> Decision {
    match order.state {
        OrderState::Created => end(order, fact, Some(code), contract, now),
        OrderState::Failed | OrderState::Closed => Decision::Duplicate,
        OrderState::Requested
        | OrderState::Accepted
        | OrderState::Closing
        | OrderState::Paid
        | OrderState::PartlyRefunded
        | OrderState::Refunded => Decision::Stale,
    }
}

/// We are about to close it.
pub(crate) fn closing_asked(order: &Order, now: Timestamp) -> Decision {
    match order.state {
        OrderState::Created | OrderState::Requested | OrderState::Accepted => {
            apply(closing(order, now), None, Vec::new(), None)
        }
        OrderState::Closing | OrderState::Failed | OrderState::Closed => Decision::Duplicate,
        OrderState::Paid | OrderState::PartlyRefunded | OrderState::Refunded => Decision::Refused(Refusal::Paid),
    }
}

fn closing(order: &Order, now: Timestamp) -> Order {
    let later = |from: Timestamp, pause| from.checked_add(pause).unwrap_or(from);
    let closeable_at = match order.protocol {
        Protocol::V2 => later(order.created_at, CLOSED_AFTER),
        Protocol::V3 => now,
    };
    let due_at = closeable_at.max(later(now, CALLER_CLOSES));
    let check = Some(Check::new(due_at, 0));
    Order { state: OrderState::Closing, check, ..order.clone() }
}

fn of_first_order<'a>(order: &Order, contract: Option<&'a Contract>) -> Option<&'a Contract> {
    contract.filter(|contract| contract.first_order() == Some(&order.out_trade_no))
}
