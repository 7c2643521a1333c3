//! One fact about one refund, and how the next state is put together.

use jiff::{SignedDuration, Timestamp};

use super::{Refund, RefundState};
use crate::{Cause, Changes, Contract, Decision, Event, Fact, Order, RefundFact, contract};

/// What WeChat may still come to know is asked for this often at least.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(24);

/// One fact about one refund.
pub(super) struct Step<'a> {
    pub(super) refund: &'a Refund,
    pub(super) order: &'a Order,
    pub(super) contract: Option<&'a Contract>,
    pub(super) fact: &'a Fact,
    pub(super) told: &'a RefundFact,
    pub(super) now: Timestamp,
}

impl Step<'_> {
    /// Nothing new: ask again later.
    pub(super) fn wait(&self) -> Decision {
        self.later(Decision::Duplicate)
    }

    /// Nothing new, and less to hope for each time: ask again after half of the time that it took so far, and once a day in the end.
    pub(super) fn wait_longer(&self, otherwise: Decision) -> Decision {
        let since = self.refund.unknown_since().unwrap_or(self.refund.created_at);
        let half = self.now.duration_since(since).checked_div(2).unwrap_or_default();
        let at_least = self.now.checked_add(half.min(LONGEST_PAUSE)).unwrap_or(self.now);
        let mut next = self.rescheduled();
        match (&mut next.check, &self.refund.check) {
            (Some(check), Some(running)) if running.is_due(self.now) => check.due_at = check.due_at.max(at_least),
            _ => return self.later(otherwise),
        }
        match self.fact.cause {
            Cause::Query => self.quietly(next),
            Cause::Callback | Cause::Bill | Cause::Api => otherwise,
        }
    }

    /// Nothing changes but the check that was answered, if one was due. Only a query answers it.
    pub(super) fn later(&self, otherwise: Decision) -> Decision {
        let due = self.refund.check.as_ref().is_some_and(|check| check.is_due(self.now));
        match self.fact.cause {
            Cause::Query if due => self.quietly(self.rescheduled()),
            Cause::Callback | Cause::Query | Cause::Bill | Cause::Api => otherwise,
        }
    }

    /// Nothing is open any more: the check that a notice asked for has its answer. Only an abnormal refund may still be settled by a
    /// person.
    pub(super) fn settled(&self, otherwise: Decision) -> Decision {
        if self.refund.state == RefundState::Abnormal {
            return self.later(otherwise);
        }
        match (self.fact.cause, &self.refund.check) {
            (Cause::Query, Some(_)) => self.quietly(Refund { check: None, ..self.refund.clone() }),
            (Cause::Query, None) | (Cause::Callback | Cause::Bill | Cause::Api, _) => otherwise,
        }
    }

    pub(super) fn rescheduled(&self) -> Refund {
        if self.fact.cause != Cause::Query {
            return self.refund.clone();
        }
        let check = self.refund.check.as_ref().filter(|_| self.refund.is_followed(self.now));
        let check = check.and_then(|check| self.refund.schedule().after_answer(check, self.now));
        Refund { check, ..self.refund.clone() }
    }

    pub(super) fn adopt(&self, state: RefundState) -> Refund {
        let mut next = self.refund.clone();
        next.state = state;
        next.refund_id = self.told.refund_id.clone().or(next.refund_id);
        // A notice that proves nothing may have reported it for another order.
        next.out_trade_no = self.order.out_trade_no.clone();
        next.amount = self.told.refund.unwrap_or(next.amount);
        next.repair = None;
        next.given_up = false;
        // What WeChat has under our number is not what we asked for, whatever becomes of it.
        next.failure = next.failure.filter(|code| code == Refund::NUMBER_USED);
        next
    }

    /// The order with a refund that it did not count so far: made on the merchant platform, or made after all. It explains why WeChat
    /// calls the order refunded.
    pub(super) fn counted(&self, mut order: Order) -> Order {
        match self.refund.state {
            RefundState::Reported | RefundState::Rejected => {
                order.refunds = order.refunds.saturating_add(1);
                order.refunded_elsewhere = false;
            }
            RefundState::Created
            | RefundState::Processing
            | RefundState::Succeeded
            | RefundState::Closed
            | RefundState::Abnormal
            | RefundState::Repairing => {}
        }
        order
    }

    /// The order without the amount that was reserved for this refund.
    pub(super) fn released(&self) -> Order {
        let mut order = self.order.clone();
        if self.refund.holds_reserve() {
            order.reserved = order.reserved.minus(self.refund.amount);
        }
        order
    }

    /// The order without a refund of ours that WeChat does not have.
    pub(super) fn uncounted(&self) -> Order {
        let released = self.released();
        Order { refunds: released.refunds.saturating_sub(1), ..released }
    }

    /// The contract as it changes, and with it its end, where the caller of the refund asked for that.
    pub(super) fn ending(&self, changed: Option<Contract>) -> Option<Contract> {
        let ending = |contract: &Contract| contract::ending(contract, self.now);
        let wanted = changed.as_ref().or(self.contract).filter(|_| self.refund.ends_contract);
        wanted.and_then(ending).or(changed)
    }

    pub(super) fn quietly(&self, refund: Refund) -> Decision {
        let changes = Changes { refund: Some(refund), ..Changes::default() };
        Decision::Apply { changes: Box::new(changes), events: Vec::new(), key: None }
    }

    /// `refund#<out_refund_no>#<status>#<repair number>`: a repaired refund can become abnormal again.
    pub(super) fn apply(
        &self,
        refund: Refund,
        order: Option<Order>,
        contract: Option<Contract>,
        events: Vec<Event>,
        status: &str,
    ) -> Decision {
        let key = format!("refund#{}#{status}#{}", refund.out_refund_no, refund.repairs);
        let changes = Changes { order, contract, refund: Some(refund), ..Changes::default() };
        Decision::Apply { changes: Box::new(changes), events, key: Some(key) }
    }
}
