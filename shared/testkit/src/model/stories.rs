//! What may happen to subscriptions and purchases.

use domain::{
    Cause, Changes, Check, ContractChange, ContractCode, Evidence, Fact, FactBody, Fen, OrderKind, OrderState,
    PaymentResult, SignatureAlgorithm,
};

use super::plot::{Placed, Plot};
use super::task::{Notice, Task, receipt};
use crate::generate::Generator;

impl Plot {
    pub(super) fn history(&mut self) {
        match self.rng.u8(..8) {
            0 | 1 => self.one_off(),
            2 => {
                self.one_off();
                self.subscription();
            }
            _ => self.subscription(),
        }
        if self.often(10) {
            self.stranger();
        }
        if self.often(20) {
            let (mch_id, receipt) = (self.generator.mch_id(), receipt(self.number(), self.now));
            self.add(Task::Strange(mch_id, receipt), &[]);
        }
        if self.often(20) {
            let body = FactBody::Noted { event_type: "SECURITY_ECHO.SUCCESS".to_owned() };
            let evidence = Evidence::Signed(SignatureAlgorithm::Rsa);
            self.tell(Fact { mch_id: self.generator.mch_id(), cause: Cause::Callback, evidence, body }, &[]);
        }
    }

    /// The life of one contract.
    pub(super) fn subscription(&mut self) {
        let code = self.generator.contract_code();
        let mut contract = self.generator.contract(&code);
        let contract_id = self.generator.contract_id();
        contract.check = Some(Check::new(self.now, 0));
        let mut first = self.order(OrderKind::PayAndSign, Some(&code));
        if self.often(4) {
            first.openid = Some(self.generator.openid());
        }
        let rows = Changes { order: Some(first.clone()), contract: Some(contract.clone()), ..Changes::default() };
        let mut first = self.place(first, rows);
        let created = first.created.clone();
        if self.often(4) {
            let fact = self.generator.contract_changed(&contract, None, ContractChange::InProgress);
            self.tell(Generator::answered(fact), &created);
        }
        if !self.paid_or_not(&first) {
            return;
        }
        if self.often(5) {
            self.contradiction(&first);
        }
        if self.often(3) {
            let fact = self.generator.contract_changed(&contract, None, ContractChange::Absent);
            self.tell(Generator::answered(fact), &created);
        }
        if self.often(8) {
            // The user pays and does not sign.
            self.refunds(&mut first);
            return;
        }
        let signed = self.generator.signed(&contract, &contract_id, self.now);
        self.tell_once_or_twice(signed, &created);
        for period in 0..self.rng.u16(..3) {
            self.deduction(&contract.contract_code, period);
        }
        if self.often(3) {
            self.refunds(&mut first);
        }
        if self.often(2) {
            let terminated = self.generator.terminated(&contract, &contract_id, self.now);
            self.tell_once_or_twice(terminated, &created);
        }
        if self.often(6) {
            let mut fact = self.generator.signed(&contract, &contract_id, self.now);
            if let FactBody::Contract(told) = &mut fact.body {
                told.plan_id = Some(self.generator.plan_id());
            }
            self.tell(fact, &created);
        }
    }

    pub(super) fn one_off(&mut self) {
        let order = self.order(OrderKind::OneOff, None);
        let rows = Changes { order: Some(order.clone()), ..Changes::default() };
        let mut placed = self.place(order, rows);
        if !self.paid_or_not(&placed) {
            return;
        }
        if self.often(5) {
            self.contradiction(&placed);
        }
        self.refunds(&mut placed);
    }

    pub(super) fn deduction(&mut self, code: &ContractCode, period: u16) {
        let mut order = self.order(OrderKind::Deduction, Some(code));
        order.out_trade_no = self.generator.deduction(code, period + 2, 1);
        order.state = OrderState::Accepted;
        let rows = Changes { order: Some(order.clone()), ..Changes::default() };
        let mut placed = self.place(order, rows);
        let created = placed.created.clone();
        let failed = PaymentResult::Failed { code: "NOTENOUGH".to_owned() };
        match self.rng.u8(..5) {
            // The notice of a failure only makes us ask.
            0 => {
                let fact = self.generator.payment(&placed.order, failed);
                self.tell_once_or_twice(fact.clone(), &created);
                self.tell(Generator::answered(fact), &created);
            }
            // It failed, and then it succeeded.
            1 => {
                let fact = self.generator.payment(&placed.order, failed);
                self.tell(fact.clone(), &created);
                if self.often(2) {
                    self.tell(Generator::answered(fact), &created);
                }
                self.paid(&placed);
            }
            _ => {
                self.paid(&placed);
                if self.often(4) {
                    self.refunds(&mut placed);
                }
            }
        }
    }

    /// What is told of an order that a user is to pay, and whether it was paid.
    pub(super) fn paid_or_not(&mut self, placed: &Placed) -> bool {
        if !self.often(6) {
            self.paid(placed);
            return true;
        }
        let fact = self.generator.payment(&placed.order, PaymentResult::Closed);
        self.tell(Generator::answered(fact), &placed.created);
        false
    }

    /// What is told of a payment.
    pub(super) fn paid(&mut self, placed: &Placed) {
        let created = &placed.created;
        if self.often(4) {
            let open = self.generator.one_open_result();
            let fact = self.generator.payment(&placed.order, open);
            self.tell(Generator::answered(fact), created);
        }
        if placed.order.kind != OrderKind::Deduction && self.often(6) {
            // We closed it, and the user paid all the same.
            let fact = self.generator.payment(&placed.order, PaymentResult::Closed);
            self.tell(Generator::answered(fact), created);
        }
        let paid = self.generator.paid(&placed.order, &placed.transaction_id, self.now);
        if self.often(3) {
            self.tell(Generator::answered(paid.clone()), created);
        }
        self.tell_once_or_twice(paid, created);
    }

    /// A notice that differs from our record.
    pub(super) fn contradiction(&mut self, placed: &Placed) {
        let mut fact = self.generator.paid(&placed.order, &placed.transaction_id, self.now);
        if let FactBody::Payment(payment) = &mut fact.body {
            match (&mut payment.result, self.rng.u8(..3)) {
                (PaymentResult::Succeeded { total, .. }, 0) => *total = total.plus(Fen::new(1)),
                (_, 1) => payment.attach = Some("another".to_owned()),
                _ => payment.appid = Some(self.generator.appid()),
            }
        }
        self.tell(fact, &placed.created);
    }

    /// Notices about an order that nobody put on record, and nobody will.
    pub(super) fn stranger(&mut self) {
        let order = self.order(OrderKind::OneOff, None);
        let transaction_id = self.generator.transaction_id();
        let fact = self.generator.paid(&order, &transaction_id, self.now);
        let notice = Notice { is_stranger: true, ..Notice::new(fact, self.number(), self.now) };
        self.add(Task::Notice(notice), &[]);
    }
}
