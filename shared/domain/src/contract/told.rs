//! What follows from what we are told of a contract.

use jiff::{SignedDuration, Timestamp};

use super::{Contract, ContractState, NotSignedReason, TerminationReason};
use crate::decision::settle;
use crate::order::differs;
use crate::{
    Cause, Changes, Check, ContractChange, ContractFact, ContractId, Contradiction, Decision, Event, Fact, Order,
    Schedule,
};

/// How long after the payment a contract that WeChat does not know counts as not signed. A late ADD is still accepted.
const SIGNING_SETTLES_AFTER: SignedDuration = SignedDuration::from_mins(30);

/// How much older than its decision an answer can be: longer than any call, its repetition and the function that makes them.
const AN_ANSWER_MAY_BE_OLDER: SignedDuration = SignedDuration::from_mins(5);

pub(crate) fn decide(
    contract: &Contract,
    order: Option<&Order>,
    fact: &Fact,
    told: &ContractFact,
    now: Timestamp,
) -> Decision {
    if let Some(contradiction) = contradiction(contract, told) {
        return Decision::Contradiction(contradiction);
    }
    match &told.change {
        // -25 comes without signature, and ends nothing that was proved; neither does 9.
        ContractChange::Signed { .. } | ContractChange::Terminated { .. } | ContractChange::NotSigned
            if !fact.evidence.proves() =>
        {
            ask(contract, fact, now)
        }
        ContractChange::Signed { at, .. } => signed(contract, order, fact, told, *at, now),
        ContractChange::Terminated { at, reason } => terminated(contract, fact, told, *at, *reason, now),
        ContractChange::NotSigned => not_signed(contract, fact, told, now),
        ContractChange::Absent => absent(contract, fact, now),
        ContractChange::InProgress => in_progress(contract, fact, now),
    }
}

/// Only plan, appid and contract number can contradict: the openid of the signing is adopted (check 12), and the
/// algorithm may rightly be MD5 where the order was HMAC-SHA256 (protocol, 1.4).
fn contradiction(contract: &Contract, told: &ContractFact) -> Option<Contradiction> {
    if told.plan_id.as_ref().is_some_and(|plan| *plan != contract.plan_id) {
        Some(Contradiction::Plan)
    } else if told.appid.as_ref().is_some_and(|appid| *appid != contract.appid) {
        Some(Contradiction::AppId)
    } else if differs(told.contract_id.as_ref(), contract.contract_id.as_ref()) {
        Some(Contradiction::ContractId)
    } else {
        None
    }
}

fn signed(
    contract: &Contract,
    order: Option<&Order>,
    fact: &Fact,
    told: &ContractFact,
    at: Option<Timestamp>,
    now: Timestamp,
) -> Decision {
    match contract.state {
        ContractState::Created | ContractState::Pending | ContractState::NotSigned => {
            let mut next = adopt(contract, told);
            next.state = ContractState::Signed;
            next.signed_at = Some(at.unwrap_or(now));
            (next.not_signed_reason, next.existing) = (None, None);
            next.check = Some(Schedule::SignedContract.first(now));
            if let ContractChange::Signed { expires_at, .. } = told.change {
                next.expires_at = expires_at;
            }
            let mut events = vec![Event::contract_signed(&next, fact.cause)];
            settle(&mut next, &mut events, fact);
            let changes = Changes { order: woken(order, now), contract: Some(next), ..Changes::default() };
            apply(changes, events, Some(key(contract, told, "ADD", at)))
        }
        ContractState::Signed => still_signed(contract, fact, now),
        // The user was told that nothing is charged any more: WeChat is asked to end it until it has.
        ContractState::Terminating => still_signed(contract, fact, now),
        // Each attempt has its own contract code, so a replayed ADD can never revive a contract.
        ContractState::Terminated => Decision::Stale,
    }
}

/// The question was answered: ask again when the schedule says so. A notice has nothing to schedule.
fn still_signed(contract: &Contract, fact: &Fact, now: Timestamp) -> Decision {
    match fact.cause {
        Cause::Query => reschedule(contract, fact, now),
        Cause::Callback | Cause::Bill | Cause::Api => Decision::Duplicate,
    }
}

/// An ADD with an unpaid order: signing is settled after the payment, so it was paid, whatever we believe, and the notice may be
/// lost. Its check is set to now.
fn woken(order: Option<&Order>, now: Timestamp) -> Option<Order> {
    let order = order.filter(|order| !order.is_paid())?;
    Some(Order { check: Some(Check::asked(order.check.as_ref(), now)), ..order.clone() })
}

fn terminated(
    contract: &Contract,
    fact: &Fact,
    told: &ContractFact,
    at: Option<Timestamp>,
    reason: TerminationReason,
    now: Timestamp,
) -> Decision {
    match contract.state {
        ContractState::Created
        | ContractState::Pending
        | ContractState::NotSigned
        | ContractState::Signed
        | ContractState::Terminating => {
            let mut next = adopt(contract, told);
            next.state = ContractState::Terminated;
            next.terminated_at = Some(at.unwrap_or(now));
            next.termination_reason = Some(reason);
            next.check = None;
            let mut events = vec![Event::contract_terminated(&next, fact.cause)];
            settle(&mut next, &mut events, fact);
            let changes = Changes { contract: Some(next), ..Changes::default() };
            apply(changes, events, Some(key(contract, told, "DELETE", at)))
        }
        ContractState::Terminated => Decision::Duplicate,
    }
}

