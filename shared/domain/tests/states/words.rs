//! The words in the cells of a grid.
//!
//! ```text
//! Apply(paid)+payment.succeeded   the next state, and the events in their order
//! Apply(succeeded/refunded)       the refund's next state, and its order's
//! Wait                            nothing but the next question to WeChat moves on
//! Rest                            nothing is asked any more
//! Ask, Ask/order                  a question is due now, about the subject or also about its order
//! Duplicate, Stale, Contradiction(amount), Unknown(order), Refused(paid), Noted
//! ```

use std::fmt::Debug;

use domain::{Changes, Check, Contract, Decision, Event, ExemptContract, Loaded, Order, Refund, Unknown};
use serde::Serialize;

/// What a row is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject {
    Order,
    Contract,
    Refund,
    Exempt,
}

pub(crate) fn word(subject: Subject, before: &Loaded, decision: &Decision) -> String {
    match decision {
        Decision::Apply { changes, events, .. } => applied(subject, before, changes, events),
        Decision::Ask(changes) => format!("Ask{}", woken(subject, changes)),
        Decision::Duplicate => "Duplicate".to_owned(),
        Decision::Stale => "Stale".to_owned(),
        Decision::Contradiction(field) => format!("Contradiction({})", field.label()),
        Decision::Unknown(Unknown::Order) => "Unknown(order)".to_owned(),
        Decision::Unknown(Unknown::Contract) => "Unknown(contract)".to_owned(),
        Decision::Refused(refusal) => format!("Refused({})", refusal.label()),
        Decision::Noted => "Noted".to_owned(),
    }
}

/// `payment.succeeded` for `papay.payment.succeeded.v1`, and `settled` for a subscription's only event.
pub(crate) fn short(event: &Event) -> &'static str {
    event.event_type().trim_start_matches("papay.").trim_start_matches("subscription.").trim_end_matches(".v1")
}

pub(crate) fn label(state: impl Serialize + Debug) -> String {
    serde_json::to_value(&state).unwrap().as_str().unwrap_or_else(|| panic!("{state:?}")).to_owned()
}

fn applied(subject: Subject, before: &Loaded, changes: &Changes, events: &[Event]) -> String {
    let told: String = events.iter().map(|event| format!("+{}", short(event))).collect();
    let next = match subject {
        Subject::Order => changes.order.as_ref().map(|next| order_word(before.order.as_ref(), next)),
        Subject::Contract => changes.contract.as_ref().map(|next| contract_word(before.contract.as_ref(), next)),
        Subject::Refund => changes.refund.as_ref().map(|next| refund_word(before.refund.as_ref(), next)),
        Subject::Exempt => changes.exempt.as_ref().map(|next| exempt_word(before.exempt.as_ref(), next)),
    };
    let next = next.unwrap_or_else(|| "nothing".to_owned());
    let beside = match subject {
        Subject::Refund => changes.order.as_ref().map(|order| format!("/{}", label(order.state))),
        Subject::Contract => changes.order.as_ref().map(|_| "/order".to_owned()),
        Subject::Order | Subject::Exempt => None,
    };
    match next.as_str() {
        "Wait" | "Rest" => format!("{next}{told}"),
        state => format!("Apply({state}{}){told}", beside.unwrap_or_default()),
    }
}

fn woken(subject: Subject, changes: &Changes) -> &'static str {
    match subject {
        Subject::Contract | Subject::Refund if changes.order.is_some() => "/order",
        Subject::Order | Subject::Contract | Subject::Refund | Subject::Exempt => "",
    }
}

fn order_word(before: Option<&Order>, next: &Order) -> String {
    let same = before.is_some_and(|before| *before == Order { check: before.check.clone(), ..next.clone() });
    if same { moved(next.check.as_ref()) } else { label(next.state) }
}

fn contract_word(before: Option<&Contract>, next: &Contract) -> String {
    let same = before.is_some_and(|before| *before == Contract { check: before.check.clone(), ..next.clone() });
    if same { moved(next.check.as_ref()) } else { label(next.state) }
}

fn refund_word(before: Option<&Refund>, next: &Refund) -> String {
    let same = before.is_some_and(|before| *before == Refund { check: before.check.clone(), ..next.clone() });
    if same { moved(next.check.as_ref()) } else { label(next.state) }
}

fn exempt_word(before: Option<&ExemptContract>, next: &ExemptContract) -> String {
    let same = before.is_some_and(|before| *before == ExemptContract { check: before.check.clone(), ..next.clone() });
    if same { moved(next.check.as_ref()) } else { label(next.state) }
}

fn moved(check: Option<&Check>) -> String {
    if check.is_some() { "Wait" } else { "Rest" }.to_owned()
}
