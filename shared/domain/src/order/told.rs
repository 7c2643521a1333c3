//! What follows from what we are told of an order.

use jiff::{SignedDuration, Timestamp};

use super::{Order, OrderKind, OrderState, TradeType};
use crate::decision::settle;
use crate::{
    Cause, Changes, Channel, Check, Contract, ContractState, Contradiction, Decision, Event, Evidence, Fact, Fen,
    GIVEN_UP_AFTER, NotSignedReason, PaymentFact, PaymentResult, PaymentStatus, Protocol,
};

/// How long WeChat may not know an order that it was asked for: longer than any call, its repetition and the function that makes
/// them.
const MAY_STILL_COME: SignedDuration = SignedDuration::from_mins(5);

/// How long after an order expires it is asked for: what was paid in the last moment is on record there by then.
const AFTER_EXPIRY: SignedDuration = SignedDuration::from_secs(30);

pub(crate) fn decide(
    order: &Order,
    contract: Option<&Contract>,
    fact: &Fact,
    payment: &PaymentFact,
    now: Timestamp,
) -> Decision {
    if let Some(contradiction) = contradiction(order, fact, payment) {
        return Decision::Contradiction(contradiction);
    }
    match &payment.result {
        PaymentResult::Succeeded { .. } => succeeded(order, contract, fact, payment, now),
        PaymentResult::Failed { code } => failed(order, fact, code, contract, now),
        PaymentResult::Closed => closed(order, fact, contract, now),
        PaymentResult::Accepted => accepted(order, fact, now),
        PaymentResult::NotFound => not_found(order, contract, fact, now),
        PaymentResult::Unpaid | PaymentResult::Undecided { .. } => undecided(order, fact, now),
    }
}

/// What the message states and our record says otherwise.
fn contradiction(order: &Order, fact: &Fact, payment: &PaymentFact) -> Option<Contradiction> {
    if payment.appid.as_ref().is_some_and(|appid| *appid != order.appid) {
        return Some(Contradiction::AppId);
    }
    if differs(payment.contract_id.as_ref(), order.contract_id.as_ref()) {
        return Some(Contradiction::ContractId);
    }
    // An order that was sent without one gets none back (V3 page, 8).
    if payment.attach.is_some() && payment.attach.as_deref() != order.attach.as_deref().map(str::trim) {
        return Some(Contradiction::Attach);
    }
    let weaker = |algorithm| algorithm < order.signature;
    if matches!((fact.cause, fact.evidence), (Cause::Callback, Evidence::Signed(algorithm)) if weaker(algorithm)) {
        return Some(Contradiction::WeakerAlgorithm);
    }
    let PaymentResult::Succeeded { transaction_id, total, openid, trade_type, .. } = &payment.result else {
        return None;
    };
    if *total != order.amount {
        Some(Contradiction::Amount)
    } else if differs(Some(transaction_id), order.transaction_id.as_ref()) {
        Some(Contradiction::TransactionId)
    } else if differs(openid.as_ref(), order.openid.as_ref()) {
        Some(Contradiction::OpenId)
    } else if differs(named(*trade_type).as_ref(), order.channel.map(Channel::trade_type).map(TradeType::read).as_ref())
    {
        Some(Contradiction::TradeType)
    } else {
        None
    }
}

/// A word that we do not know may be a new one for the same.
fn named(told: Option<TradeType>) -> Option<TradeType> {
    told.filter(|trade_type| *trade_type != TradeType::Other)
}

/// Both are known, and they are not the same.
pub(crate) fn differs<T: PartialEq>(told: Option<&T>, known: Option<&T>) -> bool {
    matches!((told, known), (Some(told), Some(known)) if told != known)
}

