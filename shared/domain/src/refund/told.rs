//! What follows from what we are told of a refund.

use jiff::Timestamp;

use super::step::Step;
use super::{Refund, RefundOrigin, RefundState};
use crate::order::{differs, first_payment};
use crate::{
    Cause, Changes, Check, Contract, Contradiction, Decision, Event, Fact, Order, OrderState, PaymentStatus, Protocol,
    RefundFact, RefundResult, SCHEMA, Schedule,
};

pub(crate) fn decide(
    refund: Option<&Refund>,
    order: &Order,
    contract: Option<&Contract>,
    fact: &Fact,
    told: &RefundFact,
    now: Timestamp,
) -> Decision {
    if let Some(refund) = refund.filter(|refund| is_of_another(refund, order, fact, told)) {
        return number_used(refund, order, contract, fact, told, now);
    }
    // Of a refund that was only reported nothing is believed, so nothing can contradict it.
    let believed = refund.filter(|refund| refund.state != RefundState::Reported);
    if let Some(contradiction) = contradiction(believed, order, told) {
        return Decision::Contradiction(contradiction);
    }
    let reported = reported(order, told, now);
    let refund = match refund {
        Some(refund) => refund,
        None if !names_a_refund(&told.result) => return Decision::Stale,
        // The refunds of an order are asked for once its `trade_state` is REFUND: the answer may be the first to name one.
        None if fact.cause == Cause::Query && fact.evidence.proves() => &reported,
        None if fact.is_unproved_answer() => return Decision::Stale,
        None => return Decision::Ask(Box::new(Changes { refund: Some(reported), ..Changes::default() })),
    };
    let step = Step { refund, order, contract, fact, told, now };
    // A refund that was only reported, and a message that proves nothing, are reasons to ask, no more.
    if !fact.evidence.proves() || (refund.state == RefundState::Reported && fact.cause != Cause::Query) {
        return step.ask();
    }
    if names_a_refund(&told.result) && !order.is_paid() {
        return step.ask_for_payment();
    }
    match &told.result {
        RefundResult::Succeeded { at } => step.succeeded(*at),
        RefundResult::Processing => step.processing(),
        RefundResult::Closed => step.closed(),
        RefundResult::Abnormal => step.abnormal(),
        RefundResult::Rejected { code } => step.rejected(code),
        RefundResult::NotFound => step.not_found(),
    }
}

/// WeChat has a refund of this order under our number, of another amount than the one that we put on record: another system of the
/// merchant's made it.
fn is_of_another(refund: &Refund, order: &Order, fact: &Fact, told: &RefundFact) -> bool {
    refund.state == RefundState::Created
        && refund.refund_id.is_none()
        && fact.cause == Cause::Query
        && fact.evidence.proves()
        && names_a_refund(&told.result)
        && differs(told.refund.as_ref(), Some(&refund.amount))
        && refund.out_trade_no == order.out_trade_no
        && order.is_paid()
}

/// Ours was never made, and cannot be under this number; whoever asked for it is told. What WeChat has is followed under the number, as
/// any refund that was made elsewhere, and counts on the order.
fn number_used(
    ours: &Refund,
    order: &Order,
    contract: Option<&Contract>,
    fact: &Fact,
    told: &RefundFact,
    now: Timestamp,
) -> Decision {
    let order = Step { refund: ours, order, contract, fact, told, now }.uncounted();
    let failure = Some(Refund::NUMBER_USED.to_owned());
    let rejected = Refund { state: RefundState::Rejected, failure: failure.clone(), check: None, ..ours.clone() };
    let theirs = Refund { failure, protocol: ours.protocol, ..reported(&order, told, now) };
    let mut decision = decide(Some(&theirs), &order, contract, fact, told, now);
    if let Decision::Apply { events, .. } = &mut decision {
        events.insert(0, Event::refund_closed(&rejected, &order, fact.cause));
    }
    decision
}

fn contradiction(refund: Option<&Refund>, order: &Order, told: &RefundFact) -> Option<Contradiction> {
    if told.out_trade_no.as_ref().is_some_and(|number| *number != order.out_trade_no)
        || refund.is_some_and(|refund| refund.out_trade_no != order.out_trade_no)
    {
        Some(Contradiction::OutTradeNo)
    } else if differs(told.transaction_id.as_ref(), order.transaction_id.as_ref()) {
        Some(Contradiction::TransactionId)
    } else if differs(told.refund_id.as_ref(), refund.and_then(|refund| refund.refund_id.as_ref())) {
        Some(Contradiction::RefundId)
    } else if differs(told.refund.as_ref(), refund.map(|refund| &refund.amount))
        || told.refund.is_some_and(|amount| amount > order.amount)
        || told.total.is_some_and(|total| total != order.amount)
    {
        Some(Contradiction::Amount)
    } else {
        None
    }
}