fn not_signed(contract: &Contract, fact: &Fact, told: &ContractFact, now: Timestamp) -> Decision {
    match contract.state {
        ContractState::Created | ContractState::Pending => settle_unsigned(contract, fact, now),
        ContractState::NotSigned => reschedule(contract, fact, now),
        ContractState::Signed if signed_just_now(contract, now) => reschedule(contract, fact, now),
        // State 1 of a contract that we had recorded as signed: it ended, and nobody told us how.
        ContractState::Signed | ContractState::Terminating => {
            terminated(contract, fact, told, None, TerminationReason::Other, now)
        }
        ContractState::Terminated => Decision::Duplicate,
    }
}

fn absent(contract: &Contract, fact: &Fact, now: Timestamp) -> Decision {
    match contract.state {
        ContractState::Created | ContractState::Pending => settle_unsigned(contract, fact, now),
        ContractState::NotSigned => reschedule(contract, fact, now),
        ContractState::Signed if signed_just_now(contract, now) => reschedule(contract, fact, now),
        ContractState::Signed | ContractState::Terminating => Decision::Contradiction(Contradiction::State),
        ContractState::Terminated => Decision::Duplicate,
    }
}

/// Whether the answer may be older than the signing: asked before the ADD came, and decided after it. Termination absorbs, so
/// such an answer must not end a contract.
fn signed_just_now(contract: &Contract, now: Timestamp) -> bool {
    just_now(contract.signed_at, now)
}

fn just_now(at: Option<Timestamp>, now: Timestamp) -> bool {
    at.is_some_and(|at| now.duration_since(at) < AN_ANSWER_MAY_BE_OLDER)
}

/// Wait, however long it takes: the last question of a schedule is followed by one a day.
fn in_progress(contract: &Contract, fact: &Fact, now: Timestamp) -> Decision {
    let daily = || Some(Schedule::SignedContract.first(now));
    match contract.state {
        ContractState::Created
        | ContractState::Pending
        | ContractState::NotSigned
        | ContractState::Signed
        | ContractState::Terminating => ask_later(contract, fact, now, after_answer(contract, now).or_else(daily)),
        ContractState::Terminated => Decision::Stale,
    }
}

/// WeChat does not know the contract. Once it has had its time, it counts as not signed; a late ADD still signs it.
fn settle_unsigned(contract: &Contract, fact: &Fact, now: Timestamp) -> Decision {
    let next_check = after_answer(contract, now);
    let over = match contract.payment.as_ref() {
        Some(payment) => payment.paid_at.is_some_and(|paid_at| now.duration_since(paid_at) >= SIGNING_SETTLES_AFTER),
        // Pure signing has no payment to count from: its time is over with its last question. Until then it may be offered again.
        None => contract.check.is_some() && next_check.is_none(),
    };
    if !over {
        return reschedule(contract, fact, now);
    }
    let mut next = contract.clone();
    next.state = ContractState::NotSigned;
    next.not_signed_reason = next.not_signed_reason.or(Some(NotSignedReason::Declined));
    next.check = next_check;
    let mut events = vec![Event::contract_not_signed(&next, fact.cause)];
    settle(&mut next, &mut events, fact);
    let key = next.not_signed_key();
    apply(Changes { contract: Some(next), ..Changes::default() }, events, Some(key))
}

fn reschedule(contract: &Contract, fact: &Fact, now: Timestamp) -> Decision {
    let check = after_answer(contract, now).or_else(|| contract.daily(now));
    ask_later(contract, fact, now, check)
}

/// Nothing changes but the check that was answered, if one was due. Only a query answers it.
fn ask_later(contract: &Contract, fact: &Fact, now: Timestamp, check: Option<Check>) -> Decision {
    let due = contract.check.as_ref().is_some_and(|check| check.is_due(now));
    match fact.cause {
        Cause::Query if due => {
            let next = Contract { check, ..contract.clone() };
            apply(Changes { contract: Some(next), ..Changes::default() }, Vec::new(), None)
        }
        Cause::Callback | Cause::Query | Cause::Bill | Cause::Api => Decision::Duplicate,
    }
}

fn after_answer(contract: &Contract, now: Timestamp) -> Option<Check> {
    contract.check.as_ref().and_then(|check| contract.schedule().after_answer(check, now))
}

fn ask(contract: &Contract, fact: &Fact, now: Timestamp) -> Decision {
    let asked = contract.check.as_ref().is_some_and(|check| check.asked);
    if asked || fact.is_unproved_answer() || contract.state == ContractState::Terminated {
        return reschedule(contract, fact, now);
    }
    let next = Contract { check: Some(Check::asked(contract.check.as_ref(), now)), ..contract.clone() };
    Decision::Ask(Box::new(Changes { contract: Some(next), ..Changes::default() }))
}

fn adopt(contract: &Contract, told: &ContractFact) -> Contract {
    let mut next = contract.clone();
    next.contract_id = told.contract_id.clone().or(next.contract_id);
    next.openid = told.openid.clone().or(next.openid);
    next
}

/// `contract#<contract_id>#<change_type>#<operate_time>`, as WeChat advises (V2 page, 8.7).
fn key(contract: &Contract, told: &ContractFact, change: &str, at: Option<Timestamp>) -> String {
    let id = told.contract_id.as_ref().or(contract.contract_id.as_ref()).map_or("", ContractId::as_str);
    let at = at.map(|at| at.to_string()).unwrap_or_default();
    format!("contract#{id}#{change}#{at}")
}

pub(super) fn apply(changes: Changes, events: Vec<Event>, key: Option<String>) -> Decision {
    Decision::Apply { changes: Box::new(changes), events, key }
}