fn succeeded(
    order: &Order,
    contract: Option<&Contract>,
    fact: &Fact,
    payment: &PaymentFact,
    now: Timestamp,
) -> Decision {
    let PaymentResult::Succeeded { transaction_id, trade_type, paid_at, refunded, openid, .. } = &payment.result else {
        return Decision::Stale;
    };
    match order.state {
        // Any unpaid state: money is real.
        OrderState::Created
        | OrderState::Requested
        | OrderState::Accepted
        | OrderState::Closing
        | OrderState::Failed
        | OrderState::Closed => {
            if !fact.evidence.proves() {
                return ask(order, fact, now);
            }
            let mut next = order.clone();
            next.state = OrderState::Paid;
            next.transaction_id = Some(transaction_id.clone());
            next.trade_type = *trade_type;
            next.paid_at = Some(paid_at.unwrap_or(now));
            next.failure = None;
            next.check = None;
            if *refunded {
                next = refunded_since(next, now);
            }
            let mut events = vec![Event::paid(&next, fact.cause)];
            let payer = openid.as_ref().or(order.openid.as_ref());
            let contract = contract.map(|contract| contract.paid_by(&order.out_trade_no, payer));
            let contract = contract.as_ref();
            let contract = first_payment(&next, contract, PaymentStatus::Paid, &mut events, fact, now)
                .or_else(|| decided_deduction(&next, contract, now));
            let key = format!("payment#{}#{transaction_id}#SUCCESS", order.out_trade_no);
            apply(next, contract, events, Some(key))
        }
        OrderState::Paid
            if *refunded && order.protocol == Protocol::V2 && order.check.is_none() && order.reserved == Fen::ZERO =>
        {
            ask(order, fact, now)
        }
        OrderState::Paid | OrderState::PartlyRefunded | OrderState::Refunded if order.protocol == Protocol::V3 => {
            told_of_purchase(order, fact, *refunded, now)
        }
        OrderState::Paid | OrderState::PartlyRefunded | OrderState::Refunded => {
            nothing_new(order, fact, now, Decision::Duplicate)
        }
    }
}

/// All that V3 tells of a paid order is whether a refund of it was accepted. One answer that proves it is enough. It says so for good
/// (V3 page, 7.6), so that a refund that we know of explains it even after WeChat closed it and nothing is given back.
fn told_of_purchase(order: &Order, fact: &Fact, refunded: bool, now: Timestamp) -> Decision {
    if !fact.evidence.proves() {
        return nothing_new(order, fact, now, Decision::Duplicate);
    }
    let answered = fact.cause == Cause::Query && order.check.as_ref().is_some_and(|check| check.is_due(now));
    let explained = order.refunds > 0 || order.refunded.plus(order.reserved) > Fen::ZERO;
    let next = Order {
        refunded_elsewhere: order.refunded_elsewhere || refunded && !explained,
        check: order.check.clone().filter(|_| !answered),
        ..order.clone()
    };
    if next == *order { Decision::Duplicate } else { apply(next, None, Vec::new(), None) }
}

/// Paid, and refunded since, by nobody that we know of. V2 lists the refunds of an order: they are asked for at once. V3 does not,
/// so that a person must look.
fn refunded_since(order: Order, now: Timestamp) -> Order {
    match order.protocol {
        Protocol::V2 => Order { check: Some(Check::asked(None, now)), ..order },
        Protocol::V3 => Order { refunded_elsewhere: true, ..order },
    }
}

fn failed(order: &Order, fact: &Fact, code: &str, contract: Option<&Contract>, now: Timestamp) -> Decision {
    match order.state {
        OrderState::Created | OrderState::Requested | OrderState::Accepted | OrderState::Closing => {
            match (fact.cause, order.kind) {
                // The official samples of a failure contradict each other: ask before booking one. What the query says of it is
                // mostly CLOSED alone, so the notice's code is kept.
                (Cause::Callback, OrderKind::Deduction) => {
                    ask(&Order { failure: Some(code.to_owned()), ..order.clone() }, fact, now)
                }
                (Cause::Callback, OrderKind::PayAndSign | OrderKind::OneOff) => ask(order, fact, now),
                // An unsigned error is no proof that money did not move.
                _ if !fact.evidence.proves() => ask(order, fact, now),
                // The user may try again with another card until the order is closed.
                (_, OrderKind::PayAndSign | OrderKind::OneOff) => undecided(order, fact, now),
                (Cause::Query | Cause::Bill | Cause::Api, OrderKind::Deduction) => {
                    end(order, fact, Some(code), contract, now)
                }
            }
        }
        OrderState::Failed | OrderState::Closed => nothing_new(order, fact, now, Decision::Duplicate),
        OrderState::Paid | OrderState::PartlyRefunded | OrderState::Refunded => overtaken(order, fact, now),
    }
}