/// A refund number that we do not know, on an order that we do: one made on the merchant platform, perhaps.
fn reported(order: &Order, told: &RefundFact, now: Timestamp) -> Refund {
    Refund {
        schema: SCHEMA,
        mch_id: order.mch_id.clone(),
        out_refund_no: told.out_refund_no.clone(),
        out_trade_no: order.out_trade_no.clone(),
        refund_id: told.refund_id.clone(),
        origin: RefundOrigin::Platform,
        protocol: order.protocol,
        amount: told.refund.unwrap_or_default(),
        state: RefundState::Reported,
        repairs: 0,
        repairing_at: None,
        succeeded_at: None,
        failure: None,
        given_up: false,
        reason: None,
        request: None,
        repair: None,
        ends_contract: false,
        created_at: now,
        check: Some(Check::asked(None, now)),
    }
}

/// Whether there is a refund, according to this.
fn names_a_refund(result: &RefundResult) -> bool {
    match result {
        RefundResult::Succeeded { .. } | RefundResult::Processing | RefundResult::Closed | RefundResult::Abnormal => {
            true
        }
        RefundResult::NotFound | RefundResult::Rejected { .. } => false,
    }
}

/// What follows from each result.
impl Step<'_> {
    fn ask(&self) -> Decision {
        let settled = match (&self.told.result, self.refund.state) {
            (RefundResult::Succeeded { .. }, RefundState::Succeeded)
            | (RefundResult::Closed, RefundState::Closed)
            | (RefundResult::Abnormal, RefundState::Abnormal) => true,
            (RefundResult::Processing | RefundResult::NotFound | RefundResult::Rejected { .. }, _)
            | (RefundResult::Succeeded { .. } | RefundResult::Closed | RefundResult::Abnormal, _) => false,
        };
        if settled {
            return self.settled(Decision::Duplicate);
        }
        if self.told.result == RefundResult::NotFound && self.is_impossible() {
            return self.not_found();
        }
        // Nobody's word ends it, and there is less to hope for each time.
        if self.fact.is_unproved_answer() && self.told.result == RefundResult::NotFound {
            return self.wait_longer(Decision::Duplicate);
        }
        // Nothing is believed of it, so that the newest notice says as well as any before it what to ask for.
        let moved = self.refund.state == RefundState::Reported && self.refund.out_trade_no != self.order.out_trade_no;
        let asked = self.refund.check.as_ref().is_some_and(|check| check.asked) && !moved;
        if self.fact.is_unproved_answer() || asked {
            return self.wait();
        }
        let check = Some(Check::asked(self.refund.check.as_ref(), self.now));
        let (out_trade_no, protocol) = match moved {
            true => (self.order.out_trade_no.clone(), self.order.protocol),
            false => (self.refund.out_trade_no.clone(), self.refund.protocol),
        };
        let next = Refund { out_trade_no, protocol, check, ..self.refund.clone() };
        Decision::Ask(Box::new(Changes { refund: Some(next), ..Changes::default() }))
    }

    /// There is no refund without a payment: its notice was lost. The payment is booked first, and the refund when its own check
    /// comes again.
    fn ask_for_payment(&self) -> Decision {
        let asked = self.order.check.as_ref().is_some_and(|check| check.asked);
        if asked && self.refund.check.is_some() {
            return match self.fact.cause {
                // In the journal, and left to the checks that are set.
                Cause::Callback => Decision::Stale,
                Cause::Query | Cause::Bill | Cause::Api => self.wait(),
            };
        }
        let check = Some(Check::asked(self.order.check.as_ref(), self.now));
        let order = (!asked).then(|| Order { check, ..self.order.clone() });
        let mut refund = self.rescheduled();
        refund.check = refund.check.or_else(|| Some(Schedule::Refund.first(self.now)));
        Decision::Ask(Box::new(Changes { order, refund: Some(refund), ..Changes::default() }))
    }

    fn succeeded(&self, at: Option<Timestamp>) -> Decision {
        match self.refund.state {
            // The money left, whatever we believed.
            RefundState::Reported
            | RefundState::Created
            | RefundState::Processing
            | RefundState::Abnormal
            | RefundState::Repairing
            | RefundState::Closed
            | RefundState::Rejected => {
                let mut next = self.adopt(RefundState::Succeeded);
                next.succeeded_at = Some(at.unwrap_or(self.now));
                next.check = None;
                let mut order = self.counted(self.released());
                order.refunded = order.refunded.plus(next.amount);
                if order.refunded > order.amount {
                    return Decision::Contradiction(Contradiction::Amount);
                }
                let all = order.refunded == order.amount;
                order.state = if all { OrderState::Refunded } else { OrderState::PartlyRefunded };
                // Of a refund in part, the check may still be on its way to another one.
                order.check = order.check.filter(|_| !all);
                let status = if all { PaymentStatus::Refunded } else { PaymentStatus::PartlyRefunded };
                let mut events = vec![Event::refund_succeeded(&next, &order, self.fact.cause)];
                let contract = first_payment(&order, self.contract, status, &mut events, self.fact, self.now);
                let contract = self.ending(contract);
                self.apply(next, Some(order), contract, events, "SUCCESS")
            }
            RefundState::Succeeded => self.settled(Decision::Duplicate),
        }
    }

    fn processing(&self) -> Decision {
        match self.refund.state {
            RefundState::Created => {
                let next = Refund {
                    state: RefundState::Processing,
                    refund_id: self.told.refund_id.clone().or_else(|| self.refund.refund_id.clone()),
                    failure: None,
                    ..self.rescheduled()
                };
                self.promised(next, None)
            }
            // It exists after all: its amount is promised from here.
            RefundState::Reported | RefundState::Rejected => {
                let mut next = self.adopt(RefundState::Processing);
                next.check = Some(Schedule::Refund.first(self.now));
                let mut order = self.counted(self.order.clone());
                order.reserved = order.reserved.plus(next.amount);
                self.promised(next, Some(order))
            }
            RefundState::Repairing if self.refund.repair.is_some() => {
                self.quietly(Refund { repair: None, failure: None, ..self.rescheduled() })
            }
            RefundState::Processing | RefundState::Repairing => self.wait(),
            RefundState::Succeeded | RefundState::Closed | RefundState::Abnormal => self.settled(Decision::Stale),
        }
    }

    /// WeChat has it, and nothing is decided yet.
    fn promised(&self, refund: Refund, order: Option<Order>) -> Decision {
        let changes = Changes { order, contract: self.ending(None), refund: Some(refund), ..Changes::default() };
        Decision::Apply { changes: Box::new(changes), events: Vec::new(), key: None }
    }

    fn closed(&self) -> Decision {
        match self.refund.state {
            RefundState::Reported | RefundState::Created | RefundState::Processing => {
                let mut next = self.adopt(RefundState::Closed);
                next.check = None;
                let order = self.counted(self.released());
                let events = vec![Event::refund_closed(&next, &order, self.fact.cause)];
                self.apply(next, Some(order), self.ending(None), events, "CLOSED")
            }
            RefundState::Closed => self.settled(Decision::Duplicate),
            RefundState::Rejected => self.settled(Decision::Stale),
            RefundState::Succeeded | RefundState::Abnormal | RefundState::Repairing => {
                Decision::Contradiction(Contradiction::State)
            }
        }
    }

    fn abnormal(&self) -> Decision {
        match self.refund.state {
            RefundState::Reported | RefundState::Created | RefundState::Processing | RefundState::Rejected => {
                self.became_abnormal()
            }
            // Only a message made after the repair was asked for can tell that it failed.
            RefundState::Repairing => match (self.told.said_at, self.refund.repairing_at) {
                (Some(said_at), Some(repairing_at)) if said_at > repairing_at => self.became_abnormal(),
                // An answer cannot tell a repair that failed from one that is under way, or that has not begun.
                (None, _) if self.fact.cause == Cause::Query && self.refund.repair_is_over(self.now) => {
                    self.repair_is_over()
                }
                (Some(_) | None, _) if self.refund.repair.is_some() => self.wait_longer(Decision::Stale),
                (Some(_) | None, _) => self.later(Decision::Stale),
            },
            RefundState::Abnormal => self.settled(Decision::Duplicate),
            RefundState::Succeeded => self.settled(Decision::Stale),
            RefundState::Closed => Decision::Contradiction(Contradiction::State),
        }
    }

    /// WeChat settled nothing by it, or never took it.
    fn repair_is_over(&self) -> Decision {
        if self.refund.repair.is_none() {
            return self.became_abnormal();
        }
        let code = self.refund.failure.as_deref().unwrap_or(Refund::REPAIR_NOT_SENT);
        self.abnormal_again(Refund { failure: Some(code.to_owned()), given_up: true, ..self.adopt_abnormal() })
    }

    fn became_abnormal(&self) -> Decision {
        let next = self.adopt_abnormal();
        let mut order = self.counted(self.order.clone());
        if !self.refund.holds_reserve() {
            order.reserved = order.reserved.plus(next.amount);
        }
        let events = vec![Event::refund_abnormal(&next, &order, self.fact.cause)];
        self.apply(next, Some(order), self.ending(None), events, "ABNORMAL")
    }

    fn rejected(&self, code: &str) -> Decision {
        match self.refund.state {
            RefundState::Created => self.ended_as_rejected(code, false, self.refunded_elsewhere()),
            // The repair was refused: it is as abnormal as before.
            RefundState::Repairing if self.refund.repair.is_some() => self.repair_refused(code),
            RefundState::Rejected => self.settled(Decision::Duplicate),
            // WeChat has it for an order that is none of ours.
            RefundState::Reported => self.ended_as_rejected(code, false, None),
            RefundState::Processing | RefundState::Repairing => self.later(Decision::Stale),
            RefundState::Succeeded | RefundState::Closed | RefundState::Abnormal => self.settled(Decision::Stale),
        }
    }

    fn repair_refused(&self, code: &str) -> Decision {
        self.abnormal_again(Refund { failure: Some(code.to_owned()), ..self.adopt_abnormal() })
    }

    fn abnormal_again(&self, next: Refund) -> Decision {
        let events = vec![Event::refund_abnormal(&next, self.order, self.fact.cause)];
        self.apply(next, None, None, events, "ABNORMAL")
    }

    /// A person may settle it on the merchant platform, and the notice of that may be lost.
    fn adopt_abnormal(&self) -> Refund {
        Refund { check: Some(Schedule::AbnormalRefund.first(self.now)), ..self.adopt(RefundState::Abnormal) }
    }

    fn not_found(&self) -> Decision {
        match self.refund.state {
            RefundState::Reported | RefundState::Created if self.is_given_up() => self.never_made(true),
            RefundState::Created if self.is_impossible() => self.never_made(false),
            RefundState::Reported | RefundState::Created => self.wait_longer(Decision::Duplicate),
            RefundState::Rejected => self.settled(Decision::Duplicate),
            RefundState::Processing
            | RefundState::Succeeded
            | RefundState::Closed
            | RefundState::Abnormal
            | RefundState::Repairing => Decision::Contradiction(Contradiction::State),
        }
    }

    /// Nobody knows it for days, and WeChat says so: it was never made.
    fn is_given_up(&self) -> bool {
        let proved = self.fact.cause == Cause::Query && self.fact.evidence.proves();
        proved && self.refund.is_overdue(self.now)
    }

    /// All of the order was given back by other refunds, so that WeChat cannot make this one any more, nor have it.
    fn is_impossible(&self) -> bool {
        self.refund.state == RefundState::Created && self.order.refunded == self.order.amount
    }

    fn never_made(&self, given_up: bool) -> Decision {
        let code = self.refund.failure.as_deref().unwrap_or(Refund::NEVER_MADE);
        self.ended_as_rejected(code, given_up, self.order.check.clone())
    }

    /// There may be less left of the order than we know, since some of it was given back on the merchant platform: APIv3 is asked.
    fn refunded_elsewhere(&self) -> Option<Check> {
        match self.refund.protocol {
            Protocol::V2 => self.order.check.clone(),
            Protocol::V3 => Some(Check::asked(self.order.check.as_ref(), self.now)),
        }
    }

    /// `check` is the order's from here. Whoever asked for the refund is told, also where his own call was answered so already: he
    /// may have died waiting for the answer.
    fn ended_as_rejected(&self, code: &str, given_up: bool, check: Option<Check>) -> Decision {
        let rejected = self.adopt(RefundState::Rejected);
        let next = Refund { failure: Some(code.to_owned()), given_up, check: None, ..rejected };
        if !self.refund.holds_reserve() {
            // One that was only reported: nobody was promised anything, and the order does not count it.
            return self.quietly(next);
        }
        let order = Order { check, ..self.uncounted() };
        let events = vec![Event::refund_closed(&next, &order, self.fact.cause)];
        self.apply(next, Some(order), None, events, "REJECTED")
    }
}
