//! What may happen to refunds.

use domain::{
    Cause, Check, Evidence, Fen, Order, Protocol, Refund, RefundOrigin, RefundResult, RefundState, Timestamp,
};

use super::plot::{Placed, Plot};
use super::task::Task;
use crate::generate::Generator;

impl Plot {
    pub(super) fn refunds(&mut self, placed: &mut Placed) {
        for _ in 0..self.rng.u8(..3) {
            let amount = Fen::new(placed.left.get().div_ceil(2).max(1));
            if placed.left.minus(amount) == Fen::ZERO && self.often(2) {
                return;
            }
            placed.left = placed.left.minus(amount);
            self.refund(placed, amount);
            if placed.left == Fen::ZERO {
                return;
            }
        }
    }

    pub(super) fn refund(&mut self, placed: &Placed, amount: Fen) {
        let mut order = placed.order.clone();
        order.transaction_id = Some(placed.transaction_id.clone());
        let mut refund = self.generator.refund(&order, amount);
        refund.check = Some(Check::new(self.now, 0));
        let told = Refund { refund_id: Some(self.generator.refund_id()), ..refund.clone() };
        if self.often(4) {
            // On the merchant platform: we hear of it, and ask.
            refund.origin = RefundOrigin::Platform;
            let result = RefundResult::Succeeded { at: Some(self.now) };
            let fact = self.generator.refund_changed(&told, &order, result, Some(self.now));
            let heard = self.tell(fact.clone(), &placed.created);
            self.tell(Generator::answered(fact), &[heard]);
            return;
        }
        if self.often(6) {
            refund.state = RefundState::Created;
            let asked = self.add(Task::Refund(refund.clone()), &placed.created);
            let rejected = RefundResult::Rejected { code: "NOTENOUGH".to_owned() };
            let mut fact = self.generator.refund_changed(&refund, &order, rejected, None);
            (fact.cause, fact.evidence) = (Cause::Api, Evidence::Ours);
            self.tell(fact, &[asked]);
            return;
        }
        let asked = vec![self.add(Task::Refund(refund.clone()), &placed.created)];
        if self.often(3) {
            let fact = self.generator.refund_changed(&told, &order, RefundResult::Processing, None);
            self.tell(Generator::answered(fact), &asked);
        }
        match self.rng.u8(..5) {
            0 => self.refunded(&told, &order, RefundResult::Closed, self.now, &asked),
            1 | 2 if order.protocol == Protocol::V3 => self.repaired(&told, &order, &asked),
            3 => self.settled_by_hand(&told, &order, &asked),
            _ => self.refunded(&told, &order, RefundResult::Succeeded { at: Some(self.now) }, self.now, &asked),
        }
    }

    /// The money waits, the refund is repaired, and that may fail once, too.
    pub(super) fn repaired(&mut self, told: &Refund, order: &Order, asked: &[usize]) {
        // The clock of a history moves by days at most.
        let year = |years: i64| Timestamp::from_second(self.now.as_second() + years * 31_536_000).expect("a time");
        let (before, after, later) = (year(-1), year(1), year(2));
        let repair =
            |time| Task::Repair(told.mch_id.clone(), told.out_refund_no.clone(), order.out_trade_no.clone(), time);
        self.refunded(told, order, RefundResult::Abnormal, before, asked);
        let mut since = vec![self.add(repair(1), asked)];
        if self.often(3) {
            self.refunded(told, order, RefundResult::Abnormal, after, &since);
            since = vec![self.add(repair(2), &since)];
        }
        self.refunded(told, order, RefundResult::Succeeded { at: Some(later) }, later, &since);
    }

    /// The money waits, a person sends it off on the merchant platform, and no notice says so.
    pub(super) fn settled_by_hand(&mut self, told: &Refund, order: &Order, asked: &[usize]) {
        self.refunded(told, order, RefundResult::Abnormal, self.now, asked);
        let succeeded = RefundResult::Succeeded { at: Some(self.now) };
        let fact = self.generator.refund_changed(told, order, succeeded, None);
        self.tell(Generator::answered(fact), asked);
    }

    /// The result of a refund: V3 signs its notice, V2 does not, so it only makes us ask.
    pub(super) fn refunded(
        &mut self,
        told: &Refund,
        order: &Order,
        result: RefundResult,
        at: Timestamp,
        after: &[usize],
    ) {
        let mut fact = self.generator.refund_changed(told, order, result, Some(at));
        if order.protocol == Protocol::V3 {
            self.tell_once_or_twice(fact, after);
            return;
        }
        let answer = Generator::answered(fact.clone());
        fact.evidence = Evidence::Decrypted;
        self.tell(fact, after);
        self.tell(answer, after);
    }
}