fn closed(order: &Order, fact: &Fact, contract: Option<&Contract>, now: Timestamp) -> Decision {
    match order.state {
        OrderState::Created | OrderState::Requested | OrderState::Accepted | OrderState::Closing => match fact.cause {
            Cause::Query | Cause::Bill | Cause::Api if fact.evidence.proves() => end(order, fact, None, contract, now),
            Cause::Callback | Cause::Query | Cause::Bill | Cause::Api => ask(order, fact, now),
        },
        OrderState::Failed | OrderState::Closed => nothing_new(order, fact, now, Decision::Duplicate),
        OrderState::Paid | OrderState::PartlyRefunded | OrderState::Refunded => overtaken(order, fact, now),
    }
}

/// A late failure notice of a paid order is old news; a proved answer that says so contradicts what was proved.
fn overtaken(order: &Order, fact: &Fact, now: Timestamp) -> Decision {
    match fact.cause {
        Cause::Query | Cause::Bill | Cause::Api if fact.evidence.proves() => {
            Decision::Contradiction(Contradiction::State)
        }
        Cause::Callback | Cause::Query | Cause::Bill | Cause::Api => nothing_new(order, fact, now, Decision::Stale),
    }
}

fn accepted(order: &Order, fact: &Fact, now: Timestamp) -> Decision {
    match order.state {
        OrderState::Created | OrderState::Requested if fact.evidence.proves() => {
            let moved = match fact.cause {
                Cause::Query => scheduled(order, now),
                Cause::Callback | Cause::Bill | Cause::Api => order.clone(),
            };
            apply(Order { state: OrderState::Accepted, ..moved }, None, Vec::new(), None)
        }
        OrderState::Accepted => nothing_new(order, fact, now, Decision::Duplicate),
        OrderState::Created
        | OrderState::Requested
        | OrderState::Closing
        | OrderState::Paid
        | OrderState::PartlyRefunded
        | OrderState::Refunded
        | OrderState::Failed
        | OrderState::Closed => undecided(order, fact, now),
    }
}

/// WeChat does not know it. It is over where nobody will send it any more, since we are closing it or its contract is no longer in
/// force, and where WeChat has not known for days what it had accepted.
fn not_found(order: &Order, contract: Option<&Contract>, fact: &Fact, now: Timestamp) -> Decision {
    let age = now.duration_since(order.created_at);
    let over = |after, code| (age >= after).then_some(code);
    let ended = || contract.is_some_and(|contract| contract.state != ContractState::Signed);
    let code = match (order.state, order.kind) {
        (OrderState::Closing, OrderKind::PayAndSign | OrderKind::OneOff) => over(MAY_STILL_COME, None),
        (OrderState::Closing, OrderKind::Deduction) => over(MAY_STILL_COME, Some(Order::NOT_SENT)),
        (OrderState::Created | OrderState::Requested, OrderKind::Deduction) if ended() => {
            over(MAY_STILL_COME, Some(Order::NOT_SENT))
        }
        (OrderState::Requested | OrderState::Accepted, OrderKind::Deduction) => {
            over(GIVEN_UP_AFTER, Some(Order::FORGOTTEN))
        }
        (
            OrderState::Created
            | OrderState::Requested
            | OrderState::Accepted
            | OrderState::Paid
            | OrderState::PartlyRefunded
            | OrderState::Refunded
            | OrderState::Failed
            | OrderState::Closed,
            _,
        ) => None,
    };
    match code {
        Some(code) if fact.cause == Cause::Query && fact.evidence.proves() => end(order, fact, code, contract, now),
        Some(_) | None => undecided(order, fact, now),
    }
}

/// Nothing is decided yet: ask again later, and at once where a notice said so.
fn undecided(order: &Order, fact: &Fact, now: Timestamp) -> Decision {
    match order.state {
        OrderState::Created | OrderState::Requested | OrderState::Accepted | OrderState::Closing => match fact.cause {
            Cause::Callback => ask(order, fact, now),
            Cause::Query | Cause::Bill | Cause::Api => nothing_new(order, fact, now, Decision::Duplicate),
        },
        OrderState::Paid
        | OrderState::PartlyRefunded
        | OrderState::Refunded
        | OrderState::Failed
        | OrderState::Closed => nothing_new(order, fact, now, Decision::Stale),
    }
}

/// Nothing changes but the check that was answered, if one was due: left alone it would stay due. Only a query answers it; a notice
/// could be replayed until the schedule ran out.
fn nothing_new(order: &Order, fact: &Fact, now: Timestamp, otherwise: Decision) -> Decision {
    let due = order.check.as_ref().is_some_and(|check| check.is_due(now));
    match fact.cause {
        Cause::Query if due => apply(scheduled(order, now), None, Vec::new(), None),
        Cause::Callback | Cause::Query | Cause::Bill | Cause::Api => otherwise,
    }
}

fn scheduled(order: &Order, now: Timestamp) -> Order {
    let check = order.check.as_ref().and_then(|check| order.schedule().after_answer(check, now));
    let check = check.or_else(|| order.daily(now));
    Order { check: check.map(|check| at_expiry(order, check, now)), ..order.clone() }
}

/// The end of its time is a question's time, too.
fn at_expiry(order: &Order, check: Check, now: Timestamp) -> Check {
    let open = matches!(order.state, OrderState::Created | OrderState::Requested | OrderState::Accepted);
    let over = order.expires_at.filter(|_| open).and_then(|expires_at| expires_at.checked_add(AFTER_EXPIRY).ok());
    match over {
        Some(over) if over > now && over < check.due_at => Check { due_at: over, ..check },
        Some(_) | None => check,
    }
}

/// The end of an unpaid order: a deduction has failed, anything else is closed.
pub(super) fn end(
    order: &Order,
    fact: &Fact,
    code: Option<&str>,
    contract: Option<&Contract>,
    now: Timestamp,
) -> Decision {
    let mut next = order.clone();
    next.state = match order.kind {
        OrderKind::Deduction => OrderState::Failed,
        OrderKind::PayAndSign | OrderKind::OneOff => OrderState::Closed,
    };
    next.failure = code.map(str::to_owned).or(next.failure);
    next.check = None;
    let mut events = vec![Event::not_paid(&next, fact.cause)];
    let contract = first_payment(&next, contract, PaymentStatus::Closed, &mut events, fact, now)
        .or_else(|| decided_deduction(&next, contract, now));
    let key = format!("payment#{}##{}", order.out_trade_no, if code.is_some() { "FAIL" } else { "CLOSED" });
    apply(next, contract, events, Some(key))
}

/// What a payment means for the contract that was offered with it.
pub(crate) fn first_payment(
    order: &Order,
    contract: Option<&Contract>,
    status: PaymentStatus,
    events: &mut Vec<Event>,
    fact: &Fact,
    now: Timestamp,
) -> Option<Contract> {
    let contract = contract.filter(|contract| contract.first_order() == Some(&order.out_trade_no))?;
    let mut next = contract.clone();
    next.first_order_became(status, order.paid_at, now);
    // That it was not paid, the payment's own event says.
    if contract.is_live() && !next.is_live() && next.not_signed_reason != Some(NotSignedReason::Unpaid) {
        events.push(Event::contract_not_signed(&next, fact.cause));
    }
    settle(&mut next, events, fact);
    Some(next)
}

/// The contract after a deduction was decided: another one may follow, after another notice where this one succeeded.
fn decided_deduction(order: &Order, contract: Option<&Contract>, now: Timestamp) -> Option<Contract> {
    let contract = contract.filter(|_| order.kind == OrderKind::Deduction)?;
    let mut next = contract.clone();
    next.open_deduction = next.open_deduction.filter(|open| *open != order.out_trade_no);
    next.paid_periods.extend(order.out_trade_no.period().filter(|_| order.is_paid()));
    next.notice = next.notice.filter(|notice| !order.is_paid() || order.created_at < notice.asked_at);
    next.check = contract.check_after_deduction(order, now);
    (next != *contract).then_some(next)
}

fn ask(order: &Order, fact: &Fact, now: Timestamp) -> Decision {
    if fact.is_unproved_answer() || order.check.as_ref().is_some_and(|check| check.asked) {
        return nothing_new(order, fact, now, Decision::Duplicate);
    }
    let next = Order { check: Some(Check::asked(order.check.as_ref(), now)), ..order.clone() };
    Decision::Ask(Box::new(Changes { order: Some(next), ..Changes::default() }))
}

pub(super) fn apply(order: Order, contract: Option<Contract>, events: Vec<Event>, key: Option<String>) -> Decision {
    Decision::Apply { changes: Box::new(Changes { order: Some(order), contract, ..Changes::default() }), events, key }
}
